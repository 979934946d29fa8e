// Package parse reads Spark SQL: a lexer, the syntax tree and a parser whose every node knows where it stands.
package parse

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Pos is a byte offset in the SQL text.
type Pos int

// LineColumn is the 1-based line and byte column of a position.
func LineColumn(sql string, p Pos) (line, column int) {
	before := sql[:min(int(p), len(sql))]
	return 1 + strings.Count(before, "\n"), len(before) - strings.LastIndexByte(before, '\n')
}

// Error is a syntax error at a position. Code is Spark's error class.
type Error struct {
	Pos  Pos
	Code string
	Msg  string
}

func (e *Error) Error() string { return e.Msg }

type kind uint8

const (
	eof kind = iota
	word
	quoted // `identifier`
	text   // 'string', escapes resolved
	number // as written
	param  // :name
	operator
)

type token struct {
	kind  kind
	pos   Pos
	end   Pos
	text  string // word: as written; text and quoted: the content
	upper string // word: in upper case
}

var operators = []string{"<=>", "||", "::", "<=", ">=", "<>", "!=", "==", "->", "(", ")", "[", "]", ",", ".", "+", "-", "*", "/", "%", "=", "<", ">", "&", "|", "^", "~", ";", "!"}

// lex cuts SQL into tokens.
func lex(sql string) ([]token, error) {
	if at := strings.Index(sql, "${"); at >= 0 && strings.Contains(sql[at:], "}") {
		// Spark puts its configuration's value there, also inside of strings, before it reads the text.
		return nil, &Error{Pos(at), "NEEDS_SPARK", "a variable ${…} needs engine: spark"}
	}
	var out []token
	for i := 0; ; {
		j, err := skipSpace(sql, i)
		if err != nil {
			return nil, err
		}
		if i = j; i >= len(sql) {
			return append(out, token{kind: eof, pos: Pos(i), end: Pos(i)}), nil
		}
		t, err := next(sql, i)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
		i = int(t.end)
	}
}

func skipSpace(sql string, i int) (int, error) {
	for i < len(sql) {
		switch {
		case strings.IndexByte(" \t\r\n\f\v", sql[i]) >= 0:
			i++
		case strings.HasPrefix(sql[i:], "--"):
			n := strings.IndexByte(sql[i:], '\n')
			if n < 0 {
				return len(sql), nil
			}
			i += n + 1
		case strings.HasPrefix(sql[i:], "/*"):
			n := strings.Index(sql[i+2:], "*/")
			if n < 0 {
				return 0, &Error{Pos(i), "UNCLOSED_BRACKETED_COMMENT", "the comment is not closed: */ is missing"}
			}
			i += n + 4
		default:
			return i, nil
		}
	}
	return i, nil
}

func next(sql string, i int) (token, error) {
	c := sql[i]
	switch {
	case (c == 'r' || c == 'R') && i+1 < len(sql) && (sql[i+1] == '\'' || sql[i+1] == '"'):
		return str(sql, i, i+1, true)
	case c == '\'' || c == '"':
		return str(sql, i, i, false)
	case c == '`':
		return backquoted(sql, i)
	case isDigit(c) || c == '.' && i+1 < len(sql) && isDigit(sql[i+1]):
		return num(sql, i)
	case isLetter(c):
		n := i
		for n < len(sql) && (isLetter(sql[n]) || isDigit(sql[n])) {
			n++
		}
		return token{kind: word, pos: Pos(i), end: Pos(n), text: sql[i:n], upper: strings.ToUpper(sql[i:n])}, nil
	case c == ':' && i+1 < len(sql) && isLetter(sql[i+1]):
		n := i + 1
		for n < len(sql) && (isLetter(sql[n]) || isDigit(sql[n])) {
			n++
		}
		return token{kind: param, pos: Pos(i), end: Pos(n), text: sql[i+1 : n]}, nil
	}
	for _, op := range operators {
		if strings.HasPrefix(sql[i:], op) {
			return token{kind: operator, pos: Pos(i), end: Pos(i + len(op)), text: op, upper: op}, nil
		}
	}
	r, _ := utf8.DecodeRuneInString(sql[i:])
	return token{}, &Error{Pos(i), "PARSE_SYNTAX_ERROR", fmt.Sprintf("unexpected %q", r)}
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }

