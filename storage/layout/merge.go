package layout

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"golang.org/x/sync/errgroup"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
)

// cursor reads sorted rows one by one. at and key hold until step has returned false and load is called.
type cursor interface {
	valid() bool
	key() []byte
	at() (arrow.RecordBatch, int32)
	step() bool  // goes on to the next row in memory; false: load more
	load() error // after it, valid says whether there are more
	close()
}

// merger merges cursors into batches, which it hands to emit group by group; a group is the rows whose keys begin with the
// same bytes, as many as group says.
type merger struct {
	w     *Writer
	group int
	limit int32 // rows of a batch
	emit  func(key []byte, from []arrow.RecordBatch, spans []batch.Span) error

	heap    []cursor
	order   map[cursor]int // of equal keys, the earlier cursor's come first
	key     []byte         // of the pending group
	from    []arrow.RecordBatch
	index   map[arrow.RecordBatch]int32
	spans   []batch.Span
	pending int32
}

func (m *merger) less(a, b cursor) bool {
	if c := bytes.Compare(a.key(), b.key()); c != 0 {
		return c < 0
	}
	return m.order[a] < m.order[b]
}

func (m *merger) sift(i int) {
	for {
		least := i
		for _, child := range []int{2*i + 1, 2*i + 2} {
			if child < len(m.heap) && m.less(m.heap[child], m.heap[least]) {
				least = child
			}
		}
		if least == i {
			return
		}
		m.heap[i], m.heap[least] = m.heap[least], m.heap[i]
		i = least
	}
}

// second is the cursor that comes after the first.
func (m *merger) second() cursor {
	switch {
	case len(m.heap) < 2:
		return nil
	case len(m.heap) == 2 || m.less(m.heap[1], m.heap[2]):
		return m.heap[1]
	}
	return m.heap[2]
}

// merge closes the cursors.
func (m *merger) merge(ctx context.Context, cursors []cursor) error {
	defer func() {
		for _, c := range cursors {
			c.close()
		}
	}()
	m.order, m.index = map[cursor]int{}, map[arrow.RecordBatch]int32{}
	for i, c := range cursors {
		m.order[c] = i
		if c.valid() {
			m.heap = append(m.heap, c)
		}
	}
	for i := len(m.heap)/2 - 1; i >= 0; i-- {
		m.sift(i)
	}
	for len(m.heap) > 0 {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := m.take(m.heap[0], m.second()); err != nil {
			return err
		}
		if !m.heap[0].valid() {
			last := len(m.heap) - 1
			m.heap[0] = m.heap[last]
			m.heap = m.heap[:last]
		}
		m.sift(0)
	}
	return m.flush()
}

// take moves rows of c for as long as they come before other's.
func (m *merger) take(c, other cursor) error {
	for {
		if err := m.add(c); err != nil {
			return err
		}
		if !c.step() {
			if err := m.flush(); err != nil { // the rows are read from memory that load gives back
				return err
			}
			if err := c.load(); err != nil {
				return err
			}
		}
		if !c.valid() || other != nil && !m.less(c, other) {
			return nil
		}
	}
}

func (m *merger) add(c cursor) error {
	if key := c.key()[:m.group]; m.pending == 0 {
		m.key = append(m.key[:0], key...)
	} else if !bytes.Equal(key, m.key) || m.pending >= m.limit {
		if err := m.flush(); err != nil {
			return err
		}
		m.key = append(m.key[:0], key...)
	}
	rec, row := c.at()
	m.pending++
	at, ok := m.index[rec]
	if !ok {
		at = int32(len(m.from))
		m.from = append(m.from, rec)
		m.index[rec] = at
	}
	if n := len(m.spans); n > 0 && m.spans[n-1].Batch == at && m.spans[n-1].From+m.spans[n-1].Rows == row {
		m.spans[n-1].Rows++
		return nil
	}
	m.spans = append(m.spans, batch.Span{Batch: at, From: row, Rows: 1})
	return nil
}

func (m *merger) flush() error {
	if m.pending == 0 {
		return nil
	}
	err := m.emit(m.key, m.from, m.spans)
	m.from, m.spans, m.pending = m.from[:0], m.spans[:0], 0
	clear(m.index)
	return err
}

// numberBytes is how long a partition's number is at the beginning of a key.
const numberBytes = 4

// mergeFiles writes all sorted rows to data files. Several mergers work at once, each on a range of keys.
func (w *Writer) mergeFiles(ctx context.Context, buffers []*sortBuffer) error {
	defer w.removeRuns()
	for len(w.runs) > w.fanIn {
		if err := w.mergePass(ctx); err != nil {
			return err
		}
	}
	bounds := w.bounds(buffers)
	reserve, limit := w.fileReserve/int64(len(bounds)-1), w.rowsOfMerge(w.runs, buffers)
	g, ctx := errgroup.WithContext(ctx)
	for i := range len(bounds) - 1 {
		g.Go(func() (err error) {
			defer fault.Recover(&err)
			cursors, err := w.cursors(w.runs, buffers, bounds[i], bounds[i+1])
			if err != nil {
				return err
			}
			return w.mergeRange(ctx, cursors, reserve, limit)
		})
	}
	return g.Wait()
}

