package batch

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Indices makes the Arrow array of row indices that TakeColumn wants; the caller releases it.
func Indices(alloc memory.Allocator, rows []int32) *array.Int32 {
	b := array.NewInt32Builder(alloc)
	defer b.Release()
	b.AppendValues(rows, nil)
	return b.NewInt32Array()
}

// TakeColumn copies the values of col at the given indices. The result is the caller's to release.
func TakeColumn(ctx context.Context, alloc memory.Allocator, col arrow.Array, rows *array.Int32) (arrow.Array, error) {
	return compute.TakeArray(compute.WithAllocator(ctx, alloc), col, rows)
}

// TakeRecord copies the rows at the given indices. rec stays the caller's, and so is the result.
func TakeRecord(ctx context.Context, alloc memory.Allocator, rec arrow.RecordBatch, rows []int32) (arrow.RecordBatch, error) {
	idx := Indices(alloc, rows)
	defer idx.Release()
	cols := make([]arrow.Array, rec.NumCols())
	defer func() {
		for _, c := range cols {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i, c := range rec.Columns() {
		var err error
		if cols[i], err = TakeColumn(ctx, alloc, c, idx); err != nil {
			return nil, err
		}
	}
	return array.NewRecordBatch(rec.Schema(), cols, int64(len(rows))), nil
}
