package widen

import (
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// leaf converts a column without children whose types are known to fit.
func leaf(alloc memory.Allocator, a arrow.Array, to arrow.DataType) (arrow.Array, error) {
	switch to.ID() {
	case arrow.INT32:
		switch x := a.(type) {
		case *array.Int8:
			return numbers(alloc, a, to, x.Int8Values(), func(v int8) int32 { return int32(v) })
		case *array.Int16:
			return numbers(alloc, a, to, x.Int16Values(), func(v int16) int32 { return int32(v) })
		case *array.Uint8:
			return numbers(alloc, a, to, x.Uint8Values(), func(v uint8) int32 { return int32(v) })
		case *array.Uint16:
			return numbers(alloc, a, to, x.Uint16Values(), func(v uint16) int32 { return int32(v) })
		}
	case arrow.INT64:
		switch x := a.(type) {
		case *array.Int8:
			return numbers(alloc, a, to, x.Int8Values(), func(v int8) int64 { return int64(v) })
		case *array.Int16:
			return numbers(alloc, a, to, x.Int16Values(), func(v int16) int64 { return int64(v) })
		case *array.Int32:
			return numbers(alloc, a, to, x.Int32Values(), func(v int32) int64 { return int64(v) })
		case *array.Uint8:
			return numbers(alloc, a, to, x.Uint8Values(), func(v uint8) int64 { return int64(v) })
		case *array.Uint16:
			return numbers(alloc, a, to, x.Uint16Values(), func(v uint16) int64 { return int64(v) })
		case *array.Uint32:
			return numbers(alloc, a, to, x.Uint32Values(), func(v uint32) int64 { return int64(v) })
		}
	case arrow.FLOAT32:
		if x, ok := a.(*array.Float16); ok {
			out := make([]float32, x.Len())
			for i := range out {
				out[i] = x.Value(i).Float32()
			}
			return numbers(alloc, a, to, out, func(v float32) float32 { return v })
		}
	case arrow.FLOAT64:
		switch x := a.(type) {
		case *array.Float32:
			return numbers(alloc, a, to, x.Float32Values(), func(v float32) float64 { return float64(v) })
		case *array.Float16:
			out := make([]float64, x.Len())
			for i := range out {
				out[i] = float64(x.Value(i).Float32())
			}
			return numbers(alloc, a, to, out, func(v float64) float64 { return v })
		}
	case arrow.DECIMAL128:
		return decimals(alloc, a, to)
	case arrow.TIMESTAMP, arrow.TIME64:
		return times(alloc, a, to)
	case arrow.STRING, arrow.BINARY:
		return texts(alloc, a, to)
	case arrow.EXTENSION:
		ext := to.(arrow.ExtensionType)
		if arrow.TypeEqual(a.DataType(), ext.StorageType()) {
			return array.NewExtensionArrayWithStorage(ext, a), nil
		}
	}
	return nil, fmt.Errorf("%s does not fit into %s", a.DataType(), to)
}

// fixed is the set of Go types that are one Arrow value each.
type fixed interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}

func numbers[F, T fixed](alloc memory.Allocator, a arrow.Array, to arrow.DataType, in []F, f func(F) T) (arrow.Array, error) {
	buf := memory.NewResizableBuffer(alloc)
	defer buf.Release()
	buf.Resize(len(in) * to.(arrow.FixedWidthDataType).Bytes())
	out := arrow.GetData[T](buf.Bytes())
	for i, v := range in {
		out[i] = f(v)
	}
	return finish(alloc, a, to, buf), nil
}

func finish(alloc memory.Allocator, a arrow.Array, to arrow.DataType, buffers ...*memory.Buffer) arrow.Array {
	valid := validity(alloc, a)
	if valid != nil {
		defer valid.Release()
	}
	data := array.NewData(to, a.Len(), append([]*memory.Buffer{valid}, buffers...), nil, a.NullN(), 0)
	defer data.Release()
	return array.MakeFromData(data)
}

