package transform

import (
	"bytes"
	"container/heap"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/firn-data/firn/internal/batch"
)

// cursor is where the merge is in one run.
type cursor struct {
	in    *ipc.Reader
	rec   arrow.RecordBatch // nil: at the end
	keys  *array.Binary
	parts *array.Int32
	row   int
	slot  int32 // of rec among the batches of the rows that are gathered; -1: none
	bytes int64
}

func (c *cursor) key() []byte { return c.keys.Value(c.row) }

// next reads the next batch of the run.
func (c *cursor) next(s *sorter) (err error) {
	c.leave(s)
	if c.rec, err = nextRecord(c.in); err != nil || c.rec == nil {
		return err
	}
	n := int(c.rec.NumCols())
	c.keys, c.parts, c.row, c.slot = c.rec.Column(n-2).(*array.Binary), c.rec.Column(n-1).(*array.Int32), 0, -1
	c.bytes = recordBytes(c.rec)
	s.hold.force(c.bytes)
	return nil
}

func (c *cursor) leave(s *sorter) {
	if c.rec != nil {
		c.rec.Release()
		s.hold.release(c.bytes)
		c.rec = nil
	}
}

type cursors []*cursor

func (h cursors) Len() int           { return len(h) }
func (h cursors) Less(i, j int) bool { return bytes.Compare(h[i].key(), h[j].key()) < 0 }
func (h cursors) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *cursors) Push(x any)        { *h = append(*h, x.(*cursor)) }
func (h *cursors) Pop() any          { c := (*h)[len(*h)-1]; *h = (*h)[:len(*h)-1]; return c }

// merge gives the rows of sorted runs in order.
func (s *sorter) merge(runs []*recordFile, out sortedOut) (err error) {
	var open []*cursor
	m := &merging{s: s, out: out}
	defer func() {
		m.reset()
		for _, c := range open {
			c.leave(s)
			c.in.Release()
		}
	}()
	h := cursors{}
	for _, r := range runs {
		in, err := r.read()
		if err != nil {
			return err
		}
		c := &cursor{in: in}
		open = append(open, c)
		if err := c.next(s); err != nil {
			return err
		}
		if c.rec != nil {
			h = append(h, c)
		}
	}
	heap.Init(&h)
	left, begun := s.keep, false
	var last []byte // the partition of the row before
	for len(h) > 0 {
		c := h[0]
		if part := c.key()[:c.parts.Value(c.row)]; !s.unique || !begun || !bytes.Equal(part, last) {
			m.take(c)
			last, begun = append(last[:0], part...), true
			if left--; left == 0 {
				break
			}
		}
		if c.row++; c.row < int(c.rec.NumRows()) {
			heap.Fix(&h, 0)
		} else {
			if err := c.next(s); err != nil {
				return err
			}
			if c.rec == nil {
				heap.Pop(&h)
			} else {
				heap.Fix(&h, 0)
			}
		}
		if len(m.spans) == sortedRows {
			if err := m.give(h); err != nil {
				return err
			}
		}
	}
	return m.give(h)
}

// merging gathers rows of several runs.
type merging struct {
	s     *sorter
	out   sortedOut
	recs  []arrow.RecordBatch // only the rows' own columns
	spans []batch.Span
	keys  [][]byte
	parts []int32
}

func (m *merging) take(c *cursor) {
	if c.slot < 0 {
		c.slot = int32(len(m.recs))
		c.rec.Retain()
		m.recs = append(m.recs, c.rec)
	}
	m.spans = append(m.spans, batch.Span{Batch: c.slot, From: int32(c.row), Rows: 1})
	m.keys, m.parts = append(m.keys, c.key()), append(m.parts, c.parts.Value(c.row))
}

// give gives what was gathered, and begins anew.
func (m *merging) give(h cursors) error {
	if len(m.spans) == 0 {
		return nil
	}
	rec, err := batch.Gather(m.s.env.Alloc, m.s.schema, m.recs, m.spans)
	if err != nil {
		return err
	}
	err = m.out(rec, m.keys, m.parts)
	m.reset()
	for _, c := range h {
		c.slot = -1
	}
	return err
}

func (m *merging) reset() {
	for _, r := range m.recs {
		r.Release()
	}
	m.recs, m.spans, m.keys, m.parts = nil, nil, nil, nil
}
