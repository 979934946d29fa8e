package csv

import (
	"bytes"
)

// dialect is how the text is written.
type dialect struct {
	delimiter byte
	quote     byte // 0: none
	comment   byte // 0: none
	trim      bool
}

// lastRowEnd finds the end of the last whole row in buf, which starts at a row's start; 0 when there is none. It visits
// quotes only: a quote opens a cell only at the cell's start, so that other quotes are text. It also counts the line ends
// up to there that stand inside quotes.
func (d dialect) lastRowEnd(buf []byte, eof bool) (end, inner int) {
	pos := 0
	for d.quote != 0 {
		i := bytes.IndexByte(buf[pos:], d.quote)
		if i < 0 {
			break
		}
		q := pos + i
		if q > 0 && buf[q-1] != d.delimiter && buf[q-1] != '\n' && buf[q-1] != '\r' {
			pos = q + 1
			continue
		}
		close := d.closing(buf, q+1)
		if close < 0 { // the cell goes on behind buf
			if eof {
				return len(buf), inner
			}
			if i := bytes.LastIndexByte(buf[pos:q], '\n'); i >= 0 {
				return pos + i + 1, inner
			}
			return d.rowBefore(buf, pos)
		}
		inner += bytes.Count(buf[q:close], []byte{'\n'})
		pos = close + 1
	}
	if eof {
		return len(buf), inner
	}
	if i := bytes.LastIndexByte(buf[pos:], '\n'); i >= 0 {
		return pos + i + 1, inner
	}
	// No line ends after the last quoted cell: the row that holds it is not whole.
	return d.rowBefore(buf, pos)
}

// rowBefore finds the last row end before pos by visiting the quotes again, remembering row ends.
func (d dialect) rowBefore(buf []byte, limit int) (end, inner int) {
	pos, seen := 0, 0
	for pos < limit {
		next := bytes.IndexByte(buf[pos:limit], d.quote)
		stop := limit
		if next >= 0 {
			stop = pos + next
		}
		if i := bytes.LastIndexByte(buf[pos:stop], '\n'); i >= 0 {
			end, inner = pos+i+1, seen
		}
		if next < 0 {
			break
		}
		q := stop
		if q > 0 && buf[q-1] != d.delimiter && buf[q-1] != '\n' && buf[q-1] != '\r' {
			pos = q + 1
			continue
		}
		close := d.closing(buf, q+1)
		if close < 0 {
			break
		}
		seen += bytes.Count(buf[q:close], []byte{'\n'})
		pos = close + 1
	}
	return end, inner
}

// closing is the place of the quote that closes a cell whose text starts at from; doubled quotes are text. -1: none.
func (d dialect) closing(buf []byte, from int) int {
	for {
		i := bytes.IndexByte(buf[from:], d.quote)
		if i < 0 {
			return -1
		}
		q := from + i
		if q+1 < len(buf) && buf[q+1] == d.quote {
			from = q + 2
			continue
		}
		return q
	}
}

// cell is one cell of a row: bytes [start, end) of the buffer, without quotes.
type cell struct {
	start, end int
	quoted     bool
	doubled    bool // it holds doubled quotes
}

// row cuts the row that starts at pos. next is where the following one starts; unclosed says that a quote was never closed,
// and junk that text follows a closing quote.
func (d dialect) row(buf []byte, pos int, cells []cell) (out []cell, next int, unclosed, junk bool) {
	for {
		c := cell{start: pos}
		if d.quote != 0 && pos < len(buf) && buf[pos] == d.quote {
			close := d.closing(buf, pos+1)
			if close < 0 {
				return append(cells, cell{pos + 1, len(buf), true, false}), len(buf), true, junk
			}
			c = cell{pos + 1, close, true, bytes.IndexByte(buf[pos+1:close], d.quote) >= 0}
			pos = close + 1
			for pos < len(buf) && buf[pos] != d.delimiter && buf[pos] != '\n' {
				if buf[pos] != '\r' || pos+1 < len(buf) && buf[pos+1] != '\n' {
					junk = true
				}
				pos++
			}
		} else {
			for pos < len(buf) && buf[pos] != d.delimiter && buf[pos] != '\n' {
				pos++
			}
			c.end = pos
			if (pos == len(buf) || buf[pos] == '\n') && c.end > c.start && buf[c.end-1] == '\r' {
				c.end--
			}
			if d.trim {
				for c.start < c.end && buf[c.start] == ' ' {
					c.start++
				}
				for c.end > c.start && buf[c.end-1] == ' ' {
					c.end--
				}
			}
		}
		cells = append(cells, c)
		if pos >= len(buf) {
			return cells, len(buf), false, junk
		}
		pos++
		if buf[pos-1] == '\n' {
			return cells, pos, false, junk
		}
		if pos == len(buf) { // a delimiter at the end of the text: one more empty cell
			return append(cells, cell{start: pos, end: pos}), pos, false, junk
		}
	}
}

// column is the cell's 1-based byte in its row, which starts at row; a quoted cell starts with its quote.
func (c cell) column(row int) int {
	if c.quoted {
		return c.start - row
	}
	return 1 + c.start - row
}

// text is the cell's text, with doubled quotes made single.
func (c cell) text(buf []byte, quote byte) []byte {
	t := buf[c.start:c.end]
	if c.doubled {
		return bytes.ReplaceAll(t, []byte{quote, quote}, []byte{quote})
	}
	return t
}
