package csv

import (
	"bytes"
	"slices"
	"strings"

	"github.com/firn-data/firn/internal/fault"
)

// aside reports whether text[from:to] is no row: a comment, or a blank line where rows have several cells.
func (d dialect) aside(text []byte, from, to, width int) bool {
	return d.comment != 0 && text[from] == d.comment || width != 1 && blank(text[from:to])
}

// takeHeader takes the row of names off the front of c, with what stands before it. done is false when c ends before it.
func (c *chunk) takeHeader() (names []string, done bool, err error) {
	d, text := c.src.d, c.text[:c.end]
	var ends []uint32
	for c.from < c.end && !done {
		from := c.from
		var bad *flaw
		ends, c.from, bad, _ = d.row(text, from, ends[:0], true)
		line := c.line
		c.line += int64(bytes.Count(text[from:c.from], []byte{'\n'}))
		c.count--
		if d.aside(text, from, c.from, 0) {
			continue
		}
		if bad != nil {
			return nil, true, fault.New(fault.Data, "read the header: %s", bad.reason).At(fault.Place{File: c.file, Line: line, Column: bad.at - from + 1})
		}
		done = true
		for i, cell := range c.src.cells(text, from, ends) {
			names = append(names, unique(strings.TrimSpace(string(cell.text)), i, names))
		}
	}
	return names, done, nil
}

// arrange finds the source's columns in a file that names them in its own order. A file must have all of them and no others:
// values would go to wrong columns, or be lost (I3, I4).
func (p projection) arrange(s *source, file string, line int64, names []string) (projection, error) {
	refuse := func(format string, args ...any) error {
		return fault.New(fault.Data, format, args...).At(fault.Place{File: file, Line: line}).
			Hint("give files with different columns jobs or sources of their own; %s has %s", s.first, strings.Join(s.names(), ", "))
	}
	place := make([]int, len(s.cols)) // of each column in this file
	p.names = names
	for i, c := range s.cols {
		place[i] = slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, c.name) })
		if place[i] < 0 {
			return p, refuse("the file has no column %s, which %s has", c.name, s.first)
		}
		names[place[i]] = c.name
	}
	for _, n := range names {
		if !slices.ContainsFunc(s.cols, func(c column) bool { return strings.EqualFold(n, c.name) }) {
			return p, refuse("the file has a column %s, which %s has not", n, s.first)
		}
	}
	at := make([]int, len(p.at))
	for i, k := range p.at {
		at[i] = place[k]
	}
	p.at = at
	return p, nil
}

// names are the columns' names in the order of the first file.
func (s *source) names() []string {
	out := make([]string, len(s.cols))
	for i, c := range s.cols {
		out[i] = c.name
	}
	return out
}
