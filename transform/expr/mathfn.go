package expr

import (
	"math"
	"math/big"

	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/firn-data/firn/transform/parse"
)

// bindRound is round (HALF_UP) and bround (HALF_EVEN).
func bindRound(even bool) func(*Scope, *parse.Call, []Expr) (Expr, error) {
	return func(s *Scope, x *parse.Call, args []Expr) (Expr, error) {
		digits, null, err := s.roundDigits(x, args)
		if err != nil {
			return nil, err
		}
		e := args[0]
		if t := e.Type(); t.Kind == String || t.Kind == Null {
			if e, err = s.to(x, 0, e, Type{Kind: Double}); err != nil {
				return nil, err
			}
		}
		t := e.Type()
		switch {
		case !t.numeric():
			return nil, refuse(x, "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "%s needs a number, not %s", x.Name, t)
		case t.Kind == Decimal && null:
			return nullOf(roundDecimal(e, 0, even).Type()), nil
		case null:
			return nullOf(t), nil
		case t.Kind == Decimal:
			return roundDecimal(e, digits, even), nil
		case t.integral() && digits >= 0:
			return e, nil
		case t.integral():
			return roundInteger(e, digits, even), nil
		}
		return roundFloat(e, digits, even), nil
	}
}

func (s *Scope) roundDigits(x *parse.Call, args []Expr) (digits int, null bool, err error) {
	if len(args) < 2 {
		return 0, false, nil
	}
	e, err := s.to(x, 1, args[1], Type{Kind: Int})
	if err != nil {
		return 0, false, err
	}
	l, ok := e.(*literal)
	if !ok {
		return 0, false, refuse(x.Args[1], "DATATYPE_MISMATCH.NON_FOLDABLE_INPUT", "the digits of %s must be a constant integer", x.Name)
	}
	return int(l.v.I[0]), l.v.null(0), nil
}

// roundTo rounds an unscaled value to a scale, which may be negative, and gives it at scale max(to, 0).
func roundTo(v *big.Int, from, to int, even bool) *big.Int {
	if to >= from {
		return rescale(v, from, to)
	}
	if from-to >= len(tens) {
		return new(big.Int)
	}
	if even {
		v = rescaleEven(v, from-to)
	} else {
		v = rescale(v, from, to)
	}
	if to < 0 && v.Sign() != 0 {
		v.Mul(v, pow10(-to))
	}
	return v
}

// rescaleEven drops digits and rounds half to even.
func rescaleEven(v *big.Int, drop int) *big.Int {
	d, r := pow10(drop), new(big.Int)
	v.QuoRem(v, d, r)
	sign := int64(r.Sign())
	c := r.Abs(r).Lsh(r, 1).Cmp(d)
	if c > 0 || c == 0 && v.Bit(0) == 1 {
		v.Add(v, big.NewInt(sign))
	}
	return v
}

func roundDecimal(e Expr, digits int, even bool) Expr {
	t := e.Type()
	whole := t.P - t.S + 1
	rt := Type{Kind: Decimal, S: max(min(t.S, digits), 0)}
	rt.P = min(whole+rt.S, 38)
	if digits < 0 {
		rt.P = min(max(whole, -digits+1), 38)
	}
	return &apply{args: []Expr{e}, typ: rt, f: func(a []*Vec, k int, out *Vec) (string, string) {
		r := roundTo(a[0].D[k].BigInt(), t.S, min(digits, t.S), even)
		if r.CmpAbs(pow10(rt.P)) >= 0 {
			return outOfRange, a[0].text(k) + " rounded does not fit into " + rt.String()
		}
		out.D[k] = decimal128.FromBigInt(r)
		return "", ""
	}}
}

func roundInteger(e Expr, digits int, even bool) Expr {
	lim := integerRange[e.Type().Kind]
	return &apply{args: []Expr{e}, typ: e.Type(), f: func(a []*Vec, k int, out *Vec) (string, string) {
		r := roundTo(big.NewInt(a[0].I[k]), 0, digits, even)
		if !r.IsInt64() || r.Int64() < lim[0] || r.Int64() > lim[1] {
			return overflow, a[0].text(k) + " rounded overflows " + a[0].Type.String()
		}
		out.I[k] = r.Int64()
		return "", ""
	}}
}

// roundFloat rounds the shortest decimal text of a float, as Spark does.
func roundFloat(e Expr, digits int, even bool) Expr {
	single := e.Type().Kind == Float
	return &apply{args: []Expr{e}, typ: e.Type(), f: func(a []*Vec, k int, out *Vec) (string, string) {
		f := a[0].F[k]
		out.F[k] = f
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return "", ""
		}
		r, ok := new(big.Rat).SetString(a[0].text(k))
		if !ok || digits > 340 {
			return "", ""
		}
		scale := pow(10, digits)
		r.Mul(r, scale)
		v := roundRat(r, even)
		out.F[k], _ = r.Quo(new(big.Rat).SetInt(v), scale).Float64()
		if single {
			out.F[k] = float64(float32(out.F[k]))
		}
		return "", ""
	}}
}

// pow is base to the power of n, exactly.
func pow(base int64, n int) *big.Rat {
	p := new(big.Int).Exp(big.NewInt(base), big.NewInt(int64(max(n, -n))), nil)
	if n < 0 {
		return new(big.Rat).SetFrac(big.NewInt(1), p)
	}
	return new(big.Rat).SetInt(p)
}

func roundRat(r *big.Rat, even bool) *big.Int {
	q, rest := new(big.Int).QuoRem(r.Num(), r.Denom(), new(big.Int))
	sign := int64(rest.Sign())
	c := rest.Abs(rest).Lsh(rest, 1).Cmp(r.Denom())
	if c > 0 || c == 0 && (!even || q.Bit(0) == 1) {
		q.Add(q, big.NewInt(sign))
	}
	return q
}

// bindPmod is pmod: the remainder with the sign of the divisor's absolute value, that is never negative for a positive one.
func bindPmod(s *Scope, x *parse.Call, args []Expr) (Expr, error) {
	rest, err := s.arithmetic(&parse.Binary{Node: x.Node, Op: "%", X: x.Args[0], Y: x.Args[1]}, args[0], args[1])
	if err != nil {
		return nil, err
	}
	a, ok := rest.(*arith)
	if !ok {
		return rest, nil
	}
	a.op = "PMOD"
	return a, nil
}

func sign(v *Vec, k int) float64 {
	switch f := v.F[k]; {
	case f > 0:
		return 1
	case f < 0:
		return -1
	default:
		return f // 0, −0 and NaN stay
	}
}

// logarithm is NULL of what is not positive.
func logarithm(a []*Vec, k int, out *Vec) (string, string) {
	if f := a[0].F[k]; f <= 0 {
		out.setNull(k)
	} else {
		out.F[k] = math.Log(f)
	}
	return "", ""
}

// power is Java's Math.pow, which differs from C's where 1 or −1 meets NaN or an infinity.
func power(a []*Vec, k int, out *Vec) (string, string) {
	x, y := a[0].F[k], a[1].F[k]
	switch {
	case y != 0 && (math.IsNaN(x) || math.IsNaN(y)), math.IsInf(y, 0) && math.Abs(x) == 1:
		out.F[k] = math.NaN()
	default:
		out.F[k] = math.Pow(x, y)
	}
	return "", ""
}
