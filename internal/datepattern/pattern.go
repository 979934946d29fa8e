// Package datepattern reads and writes dates and timestamps by the pattern letters of Java's DateTimeFormatter, as Spark 4.1 uses it
// with timeParserPolicy CORRECTED: strict, in English, in UTC.
package datepattern

import (
	"strings"
	"unicode/utf8"
)

// Pattern is a pattern of java.time's DateTimeFormatter as Spark's CORRECTED policy takes it: strict, English, and y
// meaning the proleptic year unless the pattern has an era.
type Pattern struct {
	items []item
}

// HasZone reports whether the pattern has an offset.
func (p *Pattern) HasZone() bool { return hasZone(p.items) }

func hasZone(items []item) bool {
	for _, it := range items {
		if it.letter == 'X' || it.letter == 'x' || it.letter == 'Z' || hasZone(it.optional) {
			return true
		}
	}
	return false
}

// item is a literal, a run of one letter, or an optional section.
type item struct {
	letter   byte // 0: text or optional
	n        int
	text     string
	optional []item
	reserved int // digits of the fixed-width numbers that follow without a gap; only of numbers of variable width
}

// Error is a pattern that cannot be used. Code is the class of Spark's error; it is empty where Spark takes the pattern and this
// package does not.
type Error struct{ Code, Msg string }

// Error implements error.
func (e *Error) Error() string { return e.Msg }

// BadPattern is the class of a pattern that Spark refuses.
const BadPattern = "INVALID_DATETIME_PATTERN"

// New reads a pattern, for parsing or for formatting.
func New(p string, parsing bool) (*Pattern, *Error) {
	r := &reader{in: p, parsing: parsing}
	era := r.checkLetters()
	if r.err == nil {
		r.items()
	}
	if r.err != nil {
		if r.err.Code == BadPattern && oldPattern(p) {
			r.err.Code = "INCONSISTENT_BEHAVIOR_CROSS_VERSION.DATETIME_PATTERN_RECOGNITION"
		}
		return nil, r.err
	}
	out := &Pattern{items: r.stack[0]}
	settle(out.items, era)
	return out, nil
}

// oldPattern reports whether SimpleDateFormat takes a pattern: Spark then names another error class.
func oldPattern(p string) bool {
	parts := strings.Split(p, "'")
	for i, part := range parts {
		if i%2 == 1 {
			continue
		}
		for _, c := range part {
			if isLetter(c) && !strings.ContainsRune("GyMdkHmsSEDFwWahKzZYuXL", c) {
				return false
			}
		}
		if strings.Contains(part, "XXXX") {
			return false
		}
	}
	return len(parts)%2 == 1
}

type reader struct {
	in      string
	at      int
	parsing bool
	stack   [][]item // of open optional sections
	err     *Error
}

func (r *reader) fail(code, msg string) {
	if r.err == nil {
		r.err = &Error{code, msg}
	}
}

// checkLetters refuses the letters outside of quotes that Spark does, and reports whether there is an era.
func (r *reader) checkLetters() (era bool) {
	for i, part := range strings.Split(r.in, "'") {
		if i%2 == 1 {
			continue
		}
		for _, c := range []byte(part) {
			switch {
			case strings.IndexByte("YWwuec", c) >= 0:
				r.fail("INCONSISTENT_BEHAVIOR_CROSS_VERSION.DATETIME_WEEK_BASED_PATTERN", "the letter "+string(c)+" of a week-based year is not supported")
			case strings.IndexByte("ABnNp", c) >= 0 || r.parsing && strings.IndexByte("EFqQ", c) >= 0:
				r.fail(BadPattern, "the letter "+string(c)+" is not supported")
			}
			era = era || c == 'G'
		}
		for _, long := range []string{"GGGGG", "MMMMM", "LLLLL", "EEEEE", "QQQQQ", "qqqqq", "yyyyyyy"} {
			if strings.Contains(part, long) {
				r.fail(BadPattern, "there are too many letters "+long[:1])
			}
		}
	}
	return era
}

