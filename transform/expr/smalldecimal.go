package expr

import (
	"math"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// Decimals are held in 128 bits, but nearly all of them fit 64. The kernels here compute on those without big integers and
// give up, for the whole vector, at the first value that does not fit: the exact path then computes all of them.
//
// A result needs no check against its precision: that of the types bounds it, or, where Spark cut it to 38 digits, the
// operands' 64 bits do (2^126 < 10^38).

// int64Of is the value, and whether it fits.
func int64Of(d decimal128.Num) (int64, bool) {
	v := int64(d.LowBits())
	return v, d.HighBits() == v>>63
}

var powers64 = func() (out [19]int64) {
	out[0] = 1
	for i := 1; i < len(out); i++ {
		out[i] = out[i-1] * 10
	}
	return out
}()

// smallDecimals computes x op y into out, unless a value does not fit.
func smallDecimals(op string, x, y, out *Vec) bool {
	sx, sy, sr := x.Type.S, y.Type.S, out.Type.S
	switch drop := sx + sy - sr; {
	case op == "*" && drop == 0:
		return multiply(x.D, y.D, out)
	case op == "*" && drop > 0 && drop <= 18:
		return multiplyRounded(x.D, y.D, out, uint64(powers64[drop]))
	case (op == "+" || op == "-") && max(sx, sy) == sr && sr-min(sx, sy) <= 18:
		sign := int64(1)
		if op == "-" {
			sign = -1
		}
		return addScaled(x.D, y.D, out, powers64[sr-sx], powers64[sr-sy], sign)
	case op == "/" && sr+sy-sx >= 0 && sr+sy-sx <= 18:
		return divideScaled(x.D, y.D, out, uint64(powers64[sr+sy-sx]))
	}
	return false
}

func multiply(x, y []decimal128.Num, out *Vec) bool {
	y = y[:len(x)]
	for k, d := range x {
		p, ok1 := int64Of(d)
		q, ok2 := int64Of(y[k])
		if !ok1 || !ok2 {
			if out.null(k) {
				continue
			}
			return false
		}
		out.D[k] = product(p, q)
	}
	return true
}

func product(p, q int64) decimal128.Num {
	high, low := bits.Mul64(uint64(p), uint64(q))
	return decimal128.New(int64(high)-(p>>63&q)-(q>>63&p), low)
}

// multiplyRounded drops digits of the product, HALF_UP.
func multiplyRounded(x, y []decimal128.Num, out *Vec, unit uint64) bool {
	for k, d := range x {
		p, ok1 := int64Of(d)
		q, ok2 := int64Of(y[k])
		if !ok1 || !ok2 {
			if out.null(k) {
				continue
			}
			return false
		}
		high, low := bits.Mul64(magnitude(p), magnitude(q))
		out.D[k] = quotient(high, low, unit, (p < 0) != (q < 0))
	}
	return true
}

func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}

// quotient is a 128-bit number divided by d, rounded HALF_UP.
func quotient(high, low, d uint64, negative bool) decimal128.Num {
	qh, rest := high/d, high%d
	ql, rest := bits.Div64(rest, low, d)
	if rest >= d-rest { // twice the rest is at least d
		var carry uint64
		ql, carry = bits.Add64(ql, 1, 0)
		qh += carry
	}
	n := decimal128.New(int64(qh), ql)
	if negative {
		return n.Negate()
	}
	return n
}

func addScaled(x, y []decimal128.Num, out *Vec, mx, my, sign int64) bool {
	most := [2]int64{math.MaxInt64 / 2 / mx, math.MaxInt64 / 2 / my}
	y = y[:len(x)]
	for k, d := range x {
		p, ok1 := int64Of(d)
		q, ok2 := int64Of(y[k])
		if !ok1 || !ok2 || p > most[0] || p < -most[0] || q > most[1] || q < -most[1] {
			if out.null(k) {
				continue
			}
			return false
		}
		out.D[k] = decimal128.FromI64(p*mx + sign*q*my)
	}
	return true
}

func divideScaled(x, y []decimal128.Num, out *Vec, unit uint64) bool {
	for k, d := range x {
		p, ok1 := int64Of(d)
		q, ok2 := int64Of(y[k])
		if !ok1 || !ok2 || q == 0 {
			if out.null(k) {
				continue
			}
			return false
		}
		high, low := bits.Mul64(magnitude(p), unit)
		out.D[k] = quotient(high, low, magnitude(q), (p < 0) != (q < 0))
	}
	return true
}
