package parse

import (
	"fmt"
	"slices"
	"strings"
)

// Parse reads one query. Errors are *Error.
func Parse(sql string) (*Query, error) {
	p, err := newParser(sql)
	if err != nil {
		return nil, err
	}
	var q *Query
	err = p.run(func() {
		q = p.query()
		p.operator(";")
		p.end()
	})
	return q, err
}

// ParseExpr reads one expression, such as a check.
func ParseExpr(sql string) (Expr, error) {
	p, err := newParser(sql)
	if err != nil {
		return nil, err
	}
	var x Expr
	err = p.run(func() {
		x = p.expr()
		p.end()
	})
	return x, err
}

// ParseOrder reads one item of an ORDER BY, such as those of dedupe.
func ParseOrder(sql string) (Order, error) {
	p, err := newParser(sql)
	if err != nil {
		return Order{}, err
	}
	var o Order
	err = p.run(func() {
		o = p.order()
		p.end()
	})
	return o, err
}

// parser is a recursive descent over the tokens. A syntax error unwinds it by panic, which run turns into an error.
type parser struct {
	sql   string
	toks  []token
	i     int
	depth int
}

// maxDepth bounds nesting, so that hostile text cannot exhaust the stack.
const maxDepth = 500

func newParser(sql string) (*parser, error) {
	toks, err := lex(sql)
	if err != nil {
		return nil, err
	}
	return &parser{sql: sql, toks: toks}, nil
}

func (p *parser) run(f func()) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *Error:
			err = r
		default:
			panic(r)
		}
	}()
	f()
	return nil
}

func (p *parser) fail(format string, args ...any) {
	panic(&Error{p.peek().pos, "PARSE_SYNTAX_ERROR", fmt.Sprintf(format, args...)})
}

func (p *parser) unexpected(want string) {
	t := p.peek()
	if t.kind == eof {
		p.fail("the text ends where %s is expected", want)
	}
	p.fail("unexpected %q where %s is expected", p.sql[t.pos:t.end], want)
}

func (p *parser) peek() token { return p.toks[p.i] }

func (p *parser) peekAt(n int) token { return p.toks[min(p.i+n, len(p.toks)-1)] }

func (p *parser) take() token {
	t := p.toks[p.i]
	if t.kind != eof {
		p.i++
	}
	return t
}

// keyword takes the words if all of them come next.
func (p *parser) keyword(words ...string) bool {
	for n, w := range words {
		if t := p.peekAt(n); t.kind != word || t.upper != w {
			return false
		}
	}
	p.i += len(words)
	return true
}

func (p *parser) isKeyword(w string) bool { return p.peek().kind == word && p.peek().upper == w }

func (p *parser) wantKeyword(w string) {
	if !p.keyword(w) {
		p.unexpected(w)
	}
}

func (p *parser) operator(op string) bool {
	if t := p.peek(); t.kind == operator && t.text == op {
		p.i++
		return true
	}
	return false
}

func (p *parser) isOperator(op string) bool {
	t := p.peek()
	return t.kind == operator && t.text == op
}

func (p *parser) wantOperator(op string) {
	if !p.operator(op) {
		p.unexpected(op)
	}
}

func (p *parser) end() {
	if p.peek().kind != eof {
		p.unexpected("the end")
	}
}

func (p *parser) enter() func() {
	if p.depth++; p.depth > maxDepth {
		p.fail("the text is nested more than %d levels deep", maxDepth)
	}
	return func() { p.depth-- }
}

// clauseWords end an alias-less item: they begin the next clause.
var clauseWords = []string{"FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "UNION", "JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS",
	"ON", "USING", "AS", "WHEN", "THEN", "ELSE", "END", "AND", "OR", "NOT", "IS", "IN", "BETWEEN", "LIKE", "ILIKE", "RLIKE", "ASC", "DESC", "NULLS",
	"INTERSECT", "EXCEPT", "MINUS", "WINDOW", "QUALIFY", "LATERAL", "DISTRIBUTE", "SORT", "CLUSTER", "OFFSET", "DIV", "SELECT", "WITH", "OVER", "FILTER", "TABLESAMPLE", "PIVOT", "UNPIVOT", "ANTI", "SEMI", "NATURAL"}

func (p *parser) identifier(what string) string {
	t := p.peek()
	if t.kind == word || t.kind == quoted {
		p.i++
		return t.text
	}
	p.unexpected(what)
	return ""
}

// alias reads [AS] name, if there is one.
func (p *parser) alias() string {
	if p.keyword("AS") {
		return p.identifier("a name")
	}
	if t := p.peek(); t.kind == quoted || t.kind == word && !slices.Contains(clauseWords, t.upper) {
		p.i++
		return t.text
	}
	return ""
}

func (p *parser) query() *Query {
	defer p.enter()()
	q := &Query{At: p.peek().pos}
	if p.keyword("WITH") {
		if p.isKeyword("RECURSIVE") {
			p.unsupported("WITH RECURSIVE")
		}
		for {
			name := p.identifier("a name")
			p.wantKeyword("AS")
			p.wantOperator("(")
			q.With = append(q.With, CTE{Name: name, Query: p.query()})
			p.wantOperator(")")
			if !p.operator(",") {
				break
			}
		}
	}
	q.Parts = append(q.Parts, p.selectOrParenthesis())
	for p.keyword("UNION") {
		if !p.keyword("ALL") {
			p.unsupported("UNION without ALL")
		}
		q.Parts = append(q.Parts, p.selectOrParenthesis())
	}
	for _, w := range []string{"INTERSECT", "EXCEPT", "MINUS", "SORT", "DISTRIBUTE", "CLUSTER", "WINDOW", "QUALIFY"} {
		if p.isKeyword(w) {
			p.unsupported(w)
		}
	}
	if p.keyword("ORDER", "BY") {
		q.Order = p.orders()
	}
	if p.keyword("LIMIT") && !p.keyword("ALL") {
		q.Limit = p.expr()
	}
	if p.isKeyword("OFFSET") {
		p.unsupported("OFFSET")
	}
	return q
}