// items reads the whole pattern into stack[0].
func (r *reader) items() {
	r.stack = [][]item{nil}
	for r.at < len(r.in) && r.err == nil {
		c := r.in[r.at]
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			n := 1
			for r.at+n < len(r.in) && r.in[r.at+n] == c {
				n++
			}
			r.at += n
			r.letters(c, n)
		case c == '\'':
			r.quoted()
		case c == '[':
			r.at++
			r.stack = append(r.stack, nil)
		case c == ']':
			r.at++
			r.closeSection()
		case c == '{' || c == '}' || c == '#':
			r.fail(BadPattern, "the pattern has the reserved character "+string(c))
		default:
			_, size := utf8.DecodeRuneInString(r.in[r.at:])
			r.add(item{text: r.in[r.at : r.at+size]})
			r.at += size
		}
	}
	for len(r.stack) > 1 && r.err == nil { // Java closes what is left open
		r.closeSection()
	}
}

func (r *reader) add(i item) {
	top := len(r.stack) - 1
	r.stack[top] = append(r.stack[top], i)
}

func (r *reader) closeSection() {
	top := len(r.stack) - 1
	if top == 0 {
		r.fail(BadPattern, "the pattern has ] without [")
		return
	}
	section := r.stack[top]
	r.stack = r.stack[:top]
	if len(section) > 0 {
		r.add(item{optional: section})
	}
}

func (r *reader) quoted() {
	var b strings.Builder
	for i := r.at + 1; i < len(r.in); i++ {
		switch {
		case r.in[i] != '\'':
			b.WriteByte(r.in[i])
		case i+1 < len(r.in) && r.in[i+1] == '\'':
			b.WriteByte('\'')
			i++
		default:
			text := b.String()
			if text == "" {
				text = "'"
			}
			r.at = i + 1
			r.add(item{text: text})
			return
		}
	}
	r.fail(BadPattern, "the pattern has a quote that is not closed")
}

// maxLetters is how many of a letter Java takes; letters that are not here are unknown to it.
var maxLetters = map[byte]int{'G': 4, 'y': 6, 'M': 4, 'L': 4, 'd': 2, 'D': 3, 'H': 2, 'h': 2, 'k': 2, 'K': 2, 'm': 2, 's': 2, 'S': 9, 'a': 1, 'E': 4, 'Q': 4, 'q': 4, 'z': 4, 'V': 2, 'O': 4, 'X': 5, 'x': 5, 'Z': 5}

func (r *reader) letters(c byte, n int) {
	most, known := maxLetters[c]
	switch {
	case c == 'F' || c == 'g' || c == 'v':
		r.fail("", "the pattern letter "+string(c))
	case !known:
		r.fail(BadPattern, "the pattern letter "+string(c)+" is unknown")
	case n > most:
		r.fail(BadPattern, "there are too many letters "+string(c))
	case c == 'V' && n != 2 || c == 'O' && n != 1 && n != 4:
		r.fail(BadPattern, "the number of letters "+string(c)+" is wrong")
	case r.parsing && (c == 'z' || c == 'V' || c == 'O' || c == 'Z' && n == 4):
		r.fail("", "reading a zone with the pattern letter "+string(c))
	}
	r.add(item{letter: c, n: n})
}

// settle sets what depends on neighbours: u for y, and the digits that a number leaves to fixed-width ones behind it.
func settle(items []item, era bool) {
	active := -1 // the variable-width number that fixed-width ones follow
	for i := range items {
		it := &items[i]
		if it.letter == 'y' && !era {
			it.letter = 'u'
		}
		lo, hi := it.width()
		switch {
		case it.optional != nil:
			settle(it.optional, era)
			active = -1
		case lo == 0:
			active = -1
		case lo == hi && active >= 0:
			items[active].reserved += lo
		default:
			active = i
		}
	}
}

// width is the digits of a number, at least and at most; 0, 0 for what is no number.
func (it item) width() (lo, hi int) {
	switch it.letter {
	case 'u', 'y':
		if it.n == 2 {
			return 2, 2
		}
		return it.n, 19
	case 'M', 'L', 'Q', 'q':
		switch it.n {
		case 1:
			return 1, 19
		case 2:
			return 2, 2
		}
	case 'd', 'H', 'h', 'k', 'K', 'm', 's':
		if it.n == 1 {
			return 1, 19
		}
		return 2, 2
	case 'D':
		if it.n == 1 {
			return 1, 19
		}
		return it.n, 3
	}
	return 0, 0
}

func isLetter(c rune) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
