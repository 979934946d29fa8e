package partition

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/firn-data/firn/internal/calendar"
)

// Ints computes a transform over a column of integers, dates or timestamps into out, one value a row; ok is false where the
// transform's values are not whole numbers made from whole numbers: then use Values. Values of null rows mean nothing.
func Ints(t Transform, col arrow.Array, out []int64) (ok bool) {
	switch c := col.(type) {
	case *array.Int32:
		ints(out, c.Int32Values())
	case *array.Int64:
		ints(out, c.Int64Values())
	case *array.Date32:
		ints(out, c.Date32Values())
	case *array.Timestamp:
		ints(out, c.TimestampValues())
	default:
		return false
	}
	perDay := int64(0)
	if ts, ok := col.DataType().(*arrow.TimestampType); ok {
		perDay = 86_400_000_000
		if ts.Unit == arrow.Nanosecond {
			perDay *= 1000
		}
	}
	switch t.Kind {
	case Identity:
	case Bucket:
		n := int32(t.Param)
		for i, v := range out {
			out[i] = int64(int32(hashLong(v)&0x7fffffff) % n)
		}
	case Hour:
		if perDay == 0 {
			return false
		}
		for i, v := range out {
			out[i] = calendar.FloorDiv(v, perDay/24)
		}
	case Day, Month, Year:
		sinceEpoch(t.Kind, perDay, out)
	default:
		return false
	}
	return true
}

func ints[T ~int32 | ~int64](out []int64, in []T) {
	for i, v := range in {
		out[i] = int64(v)
	}
}

// sinceEpoch turns days, or timestamps with perDay units in a day, into days, months or years since 1970.
func sinceEpoch(k Kind, perDay int64, out []int64) {
	lastDay, last := int64(0), int64(0) // 1970-01-01 is 0 in every unit
	for i, day := range out {
		if perDay > 0 {
			day = calendar.FloorDiv(day, perDay)
		}
		if k == Day {
			out[i] = day
			continue
		}
		if day != lastDay {
			y, m, _ := calendar.Civil(day)
			if lastDay, last = day, int64(y-1970); k == Month {
				last = int64((y-1970)*12 + m - 1)
			}
		}
		out[i] = last
	}
}
