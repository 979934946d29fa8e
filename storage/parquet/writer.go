package parquet

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/internal/fault"
	firnmem "github.com/firn-data/firn/internal/memory"
	"github.com/firn-data/firn/internal/schema"
)

// Options are how a file is written. The zero value is good.
type Options struct {
	Codec         string // write.parquet.compression-codec: zstd (default), snappy, gzip, uncompressed
	RowGroupBytes int64  // encoded bytes at which a row group ends; 0: 128 MiB
	RowGroupRows  int64  // rows at which a row group ends; 0: 2^20, enough for compression, and work for readers in parallel
	Alloc         memory.Allocator
	Budget        *firnmem.Budget   // open row groups reserve from it; a refusal ends the row group early
	MaxReserve    int64             // most that this file's open row group may reserve; 0: no bound but the budget's
	Metadata      map[string]string // key-value metadata of the footer, beside iceberg.schema
	Sorting       []SortingColumn   // the order of the rows in every row group, if the caller has made one
}

// SortingColumn is a column by which rows are sorted.
type SortingColumn struct {
	FieldID    int // of a leaf column
	Descending bool
	NullsFirst bool
}

const (
	// pieceBytes is about how much of a batch is encoded before the row group's size is looked at again.
	pieceBytes = 8 << 20
	// minGroupBytes is the encoded size under which a refused reservation does not end a row group: smaller ones cost readers more than
	// they save here.
	minGroupBytes = 1 << 20
	// maxDepth bounds how deep types nest: levels are kept in bytes, and readers recurse.
	maxDepth = 64
)

// Writer writes one file. It is not safe for concurrent use; several writers are. After an error only Abort makes sense.
//
// Values are encoded as they come: what a row group holds in memory are its compressed pages, one open page a column, and the
// dictionaries. The output is written in order, never sought.
type Writer struct {
	out     *countingWriter
	encoder encoder
	schema  schema.Schema
	nodes   []*node // by column of the schema
	columns []*column
	sorting []sorting
	o       Options

	arrow     *arrow.Schema // of the batches
	checked   *arrow.Schema // the last batch's, which fits
	rows      int64         // of the file
	groupRows int64         // of the open row group
	groups    []rowGroup
	indexed   int64 // bytes of the page indexes of the finished row groups
	reserved  int64
	done      bool
	err       error
}

type sorting struct {
	column                 int
	descending, nullsFirst bool
}

type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// NewWriter starts a file on w. Every field of s has an id; its batches have the types of s.Arrow.
func NewWriter(w io.Writer, s schema.Schema, o Options) (*Writer, error) {
	codec, err := codecOf(o.Codec)
	if err != nil {
		return nil, err
	}
	if o.RowGroupBytes <= 0 {
		o.RowGroupBytes = 128 << 20
	}
	if o.RowGroupRows <= 0 {
		o.RowGroupRows = 1 << 20
	}
	if o.Alloc == nil {
		o.Alloc = memory.DefaultAllocator
	}
	for _, f := range s.Fields {
		if depth(f.Type) > maxDepth {
			return nil, fault.New(fault.Config, "column %s nests more than %d levels", f.Name, maxDepth)
		}
		if hollow(f.Type) {
			return nil, fault.New(fault.Config, "column %s has a struct without fields, which Parquet can't hold", f.Name)
		}
	}
	f := &Writer{out: &countingWriter{w: w}, encoder: encoder{codec: codec}, schema: s, arrow: s.Arrow(), o: o}
	f.nodes, f.columns = newNodes(s.Fields, &f.encoder)
	for _, c := range f.columns {
		c.pages.alloc = o.Alloc
	}
	for _, s := range o.Sorting {
		at := -1
		for i, c := range f.columns {
			if c.field.ID == s.FieldID {
				at = i
			}
		}
		if at < 0 {
			return nil, fault.New(fault.Bug, "sort a Parquet file by field %d, which is no leaf column", s.FieldID)
		}
		f.sorting = append(f.sorting, sorting{at, s.Descending, s.NullsFirst})
	}
	_, err = f.out.Write(magic)
	return f, err
}

// Write appends a batch, which it owns (I5).
func (w *Writer) Write(rec arrow.RecordBatch) (err error) {
	defer rec.Release()
	if w.done || w.err != nil {
		return fault.Wrap(fault.Bug, w.err, "write to a Parquet file that is closed or broken")
	}
	defer func() { w.err = err }()
	defer fault.Recover(&err)
	if err := w.check(rec.Schema()); err != nil {
		return err
	}
	n := int(rec.NumRows())
	piece := n
	if size := batchBytes(rec); size > pieceBytes {
		piece = max(1024, int(int64(n)*pieceBytes/size))
	}
	for off := 0; off < n; {
		k := min(piece, n-off, int(w.o.RowGroupRows-w.groupRows))
		for i, f := range w.nodes {
			if err := f.write(rec.Column(i), off, k); err != nil {
				return err
			}
		}
		off += k
		w.rows += int64(k)
		w.groupRows += int64(k)
		if err := w.bound(); err != nil {
			return err
		}
	}
	return nil
}

// check compares a batch's types with the schema's.
func (w *Writer) check(s *arrow.Schema) error {
	if s == w.checked {
		return nil
	}
	if s.NumFields() != len(w.nodes) {
		return fault.New(fault.Bug, "write a batch of %d columns to a Parquet file of %d", s.NumFields(), len(w.nodes))
	}
	for i, f := range w.nodes {
		if got, want := s.Field(i).Type, w.arrow.Field(i).Type; !sameShape(got, want) {
			return fault.New(fault.Bug, "write %s to column %s of %s", got, f.field.Name, want)
		}
	}
	w.checked = s
	return nil
}