// unsupported refuses what Spark has and the native engine lacks.
func (p *parser) unsupported(what string) {
	panic(&Error{p.peek().pos, "NEEDS_SPARK", what + " needs engine: spark"})
}

// selectOrParenthesis reads a SELECT; one in parentheses becomes a sub-query.
func (p *parser) selectOrParenthesis() *Select {
	if !p.isOperator("(") {
		return p.selectQuery()
	}
	at := p.take().pos
	q := p.query()
	p.wantOperator(")")
	if len(q.Parts) == 1 && q.With == nil && q.Order == nil && q.Limit == nil {
		return q.Parts[0]
	}
	return &Select{At: at, Items: []Item{{At: at, Star: true}}, From: &Relation{At: at, Query: q}}
}

func (p *parser) selectQuery() *Select {
	s := &Select{At: p.peek().pos}
	p.wantKeyword("SELECT")
	if p.keyword("DISTINCT") {
		s.Distinct = true
	} else {
		p.keyword("ALL")
	}
	for {
		s.Items = append(s.Items, p.item())
		if !p.operator(",") {
			break
		}
	}
	if p.keyword("FROM") {
		s.From = p.relation()
		if p.isOperator(",") {
			p.unsupported("a comma between relations")
		}
		s.From.Joins = p.joins()
	}
	if p.keyword("WHERE") {
		s.WhereFrom = p.peek().pos
		s.Where = p.expr()
		s.WhereTo = p.toks[p.i-1].end
	}
	if p.keyword("GROUP", "BY") {
		if p.isKeyword("ALL") || p.isKeyword("ROLLUP") || p.isKeyword("CUBE") || p.isKeyword("GROUPING") {
			p.unsupported("GROUP BY " + p.peek().upper)
		}
		s.Group = p.exprs()
	}
	if p.keyword("HAVING") {
		s.Having = p.expr()
	}
	return s
}

func (p *parser) item() Item {
	it := Item{At: p.peek().pos}
	if p.operator("*") {
		it.Star = true
	} else if t := p.peek(); (t.kind == word || t.kind == quoted) && p.peekAt(1).text == "." && p.peekAt(1).kind == operator && p.peekAt(2).kind == operator && p.peekAt(2).text == "*" {
		it.Star, it.Of = true, t.text
		p.i += 3
	}
	if !it.Star {
		it.X = p.expr()
		it.Alias = p.alias()
		return it
	}
	if p.isKeyword("EXCEPT") && p.peekAt(1).text == "(" {
		p.take()
		p.wantOperator("(")
		for {
			it.Except = append(it.Except, p.identifier("a column"))
			if !p.operator(",") {
				break
			}
		}
		p.wantOperator(")")
	}
	return it
}

func (p *parser) relation() *Relation {
	r := &Relation{At: p.peek().pos}
	if p.operator("(") {
		r.Query = p.query()
		p.wantOperator(")")
	} else {
		r.Name = p.identifier("a table")
		if p.isOperator(".") {
			p.fail("%s. is not an input of the job: name a source, a CTE or input", r.Name)
		}
	}
	r.Alias = p.alias()
	return r
}

func (p *parser) joins() (out []Join) {
	for {
		j := Join{At: p.peek().pos}
		switch {
		case p.keyword("JOIN"), p.keyword("INNER", "JOIN"):
		case p.isKeyword("LEFT") && (p.peekAt(1).upper == "SEMI" || p.peekAt(1).upper == "ANTI"):
			p.unsupported("LEFT " + p.peekAt(1).upper + " JOIN")
		case p.keyword("LEFT", "OUTER", "JOIN"), p.keyword("LEFT", "JOIN"):
			j.Left = true
		case p.isKeyword("RIGHT"), p.isKeyword("FULL"), p.isKeyword("CROSS"), p.isKeyword("NATURAL"), p.isKeyword("SEMI"), p.isKeyword("ANTI"), p.isKeyword("LATERAL"):
			p.unsupported(p.peek().upper + " JOIN")
		default:
			return out
		}
		j.Right = p.relation()
		switch {
		case p.keyword("ON"):
			j.On = p.expr()
		case p.keyword("USING"):
			p.wantOperator("(")
			for {
				j.Using = append(j.Using, p.identifier("a column"))
				if !p.operator(",") {
					break
				}
			}
			p.wantOperator(")")
		default:
			p.unexpected("ON or USING")
		}
		out = append(out, j)
	}
}

func (p *parser) orders() (out []Order) {
	for {
		out = append(out, p.order())
		if !p.operator(",") {
			return out
		}
	}
}

func (p *parser) order() Order {
	o := Order{X: p.expr()}
	if p.keyword("DESC") {
		o.Descending, o.NullsLast = true, true
	} else {
		p.keyword("ASC")
	}
	if p.keyword("NULLS", "FIRST") {
		o.NullsLast = false
	} else if p.keyword("NULLS", "LAST") {
		o.NullsLast = true
	}
	return o
}

func (p *parser) exprs() (out []Expr) {
	for {
		out = append(out, p.expr())
		if !p.operator(",") {
			return out
		}
	}
}

// text between two positions of the source, for names and types.
func (p *parser) between(from, to Pos) string { return strings.TrimSpace(p.sql[from:to]) }
