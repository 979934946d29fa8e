package expr

// CanRaise reports whether evaluating e may give a row error. What it does not know may: a filter that cannot raise may move
// below what guards it.
func CanRaise(e Expr) bool {
	switch e := e.(type) {
	case nil:
		return false
	case *Column, *literal, *compare, *logic, *not, *isNull, *in, *choose, *coalesce:
	case *shared:
		return CanRaise(e.Expr)
	case *apply:
		if e.all == nil {
			return true
		}
	case *cast:
		if !widens(e.x.Type(), e.to) {
			return true
		}
	default:
		return true
	}
	for _, c := range children(e) {
		if c != nil && CanRaise(c) {
			return true
		}
	}
	return false
}

// widens reports whether every value of one type has a place in another.
func widens(from, to Type) bool {
	switch {
	case from.integral() && to.integral():
		return from.Kind <= to.Kind
	case from.integral() && to.Kind == Decimal:
		return asDecimal(from).P <= to.P-to.S
	case from.Kind == Decimal && to.Kind == Decimal:
		return from.S <= to.S && from.P-from.S <= to.P-to.S
	case from.numeric():
		return to.Kind == Double || to.Kind == Float
	}
	return from.Kind == Date && (to.Kind == Timestamp || to.Kind == TimestampNTZ)
}
