package parquet

import (
	"context"
	"io"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/schema"
)

// Read opens a file and reads the columns of want: see Open and FileReader.Read.
func Read(ctx context.Context, r io.ReaderAt, size int64, want schema.Schema, alloc memory.Allocator) iter.Seq2[arrow.RecordBatch, error] {
	f, err := Open(r, size)
	if err != nil {
		return func(yield func(arrow.RecordBatch, error) bool) { yield(nil, err) }
	}
	return f.Read(ctx, want, ReadOptions{Alloc: alloc})
}

// guarded turns a panic of the Parquet library over damaged bytes into an error.
func guarded(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fault.New(fault.Data, "the Parquet file is damaged: %v", r)
		}
	}()
	return f()
}
