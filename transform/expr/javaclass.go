package expr

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// runeSet is a set of characters as sorted ranges.
type runeSet []rune2

type rune2 struct{ lo, hi rune }

var (
	setDigit      = runeSet{{'0', '9'}}
	setWord       = runeSet{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}
	setSpace      = runeSet{{'\t', '\r'}, {' ', ' '}}
	setHorizontal = runeSet{{'\t', '\t'}, {' ', ' '}, {0xa0, 0xa0}, {0x1680, 0x1680}, {0x180e, 0x180e}, {0x2000, 0x200a}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}}
	setVertical   = runeSet{{'\n', '\r'}, {0x85, 0x85}, {0x2028, 0x2029}}

	// Java's POSIX classes are ASCII.
	posix = map[string]runeSet{
		"Lower": {{'a', 'z'}}, "Upper": {{'A', 'Z'}}, "ASCII": {{0, 0x7f}}, "Alpha": {{'A', 'Z'}, {'a', 'z'}}, "Digit": setDigit, "Alnum": {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}},
		"Punct": {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}, "Graph": {{'!', '~'}}, "Print": {{' ', '~'}}, "Blank": {{'\t', '\t'}, {' ', ' '}}, "Cntrl": {{0, 0x1f}, {0x7f, 0x7f}},
		"XDigit": {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}, "Space": setSpace,
	}
)

// set reads an escape that stands for a set of characters, if one is next.
func (t *regexTranslator) set() (runeSet, bool) {
	if t.at+1 >= len(t.in) {
		return nil, false
	}
	var s runeSet
	c := t.in[t.at+1]
	switch c | 0x20 {
	case 'd':
		s = setDigit
	case 'w':
		s = setWord
	case 's':
		s = setSpace
	case 'h':
		s = setHorizontal
	case 'v':
		s = setVertical
	case 'p':
		end := strings.IndexByte(t.in[t.at:], '}')
		if end < 0 || t.in[t.at+2] != '{' {
			t.fail(`\%c without {…}`, c)
		}
		var ok bool
		if s, ok = posix[t.in[t.at+3:t.at+end]]; !ok {
			t.fail(`\%c of a Unicode property, which differs between versions`, c)
		}
		t.at += end - 1
	default:
		return nil, false
	}
	t.at += 2
	if c < 'a' {
		return s.complement(), true
	}
	return s, true
}

// class reads a character class after its [.
func (t *regexTranslator) class(f flags) runeSet {
	var out runeSet
	negated := t.peek() == '^'
	if negated {
		t.at++
	}
	if t.peek() == ']' {
		t.fail("a class that begins with ]")
	}
	for t.peek() != ']' {
		if !t.more() {
			t.fail("[ without ]")
		}
		if t.peek() == '\\' {
			if s, ok := t.set(); ok {
				if t.peek() == '-' && t.at+1 < len(t.in) && t.in[t.at+1] != ']' {
					t.fail("a range that begins with a class")
				}
				out = append(out, s...)
				continue
			}
		}
		lo := t.classChar()
		hi := lo
		if t.peek() == '-' && t.at+1 < len(t.in) && t.in[t.at+1] != ']' {
			t.at++
			if t.peek() == '[' {
				t.fail("a class in a class")
			}
			if hi = t.classChar(); hi < lo {
				t.fail("a range that goes backwards")
			}
		}
		out = append(out, rune2{lo, hi})
	}
	t.at++
	if f.fold {
		out = out.folded()
	}
	if negated {
		return out.complement()
	}
	return out
}

func (t *regexTranslator) classChar() rune {
	switch {
	case t.peek() == '[':
		t.fail("a class in a class")
	case strings.HasPrefix(t.in[t.at:], "&&"):
		t.fail("an intersection of classes")
	case t.peek() == '\\':
		return t.escapedChar()
	}
	r, size := utf8.DecodeRuneInString(t.in[t.at:])
	t.at += size
	return r
}

// folded adds the other case of the ASCII letters in the set.
func (s runeSet) folded() runeSet {
	out := slices.Clone(s)
	for _, r := range s {
		for c := 'a'; c <= 'z'; c++ {
			if u := c &^ 0x20; r.lo <= c && c <= r.hi || r.lo <= u && u <= r.hi {
				out = append(out, rune2{c, c}, rune2{u, u})
			}
		}
	}
	return out
}

func (s runeSet) complement() runeSet {
	sorted := slices.Clone(s)
	slices.SortFunc(sorted, func(a, b rune2) int { return int(a.lo - b.lo) })
	var out runeSet
	next := rune(0)
	for _, r := range sorted {
		if r.lo > next {
			out = append(out, rune2{next, r.lo - 1})
		}
		next = max(next, r.hi+1)
	}
	if next <= utf8.MaxRune {
		out = append(out, rune2{next, utf8.MaxRune})
	}
	return out
}

// text is the set as a class of Go's.
func (s runeSet) text(flags) string {
	if len(s) == 0 {
		return `[^\x00-\x{10FFFF}]`
	}
	var b strings.Builder
	b.WriteByte('[')
	for _, r := range s {
		fmt.Fprintf(&b, `\x{%X}`, r.lo)
		if r.hi > r.lo {
			fmt.Fprintf(&b, `-\x{%X}`, r.hi)
		}
	}
	b.WriteByte(']')
	return b.String()
}
