package expr

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// Java's line terminators: what . leaves out, and what $ may stand before at the end of a text.
const lineEnds = `\n\r\x{85}\x{2028}\x{2029}`

// javaRegex is a java.util.regex pattern that Go's RE2 matches exactly alike. Go has no $ that matches before a final line
// terminator and no search that knows what stands before its start, so each combination of both is a program of its own:
// where the text ends with a terminator, $ consumes it into a group that is taken off the match.
type javaRegex struct {
	source  string
	groups  int
	names   map[string]int
	dollar  bool // has $
	caret   bool // has ^ or \A
	empties bool // may match the empty text anywhere
	program [2][3]program
}

// program is the pattern for one kind of search, compiled when it is first needed.
type program struct {
	once  sync.Once
	text  string
	re    *regexp.Regexp
	own   []int // the groups of the pattern among those of re
	added []int // the groups that hold what $ consumed
}

func (p *program) compile() {
	p.re = regexp.MustCompile(p.text)
	for i, name := range p.re.SubexpNames() {
		if name == "" {
			p.own = append(p.own, i)
		} else {
			p.added = append(p.added, i)
		}
	}
}

// What a text ends with.
const (
	endPlain = iota
	endTerminator
	endCRLF
)

func ending(s string) int {
	switch {
	case strings.HasSuffix(s, "\r\n"):
		return endCRLF
	case strings.HasSuffix(s, "\n"), strings.HasSuffix(s, "\r"), strings.HasSuffix(s, "\u0085"), strings.HasSuffix(s, "\u2028"), strings.HasSuffix(s, "\u2029"):
		return endTerminator
	}
	return endPlain
}

// find gives the indices of the first match in s from byte from on, as regexp.FindStringSubmatchIndex, or nil.
func (r *javaRegex) find(s string, from int) []int {
	start, end := 0, 0
	if r.caret && from > 0 {
		start = 1
	}
	if r.dollar {
		end = ending(s)
	}
	p := r.compiled(start, end)
	m := p.re.FindStringSubmatchIndex(s[from:])
	if m == nil {
		return nil
	}
	return p.mend(m, from)
}

// mend takes the line terminator that $ consumed off the match, drops the added groups and makes indices count from the
// text's start.
func (p *program) mend(m []int, from int) []int {
	cut := m[1]
	for _, g := range p.added {
		if m[2*g] >= 0 {
			cut = min(cut, m[2*g])
		}
	}
	out := m[:0]
	for _, g := range p.own {
		lo, hi := m[2*g], m[2*g+1]
		if lo >= 0 {
			lo, hi = min(lo, cut)+from, min(hi, cut)+from
		}
		out = append(out, lo, hi)
	}
	return out
}

func (r *javaRegex) matches(s string) bool {
	end := 0
	if r.dollar {
		end = ending(s)
	}
	return r.compiled(0, end).re.MatchString(s)
}

func (r *javaRegex) compiled(start, end int) *program {
	p := &r.program[start][end]
	p.once.Do(p.compile)
	return p
}

// regexError says what of a pattern cannot be translated exactly, at a byte offset in it.
type regexError struct {
	at  int
	msg string
}

func (e *regexError) Error() string {
	return fmt.Sprintf("%s, at character %d of the pattern", e.msg, e.at+1)
}

// parseJavaRegex translates a pattern, or says why it cannot.
func parseJavaRegex(source string) (r *javaRegex, err error) {
	defer func() {
		if x := recover(); x != nil {
			e, ok := x.(*regexError)
			if !ok {
				panic(x)
			}
			r, err = nil, e
		}
	}()
	if !utf8.ValidString(source) {
		return nil, &regexError{0, "the pattern is not text"}
	}
	t := &regexTranslator{in: source, names: map[string]int{}}
	node := t.alternation(flags{}, true)
	if t.at < len(source) {
		t.fail("unmatched )")
	}
	r = &javaRegex{source: source, groups: t.groups, names: t.names, dollar: t.dollar, caret: t.caret, empties: node.empty && !node.pinned}
	for start := range 2 {
		for end := range 3 {
			text := strings.ReplaceAll(node.text, caretMark, [2]string{`\A`, `[^\x00-\x{10FFFF}]`}[start])
			r.program[start][end].text = withDollars(text, [3]string{"", `[` + lineEnds + `]`, `\r\n`}[end])
		}
	}
	if _, err := regexp.Compile(r.program[0][endTerminator].text); err != nil {
		return nil, &regexError{0, "the pattern is too large"}
	}
	return r, nil
}

