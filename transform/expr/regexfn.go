package expr

import (
	"encoding/binary"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/firn-data/firn/transform/parse"
)

// pattern translates a constant Java pattern. null: it is NULL, and so is the result.
func (s *Scope) pattern(at parse.Expr, e Expr) (r *javaRegex, null bool, err error) {
	l, ok := e.(*literal)
	if !ok {
		return nil, false, refuse(at, "NEEDS_SPARK", "a regular expression that is not a constant needs engine: spark")
	}
	if l.v.null(0) {
		return nil, true, nil
	}
	if r, err = parseJavaRegex(l.v.S[0]); err != nil {
		return nil, false, refuse(at, "NEEDS_SPARK", "the regular expression needs engine: spark: %s", err)
	}
	return r, false, nil
}

func (s *Scope) rlike(at, pat parse.Expr, e, p Expr) (Expr, error) {
	e, err := s.convert(at, e, Type{Kind: String})
	if err != nil {
		return nil, err
	}
	if p, err = s.convert(pat, p, Type{Kind: String}); err != nil {
		return nil, err
	}
	r, null, err := s.pattern(pat, p)
	if err != nil {
		return nil, err
	}
	if null {
		return nullOf(Type{Kind: Boolean}), nil
	}
	return &apply{typ: Type{Kind: Boolean}, args: []Expr{e}, f: func(a []*Vec, k int, out *Vec) (string, string) {
		out.I[k] = bit(r.matches(a[0].S[k]))
		return "", ""
	}}, nil
}

func bindRegexpLike(s *Scope, x *parse.Call, args []Expr) (Expr, error) {
	return s.rlike(x.Args[0], x.Args[1], args[0], args[1])
}

// bindRegexpReplace is regexp_replace(text, pattern, replacement), with Java's $n, ${name} and \ in the replacement.
func bindRegexpReplace(s *Scope, x *parse.Call, args []Expr) (Expr, error) {
	r, null, err := s.textAndPattern(x, args)
	if err != nil {
		return nil, err
	}
	if args[2], err = s.to(x, 2, args[2], Type{Kind: String}); err != nil {
		return nil, err
	}
	l, ok := args[2].(*literal)
	if !ok {
		return nil, refuse(x.Args[2], "NEEDS_SPARK", "a replacement that is not a constant needs engine: spark")
	}
	if len(args) == 4 {
		if from, ok := args[3].(*literal); !ok || !from.Type().integral() || from.v.null(0) || from.v.I[0] != 1 {
			return nil, refuse(x.Args[3], "NEEDS_SPARK", "a position other than 1 needs engine: spark")
		}
	}
	if null || l.v.null(0) {
		return nullOf(Type{Kind: String}), nil
	}
	if r.empties {
		return nil, refuse(x.Args[1], "NEEDS_SPARK", "replacing a pattern that may be empty needs engine: spark")
	}
	parts, why := replacement(l.v.S[0], r)
	if why != "" {
		return nil, refuse(x.Args[2], "NEEDS_SPARK", "the replacement needs engine: spark: %s", why)
	}
	return &apply{typ: Type{Kind: String}, args: args[:1], f: func(a []*Vec, k int, out *Vec) (string, string) {
		out.S[k] = r.replace(a[0].S[k], parts)
		return "", ""
	}}, nil
}

// textAndPattern binds the first two arguments of a function of regular expressions.
func (s *Scope) textAndPattern(x *parse.Call, args []Expr) (r *javaRegex, null bool, err error) {
	for i := range 2 {
		if args[i], err = s.to(x, i, args[i], Type{Kind: String}); err != nil {
			return nil, false, err
		}
	}
	return s.pattern(x.Args[1], args[1])
}

// replacePart is text, or a group when text is empty.
type replacePart struct {
	text  string
	group int
}

// replacement reads Java's Matcher.appendReplacement: \x is x, $n the group of as many digits as there are groups for.
func replacement(text string, r *javaRegex) (out []replacePart, why string) {
	var run strings.Builder
	flush := func() {
		if run.Len() > 0 {
			out = append(out, replacePart{text: run.String()})
			run.Reset()
		}
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 == len(text):
			return nil, `\ at the end`
		case c == '\\':
			i++
			run.WriteByte(text[i])
		case c == '$':
			n, size := groupRef(text[i+1:], r)
			if size == 0 {
				return nil, "$ without a group of the pattern"
			}
			flush()
			out = append(out, replacePart{group: n})
			i += size
		default:
			run.WriteByte(c)
		}
	}
	flush()
	return out, ""
}

