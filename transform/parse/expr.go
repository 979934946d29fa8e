package parse

import (
	"slices"
	"strings"

	"github.com/firn-data/firn/internal/schema"
)

// Precedence, from loose to tight: OR, AND, NOT, predicates and comparisons, | ^ & (refused), + - ||, * / % DIV, unary, ::, postfix.

func (p *parser) expr() Expr {
	defer p.enter()()
	return p.or()
}

func (p *parser) or() Expr {
	x := p.and()
	for {
		at := p.peek().pos
		if !p.keyword("OR") {
			return x
		}
		x = &Binary{Node{at}, "OR", x, p.and()}
	}
}

func (p *parser) and() Expr {
	x := p.not()
	for {
		at := p.peek().pos
		if !p.keyword("AND") {
			return x
		}
		x = &Binary{Node{at}, "AND", x, p.not()}
	}
}

func (p *parser) not() Expr {
	at := p.peek().pos
	if p.isOperator("!") {
		p.take()
		return &Unary{Node{at}, "NOT", p.not()}
	}
	if !p.keyword("NOT") {
		return p.predicate()
	}
	defer p.enter()()
	return &Unary{Node{at}, "NOT", p.not()}
}

var comparisons = map[string]string{"=": "=", "==": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">=", "<=>": "<=>"}

func (p *parser) predicate() Expr {
	x := p.sum()
	for {
		t := p.peek()
		if op, ok := comparisons[t.text]; ok && t.kind == operator {
			p.take()
			x = &Binary{Node{t.pos}, op, x, p.sum()}
			continue
		}
		not := t.kind == word && t.upper == "NOT" && slices.Contains([]string{"IN", "BETWEEN", "LIKE", "ILIKE", "RLIKE", "REGEXP"}, p.peekAt(1).upper)
		if not {
			p.take()
		}
		switch {
		case p.keyword("IS"):
			x = p.is(t.pos, x)
		case p.keyword("IN"):
			p.wantOperator("(")
			if p.isKeyword("SELECT") || p.isKeyword("WITH") {
				p.unsupported("IN (SELECT …)")
			}
			x = &In{Node{t.pos}, x, p.exprs(), not}
			p.wantOperator(")")
		case p.keyword("BETWEEN"):
			lo := p.sum()
			p.wantKeyword("AND")
			x = &Between{Node{t.pos}, x, lo, p.sum(), not}
		case p.keyword("LIKE"):
			x = p.like(t.pos, "LIKE", x, not)
		case p.keyword("ILIKE"):
			x = p.like(t.pos, "ILIKE", x, not)
		case p.keyword("RLIKE"), p.keyword("REGEXP"):
			x = p.like(t.pos, "RLIKE", x, not)
		default:
			return x
		}
	}
}

func (p *parser) like(at Pos, op string, x Expr, not bool) Expr {
	if p.isKeyword("ANY") || p.isKeyword("ALL") || p.isKeyword("SOME") {
		p.unsupported(op + " " + p.peek().upper)
	}
	l := &Like{Node: Node{at}, Op: op, X: x, Pattern: p.sum(), Not: not}
	if op != "RLIKE" && p.keyword("ESCAPE") {
		l.Escape = p.primary()
	}
	return l
}

func (p *parser) is(at Pos, x Expr) Expr {
	not := p.keyword("NOT")
	switch {
	case p.keyword("DISTINCT", "FROM"):
		return &Is{Node: Node{at}, X: x, What: "DISTINCT", Y: p.sum(), Not: not}
	case p.keyword("NULL"):
		return &Is{Node: Node{at}, X: x, What: "NULL", Not: not}
	case p.keyword("TRUE"):
		return &Is{Node: Node{at}, X: x, What: "TRUE", Not: not}
	case p.keyword("FALSE"):
		return &Is{Node: Node{at}, X: x, What: "FALSE", Not: not}
	}
	p.unexpected("NULL, TRUE, FALSE or DISTINCT FROM")
	return nil
}

