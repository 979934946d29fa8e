package layout

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"sort"
	"syscall"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
)

// run is sorted rows in a temp file: Arrow IPC with lz4, in chunks that can be read by number. Its last column is the key.
// The file is open only while it is written or merged.
type run struct {
	path   string
	firsts [][]byte // key of each chunk's first row
	rows   int64
	bytes  int64 // in memory
}

func (r *run) remove() { os.Remove(r.path) }

// runSchema is the table's columns and the key.
func runSchema(s *arrow.Schema) *arrow.Schema {
	return arrow.NewSchema(append(slices.Clone(s.Fields()), arrow.Field{Name: "firn.key", Type: arrow.BinaryTypes.Binary}), nil)
}

// runWriter writes a run. Either close or abort must be called.
type runWriter struct {
	file *os.File
	run  *run
	ipc  *ipc.FileWriter
}

func (w *Writer) newRun() (*runWriter, error) {
	if w.cfg.Temp == nil {
		return nil, fault.New(fault.Bug, "rows must be spilled, and there is no folder for temp files")
	}
	f, err := w.cfg.Temp.Create("rows")
	if err != nil {
		return nil, spillError(err)
	}
	iw, err := ipc.NewFileWriter(f, ipc.WithSchema(w.runSchema), ipc.WithAllocator(w.cfg.Alloc), ipc.WithLZ4(), ipc.WithCompressConcurrency(1))
	r := &runWriter{file: f, run: &run{path: f.Name()}, ipc: iw}
	if err != nil {
		r.discard()
		return nil, spillError(err)
	}
	return r, nil
}

// write appends one chunk, which has the columns of runSchema; rec stays the caller's.
func (r *runWriter) write(rec arrow.RecordBatch) error {
	keys := rec.Column(int(rec.NumCols()) - 1).(*array.Binary)
	r.run.firsts = append(r.run.firsts, bytes.Clone(keys.Value(0)))
	r.run.rows += rec.NumRows()
	r.run.bytes += recordBytes(rec)
	return spillError(r.ipc.Write(rec))
}

func (r *runWriter) close() (*run, error) {
	if err := errors.Join(r.ipc.Close(), r.file.Close()); err != nil {
		r.run.remove()
		return nil, spillError(err)
	}
	return r.run, nil
}

func (r *runWriter) abort() {
	r.ipc.Close()
	r.discard()
}

func (r *runWriter) discard() {
	r.file.Close()
	r.run.remove()
}

func spillError(err error) error {
	if err == nil {
		return nil
	}
	f := fault.Wrap(fault.Unavailable, err, "spill rows to a temp file")
	if errors.Is(err, syscall.ENOSPC) {
		f.Hint("give --tmp-dir a folder with more room, or raise resources.memory")
	}
	return f
}

// sizeOfChunk is how many rows of about rowBytes make a chunk of about the size that merging plans with.
func (w *Writer) sizeOfChunk(rowBytes int64) int32 {
	return int32(max(1, min(gatherRows, w.chunkBytes/max(rowBytes, 1))))
}

// spillPartitions writes the buffered rows of some partitions as a run, whose keys are the partitions' numbers.
func (k *Worker) spillPartitions(ctx context.Context, numbers []int32) error {
	if len(numbers) == 0 {
		return nil
	}
	slices.Sort(numbers)
	rw, err := k.w.newRun()
	if err != nil {
		return err
	}
	rows := int64(0)
	for _, b := range k.fan.batches {
		rows += b.NumRows()
	}
	size := k.w.sizeOfChunk(k.reserved / max(rows, 1))
	var spans []batch.Span
	keys := array.NewBinaryBuilder(k.w.cfg.Alloc, arrow.BinaryTypes.Binary)
	defer keys.Release()
	pending := int32(0)
	flush := func() error {
		if pending == 0 {
			return nil
		}
		rec, err := k.gatherWithKeys(k.fan.batches, spans, keys)
		spans, pending = spans[:0], 0
		if err != nil {
			return err
		}
		defer rec.Release()
		return rw.write(rec)
	}
	for _, n := range numbers {
		if ctx.Err() != nil {
			rw.abort()
			return context.Cause(ctx)
		}
		for chunk := range chunks(k.fan.spans[n], size) {
			key := binary.BigEndian.AppendUint32(nil, uint32(n))
			for _, s := range chunk {
				for range s.Rows {
					keys.Append(key)
				}
				pending += s.Rows
			}
			if spans = append(spans, chunk...); pending < size {
				continue
			}
			if err := flush(); err != nil {
				rw.abort()
				return err
			}
		}
	}
	if err := flush(); err != nil {
		rw.abort()
		return err
	}
	return k.w.keep(rw)
}

