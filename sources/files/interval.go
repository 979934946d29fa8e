package files

import (
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/firn-data/firn/internal/batch"
)

// InInterval keeps, of the rows in keep, those whose date or timestamp (µs) lies in the interval, in keep's memory. Rows
// without a value are in no interval; nulls counts them.
func InInterval(col arrow.Array, interval batch.Interval, keep []int32) (out []int32, nulls int) {
	lo, hi := interval.Start.UnixMicro(), interval.End.UnixMicro()
	at := func(int) int64 { return 0 }
	switch c := col.(type) {
	case *array.Timestamp:
		v := c.TimestampValues()
		at = func(i int) int64 { return int64(v[i]) }
	case *array.Date32:
		v := c.Date32Values()
		at = func(i int) int64 { return int64(v[i]) * (24 * time.Hour).Microseconds() }
	}
	out = keep[:0]
	for _, k := range keep {
		if col.IsNull(int(k)) {
			nulls++
			continue
		}
		if t := at(int(k)); lo <= t && t < hi {
			out = append(out, k)
		}
	}
	return out, nulls
}
