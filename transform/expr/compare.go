package expr

import (
	"math"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// compare is = <> < <= > >= or <=> over two operands of one type.
type compare struct {
	op   string
	x, y Expr
}

func (c *compare) Type() Type { return Type{Kind: Boolean} }

// Eval implements Expr.
func (c *compare) Eval(b *Batch, sel []int32) (*Vec, []RowError) {
	x, errs := c.x.Eval(b, sel)
	y, more := c.y.Eval(b, sel)
	errs = append(errs, more...)
	out := b.mem.zeroed(c.Type(), x.N)
	if c.op == "<=>" {
		for k := range out.I {
			xn, yn := x.null(k), y.null(k)
			out.I[k] = bit(xn && yn || !xn && !yn && order(x, k, y, k) == 0)
		}
		b.mem.free([]Expr{c.x, c.y}, x, y)
		return out.failed(errs, sel), errs
	}
	out.Valid = b.mem.bothValid(x, y)
	c.into(out, x, y)
	b.mem.free([]Expr{c.x, c.y}, x, y)
	return out, errs
}

// into compares value by value; what stands for NULL may be anything.
func (c *compare) into(out, x, y *Vec) {
	keep := keeps(c.op)
	switch {
	case x.I != nil:
		if l, ok := c.y.(*literal); ok {
			compareWith(out.I, x.I, l.v.I[0], keep)
			return
		}
		for k, p := range x.I {
			q := y.I[k]
			out.I[k] = keep[1+bit(p > q)-bit(p < q)]
		}
	case x.D != nil && x.Type.S == y.Type.S:
		for k, p := range x.D {
			q := y.D[k]
			less, more := p.HighBits() < q.HighBits(), p.HighBits() > q.HighBits()
			if p.HighBits() == q.HighBits() {
				less, more = p.LowBits() < q.LowBits(), p.LowBits() > q.LowBits()
			}
			out.I[k] = keep[1+bit(more)-bit(less)]
		}
	case x.S != nil && x.Type.Kind != Array && (c.op == "=" || c.op == "<>"):
		for k, p := range x.S {
			out.I[k] = keep[1+bit(p != y.S[k])]
		}
	default:
		for k := range out.I {
			if !out.null(k) {
				out.I[k] = keep[1+order(x, k, y, k)]
			}
		}
	}
}

func compareWith(out, x []int64, q int64, keep [3]int64) {
	for k, p := range x {
		out[k] = keep[1+bit(p > q)-bit(p < q)]
	}
}

// keeps says for less, equal and greater whether the comparison holds (1).
func keeps(op string) [3]int64 {
	return map[string][3]int64{"=": {0, 1, 0}, "<>": {1, 0, 1}, "<": {1, 0, 0}, "<=": {1, 1, 0}, ">": {0, 0, 1}, ">=": {0, 1, 1}}[op]
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func cmp3(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// order compares two values of one type, neither NULL: NaN is the largest and equals itself, −0.0 equals 0.0, strings
// compare by bytes.
func order(x *Vec, i int, y *Vec, k int) int {
	switch {
	case x.F != nil:
		return orderFloat(x.F[i], y.F[k])
	case x.D != nil:
		return orderDecimal(x.D[i], x.Type.S, y.D[k], y.Type.S)
	case x.Type.Kind == Array:
		return compareArrays(x.S[i], y.S[k])
	case x.S != nil:
		return strings.Compare(x.S[i], y.S[k])
	}
	return cmp3(x.I[i], y.I[k])
}

func orderFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	case a == b:
		return 0
	case math.IsNaN(a) && math.IsNaN(b):
		return 0
	case math.IsNaN(a):
		return 1
	}
	return -1
}

func orderDecimal(a decimal128.Num, sa int, b decimal128.Num, sb int) int {
	if sa == sb {
		return a.Cmp(b)
	}
	s := max(sa, sb)
	x, y := a.BigInt(), b.BigInt()
	return x.Mul(x, pow10(s-sa)).Cmp(y.Mul(y, pow10(s-sb)))
}

// in is x IN (list), which is NULL when nothing equals and something is NULL.
type in struct {
	x    Expr
	list []Expr
	not  bool
}

func (e *in) Type() Type { return Type{Kind: Boolean} }

// Eval implements Expr. Items are evaluated in order, on the rows that have not found their equal.
func (e *in) Eval(b *Batch, sel []int32) (*Vec, []RowError) {
	x, errs := e.x.Eval(b, sel)
	out := b.mem.zeroed(e.Type(), x.N)
	open := b.mem.rows(x.N)[:0]
	for k := range x.N {
		if x.null(k) {
			out.setNull(k)
			continue
		}
		open = append(open, int32(k))
	}
	sawNull := b.mem.bools(x.N)
	clear(sawNull)
	for _, item := range e.list {
		y, more := item.Eval(b, rowsAt(b, sel, open))
		errs = append(errs, more...)
		left := b.mem.rows(len(open))[:0]
		for i, k := range open {
			switch {
			case y.null(i):
				sawNull[k] = true
				left = append(left, k)
			case order(x, int(k), y, i) == 0:
				out.I[k] = 1
			default:
				left = append(left, k)
			}
		}
		open = left
		b.mem.free([]Expr{item}, y)
	}
	b.mem.free([]Expr{e.x}, x)
	for _, k := range open {
		if sawNull[k] {
			out.setNull(int(k))
		}
	}
	if e.not {
		for k := range out.I {
			out.I[k] = 1 - out.I[k]
		}
	}
	return out.failed(errs, sel), errs
}