// str reads a string that starts at quote. Raw strings keep their backslashes; in others \n, \t, \0, \b, \r, \Z, \\, \', \",
// \uXXXX and \ooo are escapes, \% and \_ keep the backslash, and any other escaped character stands for itself.
func str(sql string, start, quote int, raw bool) (token, error) {
	q := sql[quote]
	var b strings.Builder
	for i := quote + 1; i < len(sql); i++ {
		c := sql[i]
		switch {
		case c == q && !raw && i+1 < len(sql) && sql[i+1] == q:
			// Adjacent strings concatenate, so a doubled quote ends one string and begins the next; with the same
			// quote character Spark takes it as one quote.
			b.WriteByte(q)
			i++
		case c == q:
			return token{kind: text, pos: Pos(start), end: Pos(i + 1), text: b.String()}, nil
		case c == '\\' && !raw && i+1 < len(sql):
			i += escape(sql[i+1:], &b)
		default:
			b.WriteByte(c)
		}
	}
	return token{}, &Error{Pos(start), "PARSE_SYNTAX_ERROR", "the string is not closed"}
}

// escape writes what the escape after a backslash means and gives its length.
func escape(s string, b *strings.Builder) int {
	if s[0] == 'u' && len(s) >= 5 {
		if r, ok := base(s[1:5], 16); ok {
			b.WriteRune(rune(r))
			return 5
		}
	}
	if len(s) >= 3 && s[0] >= '0' && s[0] <= '1' {
		if r, ok := base(s[:3], 8); ok {
			b.WriteByte(byte(r))
			return 3
		}
	}
	switch s[0] {
	case '0':
		b.WriteByte(0)
	case 'b':
		b.WriteByte('\b')
	case 'n':
		b.WriteByte('\n')
	case 'r':
		b.WriteByte('\r')
	case 't':
		b.WriteByte('\t')
	case 'Z':
		b.WriteByte(26)
	case '%', '_':
		b.WriteByte('\\')
		b.WriteByte(s[0])
	default:
		_, n := utf8.DecodeRuneInString(s)
		b.WriteString(s[:n])
		return n
	}
	return 1
}

func base(s string, b int) (v int, ok bool) {
	for i := range len(s) {
		d := strings.IndexByte("0123456789abcdef", s[i]|0x20)
		if isDigit(s[i]) {
			d = int(s[i] - '0')
		}
		if d < 0 || d >= b {
			return 0, false
		}
		v = v*b + d
	}
	return v, true
}

func backquoted(sql string, start int) (token, error) {
	var b strings.Builder
	for i := start + 1; i < len(sql); i++ {
		if sql[i] != '`' {
			b.WriteByte(sql[i])
			continue
		}
		if i+1 < len(sql) && sql[i+1] == '`' {
			b.WriteByte('`')
			i++
			continue
		}
		return token{kind: quoted, pos: Pos(start), end: Pos(i + 1), text: b.String()}, nil
	}
	return token{}, &Error{Pos(start), "PARSE_SYNTAX_ERROR", "the quoted name is not closed: ` is missing"}
}

// num reads 1, 1.5, .5, 1e3, with a type suffix: L, S, Y, D, F, BD.
func num(sql string, i int) (token, error) {
	start := i
	digits := func() {
		for i < len(sql) && isDigit(sql[i]) {
			i++
		}
	}
	digits()
	if i < len(sql) && sql[i] == '.' {
		i++
		digits()
	}
	if i < len(sql) && sql[i]|0x20 == 'e' {
		k := i + 1
		if k < len(sql) && (sql[k] == '+' || sql[k] == '-') {
			k++
		}
		if k < len(sql) && isDigit(sql[k]) {
			i = k
			digits()
		}
	}
	for _, suffix := range []string{"BD", "L", "S", "Y", "D", "F"} {
		if len(sql) >= i+len(suffix) && strings.EqualFold(sql[i:i+len(suffix)], suffix) {
			i += len(suffix)
			break
		}
	}
	if i < len(sql) && (isLetter(sql[i]) || isDigit(sql[i])) {
		return token{}, &Error{Pos(start), "PARSE_SYNTAX_ERROR", fmt.Sprintf("%q is not a number", sql[start:i+1])}
	}
	return token{kind: number, pos: Pos(start), end: Pos(i), text: sql[start:i]}, nil
}
