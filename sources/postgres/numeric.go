package postgres

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// numerics reads base-10000 digits into decimal(p, s). The column's type modifier bounds digits and scale, so nothing is
// rounded; what does not fit all the same, and NaN and infinity, is refused.
type numerics struct {
	fixed[decimal128.Num]
	precision, scale int
}

func (v *numerics) set(i int, src []byte) error {
	if len(src) < 8 {
		return errShort
	}
	n := int(binary.BigEndian.Uint16(src))
	weight := int(int16(binary.BigEndian.Uint16(src[2:])))
	sign := binary.BigEndian.Uint16(src[4:])
	if len(src) != 8+2*n {
		return errShort
	}
	switch sign {
	case 0xC000:
		return &badValue{"NaN", "is not a decimal"}
	case 0xD000, 0xF000:
		return infinite(sign == 0xD000, "decimal")
	}
	if small, ok := smallNumeric(src[8:], weight, v.precision, v.scale); ok {
		if sign == 0x4000 {
			small = -small
		}
		v.put(i, decimal128.FromI64(small))
		return nil
	}
	d, ok := numericValue(src[8:], weight, v.precision, v.scale)
	if !ok {
		return &badValue{"a number", fmt.Sprintf("does not fit into decimal(%d, %d)", v.precision, v.scale)}
	}
	if sign == 0x4000 {
		d = d.Negate()
	}
	v.put(i, d)
	return nil
}

// tens are the powers of ten that 64 bits hold.
var tens = [19]int64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

// smallNumeric is numericValue for what surely stays below 10^18; ok is false when that is not certain.
func smallNumeric(digits []byte, weight, p, s int) (v int64, ok bool) {
	if 4*(weight+1)+s > 18 {
		return 0, false
	}
	exp := 4*weight + s // power of ten of the current digit in units of 10^-s
	for ; len(digits) > 1; digits = digits[2:] {
		d := int64(binary.BigEndian.Uint16(digits))
		switch {
		case exp >= 0:
			v += d * tens[exp]
		case exp > -4 && d%tens[-exp] == 0:
			v += d / tens[-exp]
		case d != 0:
			return 0, false // digits below the scale
		}
		exp -= 4
	}
	return v, p >= 18 || v < tens[p]
}

// powers of ten up to 10^38, as 128-bit integers.
var pow10 = func() (out [39]decimal128.Num) {
	out[0] = decimal128.FromU64(1)
	for i := 1; i < len(out); i++ {
		out[i] = out[i-1].Mul(decimal128.FromU64(10))
	}
	return out
}()

// numericValue scales digits (two bytes each, the first worth 10000^weight) by 10^s. The whole and leading fraction
// digits are gathered in 64 bits for as long as they fit.
func numericValue(digits []byte, weight, p, s int) (decimal128.Num, bool) {
	exp := weight*4 + s // power of ten of the first digit in units of 10^-s
	var lo uint64
	var hi decimal128.Num
	wide := false
	for ; len(digits) > 0; digits = digits[2:] {
		d := uint64(binary.BigEndian.Uint16(digits))
		mul, room := uint64(10000), 34 // a value below 10^room may be multiplied by mul
		if exp < 0 {
			// The last digit reaches below 10^-s: what is cut must be zeros.
			div := uint64(1)
			for i := 0; i < -exp && i < 4; i++ {
				div *= 10
				room++
			}
			if exp <= -4 {
				if d != 0 {
					return hi, false
				}
				exp -= 4
				continue
			}
			if d%div != 0 {
				return hi, false
			}
			d, mul = d/div, 10000/div
		}
		if !wide && lo > (math.MaxUint64-9999)/10000 {
			hi, wide = decimal128.FromU64(lo), true
		}
		if wide {
			if hi.Cmp(pow10[min(room, 38)]) >= 0 {
				return hi, false
			}
			hi = hi.Mul(decimal128.FromU64(mul)).Add(decimal128.FromU64(d))
		} else {
			lo = lo*mul + d
		}
		exp -= 4
	}
	if !wide {
		hi = decimal128.FromU64(lo)
	}
	if up := exp + 4; up > 0 { // trailing zeros are not sent
		if up > 37 || hi.Sign() != 0 && !hi.FitsInPrecision(int32(38-up)) {
			return hi, hi.Sign() == 0
		}
		if hi.Sign() != 0 {
			hi = hi.Mul(pow10[up])
		}
	}
	return hi, hi.FitsInPrecision(int32(p))
}
