package expr

import (
	"strings"
	"unicode/utf8"

	"github.com/firn-data/firn/transform/parse"
)

func (s *Scope) in(x *parse.In) (Expr, error) {
	e, err := s.Bind(x.X)
	if err != nil {
		return nil, err
	}
	t := e.Type()
	items := make([]Expr, len(x.List))
	for i, item := range x.List {
		if items[i], err = s.Bind(item); err != nil {
			return nil, err
		}
		c, ok := common(t, items[i].Type())
		if !ok {
			return nil, refuse(item, "DATATYPE_MISMATCH.DATA_DIFF_TYPES", "%s cannot be compared with %s", items[i].Type(), t)
		}
		t = c
	}
	if t.Kind == Null {
		t = Type{Kind: Boolean}
	}
	if e, err = s.convert(x, e, t); err != nil {
		return nil, err
	}
	for i := range items {
		if items[i], err = s.convert(x.List[i], items[i], t); err != nil {
			return nil, err
		}
	}
	return &in{e, items, x.Not}, nil
}

func (s *Scope) between(x *parse.Between) (Expr, error) {
	lo, err := s.binary(&parse.Binary{Node: x.Node, Op: ">=", X: x.X, Y: x.Lo})
	if err != nil {
		return nil, err
	}
	hi, err := s.binary(&parse.Binary{Node: x.Node, Op: "<=", X: x.X, Y: x.Hi})
	if err != nil {
		return nil, err
	}
	both := Expr(&logic{false, lo, hi})
	if x.Not {
		both = &not{both}
	}
	return both, nil
}

func (s *Scope) is(x *parse.Is) (Expr, error) {
	e, err := s.Bind(x.X)
	if err != nil {
		return nil, err
	}
	switch x.What {
	case "NULL":
		return &isNull{e, x.Not}, nil
	case "DISTINCT":
		y, err := s.Bind(x.Y)
		if err != nil {
			return nil, err
		}
		eq, err := s.comparison(x, "<=>", e, y)
		if err != nil || x.Not {
			return eq, err
		}
		return &not{eq}, nil
	}
	if e, err = s.Condition(x.X, "the operand of IS "+x.What); err != nil {
		return nil, err
	}
	eq := Expr(&compare{"<=>", e, constant(Type{Kind: Boolean}, func(v *Vec) { v.I[0] = bit(x.What == "TRUE") })})
	if x.Not {
		eq = &not{eq}
	}
	return eq, nil
}

