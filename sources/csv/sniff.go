package csv

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/firn-data/firn/sources"
)

// sniffRows is how many rows decide on the dialect.
const sniffRows = 100

// sniff settles from the sample what the job leaves unsaid of the dialect, and notes what it found.
func (s *source) sniff(buf []byte, whole bool) {
	var found []string
	if s.cfg.Delimiter == nil {
		s.d.delimiter = s.sniffDelimiter(buf, whole)
		found = append(found, fmt.Sprintf("delimiter %q", s.d.delimiter))
	}
	if s.cfg.Escape == nil && s.d.quote != 0 && s.sniffBackslash(buf, whole) {
		s.d.escape = '\\'
		found = append(found, `escape \`)
	}
	s.header = s.cfg.Header == nil || *s.cfg.Header
	if s.cfg.Header == nil {
		var sure bool
		s.header, sure = s.sniffHeader(s.sampleRows(buf, whole, sniffRows))
		switch {
		case !sure:
			found = append(found, "header true (it could be a row like the others: say header: false if it is)")
		default:
			found = append(found, fmt.Sprintf("header %t", s.header))
		}
	}
	if len(found) > 0 {
		s.notes = append(s.notes, sources.Note{Text: "read from the beginning of " + s.first + ": " + strings.Join(found, ", ")})
	}
}

// sniffDelimiter picks, of comma, semicolon, tab and bar, the one that cuts the most rows of the sample into the same number of cells,
// more than one.
func (s *source) sniffDelimiter(buf []byte, whole bool) byte {
	was := s.d.delimiter
	defer func() { s.d.delimiter = was }()
	best, bestScore := byte(','), 0
	for _, c := range []byte{',', ';', '\t', '|'} {
		s.d.delimiter = c
		counts := map[int]int{}
		for _, r := range s.sampleRows(buf, whole, sniffRows) {
			counts[len(r.cells)]++
		}
		for width, rows := range counts {
			if score := rows*1000 + width; width > 1 && score > bestScore {
				best, bestScore = c, score
			}
		}
	}
	return best
}

// sniffBackslash reports whether quotes are escaped: rows that are flawed when quotes are doubled are not with backslashes.
func (s *source) sniffBackslash(buf []byte, whole bool) bool {
	flaws := func(escape byte) (n int) {
		was := s.d.escape
		defer func() { s.d.escape = was }()
		s.d.escape = escape
		for _, r := range s.sampleRows(buf, whole, sampleRows) {
			if r.bad != nil {
				n++
			}
		}
		return n
	}
	doubled := flaws(s.d.quote)
	return doubled > 0 && flaws('\\') < doubled
}

// sniffHeader reports whether the first row holds names. It does when a column of numbers, dates or booleans begins with something
// else, and does not when all such columns begin with a value of their type, when it holds one of null_values, or when a text of it
// comes again. Where nothing tells, it is taken for names, and sure is false.
func (s *source) sniffHeader(rows []sampleRow) (header, sure bool) {
	if len(rows) == 0 {
		return true, false
	}
	first := rows[0]
	if s.hasNames(first) {
		return true, true
	}
	if k := s.env.Known; k != nil && len(k.Fields) > 0 && k.Fields[0].Name == "c1" { // as the last run read it
		return false, true
	}
	if len(rows) < 2 {
		return true, false
	}
	typed := 0
	for i, g := range s.guesses(rows[1:], len(first.cells)) {
		c := first.cells[i]
		if len(c.text) > 0 && !c.quoted && s.isNull(c.text) {
			return false, true // no name is one of null_values
		}
		if !g.seen || g.text() || !c.quoted && s.isNull(c.text) {
			continue
		}
		typed++
		before := g.result().Kind
		if s.guess(g, c); g.text() || g.result().Kind != before && !numeric(c.text) {
			return true, true
		}
	}
	if typed > 0 {
		return false, true
	}
	return !s.repeats(rows), s.repeats(rows)
}

// repeats reports whether a text of the first row comes again below it: names seldom do.
func (s *source) repeats(rows []sampleRow) bool {
	for i, c := range rows[0].cells {
		for _, r := range rows[1:] {
			if len(c.text) > 0 && i < len(r.cells) && bytes.Equal(r.cells[i].text, c.text) {
				return true
			}
		}
	}
	return false
}

// hasNames reports whether the row holds the names in schema, or of the last run.
func (s *source) hasNames(r sampleRow) bool {
	var want []string
	for _, c := range s.cfg.Schema {
		want = append(want, c.Name)
	}
	if len(want) == 0 && s.env.Known != nil {
		for _, f := range s.env.Known.Fields {
			want = append(want, f.Name)
		}
	}
	for _, name := range want {
		if !slices.ContainsFunc(r.cells, func(c sampleCell) bool { return strings.EqualFold(name, strings.TrimSpace(string(c.text))) }) {
			return false
		}
	}
	return len(want) > 0
}
