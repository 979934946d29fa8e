package partition

import (
	"bytes"
	"fmt"
	"math/big"
	"math/bits"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/extensions"

	"github.com/firn-data/firn/internal/calendar"
)

// Values computes a transform over a column, row by row: the function returned gives the Tuple value of row i, nil for
// null. The column has a canonical Arrow type. Results follow the Iceberg spec, "Partition Transforms".
func Values(t Transform, col arrow.Array) (func(i int) any, error) {
	value, err := source(col)
	if err != nil {
		return nil, err
	}
	apply, err := function(t, col.DataType())
	if err != nil {
		return nil, err
	}
	return func(i int) any {
		if col.IsNull(i) {
			return nil
		}
		return apply(value(i))
	}, nil
}

// source reads a column's values as Tuple holds them.
func source(col arrow.Array) (func(i int) any, error) {
	switch c := col.(type) {
	case *array.Boolean:
		return func(i int) any { return c.Value(i) }, nil
	case *array.Int32:
		return func(i int) any { return c.Value(i) }, nil
	case *array.Int64:
		return func(i int) any { return c.Value(i) }, nil
	case *array.Float32:
		return func(i int) any { return c.Value(i) }, nil
	case *array.Float64:
		return func(i int) any { return c.Value(i) }, nil
	case *array.Date32:
		return func(i int) any { return int32(c.Value(i)) }, nil
	case *array.Time64:
		return func(i int) any { return int64(c.Value(i)) }, nil
	case *array.Timestamp:
		return func(i int) any { return int64(c.Value(i)) }, nil
	case *array.String:
		return func(i int) any { return c.Value(i) }, nil
	case *array.Binary:
		return func(i int) any { return c.Value(i) }, nil
	case *array.FixedSizeBinary:
		return func(i int) any { return c.Value(i) }, nil
	case *array.Decimal128:
		return func(i int) any { return c.Value(i) }, nil
	case *extensions.UUIDArray:
		s := c.Storage().(*array.FixedSizeBinary)
		return func(i int) any { return [16]byte(s.Value(i)) }, nil
	}
	return nil, fmt.Errorf("%s cannot be partitioned by", col.DataType())
}

func function(t Transform, dt arrow.DataType) (func(any) any, error) {
	switch t.Kind {
	case Identity:
		return func(v any) any { return v }, nil
	case Void:
		return func(any) any { return nil }, nil
	case Bucket:
		n := int32(t.Param)
		return func(v any) any { return int32(hash(v)&0x7fffffff) % n }, nil
	case Truncate:
		return func(v any) any { return truncate(v, t.Param) }, nil
	}
	perDay := int64(0) // units of the value in a day; 0: the value is a day
	if ts, ok := dt.(*arrow.TimestampType); ok {
		perDay = 86_400_000_000
		if ts.Unit == arrow.Nanosecond {
			perDay *= 1000
		}
	}
	if t.Kind == Hour {
		if perDay == 0 {
			return nil, fmt.Errorf("%s does not apply to %s", t, dt)
		}
		return func(v any) any { return int32(calendar.FloorDiv(v.(int64), perDay/24)) }, nil
	}
	return func(v any) any {
		var day int64
		if perDay > 0 {
			day = calendar.FloorDiv(v.(int64), perDay)
		} else {
			day = int64(v.(int32))
		}
		if t.Kind == Day {
			return int32(day)
		}
		y, m, _ := calendar.Civil(day)
		if t.Kind == Year {
			return int32(y - 1970)
		}
		return int32((y-1970)*12 + m - 1)
	}, nil
}

// Apply gives the function that computes a transform over single values, as Tuple holds them, of a column of type dt.
func Apply(t Transform, dt arrow.DataType) (func(v any) any, error) { return function(t, dt) }

func truncate(v any, w int) any {
	switch x := v.(type) {
	case int32:
		return x - mod(x, int32(w))
	case int64:
		return x - mod(x, int64(w))
	case decimal128.Num:
		b, width := x.BigInt(), big.NewInt(int64(w))
		m := new(big.Int).Mod(b, width) // Euclidean: never negative
		return decimal128.FromBigInt(b.Sub(b, m))
	case string:
		n := 0
		for i := range x {
			if n == w {
				return x[:i]
			}
			n++
		}
		return x
	case []byte:
		return x[:min(len(x), w)]
	}
	return v
}

func mod[T int32 | int64](a, b T) T { return ((a % b) + b) % b }

// hash is Iceberg's bucket hash: Murmur3 x86 32 with seed 0 over the value's bytes as the spec's Appendix B gives them.
func hash(v any) uint32 {
	switch x := v.(type) {
	case int32:
		return hashLong(int64(x))
	case int64:
		return hashLong(x)
	case string:
		return murmur3([]byte(x))
	case []byte:
		return murmur3(x)
	case [16]byte:
		return murmur3(x[:])
	case decimal128.Num:
		return murmur3(decimalBytes(x))
	}
	return 0
}

func hashLong(v int64) uint32 {
	var b [8]byte
	for i := range b {
		b[i] = byte(v >> (8 * i))
	}
	return murmur3(b[:])
}

// decimalBytes is the shortest big-endian two's complement of the unscaled value.
func decimalBytes(d decimal128.Num) []byte {
	var b [16]byte
	hi, lo := uint64(d.HighBits()), d.LowBits()
	for i := range 8 {
		b[7-i], b[15-i] = byte(hi>>(8*i)), byte(lo>>(8*i))
	}
	out := b[:]
	for len(out) > 1 && (out[0] == 0 && out[1] < 0x80 || out[0] == 0xff && out[1] >= 0x80) {
		out = out[1:]
	}
	return slices.Clone(out)
}

func murmur3(b []byte) uint32 {
	const c1, c2 = 0xcc9e2d51, 0x1b873593
	var h uint32
	n := len(b)
	for ; len(b) >= 4; b = b[4:] {
		k := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
		k = bits.RotateLeft32(k*c1, 15) * c2
		h = bits.RotateLeft32(h^k, 13)*5 + 0xe6546b64
	}
	var k uint32
	for i := len(b) - 1; i >= 0; i-- {
		k = k<<8 | uint32(b[i])
	}
	if len(b) > 0 {
		h ^= bits.RotateLeft32(k*c1, 15) * c2
	}
	h ^= uint32(n)
	h = (h ^ h>>16) * 0x85ebca6b
	h = (h ^ h>>13) * 0xc2b2ae35
	return h ^ h>>16
}

// Key is a tuple as a map key: equal for equal tuples of one spec. NaN equals NaN, and −0.0 differs from 0.0, as bits do.
func Key(t Tuple) string {
	var b []byte
	for _, v := range t {
		switch x := v.(type) {
		case nil:
			b = append(b, 0)
		case string:
			b = append(append(append(b, 1), byte(len(x)>>16), byte(len(x)>>8), byte(len(x))), x...)
		case []byte:
			b = append(append(append(b, 1), byte(len(x)>>16), byte(len(x)>>8), byte(len(x))), x...)
		case float64:
			b = fmt.Appendf(append(b, 2), "%x;", x)
		default:
			b = fmt.Appendf(append(b, 3), "%v;", x)
		}
	}
	return string(b)
}

// Clone copies a tuple out of the memory of the column that its strings and bytes were read from.
func Clone(t Tuple) Tuple {
	out := make(Tuple, len(t))
	for i, v := range t {
		switch x := v.(type) {
		case string:
			out[i] = strings.Clone(x)
		case []byte:
			out[i] = bytes.Clone(x)
		default:
			out[i] = v
		}
	}
	return out
}
