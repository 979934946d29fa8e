package catalog

import (
	"context"
	"iter"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
	firnmem "github.com/firn-data/firn/internal/memory"
	"github.com/firn-data/firn/internal/predicate"
	"github.com/firn-data/firn/internal/rowkey"
	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/storage/parquet"
)

// ReadOptions say what of a table is read, and with what.
type ReadOptions struct {
	Snapshot int64               // 0: main's head
	Columns  []string            // nil: all
	Where    predicate.Predicate // manifests, files and row groups without a row that passes are left out; other rows may stay
	Alloc    memory.Allocator
	Budget   *firnmem.Budget // nil: no reservations
}

func (o ReadOptions) alloc() memory.Allocator {
	if o.Alloc == nil {
		return memory.DefaultAllocator
	}
	return o.Alloc
}

// Scan reads the rows of a snapshot in the table's current schema, without those that delete files delete. Rows for which
// o.Where is not TRUE may be among them: the caller filters exactly. Batches are the receiver's to release.
func (t *Table) Scan(ctx context.Context, o ReadOptions) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		files, err := t.Files(ctx, o.Snapshot, o.Where)
		if err != nil {
			yield(nil, err)
			return
		}
		for rec, err := range t.Read(ctx, files, o) {
			if !yield(rec, err) {
				return
			}
		}
	}
}

// Read reads the rows of some of the table's files, one file after the other in their order, as Scan does.
func (t *Table) Read(ctx context.Context, files []*File, o ReadOptions) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		want, err := t.columns(o.Columns)
		if err != nil {
			yield(nil, err)
			return
		}
		gone := newDeleted(t, o)
		defer gone.close()
		for _, f := range files {
			if !t.readFile(ctx, f, want, gone, yield) {
				return
			}
		}
	}
}

// columns picks columns of the table's schema.
func (t *Table) columns(names []string) (schema.Schema, error) {
	if names == nil {
		return t.Schema, nil
	}
	var out schema.Schema
	for _, n := range names {
		i, ok := t.Schema.Lookup(n)
		if !ok {
			return out, fault.New(fault.Config, "%s has no column %s", t.Ident, n)
		}
		out.Fields = append(out.Fields, t.Schema.Fields[i])
	}
	return out, nil
}

// readFile gives the rows of one file; false says that no more are wanted.
func (t *Table) readFile(ctx context.Context, f *File, want schema.Schema, gone *deleted, yield func(arrow.RecordBatch, error) bool) bool {
	fail := func(err error) bool {
		yield(nil, fault.Wrap(fault.ClassOf(err), err, "%s", f.Location))
		return false
	}
	if f.data.FileFormat() != iceberg.ParquetFile {
		return fail(fault.New(fault.Config, "the data file has the format %s; firn reads Parquet", f.data.FileFormat()))
	}
	filter, err := newDeleteFilter(ctx, f, want, gone)
	if err != nil {
		return fail(err)
	}
	o, err := t.lake.Store.Open(ctx, f.Location)
	if err != nil {
		return fail(err)
	}
	defer o.Close()
	r, err := parquet.Open(o, o.Size())
	if err != nil {
		return fail(err)
	}
	start := int64(0)
	for g, group := range r.Groups() {
		opt := parquet.ReadOptions{Alloc: gone.opt.alloc(), Budget: gone.opt.Budget, Groups: []int{g}, Where: gone.opt.Where}
		at := start
		start += group.Rows
		for rec, err := range r.Read(ctx, filter.read, opt) {
			if err != nil {
				return fail(err)
			}
			n := rec.NumRows()
			if rec, err = filter.apply(ctx, rec, at); err != nil {
				return fail(err)
			}
			at += n
			if rec != nil && !yield(rec, nil) {
				return false
			}
		}
	}
	return true
}

// deleteFilter takes deleted rows out of the batches of one file.
type deleteFilter struct {
	want, read schema.Schema // read: want, and the columns that equality deletes compare
	positions  map[int64]bool
	keys       []equalityFilter
	alloc      memory.Allocator
}

type equalityFilter struct {
	columns []int // of read
	keys    *rowkey.Set
}

func newDeleteFilter(ctx context.Context, f *File, want schema.Schema, gone *deleted) (*deleteFilter, error) {
	d := &deleteFilter{want: want, read: schema.Schema{Fields: slices.Clone(want.Fields)}, alloc: gone.opt.alloc()}
	var err error
	if d.positions, err = gone.positionsOf(ctx, f); err != nil {
		return nil, err
	}
	for _, del := range f.deletes {
		if !del.equality() {
			continue
		}
		keys, err := gone.keysOf(ctx, del)
		if err != nil {
			return nil, err
		}
		columns, err := f.table.equalityColumns(del)
		if err != nil {
			return nil, err
		}
		e := equalityFilter{keys: keys}
		for _, c := range columns {
			i := slices.IndexFunc(d.read.Fields, func(h schema.Field) bool { return h.ID == c.ID })
			if i < 0 {
				i = len(d.read.Fields)
				d.read.Fields = append(d.read.Fields, c)
			}
			e.columns = append(e.columns, i)
		}
		d.keys = append(d.keys, e)
	}
	return d, nil
}

// apply gives the rows of rec that are not deleted, nil when there are none. start is the position in the file of its first
// row. It owns rec.
func (d *deleteFilter) apply(ctx context.Context, rec arrow.RecordBatch, start int64) (arrow.RecordBatch, error) {
	if len(d.positions) == 0 && len(d.keys) == 0 {
		return rec, nil
	}
	defer rec.Release()
	keep, err := d.keep(rec, start)
	if err != nil || len(keep) == 0 {
		return nil, err
	}
	wanted := rec
	if extra := len(d.read.Fields) > len(d.want.Fields); extra {
		wanted = array.NewRecordBatch(d.want.Arrow(), rec.Columns()[:len(d.want.Fields)], rec.NumRows())
		defer wanted.Release()
	}
	if len(keep) == int(rec.NumRows()) {
		wanted.Retain()
		return wanted, nil
	}
	return batch.TakeRecord(ctx, d.alloc, wanted, keep)
}

func (d *deleteFilter) keep(rec arrow.RecordBatch, start int64) ([]int32, error) {
	makers := make([]func([]byte, int) []byte, len(d.keys))
	for k, e := range d.keys {
		cols := make([]arrow.Array, len(e.columns))
		for i, c := range e.columns {
			cols[i] = rec.Column(c)
		}
		var err error
		if makers[k], err = rowkey.Of(cols...); err != nil {
			return nil, fault.Wrap(fault.Config, err, "equality deletes")
		}
	}
	keep := make([]int32, 0, rec.NumRows())
	var key []byte
rows:
	for i := range int(rec.NumRows()) {
		if d.positions[start+int64(i)] {
			continue
		}
		for k, e := range d.keys {
			if key = makers[k](key[:0], i); e.keys.Has(key) {
				continue rows
			}
		}
		keep = append(keep, int32(i))
	}
	return keep, nil
}