func (p *parser) sum() Expr {
	x := p.product()
	for {
		t := p.peek()
		if t.kind != operator || t.text != "+" && t.text != "-" && t.text != "||" {
			if t.kind == operator && (t.text == "|" || t.text == "^" || t.text == "&") {
				p.unsupported("the operator " + t.text)
			}
			return x
		}
		p.take()
		x = &Binary{Node{t.pos}, t.text, x, p.product()}
	}
}

func (p *parser) product() Expr {
	x := p.unary()
	for {
		t := p.peek()
		switch {
		case t.kind == operator && (t.text == "*" || t.text == "/" || t.text == "%"):
			p.take()
			x = &Binary{Node{t.pos}, t.text, x, p.unary()}
		case t.kind == word && t.upper == "DIV":
			p.take()
			x = &Binary{Node{t.pos}, "DIV", x, p.unary()}
		default:
			return x
		}
	}
}

func (p *parser) unary() Expr {
	defer p.enter()()
	t := p.peek()
	if t.kind == operator && (t.text == "-" || t.text == "+") {
		p.take()
		if n := p.peek(); t.text == "-" && n.kind == number && n.pos == t.end {
			p.take()
			return p.postfix(&Literal{Node{t.pos}, Number, "-" + n.text})
		}
		return &Unary{Node{t.pos}, t.text, p.unary()}
	}
	if p.isOperator("~") {
		p.unsupported("the operator ~")
	}
	return p.postfix(p.primary())
}

// postfix reads ::type, .field and [index].
func (p *parser) postfix(x Expr) Expr {
	for {
		t := p.peek()
		switch {
		case p.operator("::"):
			c := &Cast{Node: Node{t.pos}, X: x}
			c.Type, c.SQL = p.typeName()
			x = c
		case p.operator("["):
			x = &Index{Node{t.pos}, x, p.expr()}
			p.wantOperator("]")
		case p.isOperator(".") && p.peekAt(1).kind != eof:
			p.unsupported("a field of an expression")
		default:
			return x
		}
	}
}

func (p *parser) primary() Expr {
	t := p.peek()
	switch t.kind {
	case number:
		p.take()
		return &Literal{Node{t.pos}, Number, t.text}
	case text:
		p.take()
		s := t.text
		for p.peek().kind == text { // adjacent strings concatenate
			s += p.take().text
		}
		return &Literal{Node{t.pos}, String, s}
	case param:
		p.take()
		return &Param{Node{t.pos}, t.text}
	case quoted:
		return p.column()
	case operator:
		if t.text == "(" {
			p.take()
			if p.isKeyword("SELECT") || p.isKeyword("WITH") {
				p.unsupported("a scalar sub-query")
			}
			x := p.expr()
			p.wantOperator(")")
			return x
		}
	case word:
		return p.wordPrimary(t)
	}
	p.unexpected("an expression")
	return nil
}

func (p *parser) wordPrimary(t token) Expr {
	next := p.peekAt(1)
	switch t.upper {
	case "NULL":
		p.take()
		return &Literal{Node{t.pos}, Null, ""}
	case "TRUE", "FALSE":
		p.take()
		return &Literal{Node{t.pos}, Boolean, t.upper}
	case "CASE":
		return p.caseExpr()
	case "CAST", "TRY_CAST":
		if next.text == "(" {
			return p.cast(t.upper == "TRY_CAST")
		}
	case "DATE", "TIMESTAMP", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "X":
		if next.kind == text {
			p.i += 2
			k := map[string]LiteralKind{"DATE": Date, "TIMESTAMP": Timestamp, "TIMESTAMP_LTZ": Timestamp, "TIMESTAMP_NTZ": TimestampNTZ, "X": Hex}[t.upper]
			return &Literal{Node{t.pos}, k, next.text}
		}
	case "INTERVAL":
		if next.kind == text || next.kind == number || next.text == "-" {
			p.unsupported("INTERVAL")
		}
	case "CURRENT_DATE", "CURRENT_TIMESTAMP", "NOW":
		if next.text != "(" && t.upper != "NOW" {
			p.take()
			return &Call{Node: Node{t.pos}, Name: strings.ToLower(t.upper)}
		}
	case "EXISTS", "SELECT", "FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "UNION", "WHEN", "THEN", "ELSE", "END":
		if t.upper == "EXISTS" && next.text == "(" {
			p.unsupported("EXISTS")
		}
		if t.upper != "EXISTS" {
			p.unexpected("an expression")
		}
	}
	if next.kind == operator && next.text == "(" {
		return p.call()
	}
	return p.column()
}

