package csv

import (
	"bytes"
	"fmt"
)

// dialect is how the text is written. A quote opens a cell only at the cell's start; elsewhere it is text.
type dialect struct {
	delimiter byte
	quote     byte // 0: none
	escape    byte // '\\', or the quote itself: a doubled one
	comment   byte // 0: none
	trim      bool
	maxRow    int // bytes of the longest row
}

// plain reports whether quotes alone tell what is inside a cell, so that bit masks can.
func (d dialect) plain() bool {
	return d.comment == 0 && (d.quote == 0 || d.escape == d.quote)
}

// flaw is what makes a row unreadable.
type flaw struct {
	code, reason string
	at           int // byte in the text; -1 for none
}

const unclosedQuote = "UNCLOSED_QUOTE"

// row finds where the cells of the row that starts at pos end: at a delimiter, at the line feed, or at the end of the text. next is
// where the following row starts. A quote that is not closed within max_row ends its row at the first line feed behind that bound.
// last says that the text's end ends a row; whole is false when the row goes on behind the text. This is the state machine that all
// faster ways must agree with, and what it finds of a row that is whole does not depend on how much text follows.
func (d dialect) row(text []byte, pos int, ends []uint32, last bool) (out []uint32, next int, bad *flaw, whole bool) {
	from := pos
	if d.comment != 0 && pos < len(text) && text[pos] == d.comment {
		next = lineEnd(text, pos)
		return append(ends, uint32(next)), next, nil, last || text[next-1] == '\n'
	}
	for {
		if d.quote != 0 && pos < len(text) && text[pos] == d.quote {
			shut := d.closing(text, pos+1)
			if next, open := d.open(text, from, shut); open {
				return append(ends, uint32(next)), next, &flaw{unclosedQuote, "the quote is not closed", pos}, last || next < len(text) || next-from > d.maxRow && text[next-1] == '\n'
			}
			pos = shut + 1
			for pos < len(text) && text[pos] != d.delimiter && text[pos] != '\n' {
				if bad == nil && (text[pos] != '\r' || pos+1 < len(text) && text[pos+1] != '\n') {
					bad = &flaw{"TEXT_AFTER_QUOTE", "there is text after a closing quote", pos}
				}
				pos++
			}
		} else {
			for pos < len(text) && text[pos] != d.delimiter && text[pos] != '\n' {
				pos++
			}
		}
		ends = append(ends, uint32(pos))
		if pos == len(text) {
			whole = last
			break
		}
		if pos++; text[pos-1] == '\n' {
			whole = true
			break
		}
	}
	if pos-from > d.maxRow {
		bad = &flaw{"ROW_TOO_LONG", fmt.Sprintf("the row is longer than %d bytes", d.maxRow), from}
	}
	return ends, pos, bad, whole
}

// open reports whether the quote that closes at shut (-1: nowhere) is taken for one that is not closed, and where its row then ends:
// a line feed stands between the bound of the row that starts at from and the closing quote.
func (d dialect) open(text []byte, from, shut int) (next int, open bool) {
	if shut >= 0 && shut-from <= d.maxRow {
		return 0, false
	}
	if bound := from + d.maxRow; bound < len(text) {
		if next = lineEnd(text, bound); text[next-1] == '\n' && (shut < 0 || next <= shut) {
			return next, true
		}
	}
	return len(text), shut < 0
}

// visit counts the whole rows of text, which begins at a row, and finds the end of the last, by looking at quotes alone. last says that
// the text's end ends a row.
func (d dialect) visit(text []byte, last bool) (end, rows int) {
	lf := []byte{'\n'}
	for pos := 0; ; {
		gap, q := text[pos:], -1 // up to the next quote, outside of quotes
		if d.quote != 0 {
			if q = bytes.IndexByte(gap, d.quote); q >= 0 {
				gap, q = gap[:q], pos+q
			}
		}
		if n := bytes.Count(gap, lf); n > 0 {
			rows += n
			end = pos + bytes.LastIndexByte(gap, '\n') + 1
		}
		if q < 0 {
			break
		}
		pos = q + 1
		if d.comment != 0 && text[end] == d.comment {
			next := lineEnd(text, pos)
			if text[next-1] != '\n' {
				break
			}
			pos = next - 1 // the line's end is the next gap's
			continue
		}
		if q > end && text[q-1] != d.delimiter {
			continue
		}
		shut := d.closing(text, q+1)
		if next, open := d.open(text, end, shut); open {
			if next == len(text) && !(next-end > d.maxRow && text[next-1] == '\n') {
				break
			}
			pos, end = next, next
			rows++
			continue
		}
		pos = shut + 1
	}
	if last && end < len(text) {
		return len(text), rows + 1
	}
	return end, rows
}

// lineEnd is where the line after the one at pos starts.
func lineEnd(text []byte, pos int) int {
	if i := bytes.IndexByte(text[pos:], '\n'); i >= 0 {
		return pos + i + 1
	}
	return len(text)
}

// closing is the place of the quote that closes a cell whose text starts at from; -1: none.
func (d dialect) closing(text []byte, from int) int {
	for {
		i := bytes.IndexByte(text[from:], d.quote)
		if i < 0 {
			return -1
		}
		q := from + i
		if d.escape != d.quote {
			if n := trailing(text[from:q], d.escape); n%2 == 1 {
				from = q + 1
				continue
			}
			return q
		}
		if q+1 < len(text) && text[q+1] == d.quote {
			from = q + 2
			continue
		}
		return q
	}
}

// trailing counts how often c stands at the end of text.
func trailing(text []byte, c byte) (n int) {
	for n < len(text) && text[len(text)-1-n] == c {
		n++
	}
	return n
}

// unquoted is the text between a cell's quotes, with what was escaped made plain; buf is room for it. An escape is taken away before a
// quote and before itself; before anything else it is text.
func (d dialect) unquoted(inner, buf []byte) []byte {
	i := bytes.IndexByte(inner, d.escape)
	if i < 0 {
		return inner
	}
	buf = buf[:0]
	for i >= 0 && i+1 < len(inner) {
		next, keep := inner[i+1], i
		if next != d.quote && next != d.escape {
			keep++
		}
		buf = append(append(buf, inner[:keep]...), next)
		inner = inner[i+2:]
		i = bytes.IndexByte(inner, d.escape)
	}
	return append(buf, inner...)
}

// cell is a cell's text as it is meant: without quotes and escapes, or, where it has none and the dialect says so, without the
// spaces around it.
func (d dialect) cell(raw, buf []byte) (text []byte, quoted bool) {
	if d.quote != 0 && len(raw) > 1 && raw[0] == d.quote && raw[len(raw)-1] == d.quote {
		return d.unquoted(raw[1:len(raw)-1], buf), true
	}
	if d.trim {
		raw = bytes.Trim(raw, " ")
	}
	return raw, false
}
