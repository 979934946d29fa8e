package partition

import (
	"math"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

func TestVectorsAgreeWithValues(t *testing.T) {
	edge := []int64{0, 1, -1, 58, 59, 60, 365, -365, 11016, -719468, 86_400_000_000, -86_400_000_001, 1_700_000_000_000_000, math.MaxInt32, math.MinInt32}
	columns := []arrow.Array{}
	i32, i64 := array.NewInt32Builder(memory.DefaultAllocator), array.NewInt64Builder(memory.DefaultAllocator)
	day := array.NewDate32Builder(memory.DefaultAllocator)
	ts := array.NewTimestampBuilder(memory.DefaultAllocator, &arrow.TimestampType{Unit: arrow.Microsecond})
	ns := array.NewTimestampBuilder(memory.DefaultAllocator, &arrow.TimestampType{Unit: arrow.Nanosecond})
	for _, v := range edge {
		i32.Append(int32(v))
		i64.Append(v)
		day.Append(arrow.Date32(int32(v)))
		ts.Append(arrow.Timestamp(v))
		ns.Append(arrow.Timestamp(v * 100))
	}
	for _, b := range []array.Builder{i32, i64, day, ts, ns} {
		columns = append(columns, b.NewArray())
	}
	seen := 0
	for _, col := range columns {
		for k := Identity; k <= Void; k++ {
			tr := Transform{Kind: k, Param: 7}
			out := make([]int64, col.Len())
			if !Ints(tr, col, out) {
				continue
			}
			value, err := Values(tr, col)
			if err != nil {
				if (k == Day || k == Month || k == Year) && col.DataType().ID() != arrow.DATE32 {
					continue // integers have no days
				}
				t.Fatalf("%s of %s: %v", tr, col.DataType(), err)
			}
			if _, int := col.(*array.Int64); int && k >= Year && k <= Hour {
				continue
			}
			seen++
			for i := range out {
				var want int64
				switch v := value(i).(type) {
				case int32:
					want = int64(v)
				case int64:
					want = v
				}
				if out[i] != want {
					t.Errorf("%s of %s row %d: %d, want %d", tr, col.DataType(), i, out[i], want)
				}
			}
		}
	}
	if seen < 15 {
		t.Errorf("only %d transforms compared", seen)
	}
}