func (k *Worker) gatherWithKeys(from []arrow.RecordBatch, spans []batch.Span, keys *array.BinaryBuilder) (arrow.RecordBatch, error) {
	rec, err := batch.Gather(k.w.cfg.Alloc, k.w.schema, from, spans)
	if err != nil {
		return nil, err
	}
	defer rec.Release()
	key := keys.NewArray()
	defer key.Release()
	return array.NewRecordBatch(k.w.runSchema, append(slices.Clone(rec.Columns()), key), rec.NumRows()), nil
}

// keep ends a run and notes it.
func (w *Writer) keep(rw *runWriter) error {
	r, err := rw.close()
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.runs = append(w.runs, r)
	w.mu.Unlock()
	return nil
}

// runCursor reads a run's rows with keys in [lo, hi); nil bounds nothing.
type runCursor struct {
	w        *Writer
	file     *os.File
	reader   *ipc.FileReader
	next     int // chunk
	hi       []byte
	rec      arrow.RecordBatch
	keys     *array.Binary
	row      int
	reserved int64
}

func (w *Writer) openRun(r *run, lo, hi []byte) (cursor, error) {
	file, err := os.Open(r.path)
	if err != nil {
		return nil, spillError(err)
	}
	c := &runCursor{w: w, file: file, hi: hi}
	if c.reader, err = ipc.NewFileReader(file, ipc.WithAllocator(w.cfg.Alloc)); err == nil {
		err = c.seek(r, lo)
	}
	if err != nil {
		c.close()
		return nil, spillError(err)
	}
	return c, nil
}

// seek goes to the first row whose key is not below lo.
func (c *runCursor) seek(r *run, lo []byte) error {
	if lo != nil {
		c.next = max(0, sort.Search(len(r.firsts), func(i int) bool { return bytes.Compare(r.firsts[i], lo) >= 0 })-1)
	}
	if err := c.load(); err != nil {
		return err
	}
	for lo != nil && c.rec != nil && bytes.Compare(c.key(), lo) < 0 {
		if c.step() {
			continue
		}
		if err := c.load(); err != nil {
			return err
		}
	}
	return nil
}

func (c *runCursor) key() []byte                    { return c.keys.Value(c.row) }
func (c *runCursor) at() (arrow.RecordBatch, int32) { return c.rec, int32(c.row) }
func (c *runCursor) valid() bool {
	return c.rec != nil && (c.hi == nil || bytes.Compare(c.key(), c.hi) < 0)
}

func (c *runCursor) step() bool {
	c.row++
	return c.row < int(c.rec.NumRows())
}

// load reads the next chunk; after the last there is none.
func (c *runCursor) load() error {
	c.drop()
	if c.next >= c.reader.NumRecords() {
		return nil
	}
	rec, err := c.reader.RecordBatchAt(c.next)
	if err != nil {
		return spillError(err)
	}
	c.next++
	c.rec, c.row = rec, 0
	c.keys = rec.Column(int(rec.NumCols()) - 1).(*array.Binary)
	c.reserved = recordBytes(rec)
	c.w.force(c.reserved) // planned for: see Writer.fanIn
	return nil
}

func (c *runCursor) drop() {
	if c.rec != nil {
		c.rec.Release()
		c.w.release(c.reserved)
		c.rec, c.reserved = nil, 0
	}
}

func (c *runCursor) close() {
	c.drop()
	if c.reader != nil {
		c.reader.Close()
	}
	c.file.Close()
}
