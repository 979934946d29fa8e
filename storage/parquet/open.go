package parquet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/firn-data/firn/internal/fault"
	firnmem "github.com/firn-data/firn/internal/memory"
	"github.com/firn-data/firn/internal/predicate"
	"github.com/firn-data/firn/internal/schema"
)

// FileReader is an opened Parquet file: its schema, its row groups, and their rows. Methods may be called by several
// goroutines at once. It holds no resources of its own.
type FileReader struct {
	r      io.ReaderAt
	size   int64
	md     *metadata.FileMetaData
	schema *arrow.Schema
	byName bool // no field has an id
}

// RowGroup describes one row group.
type RowGroup struct {
	Rows  int64
	Bytes int64 // compressed size of all columns
}

// ReadOptions say what of a file is read. The zero value reads all.
type ReadOptions struct {
	Alloc     memory.Allocator
	Budget    *firnmem.Budget     // column chunks and batches reserve from it; nil: no reservations
	BatchRows int                 // rows of a batch at most; 0: 32768
	Groups    []int               // row groups by number, in this order; nil: all
	Where     predicate.Predicate // columns by their name in the wanted schema: row groups in which no row can pass are left out
}

// Open reads a file's footer. What is damaged is an error, never a panic.
func Open(r io.ReaderAt, size int64) (f *FileReader, err error) {
	err = guarded(func() error {
		pr, err := file.NewParquetReader(io.NewSectionReader(r, 0, size))
		if err != nil {
			return fault.Wrap(fault.Data, err, "it is no Parquet file, or a damaged one")
		}
		f = &FileReader{r: r, size: size, md: pr.MetaData()}
		fr, err := pqarrow.NewFileReader(pr, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
		if err != nil {
			return fault.Wrap(fault.Data, err, "open a Parquet file")
		}
		f.schema, err = fr.Schema()
		if err != nil {
			return fault.Wrap(fault.Data, err, "read a Parquet file's schema")
		}
		if err := f.checkGroups(); err != nil {
			return err
		}
		f.byName = !anyID(f.schema.Fields())
		return nil
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// checkGroups refuses row groups that contradict the schema, the file's size or themselves, over which a reader could run long.
func (f *FileReader) checkGroups() error {
	rows := int64(0)
	for i := range f.md.NumRowGroups() {
		damaged := func(format string, args ...any) error {
			return fault.New(fault.Data, "the Parquet file is damaged: row group %d %s", i, fmt.Sprintf(format, args...))
		}
		rg := f.md.RowGroup(i)
		if n := rg.NumColumns(); n != f.md.Schema.NumColumns() {
			return damaged("has %d columns, the schema %d", n, f.md.Schema.NumColumns())
		}
		if rg.NumRows() < 0 || f.md.NumRows-rows < rg.NumRows() {
			return damaged("has %d rows, the file %d", rg.NumRows(), f.md.NumRows)
		}
		rows += rg.NumRows()
		for c := range rg.NumColumns() {
			chunk, err := rg.ColumnChunk(c)
			if err != nil {
				return damaged("column %d: %s", c, err)
			}
			values, leaf := chunk.NumValues(), f.md.Schema.Column(c)
			if values < 0 || leaf.MaxRepetitionLevel() == 0 && values != rg.NumRows() || leaf.MaxRepetitionLevel() > 0 && values < rg.NumRows() {
				return damaged("column %s has %d values for %d rows", leaf.Path(), values, rg.NumRows())
			}
			from, size := chunk.DataPageOffset(), chunk.TotalCompressedSize()
			if from < 0 || size < 0 || from > f.size || size > f.size {
				return damaged("column %s reaches beyond the file", leaf.Path())
			}
		}
	}
	if rows != f.md.NumRows {
		return fault.New(fault.Data, "the Parquet file is damaged: its row groups have %d rows, the footer says %d", rows, f.md.NumRows)
	}
	return nil
}

func anyID(fields []arrow.Field) bool {
	for _, f := range fields {
		if fieldID(f) > 0 || anyID(childFields(f.Type)) {
			return true
		}
	}
	return false
}

// Schema is the file's schema as Arrow types, which need not be canonical: a column of unsigned integers is one here.
func (f *FileReader) Schema() *arrow.Schema { return f.schema }

// Rows is the number of rows.
func (f *FileReader) Rows() int64 { return f.md.NumRows }

// ByName is f with columns found by name, also where the file has ids.
func (f *FileReader) ByName() *FileReader {
	c := *f
	c.byName = true
	return &c
}

// Int96 lists the columns of the retired type INT96, which holds instants in nanoseconds.
func (f *FileReader) Int96() (names []string) {
	for i := range f.md.Schema.NumColumns() {
		if c := f.md.Schema.Column(i); c.PhysicalType() == parquet.Types.Int96 && len(c.ColumnPath()) == 1 {
			names = append(names, c.Name())
		}
	}
	return names
}

// Groups describes the row groups.
func (f *FileReader) Groups() (out []RowGroup) {
	for i := range f.md.NumRowGroups() {
		rg := RowGroup{Rows: f.md.RowGroup(i).NumRows()}
		for c := range f.md.RowGroup(i).NumColumns() {
			if chunk, err := f.md.RowGroup(i).ColumnChunk(c); err == nil {
				rg.Bytes += chunk.TotalCompressedSize()
			}
		}
		out = append(out, rg)
	}
	return out
}

// Read reads the columns of want, found by field id, or by name without case in a file that has no ids, in batches of
// canonical Arrow types in the file's order. A column or nested field that the file lacks is NULL; values go in exactly or by
// Iceberg's promotions, else Read fails. Batches are the receiver's to release.
func (f *FileReader) Read(ctx context.Context, want schema.Schema, o ReadOptions) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		if o.Alloc == nil {
			o.Alloc = memory.DefaultAllocator
		}
		if o.BatchRows == 0 {
			o.BatchRows = 32 << 10
		}
		if o.Groups == nil {
			for i := range f.md.NumRowGroups() {
				o.Groups = append(o.Groups, i)
			}
		}
		p, err := f.plan(want)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, g := range o.Groups {
			if f.md.RowGroup(g).NumRows() == 0 || !f.MayMatch(g, want, o.Where) {
				continue
			}
			if !f.readGroup(ctx, g, p, o, yield) {
				return
			}
		}
	}
}

// readGroup gives the batches of one row group; false says that no more are wanted.
func (f *FileReader) readGroup(ctx context.Context, group int, p *plan, o ReadOptions, yield func(arrow.RecordBatch, error) bool) bool {
	if len(p.leaves) == 0 {
		return f.nullRows(group, p, o, yield)
	}
	props, batch, bytes := f.reserve(group, p, &o)
	defer func() {
		if o.Budget != nil {
			o.Budget.Release(bytes)
		}
	}()
	var rr pqarrow.RecordReader
	fail := func(err error) bool {
		f := fault.Wrap(fault.Data, err, "read row group %d", group)
		if c := fault.ClassOf(err); c != fault.Bug {
			f.Class = c
		}
		return yield(nil, f)
	}
	err := guarded(func() error {
		pr, err := file.NewParquetReader(io.NewSectionReader(f.r, 0, f.size), file.WithReadProps(props), file.WithMetadata(f.md))
		if err != nil {
			return err
		}
		fr, err := pqarrow.NewFileReader(pr, pqarrow.ArrowReadProperties{BatchSize: batch}, o.Alloc)
		if err != nil {
			return err
		}
		if rr, err = fr.GetRecordReader(ctx, p.leaves, []int{group}); err != nil {
			return err
		}
		return p.bind(rr.Schema())
	})
	if err != nil {
		return fail(err)
	}
	defer rr.Release()
	left := f.md.RowGroup(group).NumRows()
	for left > 0 {
		var rec arrow.RecordBatch
		err := guarded(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if !rr.Next() {
				if err := rr.Err(); err != nil && !errors.Is(err, io.EOF) {
					return err
				}
				return fault.New(fault.Data, "the Parquet file is damaged: %d rows are missing", left)
			}
			var err error
			rec, err = p.convert(o.Alloc, rr.RecordBatch())
			return err
		})
		if err != nil {
			return fail(err)
		}
		if left -= rec.NumRows(); left < 0 {
			rec.Release()
			return fail(fault.New(fault.Data, "the Parquet file is damaged: there are %d rows too many", -left))
		}
		if !yield(rec, nil) {
			return false
		}
	}
	return true
}

// reserve takes what a row group needs from the budget: its column chunks whole, so that each is one request to the store, or,
// where the budget refuses, a buffer for each (I8).
func (f *FileReader) reserve(group int, p *plan, o *ReadOptions) (props *parquet.ReaderProperties, batch, bytes int64) {
	props = parquet.NewReaderProperties(o.Alloc)
	chunks, values := int64(0), int64(0)
	for _, leaf := range p.leaves {
		if c, err := f.md.RowGroup(group).ColumnChunk(leaf); err == nil {
			chunks += max(c.TotalCompressedSize(), 0)
			values += max(c.TotalUncompressedSize(), 0)
		}
	}
	rows := f.md.RowGroup(group).NumRows()
	batch = min(int64(o.BatchRows), rows)
	if o.Budget == nil {
		return props, batch, 0
	}
	perRow := 2 * max(values/rows, 1) // encoded, so about
	batch = max(1, min(batch, o.Budget.Limit()/16/perRow))
	if bytes = chunks + batch*perRow; o.Budget.TryReserve(bytes) {
		return props, batch, bytes
	}
	props.BufferedStreamEnabled, props.BufferSize = true, 64<<10
	bytes = min(chunks, props.BufferSize*int64(len(p.leaves))) + batch*perRow
	o.Budget.Force(bytes) // the working minimum: one batch
	return props, batch, bytes
}

// nullRows gives the rows of a group of which no column is wanted that the file has.
func (f *FileReader) nullRows(group int, p *plan, o ReadOptions, yield func(arrow.RecordBatch, error) bool) bool {
	for left := f.md.RowGroup(group).NumRows(); left > 0; {
		n := min(left, int64(o.BatchRows))
		left -= n
		if !yield(p.nulls(o.Alloc, n), nil) {
			return false
		}
	}
	return true
}