// withDollars writes each $ as the end of the text, or as a terminator before it, in a group of its own.
func withDollars(text, terminator string) string {
	for i := 0; ; i++ {
		before, after, found := strings.Cut(text, dollarMark)
		if !found {
			return text
		}
		text = before + `\z` + after
		if terminator != "" {
			text = fmt.Sprintf(`%s(?:\z|(?P<end%d>%s)\z)%s`, before, i, terminator, after)
		}
	}
}

// Marks for what depends on the text; both are private-use characters, which a pattern may not hold.
const caretMark, dollarMark = "\uf8f0", "\uf8f1"

type flags struct{ fold, dotAll bool }

// regexNode is a translated part of a pattern.
type regexNode struct {
	text   string
	empty  bool // may match the empty text
	pinned bool // starts with ^ or ends with $ on every path
}

type regexTranslator struct {
	in            string
	at            int
	groups        int
	names         map[string]int
	dollar, caret bool
	depth         int
}

func (t *regexTranslator) fail(format string, args ...any) {
	panic(&regexError{utf8.RuneCountInString(t.in[:min(t.at, len(t.in))]), fmt.Sprintf(format, args...)})
}

func (t *regexTranslator) more() bool { return t.at < len(t.in) }

func (t *regexTranslator) peek() byte {
	if t.at < len(t.in) {
		return t.in[t.at]
	}
	return 0
}

// alternation reads a|b up to the closing parenthesis. last: nothing follows it, so that $ may end its branches.
func (t *regexTranslator) alternation(f flags, last bool) regexNode {
	if t.depth++; t.depth > 100 {
		t.fail("the pattern is nested too deeply")
	}
	defer func() { t.depth-- }()
	out := regexNode{pinned: true}
	for i := 0; ; i++ {
		n := t.sequence(&f, last)
		if i > 0 {
			out.text += "|"
		}
		out.text += n.text
		out.empty = out.empty || n.empty
		out.pinned = out.pinned && n.pinned
		if t.peek() != '|' {
			return out
		}
		t.at++
	}
}

// sequence reads up to | or ). A flag group in it changes what follows, also in later branches, as in Java.
func (t *regexTranslator) sequence(f *flags, last bool) regexNode {
	out := regexNode{empty: true}
	ended := false
	for t.more() && t.peek() != '|' && t.peek() != ')' {
		if ended {
			t.fail("$ that is not at the end of the pattern")
		}
		n, dollar := t.item(f, last)
		ended = dollar
		out.pinned = out.pinned || n.pinned && (out.text == "" || dollar)
		out.text += n.text
		out.empty = out.empty && n.empty
	}
	return out
}

// item reads one atom and its quantifier; dollar: it ends with $.
func (t *regexTranslator) item(f *flags, last bool) (n regexNode, dollar bool) {
	switch t.peek() {
	case '^':
		t.at++
		t.caret = true
		n = regexNode{caretMark, true, true}
		t.noQuantifier()
		return n, false
	case '$':
		t.at++
		if !last || t.more() && t.peek() != '|' && t.peek() != ')' {
			t.fail("$ that is not at the end of the pattern")
		}
		t.dollar = true
		return regexNode{dollarMark, true, true}, true
	}
	before := t.dollar
	atom, isGroup := t.atom(f, last)
	if atom.text == "" && !isGroup {
		return atom, false // a flag group
	}
	q, least := t.quantifier()
	if q == "" {
		return atom, t.dollar && !before && isGroup
	}
	if isGroup && t.dollar && !before {
		t.fail("a repeated group with $")
	}
	if atom.empty {
		t.fail("a repetition of what may be empty")
	}
	return regexNode{atom.text + q, least == 0, false}, false
}

func (t *regexTranslator) noQuantifier() {
	if strings.IndexByte("*+?{", t.peek()) >= 0 && t.more() {
		t.fail("a repeated ^")
	}
}

func (t *regexTranslator) quantifier() (text string, least int) {
	start := t.at
	if !t.more() {
		return "", 0
	}
	switch t.peek() {
	case '*', '?':
		t.at++
	case '+':
		t.at++
		least = 1
	case '{':
		least = t.counts()
	default:
		return "", 0
	}
	switch t.peek() {
	case '+':
		t.fail("a possessive quantifier")
	case '?':
		t.at++
	}
	text = t.in[start:t.at]
	if t.more() && strings.IndexByte("*+?{", t.peek()) >= 0 {
		t.fail("a quantifier of a quantifier")
	}
	return text, least
}

