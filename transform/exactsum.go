package transform

import (
	"encoding/binary"
	"math"
	"math/big"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// exactSum adds doubles without error, so that a sum does not depend on the order of its terms (I7). It is an expansion: a sum
// of doubles, hi+lo for all but data of extreme spread, whose value is exact. Terms of more than 2^960 are kept apart and
// scaled, so that no sum of fewer than 2^63 terms overflows on the way.
type exactSum struct {
	hi, lo float64
	n      int64 // terms
	rest   *exactRest
}

// exactRest is what few sums have.
type exactRest struct {
	parts         []float64 // more of the expansion
	large         []float64 // expansion of the terms above 2^960, times 2^-128
	nan, inf, neg bool
}

const (
	largeTerm  = 0x1p960
	largeScale = 0x1p-128
)

func twoSum(a, b float64) (s, e float64) {
	s = a + b
	t := s - a
	return s, (a - (s - t)) + (b - t)
}

func (x *exactSum) more() *exactRest {
	if x.rest == nil {
		x.rest = &exactRest{}
	}
	return x.rest
}

func (x *exactSum) add(f float64) {
	x.n++
	x.put(f)
}

// put adds a value that is no term of its own.
func (x *exactSum) put(f float64) {
	if math.Abs(f) < largeTerm {
		var e float64
		if x.hi, e = twoSum(x.hi, f); e == 0 {
			return
		}
		if x.lo, e = twoSum(x.lo, e); e != 0 {
			m := x.more()
			m.parts = grow(m.parts, e)
		}
		return
	}
	m := x.more()
	switch {
	case math.IsNaN(f):
		m.nan = true
	case math.IsInf(f, 1):
		m.inf = true
	case math.IsInf(f, -1):
		m.neg = true
	default:
		m.large = grow(m.large, f*largeScale)
	}
}

// grow adds f to an expansion.
func grow(parts []float64, f float64) []float64 {
	n := 0
	for _, p := range parts {
		var e float64
		if f, e = twoSum(f, p); e != 0 {
			parts[n] = e
			n++
		}
	}
	return append(parts[:n], f)
}

// value is the exact sum divided by d, rounded once to a double.
func (x *exactSum) value() float64 {
	var large []float64
	parts := []float64{x.lo, x.hi}
	if m := x.rest; m != nil {
		switch {
		case m.nan || m.inf && m.neg:
			return math.NaN()
		case m.inf:
			return math.Inf(1)
		case m.neg:
			return math.Inf(-1)
		}
		large, parts = m.large, append(append([]float64{}, m.parts...), parts...)
	}
	if len(large) == 0 && len(parts) == 2 {
		return x.hi + x.lo // both are exact, and so is nothing lost before this one rounding
	}
	sum := new(big.Float).SetPrec(2300) // 2^1088 to 2^-1074
	for _, p := range large {
		f := new(big.Float).SetPrec(2300).SetFloat64(p)
		sum.Add(sum, f.SetMantExp(f, 128))
	}
	for _, p := range parts {
		sum.Add(sum, new(big.Float).SetFloat64(p))
	}
	out, _ := sum.Float64()
	return out + 0 // no −0
}

// encode writes the sum for another to take in.
func (x *exactSum) encode(dst []byte) []byte {
	m := x.rest
	if m == nil {
		m = &exactRest{}
	}
	flags := byte(0)
	for i, set := range []bool{m.nan, m.inf, m.neg} {
		if set {
			flags |= 1 << i
		}
	}
	dst = append(binary.AppendUvarint(dst, uint64(x.n)), flags)
	for _, list := range [][]float64{append([]float64{x.hi, x.lo}, m.parts...), m.large} {
		dst = binary.AppendUvarint(dst, uint64(len(list)))
		for _, f := range list {
			dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(f))
		}
	}
	return dst
}

// merge takes what encode wrote in, and gives what follows.
func (x *exactSum) merge(src []byte) []byte {
	n, w := binary.Uvarint(src)
	x.n += int64(n)
	flags := src[w]
	src = src[w+1:]
	if flags != 0 {
		m := x.more()
		m.nan, m.inf, m.neg = m.nan || flags&1 != 0, m.inf || flags&2 != 0, m.neg || flags&4 != 0
	}
	for list := range 2 {
		n, w := binary.Uvarint(src)
		src = src[w:]
		for range n {
			f := math.Float64frombits(binary.LittleEndian.Uint64(src))
			src = src[8:]
			if list == 0 {
				x.put(f)
			} else {
				m := x.more()
				m.large = grow(m.large, f)
			}
		}
	}
	return src
}

// wideSum adds integers in 192 bits, so that no sum of fewer than 2^63 decimals overflows.
type wideSum struct {
	w [3]uint64 // two's complement, lowest word first
	n int64     // terms
}

func (x *wideSum) addInt(v int64) { x.add(uint64(v), uint64(v>>63), uint64(v>>63)) }

func (x *wideSum) add(lo, mid, hi uint64) {
	var c uint64
	x.w[0], c = bits.Add64(x.w[0], lo, 0)
	x.w[1], c = bits.Add64(x.w[1], mid, c)
	x.w[2], _ = bits.Add64(x.w[2], hi, c)
}

// big is the sum as an integer of any size.
func (x *wideSum) big() *big.Int {
	out := new(big.Int).SetInt64(int64(x.w[2]))
	for i := 1; i >= 0; i-- {
		out.Lsh(out, 64).Add(out, new(big.Int).SetUint64(x.w[i]))
	}
	return out
}

// int64 is the sum; ok is false when it does not fit.
func (x *wideSum) int64() (v int64, ok bool) {
	v = int64(x.w[0])
	sign := uint64(v >> 63)
	return v, x.w[1] == sign && x.w[2] == sign
}

// decimal is the sum as a decimal; ok is false when it does not fit.
func (x *wideSum) decimal() (d decimal128.Num, ok bool) {
	return decimal128.New(int64(x.w[1]), x.w[0]), x.w[2] == uint64(int64(x.w[1])>>63)
}