func groupRef(s string, r *javaRegex) (group, size int) {
	if name, _, ok := strings.Cut(s, "}"); ok && strings.HasPrefix(s, "{") {
		if g := r.names[name[1:]]; g > 0 {
			return g, len(name) + 1
		}
		return 0, 0
	}
	for size < len(s) && s[size] >= '0' && s[size] <= '9' {
		n := group*10 + int(s[size]-'0')
		if size > 0 && n > r.groups {
			break
		}
		group = n
		size++
	}
	if group > r.groups {
		return 0, 0
	}
	return group, size
}

func (r *javaRegex) replace(s string, parts []replacePart) string {
	var b strings.Builder
	from := 0
	r.each(s, func(m []int) {
		b.WriteString(s[from:m[0]])
		for _, p := range parts {
			if p.text != "" {
				b.WriteString(p.text)
			} else if m[2*p.group] >= 0 {
				b.WriteString(s[m[2*p.group]:m[2*p.group+1]])
			}
		}
		from = m[1]
	})
	if from == 0 && b.Len() == 0 {
		return s
	}
	b.WriteString(s[from:])
	return b.String()
}

// each visits the matches from left to right, as Java's Matcher.find does: after an empty one it goes on a character later.
func (r *javaRegex) each(s string, visit func(m []int)) {
	for from := 0; from <= len(s); {
		m := r.find(s, from)
		if m == nil {
			return
		}
		visit(m)
		from = m[1]
		if m[0] == m[1] {
			_, size := utf8.DecodeRuneInString(s[from:])
			from += max(size, 1)
		}
	}
}

// bindRegexpExtract is regexp_extract(text, pattern [, group]): empty without a match or when the group took no part.
func bindRegexpExtract(s *Scope, x *parse.Call, args []Expr) (Expr, error) {
	r, null, err := s.textAndPattern(x, args)
	if err != nil {
		return nil, err
	}
	group := int64(1)
	if len(args) == 3 {
		if args[2], err = s.to(x, 2, args[2], Type{Kind: Int}); err != nil {
			return nil, err
		}
		l, ok := args[2].(*literal)
		if !ok {
			return nil, refuse(x.Args[2], "NEEDS_SPARK", "a group that is not a constant needs engine: spark")
		}
		null = null || l.v.null(0)
		group = l.v.I[0]
	}
	if null {
		return nullOf(Type{Kind: String}), nil
	}
	return &apply{typ: Type{Kind: String}, args: args[:1], f: func(a []*Vec, k int, out *Vec) (string, string) {
		s := a[0].S[k]
		m := r.find(s, 0)
		switch {
		case m == nil:
		case group < 0 || group > int64(r.groups):
			return "INVALID_PARAMETER_VALUE.REGEX_GROUP_INDEX", "the pattern has the groups 0 to " + strconv.Itoa(r.groups) + ", not " + strconv.FormatInt(group, 10)
		case m[2*group] >= 0:
			out.S[k] = s[m[2*group]:m[2*group+1]]
		}
		return "", ""
	}}, nil
}

// bindSplit is split(text, pattern [, limit]): at most limit parts when limit is positive.
func bindSplit(s *Scope, x *parse.Call, args []Expr) (Expr, error) {
	limit := Expr(constant(Type{Kind: Int}, func(v *Vec) { v.I[0] = -1 }))
	var err error
	if len(args) == 3 {
		if limit, err = s.to(x, 2, args[2], Type{Kind: Int}); err != nil {
			return nil, err
		}
	}
	t := Type{Kind: Array}
	r, null, err := s.textAndPattern(x, args)
	if err != nil || null {
		return nullOf(t), err
	}
	if r.empties && r.source != "" {
		return nil, refuse(x.Args[1], "NEEDS_SPARK", "splitting at what may be empty needs engine: spark")
	}
	return &apply{typ: t, args: []Expr{args[0], limit}, f: func(a []*Vec, k int, out *Vec) (string, string) {
		if r.source == "" {
			out.S[k] = splitCharacters(a[0].S[k], a[1].I[k])
		} else {
			out.S[k] = r.split(a[0].S[k], a[1].I[k])
		}
		return "", ""
	}}, nil
}

