package csv

import (
	"bytes"

	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/internal/textarrow"
)

// guess narrows a column's type value by value: it starts with every type possible and strikes out what a value is not.
type guess struct {
	seen, integer, boolean, double, decimal, date, ntz, tz bool
	whole, scale                                           int // most digits before and after the point
}

func newGuess() *guess {
	return &guess{integer: true, boolean: true, double: true, decimal: true, date: true, ntz: true, tz: true}
}

// add takes one value that is not null.
func (g *guess) add(s []byte) {
	g.seen = true
	zeros := leadingZero(s)
	if g.integer {
		_, ok := textarrow.Int(s)
		g.integer = ok && !zeros && s[0] != '+'
	}
	if g.decimal {
		g.addDecimal(s, zeros)
	}
	if g.double {
		_, ok := textarrow.Float(s, 64)
		g.double = ok && !zeros && numeric(s)
	}
	if g.boolean {
		g.boolean = bytes.EqualFold(s, []byte("true")) || bytes.EqualFold(s, []byte("false"))
	}
	if g.date {
		_, g.date = textarrow.Date(s)
	}
	if g.ntz || g.tz {
		_, zoned, ok := textarrow.Timestamp(s)
		g.ntz, g.tz = g.ntz && ok && !zoned, g.tz && ok && zoned
	}
}

// leadingZero reports whether a number's text has zeros that a number would lose: postcodes, phone numbers.
func leadingZero(s []byte) bool {
	if len(s) > 0 && s[0] == '-' {
		s = s[1:]
	}
	return len(s) > 1 && s[0] == '0' && s[1] >= '0' && s[1] <= '9'
}

// numeric keeps the words NaN and Infinity from making a column of texts a double.
func numeric(s []byte) bool {
	c := s[len(s)-1]
	return c >= '0' && c <= '9' || c == '.'
}

func (g *guess) addDecimal(s []byte, zeros bool) {
	if len(s) > 0 && s[0] == '-' {
		s = s[1:]
	}
	whole, frac, _ := bytes.Cut(s, []byte("."))
	digits := 0
	for _, part := range [][]byte{whole, frac} {
		for _, c := range part {
			if c < '0' || c > '9' {
				g.decimal = false
				return
			}
			digits++
		}
	}
	if digits == 0 || zeros || digits > 38 || bytes.HasSuffix(s, []byte(".")) {
		g.decimal = false
		return
	}
	g.whole, g.scale = max(g.whole, len(whole)), max(g.scale, len(frac))
}

// result is the inferred type. Decimals get headroom: 18 digits in all, or 38 when they have more than 15.
func (g *guess) result() schema.Type {
	switch {
	case !g.seen:
		return schema.Type{Kind: schema.String}
	case g.integer:
		return schema.Type{Kind: schema.Long}
	case g.boolean:
		return schema.Type{Kind: schema.Boolean}
	case g.decimal && g.whole+g.scale <= 15:
		return schema.DecimalOf(18, g.scale)
	case g.decimal && g.whole+g.scale <= 38:
		return schema.DecimalOf(38, g.scale)
	case g.double:
		return schema.Type{Kind: schema.Double}
	case g.date:
		return schema.Type{Kind: schema.Date}
	case g.ntz:
		return schema.Type{Kind: schema.Timestamp}
	case g.tz:
		return schema.Type{Kind: schema.TimestampTZ}
	}
	return schema.Type{Kind: schema.String}
}

// sniffDelimiter picks, of comma, semicolon, tab and bar, the one that cuts the most rows of the sample into the same
// number of cells, more than one.
func sniffDelimiter(sample []byte, d dialect) byte {
	best, bestScore := byte(','), 0
	for _, c := range []byte{',', ';', '\t', '|'} {
		d.delimiter = c
		counts := map[int]int{}
		var ends []uint32
		for pos, n := 0, 0; pos < len(sample) && n < 100; n++ {
			ends, pos, _ = d.row(sample, pos, ends[:0])
			counts[len(ends)]++
		}
		for width, rows := range counts {
			if score := rows*1000 + width; width > 1 && score > bestScore {
				best, bestScore = c, score
			}
		}
	}
	return best
}
