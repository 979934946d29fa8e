package parquet

import (
	"context"
	"io"
	"iter"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/internal/widen"
)

// Read reads the columns of want, found in the file by field id, in batches of canonical Arrow types; a column that the
// file lacks is NULL. Batches are the receiver's to release. A damaged file is an error, never a panic.
func Read(ctx context.Context, r io.ReaderAt, size int64, want schema.Schema, alloc memory.Allocator) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		stopped := false
		err := guarded(func() error {
			return read(ctx, r, size, want, alloc, func(rec arrow.RecordBatch) bool {
				stopped = !yield(rec, nil)
				return !stopped
			})
		})
		if err != nil && !stopped {
			yield(nil, err)
		}
	}
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

func read(ctx context.Context, r io.ReaderAt, size int64, want schema.Schema, alloc memory.Allocator, yield func(arrow.RecordBatch) bool) error {
	f, err := file.NewParquetReader(io.NewSectionReader(r, 0, size), file.WithReadProps(parquet.NewReaderProperties(alloc)))
	if err != nil {
		return fault.Wrap(fault.Data, err, "open a Parquet file")
	}
	defer f.Close()
	fr, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{BatchSize: 32 << 10}, alloc)
	if err != nil {
		return fault.Wrap(fault.Data, err, "open a Parquet file")
	}
	have, err := fr.Schema()
	if err != nil {
		return fault.Wrap(fault.Data, err, "read a Parquet file's schema")
	}
	byID := map[int]int{}
	for i, f := range have.Fields() {
		if v, ok := f.Metadata.GetValue(schema.FieldIDKey); ok {
			if id, err := strconv.Atoi(v); err == nil {
				byID[id] = i
			}
		}
	}
	var leaves []int
	columns := make([]int, len(want.Fields)) // of the batches that are read
	next := 0
	for i, w := range want.Fields {
		at, ok := byID[w.ID]
		if !ok {
			columns[i] = -1
			continue
		}
		columns[i] = next
		next++
		leaves = append(leaves, leavesOf(fr.Manifest.Fields[at])...)
	}
	rr, err := fr.GetRecordReader(ctx, leaves, nil)
	if err != nil {
		return fault.Wrap(fault.Data, err, "read a Parquet file")
	}
	defer rr.Release()
	to := want.Arrow()
	order := positions(have, rr.Schema(), want, byID, columns)
	for rr.Next() {
		rec, err := widen.Record(alloc, rr.RecordBatch(), to, order)
		if err != nil {
			return fault.Wrap(fault.Config, err, "read a Parquet file")
		}
		if !yield(rec) {
			return nil
		}
	}
	if err := rr.Err(); err != nil && err != io.EOF {
		return fault.Wrap(fault.Data, err, "read a Parquet file")
	}
	return nil
}

// positions finds, for each wanted column, its place in the batches, whose columns stand in the file's order.
func positions(have, got *arrow.Schema, want schema.Schema, byID map[int]int, columns []int) []int {
	out := make([]int, len(columns))
	for i, w := range want.Fields {
		out[i] = -1
		if columns[i] < 0 {
			continue
		}
		name := have.Field(byID[w.ID]).Name
		for k, f := range got.Fields() {
			if f.Name == name {
				out[i] = k
			}
		}
	}
	return out
}

// leavesOf lists the leaf columns under a field.
func leavesOf(f pqarrow.SchemaField) []int {
	if len(f.Children) == 0 {
		return []int{f.ColIndex}
	}
	var out []int
	for _, c := range f.Children {
		out = append(out, leavesOf(c)...)
	}
	return out
}