// sameShape compares types without the names and nullability of nested fields.
func sameShape(got, want arrow.DataType) bool {
	if got.ID() != want.ID() {
		return false
	}
	g, ok := got.(arrow.NestedType)
	if !ok {
		return arrow.TypeEqual(got, want)
	}
	gs, ws := g.Fields(), want.(arrow.NestedType).Fields()
	if len(gs) != len(ws) {
		return false
	}
	for i := range gs {
		if !sameShape(gs[i].Type, ws[i].Type) {
			return false
		}
	}
	return true
}

// batchBytes is about the size of a batch's own rows; a slice's buffers may hold others.
func batchBytes(rec arrow.RecordBatch) (n int64) {
	for _, c := range rec.Columns() {
		c = storageOf(c)
		if offsets, _, ok := offsetsOf(c, 0, c.Len()); ok {
			n += int64(offsets[len(offsets)-1]-offsets[0]) + 4*int64(c.Len())
			continue
		}
		if t, ok := c.DataType().(arrow.FixedWidthDataType); ok {
			n += int64(c.Len()) * int64(t.BitWidth()) / 8
			continue
		}
		n += int64(c.Data().SizeInBytes())
	}
	return n
}

// bound ends the row group where it is large enough. Where memory for more is refused it ends the row group, or only the pages of a
// small one (I8).
func (w *Writer) bound() error {
	open := w.openBytes()
	if open >= w.o.RowGroupBytes || w.groupRows >= w.o.RowGroupRows {
		return w.endRowGroup()
	}
	if w.o.Budget == nil {
		return nil
	}
	need := w.held()
	if need <= w.reserved {
		return nil
	}
	if (w.o.MaxReserve == 0 || need <= w.o.MaxReserve) && w.o.Budget.TryReserve(need-w.reserved) {
		w.reserved = need
		return nil
	}
	if open >= minGroupBytes {
		return w.endRowGroup()
	}
	for _, c := range w.columns {
		if err := c.squeeze(); err != nil {
			return err
		}
	}
	w.encoder.page, w.encoder.packed = nil, nil
	w.settle(w.held()) // the working minimum
	return nil
}

// endRowGroup writes the open row group and gives the memory of its pages back.
func (w *Writer) endRowGroup() error {
	if w.groupRows == 0 {
		return nil
	}
	g := rowGroup{start: w.out.n, rows: w.groupRows, chunks: make([]chunk, len(w.columns))}
	for i, c := range w.columns {
		k, err := c.endChunk(w.out)
		if err != nil {
			return err
		}
		g.chunks[i] = k
		w.indexed += int64(len(k.columnIndex) + len(k.offsetIndex))
	}
	w.groups = append(w.groups, g)
	w.groupRows = 0
	w.settle(w.held())
	return nil
}

// settle makes the reservation n bytes, which are in use already.
func (w *Writer) settle(n int64) {
	switch {
	case w.o.Budget == nil:
		return
	case n < w.reserved:
		w.o.Budget.Release(w.reserved - n)
	case n > w.reserved:
		w.o.Budget.Force(n - w.reserved)
	}
	w.reserved = n
}

// held is the writer's memory, in bytes.
func (w *Writer) held() int64 {
	n := int64(cap(w.encoder.page)+cap(w.encoder.packed)) + w.indexed
	for _, c := range w.columns {
		n += c.held()
	}
	return n
}

// openBytes is about the size of the open row group, if it ended now.
func (w *Writer) openBytes() (n int64) {
	for _, c := range w.columns {
		n += c.size()
	}
	return n
}

// Buffered is an estimate of the file's size if it were closed now, in bytes.
func (w *Writer) Buffered() int64 {
	groups := int64(len(w.groups))
	if w.groupRows > 0 {
		groups++
	}
	return w.out.n + w.openBytes() + w.indexed + int64(len(w.columns))*(40+150*groups)
}

// Rows is the number of rows written.
func (w *Writer) Rows() int64 { return w.rows }

// Close finishes the file, without closing what it was written to, and describes it.
func (w *Writer) Close() (f File, err error) {
	if w.done {
		return File{}, fmt.Errorf("the Parquet file is closed already")
	}
	defer w.Abort()
	if w.err != nil {
		return File{}, w.err
	}
	defer fault.Recover(&err)
	if err := w.endRowGroup(); err != nil {
		return File{}, err
	}
	if err := w.writeIndexes(); err != nil {
		return File{}, err
	}
	footer, err := w.footer()
	if err != nil {
		return File{}, err
	}
	tail := binary.LittleEndian.AppendUint32(footer, uint32(len(footer)))
	if _, err := w.out.Write(append(tail, magic...)); err != nil {
		return File{}, err
	}
	return w.describe(), nil
}

// writeIndexes writes the page indexes before the footer, the column indexes first.
func (w *Writer) writeIndexes() error {
	for i := range w.groups {
		for j := range w.groups[i].chunks {
			k := &w.groups[i].chunks[j]
			k.columnIndexAt = w.out.n
			if _, err := w.out.Write(k.columnIndex); err != nil {
				return err
			}
		}
	}
	for i := range w.groups {
		for j := range w.groups[i].chunks {
			k := &w.groups[i].chunks[j]
			k.offsetIndexAt = w.out.n
			if _, err := w.out.Write(k.offsetIndex); err != nil {
				return err
			}
		}
	}
	return nil
}

// Abort gives the writer's memory back without finishing the file.
func (w *Writer) Abort() {
	if w.done {
		return
	}
	w.done = true
	for _, c := range w.columns {
		c.pages.free()
	}
	w.settle(0)
}
