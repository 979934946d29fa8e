package csv

import (
	"bytes"

	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/internal/textarrow"
)

// guess narrows a column's type value by value: it starts with every type possible and strikes out what a value is not.
type guess struct {
	seen, integer, boolean, double, decimal, date, ntz, tz bool
	long                                                   bool // a number has more digits than a double keeps
	whole, scale                                           int  // most digits before and after the point
}

func newGuess() *guess {
	return &guess{integer: true, boolean: true, double: true, decimal: true, date: true, ntz: true, tz: true}
}

// add takes one value that is not null. An empty text is a string.
func (g *guess) add(s []byte) {
	g.seen = true
	if len(s) == 0 {
		*g = guess{seen: true}
		return
	}
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
		g.double = ok && !zeros && numeric(s) && s[0] != '+'
		g.long = g.long || digitsOf(s) > 17 || digitsOf(s) > 15 && !bytes.ContainsAny(s, ".eE")
	}
	if g.boolean {
		_, g.boolean = textarrow.Bool(s)
	}
	if g.date {
		_, g.date = textarrow.Date(s)
	}
	if g.ntz || g.tz {
		_, zoned, ok := textarrow.Timestamp(s)
		g.ntz, g.tz = g.ntz && ok && !zoned, g.tz && ok && zoned
	}
}

// merge takes what another guess of the same column saw.
func (g *guess) merge(o *guess) {
	g.seen, g.long = g.seen || o.seen, g.long || o.long
	g.integer, g.boolean, g.double, g.decimal = g.integer && o.integer, g.boolean && o.boolean, g.double && o.double, g.decimal && o.decimal
	g.date, g.ntz, g.tz = g.date && o.date, g.ntz && o.ntz, g.tz && o.tz
	g.whole, g.scale = max(g.whole, o.whole), max(g.scale, o.scale)
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
	if len(s) == 0 {
		return false
	}
	c := s[len(s)-1]
	return c >= '0' && c <= '9' || c == '.'
}

// digitsOf counts the digits of a number from its first that is not zero up to its exponent.
func digitsOf(s []byte) (n int) {
	for _, c := range s {
		switch {
		case c == 'e' || c == 'E':
			return n
		case c >= '1' && c <= '9', c == '0' && n > 0:
			n++
		}
	}
	return n
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

// text reports whether the column can only be a string.
func (g *guess) text() bool { return g.result().Kind == schema.String }

// result is the inferred type. Decimals get headroom: 18 digits in all, or 38 when they have more than 15. A double that would lose
// digits of what was seen is a string.
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
	case g.double && !g.long:
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
