package csv

import (
	"bytes"
	"fmt"
	"math/bits"
)

// rows says where the cells of a chunk's readable rows are: cell k of row r is text[pos[r*stride+k]+1 : pos[r*stride+k+1]].
type rows struct {
	pos    []uint32
	stride int
	n      int

	ordinals []int64      // of the rows in the file; nil: they follow each other from the chunk's first
	lines    []int64      // likewise
	folded   map[int]bool // rows whose last cell takes what is beyond the header
}

// absent as a cell's end, seen from its start, marks a cell that a short row lacks.
const absent = ^uint32(0)

// badRow is a row that cannot be read.
type badRow struct {
	from, to int // its text
	ordinal  int64
	flaw
	column int    // of the header that at belongs to; -1: none
	value  string // of the cell, where it is no value of its type
}

// layout finds the rows of a chunk. Rows without cells and comments are left out; those that are flawed come back as bad.
func (c *chunk) layout() (rows, []badRow) {
	if c.indexed && c.from == 0 {
		if r, ok := c.regular(); ok {
			return r, nil
		}
	}
	return c.walk()
}

// extract lists the bytes that end cells, behind a first entry that stands for the byte before the text.
func (c *chunk) extract() (pos []uint32, feeds int) {
	need := 2
	words := c.masks[:(c.end+block-1)/block]
	for _, w := range words {
		need += bits.OnesCount64(w)
	}
	pos = c.pos
	if cap(pos) < need+3 {
		pos = make([]uint32, need+need/8+3)
	}
	pos = pos[:need+3]
	pos[0] = absent // one before the first byte
	k := 1
	for b, w := range words {
		off, n := uint32(b*block), bits.OnesCount64(w)
		for i := 0; i < n; i += 4 { // four at a time, the last of them perhaps for nothing, so that the processor guesses well
			p := pos[k+i : k+i+4 : k+i+4]
			p[0] = off + uint32(bits.TrailingZeros64(w))
			w &= w - 1
			p[1] = off + uint32(bits.TrailingZeros64(w))
			w &= w - 1
			p[2] = off + uint32(bits.TrailingZeros64(w))
			w &= w - 1
			p[3] = off + uint32(bits.TrailingZeros64(w))
			w &= w - 1
		}
		k += n
	}
	for k > 1 && int(pos[k-1]) >= c.end { // the last word goes beyond
		k--
	}
	if n := c.end; n > 0 && (k == 1 || int(pos[k-1]) != n-1 || c.text[n-1] != '\n') {
		pos[k] = uint32(n) // the text's end ends the last cell
		k++
	}
	c.pos = pos
	return pos[:k], c.count
}

// regular is the layout of a chunk in which every row has the header's number of cells: then the ends of cells are the layout, but
// that carriage returns before line feeds must go.
func (c *chunk) regular() (rows, bool) {
	pos, n := c.extract()
	width := len(c.src.cols)
	if len(pos)-1 != n*width || width == 1 {
		return rows{}, false
	}
	// As many line feeds as rows, and one at the end of each: so none is inside of a row.
	returns := 0
	for k := width; k < len(pos); k += width {
		end := int(pos[k])
		if end < c.end && c.text[end] != '\n' {
			return rows{}, false
		}
		if end > int(pos[k-1]+1) && c.text[end-1] == '\r' {
			returns++
		}
	}
	out := rows{pos: pos, stride: width, n: n}
	if returns > 0 {
		out.pos, out.stride = c.withoutReturns(pos, width), width+1
	}
	if c.lines > n {
		out.lines = make([]int64, 0, n)
		line := c.line
		for r := range n {
			out.lines = append(out.lines, line)
			line += int64(bytes.Count(c.text[pos[r*width]+1:min(int(pos[(r+1)*width])+1, c.end)], []byte{'\n'}))
		}
	}
	return out, true
}

