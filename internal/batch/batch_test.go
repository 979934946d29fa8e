package batch

import (
	"context"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/firn-data/firn/internal/memory"
)

// TestTakeKeepsNullsInRecycledMemory takes a NULL out of each type of column, in memory that other columns used before.
func TestTakeKeepsNullsInRecycledMemory(t *testing.T) {
	alloc := memory.NewAllocator(1 << 20)
	var used [][]byte
	for range 20 {
		b := alloc.Allocate(64)
		for i := range b {
			b[i] = 0xff
		}
		used = append(used, b)
	}
	for _, b := range used {
		alloc.Free(b)
	}
	types := []arrow.DataType{arrow.FixedWidthTypes.Boolean, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Float32, arrow.PrimitiveTypes.Float64, arrow.BinaryTypes.String, arrow.FixedWidthTypes.Date32,
		&arrow.TimestampType{Unit: arrow.Microsecond}, &arrow.Decimal128Type{Precision: 9, Scale: 2}, arrow.ListOf(arrow.PrimitiveTypes.Int64)}
	for round := range 3 {
		for _, dt := range types {
			col, _, err := array.FromJSON(alloc, dt, strings.NewReader(`[null, null, null]`))
			if err != nil {
				t.Fatal(err)
			}
			rec := array.NewRecordBatch(arrow.NewSchema([]arrow.Field{{Name: "c", Type: dt, Nullable: true}}, nil), []arrow.Array{col}, 3)
			got, err := TakeRecord(context.Background(), alloc, rec, []int32{1})
			if err != nil {
				t.Fatal(err)
			}
			if !got.Column(0).IsNull(0) || got.Column(0).NullN() != 1 {
				t.Errorf("round %d: the NULL of %s became %s", round, dt, got.Column(0).ValueStr(0))
			}
			got.Release()
			rec.Release()
			col.Release()
		}
	}
}

func TestOriginsFollowTheirRows(t *testing.T) {
	o := Origin{File: "f", Row: 10, Line: 20}
	if p := o.Place(2); p.Row != 12 || p.Line != 22 {
		t.Errorf("place %v", p)
	}
	if p := o.Take([]int32{5, 1}).Place(1); p.Row != 11 || p.Line != 21 {
		t.Errorf("taken: %v", p)
	}
	if p := o.Slice(3, 5).Place(1); p.Row != 14 || p.Line != 24 {
		t.Errorf("sliced: %v", p)
	}
	lines := Origin{Rows: []int64{7, 9}, Lines: []int64{1, 5}}
	if p := lines.Slice(1, 2).Place(0); p.Row != 9 || p.Line != 5 {
		t.Errorf("sliced with lines: %v", p)
	}
	if p := (Origin{Derived: true, Row: 3}).Take([]int32{0}).Place(0); p.Row != 0 {
		t.Errorf("derived: %v", p)
	}
}
