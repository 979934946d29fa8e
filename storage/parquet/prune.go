package parquet

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	pqschema "github.com/apache/arrow-go/v18/parquet/schema"

	"github.com/firn-data/firn/internal/predicate"
	"github.com/firn-data/firn/internal/schema"
)

// MayMatch reports whether a row group can hold a row for which where is TRUE, by the statistics of its columns; when they do
// not tell, it can. Columns of where are those of want.
func (f *FileReader) MayMatch(group int, want schema.Schema, where predicate.Predicate) (may bool) {
	if where.IsTrue() {
		return true
	}
	if err := guarded(func() error { may = f.mayMatch(group, want, where); return nil }); err != nil {
		return true // the damage shows when the rows are read
	}
	return may
}

func (f *FileReader) mayMatch(group int, want schema.Schema, where predicate.Predicate) bool {
	switch where.Op {
	case predicate.And:
		for _, a := range where.Args {
			if !f.mayMatch(group, want, a) {
				return false
			}
		}
		return true
	case predicate.Or:
		for _, a := range where.Args {
			if f.mayMatch(group, want, a) {
				return true
			}
		}
		return false
	}
	i, ok := want.Lookup(where.Column)
	if !ok || want.Fields[i].Type.Nested() {
		return true
	}
	return f.rangeOf(group, want.Fields[i]).mayMatch(where)
}

// columnRange is what a row group's statistics say of a column.
type columnRange struct {
	typ              schema.Type
	rows             int64
	nulls            int64 // -1: unknown
	lower, upper     any   // int64, float64, []byte or decimal128.Num; nil: unknown
	exactFloatUnsure bool  // NaNs are in no bound, and are larger than any value
}

// rangeOf reads the statistics of the column that a wanted field is read from; a column that the file lacks is all null.
func (f *FileReader) rangeOf(group int, want schema.Field) columnRange {
	rg := f.md.RowGroup(group)
	out := columnRange{typ: want.Type, rows: rg.NumRows(), nulls: -1}
	at := find(f.schema.Fields(), want, f.byName)
	if at < 0 {
		out.nulls = out.rows
		return out
	}
	leaf := 0
	for _, c := range f.schema.Fields()[:at] {
		leaf += countLeaves(c.Type)
	}
	if len(childFields(f.schema.Field(at).Type)) > 0 || leaf >= rg.NumColumns() {
		return out
	}
	chunk, err := rg.ColumnChunk(leaf)
	if err != nil {
		return out
	}
	stats, err := chunk.Statistics()
	if err != nil || stats == nil {
		return out
	}
	if stats.HasNullCount() {
		out.nulls = stats.NullCount()
	}
	if stats.HasMinMax() {
		out.lower, out.upper = bound(stats, stats.EncodeMin(), want.Type), bound(stats, stats.EncodeMax(), want.Type)
	}
	out.exactFloatUnsure = want.Type.Kind == schema.Float || want.Type.Kind == schema.Double
	if out.exactFloatUnsure && (nanBound(out.lower) || nanBound(out.upper)) {
		out.lower, out.upper = nil, nil
	}
	return out
}

func nanBound(v any) bool {
	x, ok := v.(float64)
	return ok && math.IsNaN(x)
}

// bound reads a statistic as a value of the wanted type; nil where it is none that compares as such.
func bound(stats metadata.TypedStatistics, b []byte, want schema.Type) any {
	c := stats.Descr()
	logical := c.LogicalType()
	if c.MaxRepetitionLevel() > 0 {
		return nil
	}
	switch want.Kind {
	case schema.Int, schema.Long:
		if l, ok := logical.(pqschema.IntLogicalType); ok && !l.IsSigned() || !ok && !logical.IsNone() {
			return nil
		}
		return integer(stats.Type(), b)
	case schema.Date:
		return integer(stats.Type(), b)
	case schema.Timestamp, schema.TimestampTZ:
		l, ok := logical.(pqschema.TimestampLogicalType)
		if !ok || l.TimeUnit() != pqschema.TimeUnitMicros {
			return nil
		}
		return integer(stats.Type(), b)
	case schema.Float, schema.Double:
		return float(stats.Type(), b)
	case schema.String, schema.Binary:
		if stats.Type() == parquet.Types.ByteArray {
			return bytes.Clone(b)
		}
	case schema.Decimal:
		if l, ok := logical.(pqschema.DecimalLogicalType); ok && int(l.Scale()) == want.Scale {
			return decimal(stats.Type(), b)
		}
	}
	return nil
}

