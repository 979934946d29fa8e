package catalog

import (
	"encoding/binary"
	"math"
	"math/big"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/iceberg-go"
	"github.com/google/uuid"

	"github.com/firn-data/firn/internal/partition"
	"github.com/firn-data/firn/internal/predicate"
	"github.com/firn-data/firn/internal/schema"
)

// Values of bounds, partition tuples and predicates are compared in a few normal types: int64 for integers, booleans, dates and
// times; float64; string for text, bytes and uuids; decimal128.Num. nil is NULL or unknown.

// normal gives a value its normal type; nil for one that has none.
func normal(v any) any {
	switch x := v.(type) {
	case bool:
		if x {
			return int64(1)
		}
		return int64(0)
	case int:
		return int64(x)
	case int32:
		return int64(x)
	case int64:
		return x
	case arrow.Date32:
		return int64(x)
	case arrow.Time64:
		return int64(x)
	case arrow.Timestamp:
		return int64(x)
	case iceberg.Date:
		return int64(x)
	case iceberg.Time:
		return int64(x)
	case iceberg.Timestamp:
		return int64(x)
	case iceberg.TimestampNano:
		return int64(x)
	case float32:
		return float64(x)
	case float64:
		return x
	case string:
		return x
	case []byte:
		return string(x)
	case [16]byte:
		return string(x[:])
	case uuid.UUID:
		return string(x[:])
	case decimal128.Num:
		return x
	case iceberg.Decimal:
		return x.Val
	}
	return nil
}

// decodeBound reads a bound as Iceberg's single-value serialization has it (spec, Appendix D). A column that was promoted since
// has bounds of its old type, which their length tells.
func decodeBound(t schema.Type, b []byte) any {
	switch t.Kind {
	case schema.Boolean:
		if len(b) == 1 {
			return int64(b[0])
		}
	case schema.Int, schema.Long, schema.Date, schema.Time, schema.Timestamp, schema.TimestampTZ, schema.TimestampNS, schema.TimestampTZNS:
		switch len(b) {
		case 4:
			return int64(int32(binary.LittleEndian.Uint32(b)))
		case 8:
			return int64(binary.LittleEndian.Uint64(b))
		}
	case schema.Float, schema.Double:
		switch len(b) {
		case 4:
			return float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
		case 8:
			return math.Float64frombits(binary.LittleEndian.Uint64(b))
		}
	case schema.String, schema.Binary, schema.Fixed, schema.UUID:
		return string(b)
	case schema.Decimal:
		if len(b) > 0 && len(b) <= 16 {
			v := new(big.Int).SetBytes(b)
			if b[0] >= 0x80 {
				v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
			}
			return decimal128.FromBigInt(v)
		}
	}
	return nil
}

// compareNormal compares two values of one normal type; ok is false for others and for NaN.
func compareNormal(a, b any) (c int, ok bool) {
	switch x := a.(type) {
	case int64:
		y, ok := b.(int64)
		return order(x < y, x > y), ok
	case float64:
		y, ok := b.(float64)
		return order(x < y, x > y), ok && x == x && y == y
	case string:
		y, ok := b.(string)
		return strings.Compare(x, y), ok
	case decimal128.Num:
		y, ok := b.(decimal128.Num)
		return x.Cmp(y), ok
	}
	return 0, false
}

func order(less, greater bool) int {
	switch {
	case less:
		return -1
	case greater:
		return 1
	}
	return 0
}

// span is what is known of the values of one column, or of one partition field, in a file or in the files of a manifest.
type span struct {
	lower, upper any  // of the values that are neither NULL nor NaN; nil: unknown
	mayBeNull    bool // some value may be NULL
	allNull      bool // all values are NULL
	mayBeNaN     bool // some value may be NaN, which is larger than all others and in no bound
}

