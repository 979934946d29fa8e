package expr

// logic is AND or OR. The right side is evaluated only on the rows that the left one leaves open.
type logic struct {
	or   bool
	x, y Expr
}

func (l *logic) Type() Type { return Type{Kind: Boolean} }

// Eval implements Expr.
func (l *logic) Eval(b *Batch, sel []int32) (*Vec, []RowError) {
	x, errs := l.x.Eval(b, sel)
	decided := bit(l.or) // TRUE decides OR, FALSE decides AND
	rows, at := b.mem.rows(x.N)[:0], b.mem.rows(x.N)[:0]
	out := b.mem.raw(l.Type(), x.N)
	for k := range x.N {
		if out.I[k] = decided; x.null(k) || x.I[k] != decided {
			rows, at = append(rows, rowOf(sel, k)), append(at, int32(k))
		}
	}
	if len(rows) == 0 {
		return out.failed(errs, sel), errs
	}
	if len(rows) == x.N && sel == nil {
		rows = nil // all of them: columns need no copy
	}
	y, more := l.y.Eval(b, rows)
	errs = append(errs, more...)
	for i, k := range at {
		switch {
		case !y.null(i) && y.I[i] == decided:
		case y.null(i) || x.null(int(k)):
			out.setNull(int(k))
		default:
			out.I[k] = 1 - decided
		}
	}
	b.mem.free([]Expr{l.x, l.y}, x, y)
	return out.failed(errs, sel), errs
}

// not is NOT x.
type not struct{ x Expr }

func (n *not) Type() Type { return Type{Kind: Boolean} }

// Eval implements Expr.
func (n *not) Eval(b *Batch, sel []int32) (*Vec, []RowError) {
	x, errs := n.x.Eval(b, sel)
	out := b.mem.raw(n.Type(), x.N)
	out.Valid = b.mem.copied(x.Valid)
	for k, v := range x.I {
		out.I[k] = 1 - v
	}
	b.mem.free([]Expr{n.x}, x)
	return out, errs
}

// isNull is x IS NULL, or IS NOT NULL.
type isNull struct {
	x   Expr
	not bool
}

func (n *isNull) Type() Type { return Type{Kind: Boolean} }

// Eval implements Expr.
func (n *isNull) Eval(b *Batch, sel []int32) (*Vec, []RowError) {
	x, errs := n.x.Eval(b, sel)
	out := b.mem.zeroed(n.Type(), x.N)
	for k := range out.I {
		out.I[k] = bit(x.null(k) != n.not)
	}
	b.mem.free([]Expr{n.x}, x)
	return out.failed(errs, sel), errs
}

// choose is CASE: each condition is evaluated on the rows that no earlier one took, each result on the rows that chose it.
type choose struct {
	when []Expr // conditions; nil stands for "always"
	then []Expr // results, all of type typ
	typ  Type
}

func (c *choose) Type() Type { return c.typ }

// Eval implements Expr.
func (c *choose) Eval(b *Batch, sel []int32) (*Vec, []RowError) {
	n := count(b, sel)
	out, open := b.mem.zeroed(c.typ, n), positions(b, n)
	var errs []RowError
	for i, when := range c.when {
		if len(open) == 0 {
			return out, errs
		}
		taken := open
		if when == nil {
			open = nil
		} else {
			cond, more := when.Eval(b, rowsAt(b, sel, open))
			errs = append(errs, more...)
			taken, open = part(b, cond, open, badRows(more), sel, out)
			b.mem.free([]Expr{when}, cond)
		}
		v, more := c.then[i].Eval(b, rowsAt(b, sel, taken))
		errs = append(errs, more...)
		for j, k := range taken {
			out.copyFrom(int(k), v, j)
		}
		b.mem.free([]Expr{c.then[i]}, v)
	}
	for _, k := range open {
		out.setNull(int(k))
	}
	return out, errs
}

// positions are 0 to n-1.
func positions(b *Batch, n int) []int32 {
	out := b.mem.rows(n)
	for k := range out {
		out[k] = int32(k)
	}
	return out
}

// part divides the open rows into those whose condition is TRUE and the rest. Rows whose condition failed are NULL and done.
func part(b *Batch, cond *Vec, open []int32, bad map[int32]bool, sel []int32, out *Vec) (yes, rest []int32) {
	yes, rest = b.mem.rows(len(open))[:0], b.mem.rows(len(open))[:0]
	for j, k := range open {
		switch {
		case bad[rowOf(sel, int(k))]:
			out.setNull(int(k))
		case !cond.null(j) && cond.I[j] == 1:
			yes = append(yes, k)
		default:
			rest = append(rest, k)
		}
	}
	return yes, rest
}

// failed makes the rows with errors NULL, where what they were computed from could have made them something else.
func (v *Vec) failed(errs []RowError, sel []int32) *Vec {
	bad := badRows(errs)
	if bad == nil {
		return v
	}
	for k := range v.N {
		if bad[rowOf(sel, k)] {
			v.setNull(k)
		}
	}
	return v
}

func badRows(errs []RowError) map[int32]bool {
	if len(errs) == 0 {
		return nil
	}
	out := make(map[int32]bool, len(errs))
	for _, e := range errs {
		out[e.Row] = true
	}
	return out
}

// rowsAt maps positions among the selected rows to rows of the batch. The result is never nil: nil means all rows.
func rowsAt(b *Batch, sel, at []int32) []int32 {
	out := b.mem.rows(len(at))
	for i, k := range at {
		out[i] = rowOf(sel, int(k))
	}
	return out
}

// coalesce is the first value that is not NULL; later ones are evaluated only on the rows that are still NULL.
type coalesce struct {
	args []Expr
	typ  Type
}

func (c *coalesce) Type() Type { return c.typ }

// Eval implements Expr.
func (c *coalesce) Eval(b *Batch, sel []int32) (*Vec, []RowError) {
	n := count(b, sel)
	out, open := b.mem.zeroed(c.typ, n), positions(b, n)
	var errs []RowError
	for _, a := range c.args {
		if len(open) == 0 {
			break
		}
		v, more := a.Eval(b, rowsAt(b, sel, open))
		errs = append(errs, more...)
		bad := badRows(more)
		rest := b.mem.rows(len(open))[:0]
		for j, k := range open {
			switch {
			case bad[rowOf(sel, int(k))]:
				out.setNull(int(k))
			case v.null(j):
				rest = append(rest, k)
			default:
				out.copyFrom(int(k), v, j)
			}
		}
		open = rest
		b.mem.free([]Expr{a}, v)
	}
	for _, k := range open {
		out.setNull(int(k))
	}
	return out, errs
}

// literal is a constant.
type literal struct {
	v      *Vec // one value
	folded bool // computed from constants, not written
}

func (l *literal) Type() Type { return l.v.Type }

// Eval implements Expr.
func (l *literal) Eval(b *Batch, sel []int32) (*Vec, []RowError) {
	out := b.mem.raw(l.v.Type, count(b, sel))
	switch {
	case out.F != nil:
		fill(out.F, l.v.F[0])
	case out.D != nil:
		fill(out.D, l.v.D[0])
	case out.S != nil:
		fill(out.S, l.v.S[0])
	default:
		fill(out.I, l.v.I[0])
	}
	if l.v.null(0) {
		out.Valid = b.mem.bools(out.N)
		clear(out.Valid)
	}
	return out, nil
}
