package layout

import (
	"encoding/binary"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/extensions"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/partition"
	"github.com/firn-data/firn/internal/schema"
)

// A sort key is a row's sort columns as bytes whose order, compared as unsigned, is the sort order: a marker that puts
// nulls first or last, then the value big-endian with its sign turned; strings and binaries escaped and ended, so that a
// prefix comes first. Descending values are complemented. NaN is the largest float and −0.0 equals 0.0, as in Spark.

const (
	nullFirst = 0
	present   = 1
	nullLast  = 2
)

// sortField is a field of the sort order, bound to a column.
type sortField struct {
	partition.SortField
	column int
}

func bindSort(o partition.SortOrder, s schema.Schema) ([]sortField, error) {
	var out []sortField
	for _, f := range o.Fields {
		i := columnOf(s, f.SourceID)
		if i < 0 {
			return nil, fault.New(fault.Config, "the sort order is made from a column that the table lacks (field id %d)", f.SourceID)
		}
		if _, err := f.Transform.ResultType(s.Fields[i].Type); err != nil {
			return nil, fault.Wrap(fault.Config, err, "sort by %s", s.Fields[i].Name)
		}
		out = append(out, sortField{f, i})
	}
	return out, nil
}

// appender adds one row's value to a key.
type appender func(key []byte, row int) []byte

// keyer makes the keys of a batch's rows.
func keyer(fields []sortField, rec arrow.RecordBatch) ([]appender, error) {
	out := make([]appender, len(fields))
	for i, f := range fields {
		col := rec.Column(f.column)
		value, err := valueAppender(f.Transform, col)
		if err != nil {
			return nil, err
		}
		null := byte(nullFirst)
		if f.NullsLast {
			null = nullLast
		}
		descending := f.Descending
		out[i] = func(key []byte, row int) []byte {
			if col.IsNull(row) {
				return append(key, null)
			}
			key = append(key, present)
			start := len(key)
			key = value(key, row)
			if descending {
				for k := start; k < len(key); k++ {
					key[k] = ^key[k]
				}
			}
			return key
		}
	}
	return out, nil
}

func valueAppender(t partition.Transform, col arrow.Array) (appender, error) {
	whole := make([]int64, col.Len())
	if partition.Ints(t, col, whole) {
		return func(key []byte, row int) []byte { return appendInt(key, whole[row]) }, nil
	}
	if t.Kind == partition.Identity {
		if ext, ok := col.(*extensions.UUIDArray); ok {
			col = ext.Storage()
		}
		switch c := col.(type) {
		case *array.String:
			return func(key []byte, row int) []byte { return appendEscaped(key, c.Value(row)) }, nil
		case *array.Float64:
			return func(key []byte, row int) []byte { return appendFloat(key, c.Value(row)) }, nil
		case *array.Decimal128:
			return func(key []byte, row int) []byte { return appendDecimal(key, c.Value(row)) }, nil
		case *array.FixedSizeBinary:
			return func(key []byte, row int) []byte { return append(key, c.Value(row)...) }, nil
		}
	}
	value, err := partition.Values(t, col)
	if err != nil {
		return nil, err
	}
	return func(key []byte, row int) []byte { return appendValue(key, value(row)) }, nil
}

// appendValue adds a transform's value, which has one of the types of a partition.Tuple.
func appendValue(key []byte, v any) []byte {
	switch x := v.(type) {
	case bool:
		if x {
			return append(key, 1)
		}
		return append(key, 0)
	case int32:
		return appendInt(key, int64(x))
	case int64:
		return appendInt(key, x)
	case float32:
		return appendFloat(key, float64(x))
	case float64:
		return appendFloat(key, x)
	case string:
		return appendEscaped(key, x)
	case []byte:
		return appendEscaped(key, x)
	case [16]byte:
		return append(key, x[:]...)
	case decimal128.Num:
		return appendDecimal(key, x)
	}
	return key
}

func appendInt(key []byte, v int64) []byte {
	return binary.BigEndian.AppendUint64(key, uint64(v)^1<<63)
}

func appendFloat(key []byte, v float64) []byte {
	switch {
	case v == 0:
		v = 0 // −0.0 too
	case math.IsNaN(v):
		return binary.BigEndian.AppendUint64(key, math.MaxUint64)
	}
	bits := math.Float64bits(v)
	if bits>>63 == 1 {
		return binary.BigEndian.AppendUint64(key, ^bits)
	}
	return binary.BigEndian.AppendUint64(key, bits|1<<63)
}

func appendDecimal(key []byte, v decimal128.Num) []byte {
	key = binary.BigEndian.AppendUint64(key, uint64(v.HighBits())^1<<63)
	return binary.BigEndian.AppendUint64(key, v.LowBits())
}

// appendEscaped writes a zero byte as 00 FF and ends with 00 00.
func appendEscaped[S string | []byte](key []byte, v S) []byte {
	for i := range len(v) {
		if key = append(key, v[i]); v[i] == 0 {
			key = append(key, 0xff)
		}
	}
	return append(key, 0, 0)
}