func (s *Scope) caseExpr(x *parse.Case) (Expr, error) {
	c := &choose{typ: Type{Kind: Null}}
	results := make([]parse.Expr, 0, len(x.When)+1)
	for _, w := range x.When {
		cond := w.If
		if x.Operand != nil {
			cond = &parse.Binary{Node: parse.Node{At: w.If.Start()}, Op: "=", X: x.Operand, Y: w.If}
		}
		if l, ok := cond.(*parse.Literal); ok && l.Kind == parse.Null {
			return nil, refuse(cond, "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "the condition of WHEN must be BOOLEAN, not VOID")
		}
		e, err := s.Condition(cond, "the condition of WHEN")
		if err != nil {
			return nil, err
		}
		c.when = append(c.when, e)
		results = append(results, w.Then)
	}
	if x.Else != nil {
		c.when = append(c.when, nil)
		results = append(results, x.Else)
	}
	var err error
	c.then, c.typ, err = s.unify(results)
	return c, err
}

// unify binds expressions and casts them to their common type.
func (s *Scope) unify(xs []parse.Expr) ([]Expr, Type, error) {
	t := Type{Kind: Null}
	out := make([]Expr, len(xs))
	for i, x := range xs {
		var err error
		if out[i], err = s.Bind(x); err != nil {
			return nil, t, err
		}
		c, ok := common(t, out[i].Type())
		if !ok {
			return nil, t, refuse(x, "DATATYPE_MISMATCH.DATA_DIFF_TYPES", "%s and %s have no common type", t, out[i].Type())
		}
		t = c
	}
	for i, x := range xs {
		var err error
		if out[i], err = s.convert(x, out[i], t); err != nil {
			return nil, t, err
		}
	}
	return out, t, nil
}

func (s *Scope) rlikePredicate(x *parse.Like) (Expr, error) {
	e, err := s.Bind(x.X)
	if err != nil {
		return nil, err
	}
	p, err := s.Bind(x.Pattern)
	if err != nil {
		return nil, err
	}
	m, err := s.rlike(x.X, x.Pattern, e, p)
	if err != nil || !x.Not {
		return m, err
	}
	return &not{m}, nil
}

func (s *Scope) like(x *parse.Like) (Expr, error) {
	if x.Op == "RLIKE" {
		return s.rlikePredicate(x)
	}
	escape := byte('\\')
	if x.Escape != nil {
		l, ok := x.Escape.(*parse.Literal)
		if !ok || l.Kind != parse.String || len(l.Text) != 1 {
			return nil, refuse(x.Escape, "INVALID_ESCAPE_CHAR", "ESCAPE takes one character")
		}
		escape = l.Text[0]
	}
	pat, ok := x.Pattern.(*parse.Literal)
	if !ok || pat.Kind != parse.String {
		return nil, refuse(x.Pattern, "NEEDS_SPARK", "a LIKE pattern that is not a constant needs engine: spark")
	}
	e, err := s.Bind(x.X)
	if err != nil {
		return nil, err
	}
	if e, err = s.convert(x, e, Type{Kind: String}); err != nil {
		return nil, err
	}
	text := pat.Text
	if x.Op == "ILIKE" {
		text = lowerText(text)
	}
	items, bad := likeItems(text, escape)
	if bad != "" {
		return nil, refuse(x.Pattern, "INVALID_FORMAT."+bad, "the pattern '%s' is invalid: the escape character must come before %%, _ or itself", pat.Text)
	}
	lower := x.Op == "ILIKE"
	m := &apply{typ: Type{Kind: Boolean}, args: []Expr{e}, f: func(a []*Vec, k int, out *Vec) (string, string) {
		v := a[0].S[k]
		if lower {
			v = lowerText(v)
		}
		out.I[k] = bit(matches(v, items))
		return "", ""
	}}
	if x.Not {
		return &not{m}, nil
	}
	return m, nil
}

// likeItem is a literal run, one character (_) or any run (%).
type likeItem struct {
	text string
	any  byte // 0: text; '_' or '%'
}

func likeItems(p string, escape byte) (out []likeItem, bad string) {
	var run strings.Builder
	flush := func() {
		if run.Len() > 0 {
			out = append(out, likeItem{text: run.String()})
			run.Reset()
		}
	}
	for i := 0; i < len(p); i++ {
		switch c := p[i]; {
		case c == escape:
			if i+1 == len(p) {
				return nil, "ESC_AT_THE_END"
			}
			i++
			if p[i] != '%' && p[i] != '_' && p[i] != escape {
				return nil, "ESC_IN_THE_MIDDLE"
			}
			run.WriteByte(p[i])
		case c == '%' || c == '_':
			flush()
			if c == '%' && len(out) > 0 && out[len(out)-1].any == '%' {
				continue
			}
			out = append(out, likeItem{any: c})
		default:
			run.WriteByte(c)
		}
	}
	flush()
	return out, ""
}

// matches walks text and pattern together; on a mismatch it goes back to the last % and lets it take one character more.
func matches(s string, items []likeItem) bool {
	i, star, from := 0, -1, 0
	pos := 0
	for {
		if i < len(items) && items[i].any == '%' {
			star, from = i, pos
			i++
			continue
		}
		if i == len(items) && pos == len(s) {
			return true
		}
		ok := false
		if i < len(items) {
			if it := items[i]; it.any == '_' {
				if pos < len(s) {
					_, n := utf8.DecodeRuneInString(s[pos:])
					pos, ok = pos+n, true
				}
			} else if strings.HasPrefix(s[pos:], it.text) {
				pos, ok = pos+len(it.text), true
			}
			if ok {
				i++
				continue
			}
		}
		if star < 0 || from >= len(s) {
			return false
		}
		_, n := utf8.DecodeRuneInString(s[from:])
		from += n
		pos, i = from, star+1
	}
}
