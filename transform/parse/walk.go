package parse

// Walk calls f with x and every expression in it, from the outside in. A nil x is none.
func Walk(x Expr, f func(Expr)) {
	if x == nil {
		return
	}
	f(x)
	for _, y := range operands(x) {
		Walk(y, f)
	}
}

// operands are the expressions directly in x; some may be nil.
func operands(x Expr) (out []Expr) {
	switch x := x.(type) {
	case *Unary:
		return []Expr{x.X}
	case *Binary:
		return []Expr{x.X, x.Y}
	case *Call:
		out = append(append(out, x.Args...), x.Filter)
		if x.Over != nil {
			out = append(out, x.Over.Partition...)
			for _, o := range x.Over.Order {
				out = append(out, o.X)
			}
		}
	case *Cast:
		return []Expr{x.X}
	case *Case:
		out = append(out, x.Operand, x.Else)
		for _, w := range x.When {
			out = append(out, w.If, w.Then)
		}
	case *In:
		return append([]Expr{x.X}, x.List...)
	case *Between:
		return []Expr{x.X, x.Lo, x.Hi}
	case *Like:
		return []Expr{x.X, x.Pattern, x.Escape}
	case *Is:
		return []Expr{x.X, x.Y}
	case *Index:
		return []Expr{x.X, x.I}
	}
	return out
}
