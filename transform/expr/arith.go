package expr

import (
	"fmt"
	"math"
	"math/big"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// arith is + - * / % or DIV over two operands of the types that bindArith gave them.
type arith struct {
	op   string
	x, y Expr
	typ  Type
}

func (a *arith) Type() Type { return a.typ }

const (
	overflow   = "ARITHMETIC_OVERFLOW"
	byZero     = "DIVIDE_BY_ZERO"
	restByZero = "REMAINDER_BY_ZERO"
	outOfRange = "NUMERIC_VALUE_OUT_OF_RANGE"
)

// Eval implements Expr.
func (a *arith) Eval(b *Batch, sel []int32) (*Vec, []RowError) {
	x, errs := a.x.Eval(b, sel)
	y, more := a.y.Eval(b, sel)
	errs = append(errs, more...)
	out := b.mem.raw(a.typ, x.N)
	out.Valid = b.mem.bothValid(x, y)
	fail := func(k int, code, msg string) {
		if !out.null(k) {
			errs = append(errs, RowError{rowOf(sel, k), code, msg})
			out.setNull(k)
		}
	}
	switch {
	case x.D != nil:
		a.decimals(x, y, out, fail)
	case x.F != nil:
		a.floats(x.F, y.F, out.F, fail)
	default:
		a.integers(x.I, y.I, out.I, fail)
	}
	b.mem.free([]Expr{a.x, a.y}, x, y)
	return out, errs
}

// zeroCode is the error class of a zero on the right.
func (a *arith) zeroCode() string {
	if a.op == "%" || a.op == "PMOD" {
		return restByZero
	}
	return byZero
}

var integerRange = map[Kind][2]int64{TinyInt: {math.MinInt8, math.MaxInt8}, SmallInt: {math.MinInt16, math.MaxInt16}, Int: {math.MinInt32, math.MaxInt32}, BigInt: {math.MinInt64, math.MaxInt64}}

func (a *arith) integers(x, y, out []int64, fail func(int, string, string)) {
	lim := integerRange[a.typ.Kind]
	lo, hi := lim[0], lim[1]
	over := func(k int) {
		out[k] = 0
		fail(k, overflow, fmt.Sprintf("%d %s %d overflows %s", x[k], a.op, y[k], a.typ))
	}
	switch a.op {
	case "+":
		for k, p := range x {
			r := p + y[k]
			if out[k] = r; (p^r)&(y[k]^r) < 0 || r < lo || r > hi {
				over(k)
			}
		}
	case "-":
		for k, p := range x {
			r := p - y[k]
			if out[k] = r; (p^y[k])&(p^r) < 0 || r < lo || r > hi {
				over(k)
			}
		}
	case "*":
		for k, p := range x {
			high, low := bits.Mul64(uint64(p), uint64(y[k]))
			high -= uint64(p>>63)&uint64(y[k]) + uint64(y[k]>>63)&uint64(p)
			if out[k] = int64(low); int64(high) != int64(low)>>63 || out[k] < lo || out[k] > hi {
				over(k)
			}
		}
	default:
		for k, p := range x {
			out[k] = 0
			switch q := y[k]; {
			case q == 0:
				fail(k, a.zeroCode(), "division by zero")
			case a.op == "DIV" && p == math.MinInt64 && q == -1:
				over(k)
			case a.op == "DIV":
				out[k] = p / q
			default:
				out[k] = remainder(p, q, a.op == "PMOD")
			}
		}
	}
}

func remainder(p, q int64, positive bool) int64 {
	if q == -1 {
		return 0
	}
	r := p % q
	if positive && r < 0 {
		r = (r + q) % q
	}
	return r
}

func (a *arith) floats(x, y, out []float64, fail func(int, string, string)) {
	single := a.typ.Kind == Float
	for k := range out {
		p, q := x[k], y[k]
		var r float64
		switch a.op {
		case "+":
			r = p + q
		case "-":
			r = p - q
		case "*":
			r = p * q
		case "/":
			if q == 0 {
				out[k] = 0
				fail(k, byZero, "division by zero")
				continue
			}
			r = p / q
		case "%", "PMOD":
			if q == 0 {
				out[k] = 0
				fail(k, restByZero, "division by zero")
				continue
			}
			r = math.Mod(p, q)
			if a.op == "PMOD" && r < 0 {
				r = math.Mod(r+q, q)
			}
		}
		if single {
			r = float64(float32(r))
		}
		out[k] = r
	}
}

// decimals computes exactly over 256 bits or more and rounds HALF_UP to the result's scale. What fits 64 bits takes a kernel.
func (a *arith) decimals(x, y, out *Vec, fail func(int, string, string)) {
	if smallDecimals(a.op, x, y, out) {
		return
	}
	limit := pow10(a.typ.P)
	for k := range out.D {
		if !out.null(k) {
			a.decimal(x, y, out, k, limit, fail)
		}
	}
}

// decimal computes one value.
func (a *arith) decimal(x, y, out *Vec, k int, limit *big.Int, fail func(int, string, string)) {
	sx, sy, sr := x.Type.S, y.Type.S, a.typ.S
	p, q := x.D[k].BigInt(), y.D[k].BigInt()
	var r *big.Int
	switch a.op {
	case "+", "-":
		s := max(sx, sy)
		p.Mul(p, pow10(s-sx))
		q.Mul(q, pow10(s-sy))
		if a.op == "-" {
			q.Neg(q)
		}
		r = rescale(p.Add(p, q), s, sr)
	case "*":
		r = rescale(p.Mul(p, q), sx+sy, sr)
	default:
		if q.Sign() == 0 {
			fail(k, a.zeroCode(), "division by zero")
			return
		}
		r = a.divide(p, q, sx, sy, sr)
	}
	if r.CmpAbs(limit) >= 0 {
		fail(k, outOfRange, fmt.Sprintf("%s %s %s does not fit into %s", x.D[k].ToString(int32(sx)), a.op, y.D[k].ToString(int32(sy)), a.typ))
		return
	}
	out.D[k] = decimal128.FromBigInt(r)
}

func (a *arith) divide(p, q *big.Int, sx, sy, sr int) *big.Int {
	switch a.op {
	case "/":
		// p·10^-sx / q·10^-sy at scale sr, with one more digit to round by.
		e := sr + 1 + sy - sx
		if e >= 0 {
			p.Mul(p, pow10(e))
		} else {
			q.Mul(q, pow10(-e))
		}
		return rescale(p.Quo(p, q), sr+1, sr)
	default:
		s := max(sx, sy)
		p.Mul(p, pow10(s-sx))
		q.Mul(q, pow10(s-sy))
		if a.op == "DIV" {
			return p.Quo(p, q)
		}
		if p.Rem(p, q); a.op == "PMOD" && p.Sign() < 0 {
			p.Rem(p.Add(p, q), q)
		}
		return rescale(p, s, sr)
	}
}

var tens = func() (out [120]*big.Int) {
	out[0] = big.NewInt(1)
	for i := 1; i < len(out); i++ {
		out[i] = new(big.Int).Mul(out[i-1], big.NewInt(10))
	}
	return out
}()

// pow10 is 10^n; it must not be changed.
func pow10(n int) *big.Int { return tens[n] }

// rescale changes an unscaled value from one scale to another, rounding HALF_UP. It may change v.
func rescale(v *big.Int, from, to int) *big.Int {
	switch {
	case to == from:
		return v
	case to > from:
		return v.Mul(v, pow10(to-from))
	}
	d := pow10(from - to)
	negative := v.Sign() < 0
	r := new(big.Int)
	v.QuoRem(v, d, r)
	if r.Abs(r).Lsh(r, 1).Cmp(d) < 0 {
		return v
	}
	if negative {
		return v.Sub(v, tens[0])
	}
	return v.Add(v, tens[0])
}

// negate is -x.
type negate struct{ x Expr }

func (n *negate) Type() Type { return n.x.Type() }

// Eval implements Expr.
func (n *negate) Eval(b *Batch, sel []int32) (*Vec, []RowError) {
	x, errs := n.x.Eval(b, sel)
	out := b.mem.zeroed(x.Type, x.N)
	out.Valid = b.mem.copied(x.Valid)
	lo := integerRange[x.Type.Kind][0]
	for k := range x.N {
		switch {
		case x.D != nil:
			out.D[k] = x.D[k].Negate()
		case x.F != nil:
			out.F[k] = -x.F[k]
		case x.I[k] == lo && !x.null(k):
			errs = append(errs, RowError{rowOf(sel, k), overflow, fmt.Sprintf("-(%d) overflows %s", x.I[k], x.Type)})
			out.setNull(k)
		default:
			out.I[k] = -x.I[k]
		}
	}
	b.mem.free([]Expr{n.x}, x)
	return out, errs
}