func (w *Writer) cursors(runs []*run, buffers []*sortBuffer, lo, hi []byte) ([]cursor, error) {
	var out []cursor
	for _, r := range runs {
		c, err := w.openRun(r, lo, hi)
		if err != nil {
			for _, c := range out {
				c.close()
			}
			return nil, err
		}
		out = append(out, c)
	}
	for _, b := range buffers {
		out = append(out, b.openMemory(lo, hi))
	}
	return out, nil
}

// rowsOfMerge is how many merged rows make a batch.
func (w *Writer) rowsOfMerge(runs []*run, buffers []*sortBuffer) int32 {
	widest := int64(1)
	for _, r := range runs {
		widest = max(widest, r.bytes/max(r.rows, 1))
	}
	for _, b := range buffers {
		size := int64(0)
		for _, rec := range b.batches {
			size += recordBytes(rec)
		}
		widest = max(widest, size/int64(len(b.entries)))
	}
	return w.sizeOfChunk(widest)
}

// mergeRange writes one range of keys, one file at a time, in order.
func (w *Writer) mergeRange(ctx context.Context, cursors []cursor, reserve int64, limit int32) (err error) {
	out := slot{w: w, reserve: reserve}
	var current []byte
	m := &merger{w: w, limit: limit}
	if len(w.source) > 0 {
		m.group = numberBytes
	}
	m.emit = func(key []byte, from []arrow.RecordBatch, spans []batch.Span) error {
		if !bytes.Equal(key, current) {
			if err := out.finish(); err != nil {
				return err
			}
			current = bytes.Clone(key)
			out.tuple = w.parts.get(int32(binary.BigEndian.Uint32(key))).slot.tuple
		}
		rec, err := batch.Gather(w.cfg.Alloc, w.schema, from, spans)
		if err != nil {
			return err
		}
		return out.write(ctx, rec)
	}
	if err = m.merge(ctx, cursors); err == nil {
		err = out.finish()
	}
	if err != nil {
		out.abort()
	}
	return err
}

// mergePass makes one run of as many as may be open at a time.
func (w *Writer) mergePass(ctx context.Context) error {
	n := min(w.fanIn, len(w.runs))
	cursors, err := w.cursors(w.runs[:n], nil, nil, nil)
	if err != nil {
		return err
	}
	rw, err := w.newRun()
	if err != nil {
		for _, c := range cursors {
			c.close()
		}
		return err
	}
	m := &merger{w: w, limit: w.rowsOfMerge(w.runs[:n], nil), emit: func(_ []byte, from []arrow.RecordBatch, spans []batch.Span) error {
		rec, err := batch.Gather(w.cfg.Alloc, w.runSchema, from, spans)
		if err != nil {
			return err
		}
		defer rec.Release()
		return rw.write(rec)
	}}
	if err := m.merge(ctx, cursors); err != nil {
		rw.abort()
		return err
	}
	for _, r := range w.runs[:n] {
		r.remove()
	}
	w.runs = slices.Clone(w.runs[n:])
	return w.keep(rw)
}

func (w *Writer) removeRuns() {
	for _, r := range w.runs {
		r.remove()
	}
	w.runs = nil
}

// mergerParts is how many partitions are worth a merger of their own, however few rows they have.
const mergerParts = 64

// bounds cuts the keys into ranges of about equal size, one for each merger: nil, keys between them, nil. Where there are
// many partitions, none is cut in two.
func (w *Writer) bounds(buffers []*sortBuffer) [][]byte {
	rows, samples := int64(0), [][]byte{}
	for _, r := range w.runs {
		rows += r.rows
		samples = append(samples, r.firsts...)
	}
	for _, b := range buffers {
		rows += int64(len(b.entries))
		for i := 0; i < len(b.entries); i += 4 << 10 {
			samples = append(samples, b.key(b.entries[i]))
		}
	}
	slices.SortFunc(samples, bytes.Compare)
	work := max(rows/w.mergerRows, int64(w.parts.len()/mergerParts))
	n := int(min(int64(w.cfg.Workers), work, int64(len(samples))))
	out := [][]byte{nil}
	for i := 1; i < n; i++ {
		key := samples[i*len(samples)/n]
		if w.parts.len() > 4*n {
			key = key[:numberBytes]
		}
		if len(out) == 1 || bytes.Compare(out[len(out)-1], key) < 0 {
			out = append(out, bytes.Clone(key))
		}
	}
	return append(out, nil)
}