// may reports whether a value in s can make the comparison TRUE, with the constants put through convert; where convert is not
// exact, it keeps the order but makes different values equal.
func (s span) may(p predicate.Predicate, convert func(any) any, exact bool) bool {
	switch p.Op {
	case predicate.IsNull:
		return s.mayBeNull
	case predicate.IsNotNull:
		return !s.allNull
	}
	if s.allNull {
		return false // a comparison with NULL is not TRUE
	}
	if p.Op == predicate.NotEq || s.lower == nil || s.upper == nil {
		return true
	}
	for _, v := range p.Values {
		c := convert(v)
		lo, ok1 := compareNormal(s.lower, c)
		hi, ok2 := compareNormal(s.upper, c)
		if c == nil || !ok1 || !ok2 || s.mayBe(p.Op, lo, hi, exact) {
			return true
		}
	}
	return false
}

func (s span) mayBe(op predicate.Op, lo, hi int, exact bool) bool {
	switch op {
	case predicate.Eq, predicate.In:
		return lo <= 0 && hi >= 0
	case predicate.Lt:
		return lo < 0 || !exact && lo == 0
	case predicate.LtEq:
		return lo <= 0
	case predicate.Gt:
		return hi > 0 || !exact && hi == 0 || s.mayBeNaN
	case predicate.GtEq:
		return hi >= 0 || s.mayBeNaN
	}
	return true
}

// fileSpan is what a file's record says of a column.
func fileSpan(f iceberg.DataFile, c schema.Field) span {
	values, known := f.ValueCounts()[c.ID]
	nulls, nullsKnown := f.NullValueCounts()[c.ID]
	s := span{mayBeNull: !nullsKnown || nulls > 0, allNull: known && nullsKnown && nulls >= values}
	if c.Type.Kind == schema.Float || c.Type.Kind == schema.Double {
		nans, ok := f.NaNValueCounts()[c.ID]
		s.mayBeNaN = !ok || nans > 0
	}
	if b, ok := f.LowerBoundValues()[c.ID]; ok {
		s.lower = decodeBound(c.Type, b)
	}
	if b, ok := f.UpperBoundValues()[c.ID]; ok {
		s.upper = decodeBound(c.Type, b)
	}
	return s
}

// projected tells whether a comparison of a column can be TRUE in files whose value of the partition field is in s.
func projected(p predicate.Predicate, s span, t partition.Transform, source schema.Field) bool {
	switch t.Kind {
	case partition.Void:
		return true
	case partition.Bucket:
		if p.Op != predicate.Eq && p.Op != predicate.In && p.Op != predicate.IsNull && p.Op != predicate.IsNotNull {
			return true
		}
	}
	apply, err := partition.Apply(t, source.Type.Arrow())
	if err != nil {
		return true
	}
	if dates := t.Kind == partition.Year || t.Kind == partition.Month || t.Kind == partition.Day || t.Kind == partition.Hour; dates {
		s = withOldWriters(s)
	}
	return s.may(p, func(v any) any { return normal(apply(tupleValue(v))) }, t.Kind == partition.Identity)
}

// withOldWriters widens a span of dates before 1970, which early versions of Iceberg's Java library rounded up by one.
func withOldWriters(s span) span {
	if v, ok := s.lower.(int64); ok && v <= 0 {
		s.lower = v - 1
	}
	return s
}

// tupleValue gives a predicate's constant the type that partition tuples have.
func tupleValue(v any) any {
	switch x := v.(type) {
	case arrow.Date32:
		return int32(x)
	case arrow.Time64:
		return int64(x)
	case arrow.Timestamp:
		return int64(x)
	}
	return v
}

// mayMatch evaluates a predicate over what is known of files: leaf decides single comparisons.
func mayMatch(p predicate.Predicate, leaf func(predicate.Predicate) bool) bool {
	switch {
	case p.IsTrue():
		return true
	case p.Op == predicate.And:
		for _, a := range p.Args {
			if !mayMatch(a, leaf) {
				return false
			}
		}
		return true
	case p.Op == predicate.Or:
		for _, a := range p.Args {
			if mayMatch(a, leaf) {
				return true
			}
		}
		return false
	}
	return leaf(p)
}