// withoutReturns gives each row a start of its own, so that its end can be before its carriage return.
func (c *chunk) withoutReturns(pos []uint32, width int) []uint32 {
	n := (len(pos) - 1) / width
	if cap(c.spread) < n*(width+1) {
		c.spread = make([]uint32, n*(width+1)+n)
	}
	out := c.spread[:n*(width+1)]
	for r := range n {
		row := out[r*(width+1) : (r+1)*(width+1)]
		copy(row, pos[r*width:])
		if end := row[width]; end > row[width-1]+1 && c.text[end-1] == '\r' {
			row[width]--
		}
	}
	return out
}

// walk goes row by row, over the indexed ends of cells or with the state machine, and copies the ends of each good row behind its
// start.
func (c *chunk) walk() (rows, []badRow) {
	w := &walker{c: c, width: len(c.src.cols), out: rows{stride: len(c.src.cols) + 1}}
	w.ordinal, w.line = c.row, c.line
	if need := c.count * w.out.stride; cap(c.spread) < need {
		c.spread = make([]uint32, 0, need+need/8)
	}
	w.out.pos = c.spread[:0]
	w.out.ordinals, w.out.lines = make([]int64, 0, c.count), make([]int64, 0, c.count)
	text, d := c.text[:c.end], c.src.d
	if c.from >= c.end { // nothing stands behind the header
		return w.out, w.bad
	}
	if c.indexed {
		pos, _ := c.extract()
		from, first := c.from, 1
		for k := 1; k < len(pos); k++ {
			p := int(pos[k])
			if p < c.from {
				first = k + 1
				continue
			}
			if p < len(text) && text[p] != '\n' {
				continue
			}
			w.row(from, min(p+1, len(text)), pos[first:k+1], nil)
			from, first = p+1, k+1
		}
		return w.out, w.bad
	}
	var ends []uint32
	for pos := c.from; pos < len(text); {
		var bad *flaw
		from := pos
		ends, pos, bad, _ = d.row(text, pos, ends[:0], true)
		w.row(from, pos, ends, bad)
	}
	return w.out, w.bad
}

type walker struct {
	c       *chunk
	width   int
	out     rows
	bad     []badRow
	ordinal int64
	line    int64
}

// row takes the row text[from:to], whose cells end at ends.
func (w *walker) row(from, to int, ends []uint32, bad *flaw) {
	text, d := w.c.text, w.c.src.d
	ordinal, line := w.ordinal, w.line
	w.ordinal++
	w.line += int64(bytes.Count(text[from:to], []byte{'\n'}))
	if d.aside(text, from, to, w.width) {
		return
	}
	if last := len(ends) - 1; bad == nil && int(ends[last]) > from && text[ends[last]-1] == '\r' && (last == 0 || ends[last]-1 > ends[last-1]) {
		ends[last]--
	}
	fill := w.c.src.cfg.OnBadRow == "fill"
	if bad == nil && len(ends) != w.width && !fill {
		bad = &flaw{"WRONG_CELL_COUNT", fmt.Sprintf("the row has %d cells, the header %d", len(ends), w.width), from}
	}
	if bad != nil {
		w.refuse(from, to, ends, ordinal, bad)
		return
	}
	r := w.out.n
	if len(ends) > w.width {
		if w.out.folded == nil {
			w.out.folded = map[int]bool{}
		}
		w.out.folded[r] = true
		ends[w.width-1] = ends[len(ends)-1]
		ends = ends[:w.width]
	}
	w.out.pos = append(append(w.out.pos, uint32(from)-1), ends...)
	for n := len(ends); n < w.width; n++ {
		w.out.pos = append(w.out.pos, ends[len(ends)-1]) // an end before its start
	}
	w.out.ordinals, w.out.lines = append(w.out.ordinals, ordinal), append(w.out.lines, line)
	w.out.n++
}

func (w *walker) refuse(from, to int, ends []uint32, ordinal int64, bad *flaw) {
	b := badRow{from: from, to: to, ordinal: ordinal, flaw: *bad, column: -1}
	if bad.code == unclosedQuote || bad.code == "TEXT_AFTER_QUOTE" {
		b.column = 0
		for _, e := range ends {
			if int(e) < bad.at {
				b.column++
			}
		}
	}
	w.bad = append(w.bad, b)
}

func blank(raw []byte) bool { return len(bytes.TrimRight(raw, "\r\n")) == 0 }
