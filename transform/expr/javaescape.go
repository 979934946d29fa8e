package expr

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// escape reads what follows a backslash, outside of classes.
func (t *regexTranslator) escape(f flags) regexNode {
	if strings.HasPrefix(t.in[t.at:], `\Q`) {
		return t.quotation(f)
	}
	if strings.HasPrefix(t.in[t.at:], `\A`) {
		t.at += 2
		t.caret = true
		t.noQuantifier()
		return regexNode{caretMark, true, true}
	}
	if strings.HasPrefix(t.in[t.at:], `\z`) {
		t.at += 2
		t.noQuantifier()
		return regexNode{`\z`, true, true}
	}
	if set, ok := t.set(); ok {
		return regexNode{text: set.text(flags{})}
	}
	return regexNode{text: t.char(t.escapedChar(), f)}
}

func (t *regexTranslator) quotation(f flags) regexNode {
	text, rest, closed := strings.Cut(t.in[t.at+2:], `\E`)
	t.at = len(t.in)
	if closed {
		t.at -= len(rest)
	}
	var b strings.Builder
	for _, r := range text {
		b.WriteString(t.char(r, f))
	}
	if t.more() && strings.IndexByte("*+?{", t.peek()) >= 0 || text == "" {
		t.fail(`a quantifier after \Q…\E`)
	}
	return regexNode{text: b.String()}
}

// escapedChar reads an escape that stands for one character.
func (t *regexTranslator) escapedChar() rune {
	t.at++
	if !t.more() {
		t.fail(`\ at the end`)
	}
	r, size := utf8.DecodeRuneInString(t.in[t.at:])
	t.at += size
	switch r {
	case 't':
		return '\t'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 'f':
		return '\f'
	case 'a':
		return 7
	case 'e':
		return 27
	case '0':
		return t.octal()
	case 'x':
		if t.peek() == '{' {
			end := strings.IndexByte(t.in[t.at:], '}')
			if end < 0 {
				t.fail(`\x{ without }`)
			}
			return t.hex(t.at+1, t.at+end, t.at+end+1)
		}
		return t.hex(t.at, t.at+2, t.at+2)
	case 'u':
		return t.hex(t.at, t.at+4, t.at+4)
	}
	if r >= 0x80 || isLetter(r) || r >= '0' && r <= '9' {
		t.at -= size
		t.fail(`\%c`, r)
	}
	return r
}

func (t *regexTranslator) hex(from, to, next int) rune {
	if to > len(t.in) || from >= to {
		t.fail("too few hex digits")
	}
	v, err := strconv.ParseUint(t.in[from:to], 16, 32)
	if err != nil || v > utf8.MaxRune || v >= 0xd800 && v < 0xe000 {
		t.fail("hex digits that are no character")
	}
	t.at = next
	return rune(v)
}

// octal reads 0n, 0nn and 0mnn with m up to 3.
func (t *regexTranslator) octal() rune {
	v, n := rune(0), 0
	for n < 3 && t.peek() >= '0' && t.peek() <= '7' && t.more() && (n < 2 || v <= 037) {
		v = v*8 + rune(t.peek()-'0')
		t.at++
		n++
	}
	if n == 0 {
		t.fail(`\0 without digits`)
	}
	return v
}
