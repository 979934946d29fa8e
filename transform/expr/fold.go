package expr

// children are the expressions that an expression evaluates; nil ones stand for "always".
func children(e Expr) []Expr {
	switch e := e.(type) {
	case *arith:
		return []Expr{e.x, e.y}
	case *compare:
		return []Expr{e.x, e.y}
	case *logic:
		return []Expr{e.x, e.y}
	case *negate:
		return []Expr{e.x}
	case *not:
		return []Expr{e.x}
	case *isNull:
		return []Expr{e.x}
	case *cast:
		return []Expr{e.x}
	case *in:
		return append([]Expr{e.x}, e.list...)
	case *apply:
		return e.args
	case *shared:
		return children(e.Expr)
	case *coalesce:
		return e.args
	case *choose:
		return append(append([]Expr{}, e.when...), e.then...)
	}
	return nil
}

// fold evaluates an expression of constants.
func fold(e Expr) Expr {
	parts := children(e)
	for _, p := range parts {
		if _, ok := p.(*literal); p != nil && !ok {
			return e
		}
	}
	if len(parts) == 0 {
		return e
	}
	v, errs := e.Eval(&Batch{N: 1}, nil)
	if len(errs) > 0 {
		return e
	}
	return &literal{v: v, folded: true}
}