func decimals(alloc memory.Allocator, a arrow.Array, to arrow.DataType) (arrow.Array, error) {
	buf := memory.NewResizableBuffer(alloc)
	defer buf.Release()
	buf.Resize(a.Len() * arrow.Decimal128SizeBytes)
	out := arrow.Decimal128Traits.CastFromBytes(buf.Bytes())
	for i := range out {
		switch x := a.(type) {
		case *array.Uint64:
			out[i] = decimal128.FromU64(x.Value(i))
		case *array.Decimal32:
			out[i] = decimal128.FromI64(int64(x.Value(i)))
		case *array.Decimal64:
			out[i] = decimal128.FromI64(int64(x.Value(i)))
		case *array.Decimal128:
			out[i] = x.Value(i)
		case *array.Decimal256:
			words := x.Value(i).Array()
			lo, hi := words[0], int64(words[1])
			if ext := uint64(hi >> 63); !a.IsNull(i) && (words[2] != ext || words[3] != ext) {
				return nil, fmt.Errorf("row %d: %s does not fit into %s", i+1, a.ValueStr(i), to)
			}
			out[i] = decimal128.New(hi, lo)
		default:
			return nil, fmt.Errorf("%s does not fit into %s", a.DataType(), to)
		}
	}
	return finish(alloc, a, to, buf), nil
}

// times multiplies coarser units into finer ones and gives zoned timestamps the zone UTC; the instant stays.
func times(alloc memory.Allocator, a arrow.Array, to arrow.DataType) (arrow.Array, error) {
	var in []int64
	var unit, want arrow.TimeUnit
	switch x := a.(type) {
	case *array.Timestamp:
		in, unit = arrow.GetData[int64](arrow.GetBytes(x.TimestampValues())), x.DataType().(*arrow.TimestampType).Unit
	case *array.Time64:
		in, unit = arrow.GetData[int64](arrow.GetBytes(x.Time64Values())), x.DataType().(*arrow.Time64Type).Unit
	case *array.Time32:
		unit = x.DataType().(*arrow.Time32Type).Unit
		for _, v := range x.Time32Values() {
			in = append(in, int64(v))
		}
	default:
		return nil, fmt.Errorf("%s does not fit into %s", a.DataType(), to)
	}
	switch t := to.(type) {
	case *arrow.TimestampType:
		want = t.Unit
	case *arrow.Time64Type:
		want = t.Unit
	}
	if unit > want {
		return nil, fmt.Errorf("%s does not fit into %s", a.DataType(), to)
	}
	factor := int64(want.Multiplier())
	factor = int64(unit.Multiplier()) / factor
	buf := memory.NewResizableBuffer(alloc)
	defer buf.Release()
	buf.Resize(len(in) * 8)
	out := arrow.Int64Traits.CastFromBytes(buf.Bytes())
	for i, v := range in {
		if v > math.MaxInt64/factor || v < math.MinInt64/factor {
			if a.IsNull(i) {
				v = 0
			} else {
				return nil, fmt.Errorf("row %d: %s is out of the range of %s", i+1, a.ValueStr(i), to)
			}
		}
		out[i] = v * factor
	}
	return finish(alloc, a, to, buf), nil
}

// texts copies large strings, views and binaries into 32-bit offsets.
func texts(alloc memory.Allocator, a arrow.Array, to arrow.DataType) (arrow.Array, error) {
	var value func(int) []byte
	switch x := a.(type) {
	case *array.LargeString:
		value = func(i int) []byte { return []byte(x.Value(i)) }
	case *array.StringView:
		value = func(i int) []byte { return []byte(x.Value(i)) }
	case *array.LargeBinary:
		value = x.Value
	case *array.BinaryView:
		value = x.Value
	default:
		return nil, fmt.Errorf("%s does not fit into %s", a.DataType(), to)
	}
	b := array.NewBinaryBuilder(alloc, to.(arrow.BinaryDataType))
	defer b.Release()
	b.Reserve(a.Len())
	total := 0
	for i := range a.Len() {
		if a.IsNull(i) {
			b.AppendNull()
			continue
		}
		v := value(i)
		if total += len(v); total > math.MaxInt32 {
			return nil, fmt.Errorf("a batch holds more than 2 GiB in one %s column: use smaller batches", a.DataType())
		}
		b.Append(v)
	}
	out := b.NewBinaryArray()
	if to.ID() == arrow.BINARY {
		return out, nil
	}
	defer out.Release()
	data := array.NewData(to, out.Len(), out.Data().Buffers(), nil, out.NullN(), 0)
	defer data.Release()
	return array.MakeFromData(data), nil
}
