package batch

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/extensions"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// TestTakeEqualsArrows takes rows of every flat type, sliced and with NULLs, as Arrow's own kernel does.
func TestTakeEqualsArrows(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer alloc.AssertSize(t, 0)
	cases := map[string]arrow.DataType{
		`[true, null, false, true, true, false, null, true, true, true]`:                                                                   arrow.FixedWidthTypes.Boolean,
		`[1, null, 3, 4, 5, 6, 7, 8, 9, 10]`:                                                                                               arrow.PrimitiveTypes.Int8,
		`[1, 2, 3, 4, 5, 6, 7, 8, 9, null]`:                                                                                                arrow.PrimitiveTypes.Int16,
		`[null, 2, 3, 4, 5, 6, 7, 8, 9, 10]`:                                                                                               arrow.FixedWidthTypes.Date32,
		`[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]`:                                                                                                  arrow.PrimitiveTypes.Float64,
		`["1.5", "2", null, "4", "5", "6", "7", "8", "9", "10"]`:                                                                           &arrow.Decimal128Type{Precision: 20, Scale: 2},
		`["a", "", null, "héllo", "e", "ffff", "g", "h", "iiiiiiiiiiiiiiii", "j"]`:                                                         arrow.BinaryTypes.String,
		`["YQ==", "", null, "YmI=", "Yw==", "ZA==", "ZQ==", "Zg==", "Zw==", "aA=="]`:                                                       arrow.BinaryTypes.Binary,
		`["YWFh", "YmJi", null, "Y2Nj", "YWFh", "YmJi", "YWFh", "Y2Nj", "YWFh", "YmJi"]`:                                                   &arrow.FixedSizeBinaryType{ByteWidth: 3},
		`[[1], [], null, [2, 3], [4], [5], [6], [7], [8], [9]]`:                                                                            arrow.ListOf(arrow.PrimitiveTypes.Int64),
		`[null, null, null, null, null, null, null, null, null, null]`:                                                                     arrow.BinaryTypes.String,
		`["00000000-0000-0000-0000-000000000001", null, null, null, null, null, null, null, null, "00000000-0000-0000-0000-000000000002"]`: extensions.NewUUIDType(),
	}
	const seed = 7
	r := rand.New(rand.NewPCG(seed, seed))
	for text, dt := range cases {
		whole, _, err := array.FromJSON(alloc, dt, strings.NewReader(text))
		if err != nil {
			t.Fatalf("%s: %v", dt, err)
		}
		for from := range 3 {
			col := array.NewSlice(whole, int64(from), 10)
			rows := make([]int32, r.IntN(20))
			for k := range rows {
				rows[k] = r.Int32N(int32(col.Len()))
			}
			idx := Indices(alloc, rows)
			got, err := TakeColumn(context.Background(), alloc, col, idx)
			if err != nil {
				t.Fatal(err)
			}
			checked := compute.WithAllocator(context.Background(), alloc)
			want, err := compute.TakeArray(checked, col, idx)
			if err != nil {
				t.Fatal(err)
			}
			if !array.Equal(got, want) || got.NullN() != want.NullN() {
				t.Errorf("seed %d: %s from %d, rows %v: %s instead of %s", seed, dt, from, rows, got, want)
			}
			want.Release()
			got.Release()
			idx.Release()
			col.Release()
		}
		whole.Release()
	}
}

// BenchmarkTake takes every other row of 32 Ki; ns/row is per row taken and column.
func BenchmarkTake(b *testing.B) {
	const n = 32 << 10
	alloc := memory.NewGoAllocator()
	build := array.NewRecordBuilder(alloc, arrow.NewSchema([]arrow.Field{{Name: "i", Type: arrow.PrimitiveTypes.Int64}, {Name: "d", Type: &arrow.Decimal128Type{Precision: 15, Scale: 2}}, {Name: "s", Type: arrow.BinaryTypes.String}}, nil))
	defer build.Release()
	for i := range n {
		build.Field(0).(*array.Int64Builder).Append(int64(i))
		build.Field(1).(*array.Decimal128Builder).Append(decimal128.FromI64(int64(i)))
		build.Field(2).(*array.StringBuilder).Append("DELIVER IN PERSON"[:i%17])
	}
	rec := build.NewRecordBatch()
	defer rec.Release()
	rows := make([]int32, n/2)
	for k := range rows {
		rows[k] = int32(2 * k)
	}
	idx := Indices(alloc, rows)
	defer idx.Release()
	for i, f := range rec.Schema().Fields() {
		for name, take := range map[string]func() (arrow.Array, error){
			"firn":  func() (arrow.Array, error) { return TakeColumn(context.Background(), alloc, rec.Column(i), idx) },
			"arrow": func() (arrow.Array, error) { return compute.TakeArray(context.Background(), rec.Column(i), idx) },
		} {
			b.Run(f.Type.Name()+"/"+name, func(b *testing.B) {
				for b.Loop() {
					out, err := take()
					if err != nil {
						b.Fatal(err)
					}
					out.Release()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(rows)), "ns/row")
			})
		}
	}
}