func (r *javaRegex) split(s string, limit int64) string {
	var out []byte
	from, n := 0, int64(0)
	r.each(s, func(m []int) {
		if limit > 0 && n >= limit-1 || from == 0 && m[0] == 0 && m[1] == 0 {
			return
		}
		out = appendItem(out, s[from:m[0]])
		from = m[1]
		n++
	})
	return string(appendItem(out, s[from:]))
}

// splitCharacters cuts a text into its characters, the rest in the last.
func splitCharacters(s string, limit int64) string {
	n := int64(utf8.RuneCountInString(s))
	if n == 0 {
		return string(appendItem(nil, ""))
	}
	if limit > n || limit <= 0 {
		limit = n
	}
	var out []byte
	for range limit - 1 {
		_, size := utf8.DecodeRuneInString(s)
		out = appendItem(out, s[:size])
		s = s[size:]
	}
	return string(appendItem(out, s))
}

// An array of strings is held as one string: each item with its length, as a varint, before it.

func appendItem(dst []byte, item string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(item))), item...)
}

// nextItem takes the first item off an array.
func nextItem(array string) (item, rest string) {
	n, at := uint64(0), 0
	for shift := 0; ; shift += 7 {
		b := array[at]
		at++
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			break
		}
	}
	return array[at : at+int(n)], array[at+int(n):]
}

func arrayItems(array string) (out []string) {
	for array != "" {
		var item string
		item, array = nextItem(array)
		out = append(out, item)
	}
	return out
}

// compareArrays orders arrays item by item; the shorter of two that begin alike is less.
func compareArrays(a, b string) int {
	for a != "" && b != "" {
		var x, y string
		x, a = nextItem(a)
		y, b = nextItem(b)
		if c := strings.Compare(x, y); c != 0 {
			return c
		}
	}
	return int(bit(a != "") - bit(b != ""))
}

// bindItem is array[i], from 0, and element_at(array, i), from 1 or, negative, from the end.
func (s *Scope) bindItem(at parse.Expr, array, index Expr, first int64) (Expr, error) {
	if array.Type().Kind != Array {
		return nil, refuse(at, "NEEDS_SPARK", "an item of %s needs engine: spark", array.Type())
	}
	index, err := s.convert(at, index, Type{Kind: Int})
	if err != nil {
		return nil, err
	}
	return &apply{typ: Type{Kind: String}, args: []Expr{array, index}, f: func(a []*Vec, k int, out *Vec) (string, string) {
		items, i := arrayItems(a[0].S[k]), a[1].I[k]-first
		code := "INVALID_ARRAY_INDEX"
		if first == 1 {
			code = "INVALID_ARRAY_INDEX_IN_ELEMENT_AT"
			if i == -1 {
				return "INVALID_INDEX_OF_ZERO", "the items of an array count from 1"
			}
			if i < 0 {
				i += int64(len(items)) + 1
			}
		}
		if i < 0 || i >= int64(len(items)) {
			return code, "there is no item " + a[1].text(k) + " in an array of " + strconv.Itoa(len(items))
		}
		out.S[k] = items[i]
		return "", ""
	}}, nil
}

func bindElementAt(s *Scope, x *parse.Call, args []Expr) (Expr, error) {
	if t := args[1].Type(); !t.integral() || t.Kind == BigInt {
		return nil, refuse(x.Args[1], "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "the position must be INT, not %s", t)
	}
	return s.bindItem(x, args[0], args[1], 1)
}

func bindSize(s *Scope, x *parse.Call, args []Expr) (Expr, error) {
	if args[0].Type().Kind != Array {
		return nil, refuse(x, "NEEDS_SPARK", "size of %s needs engine: spark", args[0].Type())
	}
	return &apply{typ: Type{Kind: Int}, args: args, f: func(a []*Vec, k int, out *Vec) (string, string) {
		out.I[k] = int64(len(arrayItems(a[0].S[k])))
		return "", ""
	}}, nil
}
