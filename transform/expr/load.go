package expr

import (
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/extensions"
	"github.com/google/uuid"
)

// load reads the selected rows of a column, all of them when sel is nil. Numbers of 64 bits, doubles and decimals are not
// copied when all are read; strings keep pointing into the column's memory.
func load(m *scratch, a arrow.Array, t Type, sel []int32) *Vec {
	n := a.Len()
	if sel != nil {
		n = len(sel)
	}
	v := &Vec{Type: t, N: n, mem: m}
	switch x := a.(type) {
	case *array.Int64:
		v.I = view(m, x.Int64Values(), sel, (*scratch).ints)
	case *array.Timestamp:
		v.I = view(m, arrow.GetData[int64](arrow.GetBytes(x.TimestampValues())), sel, (*scratch).ints)
	case *array.Float64:
		v.F = view(m, x.Float64Values(), sel, (*scratch).floats)
	case *array.Decimal128:
		v.D = view(m, x.Values(), sel, (*scratch).decimals)
	default:
		if t.Kind == Opaque {
			v.A, v.sel = a, sel
			break
		}
		v = m.raw(t, n)
		loadConverted(v, a, sel)
	}
	v.Valid = loadValidity(m, a, sel)
	return v
}

func (m *scratch) ints(n int) []int64              { return m.raw(Type{Kind: BigInt}, n).I }
func (m *scratch) floats(n int) []float64          { return m.raw(Type{Kind: Double}, n).F }
func (m *scratch) decimals(n int) []decimal128.Num { return m.raw(Type{Kind: Decimal}, n).D }

// view is the values themselves, or the selected ones.
func view[T any](m *scratch, in []T, sel []int32, room func(*scratch, int) []T) []T {
	if sel == nil {
		return in
	}
	out := room(m, len(sel))
	for k, r := range sel {
		out[k] = in[r]
	}
	return out
}

// loadConverted reads columns whose values have another form in vectors.
func loadConverted(v *Vec, a arrow.Array, sel []int32) {
	switch x := a.(type) {
	case *array.Boolean:
		for k := range v.I {
			v.I[k] = bit(x.Value(int(rowOf(sel, k))))
		}
	case *array.Int8:
		widen(v.I, x.Int8Values(), sel)
	case *array.Int16:
		widen(v.I, x.Int16Values(), sel)
	case *array.Int32:
		widen(v.I, x.Int32Values(), sel)
	case *array.Uint8:
		widen(v.I, x.Uint8Values(), sel)
	case *array.Uint16:
		widen(v.I, x.Uint16Values(), sel)
	case *array.Uint32:
		widen(v.I, x.Uint32Values(), sel)
	case *array.Date32:
		widen(v.I, x.Date32Values(), sel)
	case *array.Uint64:
		for k := range v.D {
			v.D[k] = decimal128.FromU64(x.Value(int(rowOf(sel, k))))
		}
	case *array.Float32:
		for k := range v.F {
			v.F[k] = float64(x.Value(int(rowOf(sel, k))))
		}
	case *array.String:
		loadText(v.S, x.ValueOffsets(), x.Data(), sel)
	case *array.Binary:
		loadText(v.S, x.ValueOffsets(), x.Data(), sel)
	case *array.FixedSizeBinary:
		for k := range v.S {
			if r := int(rowOf(sel, k)); x.IsValid(r) {
				v.S[k] = string(x.Value(r))
			}
		}
	case *extensions.UUIDArray:
		s := x.Storage().(*array.FixedSizeBinary)
		for k := range v.S {
			if r := int(rowOf(sel, k)); x.IsValid(r) {
				v.S[k] = uuid.UUID(s.Value(r)).String()
			}
		}
	}
}

func widen[T ~int8 | ~int16 | ~int32 | ~uint8 | ~uint16 | ~uint32](out []int64, in []T, sel []int32) {
	if sel == nil {
		for k, x := range in {
			out[k] = int64(x)
		}
		return
	}
	for k, r := range sel {
		out[k] = int64(in[r])
	}
}

// loadText points at texts of the column, whose offsets are given from its first row on.
func loadText(out []string, offsets []int32, data arrow.ArrayData, sel []int32) {
	if len(out) == 0 || data.Buffers()[2] == nil {
		return
	}
	bytes := data.Buffers()[2].Bytes()
	text := unsafe.String(unsafe.SliceData(bytes), len(bytes))
	if sel == nil {
		for k := range out {
			out[k] = text[offsets[k]:offsets[k+1]]
		}
		return
	}
	for k, r := range sel {
		out[k] = text[offsets[r]:offsets[r+1]]
	}
}

// eightBools has for each byte of a bitmap its eight bits as bools.
var eightBools = func() (out [256][8]bool) {
	for b := range out {
		for i := range 8 {
			out[b][i] = b>>i&1 == 1
		}
	}
	return out
}()

func loadValidity(m *scratch, a arrow.Array, sel []int32) []bool {
	if a.NullN() == 0 {
		return nil
	}
	if sel != nil {
		out := m.bools(len(sel))
		for k, r := range sel {
			out[k] = a.IsValid(int(r))
		}
		return out
	}
	n, offset := a.Len(), a.Data().Offset()
	out := m.bools(n)
	bitmap := a.NullBitmapBytes()
	if bitmap == nil || offset%8 != 0 {
		for k := range out {
			out[k] = a.IsValid(k)
		}
		return out
	}
	bitmap = bitmap[offset/8:]
	for k := 0; k < n; k += 8 {
		copy(out[k:], eightBools[bitmap[k/8]][:])
	}
	return out
}
