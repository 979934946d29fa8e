package expr

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/extensions"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/uuid"
)

// FromArrow is the SQL type of a column. Unsigned integers widen; uuid is STRING and fixed BINARY.
func FromArrow(dt arrow.DataType) Type {
	t := Type{Arrow: dt}
	switch x := dt.(type) {
	case *arrow.BooleanType:
		t.Kind = Boolean
	case *arrow.Int8Type:
		t.Kind = TinyInt
	case *arrow.Int16Type, *arrow.Uint8Type:
		t.Kind = SmallInt
	case *arrow.Int32Type, *arrow.Uint16Type:
		t.Kind = Int
	case *arrow.Int64Type, *arrow.Uint32Type:
		t.Kind = BigInt
	case *arrow.Uint64Type:
		t.Kind, t.P = Decimal, 20
	case *arrow.Float32Type:
		t.Kind = Float
	case *arrow.Float64Type:
		t.Kind = Double
	case *arrow.Decimal128Type:
		t.Kind, t.P, t.S = Decimal, int(x.Precision), int(x.Scale)
	case *arrow.StringType, *extensions.UUIDType:
		t.Kind = String
	case *arrow.BinaryType, *arrow.FixedSizeBinaryType:
		t.Kind = Binary
	case *arrow.Date32Type:
		t.Kind = Date
	case *arrow.TimestampType:
		switch {
		case x.Unit != arrow.Microsecond:
			t.Kind = Opaque
		case x.TimeZone != "":
			t.Kind = Timestamp
		default:
			t.Kind = TimestampNTZ
		}
	default:
		t.Kind = Opaque
	}
	return t
}

// ArrowType is what a computed value of the type is stored as.
func (t Type) ArrowType() arrow.DataType {
	switch t.Kind {
	case Boolean:
		return arrow.FixedWidthTypes.Boolean
	case TinyInt:
		return arrow.PrimitiveTypes.Int8
	case SmallInt:
		return arrow.PrimitiveTypes.Int16
	case Int:
		return arrow.PrimitiveTypes.Int32
	case BigInt:
		return arrow.PrimitiveTypes.Int64
	case Float:
		return arrow.PrimitiveTypes.Float32
	case Double:
		return arrow.PrimitiveTypes.Float64
	case Decimal:
		return &arrow.Decimal128Type{Precision: int32(t.P), Scale: int32(t.S)}
	case Binary:
		return arrow.BinaryTypes.Binary
	case Date:
		return arrow.FixedWidthTypes.Date32
	case Timestamp:
		return &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	case TimestampNTZ:
		return &arrow.TimestampType{Unit: arrow.Microsecond}
	case Array:
		return arrow.ListOf(arrow.BinaryTypes.String)
	case Opaque:
		return t.Arrow
	}
	return arrow.BinaryTypes.String
}

// Column is a column of the batch.
type Column struct {
	Index int
	Name  string
	typ   Type
}

// Type implements Expr.
func (c *Column) Type() Type { return c.typ }

// Eval implements Expr.
func (c *Column) Eval(b *Batch, sel []int32) (*Vec, []RowError) {
	full := b.loaded[c.Index]
	if full == nil {
		full = load(b.Columns[c.Index], c.typ)
		b.loaded[c.Index] = full
	}
	if sel == nil {
		return full, nil
	}
	if c.typ.Kind == Opaque {
		out := &Vec{Type: c.typ, N: len(sel), A: full.A, sel: sel}
		for k, r := range sel {
			if full.null(int(r)) {
				out.setNull(k)
			}
		}
		return out, nil
	}
	return full.take(sel), nil
}

// take copies the values at the given indices.
func (v *Vec) take(sel []int32) *Vec {
	out := &Vec{Type: v.Type, N: len(sel)}
	switch {
	case v.F != nil:
		out.F = pick(v.F, sel)
	case v.D != nil:
		out.D = pick(v.D, sel)
	case v.S != nil:
		out.S = pick(v.S, sel)
	default:
		out.I = pick(v.I, sel)
	}
	if v.Valid != nil {
		out.Valid = pick(v.Valid, sel)
	}
	return out
}

func pick[T any](in []T, sel []int32) []T {
	out := make([]T, len(sel))
	for k, r := range sel {
		out[k] = in[r]
	}
	return out
}