// counts reads {n}, {n,} and {n,m}.
func (t *regexTranslator) counts() int {
	end := strings.IndexByte(t.in[t.at:], '}')
	if end < 0 {
		t.fail("{ without }")
	}
	lo, hi, ranged := strings.Cut(t.in[t.at+1:t.at+end], ",")
	n, ok := digits(lo)
	if !ok || n > 1000 {
		t.fail("a count that is not 0 to 1000")
	}
	if ranged && hi != "" {
		if m, ok := digits(hi); !ok || m > 1000 || m < n {
			t.fail("a count that is not 0 to 1000")
		}
	}
	t.at += end + 1
	return n
}

func digits(s string) (int, bool) {
	if s == "" || len(s) > 9 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

// atom reads a group, a class, an escape or a character.
func (t *regexTranslator) atom(f *flags, last bool) (n regexNode, group bool) {
	switch c := t.peek(); c {
	case '(':
		return t.group(f, last)
	case '[':
		t.at++
		return regexNode{text: t.class(*f).text(*f)}, false
	case '.':
		t.at++
		if f.dotAll {
			return regexNode{text: `(?s:.)`}, false
		}
		return regexNode{text: `[^` + lineEnds + `]`}, false
	case '*', '+', '?', '{':
		t.fail("%c with nothing before it", c)
	case '\\':
		return t.escape(*f), false
	}
	r, size := utf8.DecodeRuneInString(t.in[t.at:])
	t.at += size
	return regexNode{text: t.char(r, *f)}, false
}

// char is one character, which matches both cases of an ASCII letter under (?i).
func (t *regexTranslator) char(r rune, f flags) string {
	if r >= 0xf8f0 && r <= 0xf8f1 {
		t.fail("a character for private use")
	}
	if f.fold && isLetter(r) {
		return fmt.Sprintf("[%c%c]", r|0x20, r&^0x20)
	}
	return regexp.QuoteMeta(string(r))
}

func isLetter(r rune) bool { return r|0x20 >= 'a' && r|0x20 <= 'z' && r < 0x80 }

func (t *regexTranslator) group(f *flags, last bool) (regexNode, bool) {
	t.at++
	inner, capture := *f, true
	if t.peek() == '?' {
		t.at++
		capture = false
		switch c := t.peek(); {
		case c == ':':
			t.at++
		case c == '<' && t.at+1 < len(t.in) && isLetter(rune(t.in[t.at+1])):
			end := strings.IndexByte(t.in[t.at:], '>')
			if end < 0 {
				t.fail("a group name without >")
			}
			name := t.in[t.at+1 : t.at+end]
			for _, c := range name {
				if !isLetter(c) && (c < '0' || c > '9') {
					t.fail("a group name that is not letters and digits")
				}
			}
			if t.names[name] > 0 {
				t.fail("two groups of one name")
			}
			t.at += end + 1
			t.names[name] = t.groups + 1
			capture = true
		case c == '=' || c == '!' || c == '<':
			t.fail("lookaround")
		case c == '>':
			t.fail("an atomic group")
		default:
			if done := t.flagGroup(f, &inner); done {
				return regexNode{empty: true}, false
			}
		}
	}
	if capture {
		t.groups++
	}
	n := t.alternation(inner, last && t.endsAfterGroup())
	if t.peek() != ')' {
		t.fail("( without )")
	}
	t.at++
	open := "(?:"
	if capture {
		open = "("
	}
	n.text = open + n.text + ")"
	return n, true
}

// endsAfterGroup reports whether the group that has just been opened is the last of its sequence.
func (t *regexTranslator) endsAfterGroup() bool {
	depth := 1
	for i := t.at; i < len(t.in); i++ {
		switch t.in[i] {
		case '\\':
			if i+1 < len(t.in) && t.in[i+1] == 'Q' {
				return false
			}
			i++
		case '[':
			if depth == 1 && i+1 < len(t.in) && t.in[i+1] == ']' {
				return false
			}
			for i++; i < len(t.in) && t.in[i] != ']'; i++ {
				if t.in[i] == '\\' {
					i++
				}
			}
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				rest := t.in[i+1:]
				return rest == "" || rest[0] == '|' || rest[0] == ')'
			}
		}
	}
	return false
}

// flagGroup reads (?i) and (?i: …; done says that it was the former.
func (t *regexTranslator) flagGroup(f, inner *flags) (done bool) {
	on := true
	for ; ; t.at++ {
		switch t.peek() {
		case 'i':
			inner.fold = on
		case 's':
			inner.dotAll = on
		case '-':
			on = false
		case ':':
			t.at++
			return false
		case ')':
			t.at++
			*f = *inner
			return true
		default:
			t.fail("this kind of group or flag")
		}
	}
}