func integer(t parquet.Type, b []byte) any {
	switch {
	case t == parquet.Types.Int32 && len(b) == 4:
		return int64(int32(binary.LittleEndian.Uint32(b)))
	case t == parquet.Types.Int64 && len(b) == 8:
		return int64(binary.LittleEndian.Uint64(b))
	}
	return nil
}

func float(t parquet.Type, b []byte) any {
	switch {
	case t == parquet.Types.Float && len(b) == 4:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	case t == parquet.Types.Double && len(b) == 8:
		return math.Float64frombits(binary.LittleEndian.Uint64(b))
	}
	return nil
}

func decimal(t parquet.Type, b []byte) any {
	if v, ok := integer(t, b).(int64); ok {
		return decimal128.FromI64(v)
	}
	if t != parquet.Types.FixedLenByteArray || len(b) == 0 || len(b) > 16 {
		return nil
	}
	var w [16]byte
	if b[0] >= 0x80 {
		for i := range w {
			w[i] = 0xff
		}
	}
	copy(w[16-len(b):], b)
	return decimal128.New(int64(binary.BigEndian.Uint64(w[:8])), binary.BigEndian.Uint64(w[8:]))
}

// mayMatch reports whether a value within the range can make one comparison TRUE.
func (r columnRange) mayMatch(p predicate.Predicate) bool {
	switch p.Op {
	case predicate.IsNull:
		return r.nulls != 0
	case predicate.IsNotNull:
		return r.nulls < 0 || r.nulls < r.rows
	}
	if r.nulls >= 0 && r.nulls >= r.rows {
		return false // a comparison with NULL is not TRUE
	}
	if r.lower == nil || r.upper == nil {
		return true
	}
	for _, v := range p.Values {
		lo, ok1 := compareTo(r.lower, v)
		hi, ok2 := compareTo(r.upper, v)
		if !ok1 || !ok2 || r.mayBe(p.Op, lo, hi) {
			return true
		}
	}
	return false
}

// mayBe decides one comparison from how the bounds compare with the constant.
func (r columnRange) mayBe(op predicate.Op, lo, hi int) bool {
	switch op {
	case predicate.Eq, predicate.In:
		return lo <= 0 && hi >= 0
	case predicate.Lt:
		return lo < 0
	case predicate.LtEq:
		return lo <= 0
	case predicate.Gt:
		return hi > 0 || r.exactFloatUnsure
	case predicate.GtEq:
		return hi >= 0 || r.exactFloatUnsure
	}
	return true
}

// compareTo compares a bound with a constant of a predicate; ok is false where they do not compare, or the constant is NaN.
func compareTo(bound, constant any) (c int, ok bool) {
	switch b := bound.(type) {
	case int64:
		var v int64
		switch x := constant.(type) {
		case int32:
			v = int64(x)
		case int64:
			v = x
		case arrow.Date32:
			v = int64(x)
		case arrow.Timestamp:
			v = int64(x)
		default:
			return 0, false
		}
		return sign(b < v, b > v), true
	case float64:
		var v float64
		switch x := constant.(type) {
		case float32:
			v = float64(x)
		case float64:
			v = x
		default:
			return 0, false
		}
		return sign(b < v, b > v), !math.IsNaN(v)
	case decimal128.Num:
		v, ok := constant.(decimal128.Num)
		return b.Cmp(v), ok
	case []byte:
		switch x := constant.(type) {
		case string:
			return bytes.Compare(b, []byte(x)), true
		case []byte:
			return bytes.Compare(b, x), true
		}
	}
	return 0, false
}

func sign(less, greater bool) int {
	switch {
	case less:
		return -1
	case greater:
		return 1
	}
	return 0
}