// load reads a column. Strings keep pointing into its memory, which outlives the evaluation.
func load(a arrow.Array, t Type) *Vec {
	n := a.Len()
	v := &Vec{Type: t, N: n}
	switch x := a.(type) {
	case *array.Boolean:
		v.I = make([]int64, n)
		for i := range n {
			if x.Value(i) {
				v.I[i] = 1
			}
		}
	case *array.Int8:
		v.I = widen(x.Int8Values())
	case *array.Int16:
		v.I = widen(x.Int16Values())
	case *array.Int32:
		v.I = widen(x.Int32Values())
	case *array.Uint8:
		v.I = widen(x.Uint8Values())
	case *array.Uint16:
		v.I = widen(x.Uint16Values())
	case *array.Uint32:
		v.I = widen(x.Uint32Values())
	case *array.Int64:
		v.I = x.Int64Values()
	case *array.Date32:
		v.I = widen(x.Date32Values())
	case *array.Timestamp:
		v.I = arrow.GetData[int64](arrow.GetBytes(x.TimestampValues()))
	case *array.Uint64:
		v.D = make([]decimal128.Num, n)
		for i := range n {
			v.D[i] = decimal128.FromU64(x.Value(i))
		}
	case *array.Float32:
		v.F = make([]float64, n)
		for i, f := range x.Float32Values() {
			v.F[i] = float64(f)
		}
	case *array.Float64:
		v.F = x.Float64Values()
	case *array.Decimal128:
		v.D = x.Values()
	case *array.String:
		v.S = make([]string, n)
		for i := range n {
			v.S[i] = x.Value(i)
		}
	case *array.Binary:
		v.S = make([]string, n)
		for i := range n {
			v.S[i] = x.ValueString(i)
		}
	case *array.FixedSizeBinary:
		v.S = make([]string, n)
		for i := range n {
			v.S[i] = string(x.Value(i))
		}
	case *extensions.UUIDArray:
		v.S = make([]string, n)
		s := x.Storage().(*array.FixedSizeBinary)
		for i := range n {
			if !x.IsNull(i) {
				v.S[i] = uuid.UUID(s.Value(i)).String()
			}
		}
	default:
		v.Type.Kind, v.A = Opaque, a
	}
	if a.NullN() > 0 {
		v.Valid = make([]bool, n)
		for i := range n {
			v.Valid[i] = a.IsValid(i)
		}
	}
	return v
}

func widen[T ~int8 | ~int16 | ~int32 | ~uint8 | ~uint16 | ~uint32](in []T) []int64 {
	out := make([]int64, len(in))
	for i, x := range in {
		out[i] = int64(x)
	}
	return out
}

// Array makes an Arrow array of a computed vector; the caller releases it.
func (v *Vec) Array(alloc memory.Allocator) arrow.Array {
	b := array.NewBuilder(alloc, v.Type.ArrowType())
	defer b.Release()
	b.Reserve(v.N)
	valid := v.Valid
	switch b := b.(type) {
	case *array.BooleanBuilder:
		for i, x := range v.I {
			if v.null(i) {
				b.AppendNull()
			} else {
				b.Append(x != 0)
			}
		}
	case *array.Int8Builder:
		b.AppendValues(narrow[int8](v.I), valid)
	case *array.Int16Builder:
		b.AppendValues(narrow[int16](v.I), valid)
	case *array.Int32Builder:
		b.AppendValues(narrow[int32](v.I), valid)
	case *array.Int64Builder:
		b.AppendValues(v.I, valid)
	case *array.Date32Builder:
		b.AppendValues(narrow[arrow.Date32](v.I), valid)
	case *array.TimestampBuilder:
		b.AppendValues(arrow.GetData[arrow.Timestamp](arrow.GetBytes(v.I)), valid)
	case *array.Float32Builder:
		out := make([]float32, v.N)
		for i, f := range v.F {
			out[i] = float32(f)
		}
		b.AppendValues(out, valid)
	case *array.Float64Builder:
		b.AppendValues(v.F, valid)
	case *array.Decimal128Builder:
		b.AppendValues(v.D, valid)
	case *array.ListBuilder:
		items := b.ValueBuilder().(*array.StringBuilder)
		for i, s := range v.S {
			if v.null(i) {
				b.AppendNull()
				continue
			}
			b.Append(true)
			for _, item := range arrayItems(s) {
				items.Append(item)
			}
		}
	case *array.BinaryBuilder:
		for i, s := range v.S {
			if v.null(i) {
				b.AppendNull()
			} else {
				b.AppendString(s)
			}
		}
	case *array.StringBuilder:
		if v.S == nil { // the literal NULL
			for range v.N {
				b.AppendNull()
			}
			break
		}
		b.AppendValues(v.S, valid)
	}
	return b.NewArray()
}

func narrow[T ~int8 | ~int16 | ~int32](in []int64) []T {
	out := make([]T, len(in))
	for i, x := range in {
		out[i] = T(x)
	}
	return out
}
