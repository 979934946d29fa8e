package batch

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/extensions"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// TestGatherCopiesEveryType gathers random spans of sliced batches and compares each value with where it came from.
func TestGatherCopiesEveryType(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer alloc.AssertSize(t, 0)
	inner := arrow.StructOf(arrow.Field{Name: "a", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, arrow.Field{Name: "b", Type: arrow.BinaryTypes.String, Nullable: true})
	values := map[string]struct {
		dt   arrow.DataType
		json func(i int) string
	}{
		"bool": {arrow.FixedWidthTypes.Boolean, func(i int) string { return fmt.Sprint(i%3 == 0) }}, "int": {arrow.PrimitiveTypes.Int32, func(i int) string { return fmt.Sprint(i) }},
		"long": {arrow.PrimitiveTypes.Int64, func(i int) string { return fmt.Sprint(i * 1000) }}, "decimal": {&arrow.Decimal128Type{Precision: 20, Scale: 2}, func(i int) string { return fmt.Sprintf(`"%d.25"`, i) }},
		"string": {arrow.BinaryTypes.String, func(i int) string { return fmt.Sprintf("%q", strings.Repeat("é", i%5)) }}, "uuid": {extensions.NewUUIDType(), func(i int) string { return fmt.Sprintf(`"00000000-0000-0000-0000-%012d"`, i) }},
		"fixed":  {&arrow.FixedSizeBinaryType{ByteWidth: 3}, func(i int) string { return `"YWJj"` }},
		"list":   {arrow.ListOf(arrow.BinaryTypes.String), func(i int) string { return "[" + strings.Trim(strings.Repeat(`"x",`, i%4), ",") + "]" }},
		"struct": {inner, func(i int) string { return fmt.Sprintf(`{"a": %d, "b": null}`, i) }},
		"map":    {arrow.MapOf(arrow.BinaryTypes.String, inner), func(i int) string { return fmt.Sprintf(`[{"key": "k%d", "value": {"a": %d, "b": "v"}}]`, i, i) }},
	}
	for name, v := range values {
		t.Run(name, func(t *testing.T) {
			schema := arrow.NewSchema([]arrow.Field{{Name: "c", Type: v.dt, Nullable: true}}, nil)
			r := rand.New(rand.NewPCG(1, 2))
			var from []arrow.RecordBatch
			for b := range 3 {
				var text []string
				for i := range 40 {
					if text = append(text, v.json(b*40+i)); b != 1 && r.IntN(4) == 0 { // the second batch has no null
						text[i] = "null"
					}
				}
				col, _, err := array.FromJSON(alloc, v.dt, strings.NewReader("["+strings.Join(text, ",")+"]"))
				if err != nil {
					t.Fatal(err)
				}
				rec := array.NewRecordBatch(schema, []arrow.Array{col}, 40)
				from = append(from, rec.NewSlice(7, 33))
				rec.Release()
				col.Release()
			}
			for _, longest := range []int{1, 5} {
				var spans []Span
				var want []string
				for range 50 {
					s := Span{Batch: int32(r.IntN(3)), From: int32(r.IntN(20)), Rows: int32(1 + r.IntN(longest))}
					spans = append(spans, s)
					for k := range s.Rows {
						want = append(want, from[s.Batch].Column(0).ValueStr(int(s.From+k)))
					}
				}
				got, err := Gather(alloc, schema, from, spans)
				if err != nil {
					t.Fatal(err)
				}
				for i, w := range want {
					if g := got.Column(0).ValueStr(i); g != w {
						t.Fatalf("row %d: %s, want %s", i, g, w)
					}
				}
				if int(got.NumRows()) != len(want) {
					t.Errorf("%d rows, want %d", got.NumRows(), len(want))
				}
				got.Release()
			}
			for _, rec := range from {
				rec.Release()
			}
		})
	}
}
