package csv

import (
	"bytes"
	"context"
	"io"
	"math/bits"
	"sync"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/memory"
	"github.com/firn-data/firn/internal/textarrow"
)

// buffer is the memory of one chunk; it goes from chunk to chunk.
type buffer struct {
	text   []byte   // with textarrow.Slack bytes behind it
	masks  []uint64 // one word a block: the delimiters and line feeds that end cells
	pos    []uint32
	spread []uint32 // pos with a start for each row
}

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// room makes the buffer's text n bytes long, keeping the first keep.
func (b *buffer) room(n, keep int) {
	if cap(b.text) < n+textarrow.Slack {
		grown := make([]byte, n, n+n/8+textarrow.Slack)
		copy(grown, b.text[:keep])
		b.text = grown
	}
	b.text = b.text[:n]
}

// sequencer cuts one file into chunks of whole rows. It knows the state at the start of each exactly: what it hands out needs no
// second look.
type sequencer struct {
	r      io.Reader
	d      dialect
	size   int // bytes to read at a time
	footer int // lines at the end to leave out
	budget *memory.Budget
	rest   []byte
	eof    bool
}

// endless is how many bytes beyond twice max_row are looked at for the end of a row.
const endless = 8 << 20

// cut is one chunk: the first end bytes of a buffer.
type cut struct {
	*buffer
	end     int
	indexed bool // masks are set; else the state machine must find the cells
	rows    int  // rows in it, blank ones and comments counted
	lines   int  // line feeds in it
}

// next reads on until there is a whole row, and about a chunk. io.EOF says that nothing is left.
func (q *sequencer) next(ctx context.Context) (*cut, error) {
	b := buffers.Get().(*buffer)
	b.room(len(q.rest), 0)
	copy(b.text, q.rest)
	held := int64(0) // I8: what a row longer than a chunk takes while it is looked for
	defer func() { q.budget.Release(held) }()
	for size := q.size; ; size *= 2 {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if size > q.size {
			q.budget.Force(int64(size / 2))
			held += int64(size / 2)
		}
		if err := q.read(b, size); err != nil {
			return nil, err
		}
		limit := q.beforeFooter(b.text)
		if limit == 0 && q.eof {
			return nil, io.EOF
		}
		c := &cut{buffer: b}
		if q.find(c, limit); c.end == 0 && limit > 2*q.d.maxRow+endless {
			return nil, fault.New(fault.Data, "a row of more than %d bytes has no end", limit).Hint("is it a text of lines? longer rows than max_row are bad rows, but each must end")
		}
		if c.end == 0 {
			continue
		}
		c.lines = bytes.Count(b.text[:c.end], []byte{'\n'})
		q.rest = append(q.rest[:0], b.text[c.end:]...)
		return c, nil
	}
}

// read adds about size bytes to the buffer.
func (q *sequencer) read(b *buffer, size int) error {
	if q.eof {
		return nil
	}
	have := len(b.text)
	b.room(max(size, have+q.size), have)
	n, eof, err := readFull(q.r, b.text[have:])
	b.text, q.eof = b.text[:have+n], eof
	return err
}

// beforeFooter is where the lines start that may be the footer.
func (q *sequencer) beforeFooter(text []byte) int {
	end := len(text)
	if q.footer == 0 {
		return end
	}
	if end > 0 && text[end-1] == '\n' {
		end--
	}
	for range q.footer {
		end = bytes.LastIndexByte(text[:max(end, 0)], '\n')
	}
	return end + 1
}

// find sets the end of the last whole row in text[:limit].
func (q *sequencer) find(c *cut, limit int) {
	last := q.eof // then the text's end ends a row, too
	if q.d.plain() && limit <= q.d.maxRow && q.index(c, limit, last) {
		return
	}
	c.indexed = false
	c.end, c.rows = q.d.visit(c.text[:limit], last)
}

// index finds rows by bit masks. It gives up when a quote stands where only the state machine knows what it means: one that opens in
// the middle of a cell, one that is followed by text, one that is never closed.
func (q *sequencer) index(c *cut, limit int, last bool) bool {
	blocks := (limit + block - 1) / block
	if cap(c.masks) < 3*blocks {
		c.masks = make([]uint64, 3*blocks+blocks/4)
	}
	m := c.masks[:3*blocks]
	masks(c.text, q.d.delimiter, q.d.quote, m)
	var inside uint64
	structural, shut := uint64(1), uint64(0) // whether the byte before the block ends a cell, and whether it is a closing quote
	for b := range blocks {
		ends, feeds, quotes := m[3*b]|m[3*b+1], m[3*b+1], m[3*b+2]
		if q.d.quote == 0 {
			quotes = 0
		}
		if b == blocks-1 && limit%block != 0 {
			keep := uint64(1)<<(limit%block) - 1
			ends, feeds, quotes = ends&keep, feeds&keep, quotes&keep
		}
		if quotes|inside != 0 {
			in := insideOf(quotes, inside)
			opens, closes := quotes&in, quotes&^in
			if opens&^(ends<<1|structural|closes<<1|shut) != 0 {
				return false
			}
			if after := (closes<<1 | shut) &^ (ends | quotes); after != 0 && !q.returns(c.text[:limit], b, after) {
				return false
			}
			shut = closes >> 63
			structural = ends >> 63
			ends, feeds = ends&^in, feeds&^in
			inside = uint64(int64(in) >> 63)
		} else {
			if shut&^ends != 0 && !q.returns(c.text[:limit], b, shut) {
				return false
			}
			shut, structural = 0, ends>>63
		}
		m[b] = ends
		if feeds != 0 {
			c.end = b*block + 64 - bits.LeadingZeros64(feeds)
			c.rows += bits.OnesCount64(feeds)
		}
	}
	c.indexed = true
	if !last {
		return true
	}
	if inside != 0 {
		return false
	}
	if c.end < limit {
		c.end = limit
		c.rows++
	}
	return true
}

// returns reports whether all the marked bytes behind closing quotes are the carriage return of a line end, or behind the text.
func (q *sequencer) returns(text []byte, b int, after uint64) bool {
	for ; after != 0; after &= after - 1 {
		i := b*block + bits.TrailingZeros64(after)
		if i >= len(text) {
			continue
		}
		if text[i] != '\r' || i+1 < len(text) && text[i+1] != '\n' {
			return false
		}
	}
	return true
}