func (p *parser) column() Expr {
	c := &Column{Node: Node{p.peek().pos}, Parts: []string{p.identifier("a column")}}
	for p.isOperator(".") && (p.peekAt(1).kind == word || p.peekAt(1).kind == quoted) {
		p.take()
		c.Parts = append(c.Parts, p.identifier("a field"))
	}
	return c
}

func (p *parser) caseExpr() Expr {
	c := &Case{Node: Node{p.take().pos}}
	if !p.isKeyword("WHEN") {
		c.Operand = p.expr()
	}
	for p.keyword("WHEN") {
		w := When{If: p.expr()}
		p.wantKeyword("THEN")
		w.Then = p.expr()
		c.When = append(c.When, w)
	}
	if len(c.When) == 0 {
		p.unexpected("WHEN")
	}
	if p.keyword("ELSE") {
		c.Else = p.expr()
	}
	p.wantKeyword("END")
	return c
}

func (p *parser) cast(try bool) Expr {
	c := &Cast{Node: Node{p.take().pos}, Try: try}
	p.wantOperator("(")
	c.X = p.expr()
	p.wantKeyword("AS")
	c.Type, c.SQL = p.typeName()
	p.wantOperator(")")
	return c
}

// typeName reads a type: a word with optional (…) or <…> after it.
func (p *parser) typeName() (schema.Type, string) {
	start := p.peek()
	p.identifier("a type")
	end := start.end
	open := 0
	for {
		t := p.peek()
		switch {
		case t.kind == operator && (t.text == "(" || t.text == "<") && (open > 0 || t.pos == end || t.text == "<" || t.text == "("):
			open++
		case open > 0 && t.kind == operator && (t.text == ")" || t.text == ">"):
			open--
			if open == 0 {
				end = p.take().end
				return p.resolveType(start, end)
			}
		case open == 0:
			return p.resolveType(start, end)
		case t.kind == eof:
			p.unexpected("the end of a type")
		}
		p.take()
	}
}

func (p *parser) resolveType(start token, end Pos) (schema.Type, string) {
	name := p.between(start.pos, end)
	typ, err := schema.Parse(name)
	if err != nil {
		panic(&Error{start.pos, "UNSUPPORTED_DATATYPE", err.Error()})
	}
	return typ, strings.ToUpper(name)
}

func (p *parser) call() Expr {
	t := p.take()
	c := &Call{Node: Node{t.pos}, Name: strings.ToLower(t.text)}
	p.wantOperator("(")
	switch {
	case p.operator(")"):
	case p.operator("*"):
		c.Star = true
		p.wantOperator(")")
	default:
		c.Distinct = p.keyword("DISTINCT")
		c.Args = p.exprs()
		p.wantOperator(")")
	}
	if p.keyword("FILTER") {
		p.wantOperator("(")
		p.wantKeyword("WHERE")
		c.Filter = p.expr()
		p.wantOperator(")")
	}
	if p.keyword("OVER") {
		c.Over = p.window()
	}
	return c
}

func (p *parser) window() *Window {
	w := &Window{}
	p.wantOperator("(")
	if p.keyword("PARTITION", "BY") {
		w.Partition = p.exprs()
	}
	if p.keyword("ORDER", "BY") {
		w.Order = p.orders()
	}
	if !p.isOperator(")") {
		p.unsupported("a window frame")
	}
	p.wantOperator(")")
	return w
}
