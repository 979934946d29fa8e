package textarrow

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// Int reads an optional sign and digits that fit in 64 bits.
func Int(s []byte) (int64, bool) {
	neg := false
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		neg, s = s[0] == '-', s[1:]
	}
	if len(s) == 0 || len(s) > 19 {
		return 0, false
	}
	var v uint64
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + uint64(c-'0')
	}
	switch {
	case neg && v <= 1<<63:
		return -int64(v), true
	case !neg && v <= math.MaxInt64:
		return int64(v), true
	}
	return 0, false
}

// Float reads a decimal number, NaN or an infinity; the nearest float is what the text means. bits is 32 or 64.
func Float(s []byte, bits int) (float64, bool) {
	if v, ok := shortFloat(s); ok && bits == 64 {
		return v, true
	}
	if len(s) == 0 {
		return 0, false
	}
	for _, c := range s {
		switch c {
		case '_', 'x', 'X', 'p', 'P': // what Go alone takes for numbers
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(s), len(s)), bits)
	return v, err == nil
}

var exactPowers = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// shortFloat reads up to 15 digits with an optional point. Digits and power of ten are exact doubles then, so that their quotient is
// the nearest one (Clinger, How to Read Floating Point Numbers Accurately, 1990).
func shortFloat(s []byte) (float64, bool) {
	negative := len(s) > 0 && s[0] == '-'
	if negative {
		s = s[1:]
	}
	if len(s) == 0 || len(s) > 16 {
		return 0, false
	}
	var v uint64
	n, point := 0, -1
	for i, c := range s {
		if c == '.' && point < 0 {
			point = i
			continue
		}
		if c-'0' > 9 {
			return 0, false
		}
		v = v*10 + uint64(c-'0')
		n++
	}
	if n == 0 || n > 15 {
		return 0, false
	}
	f := float64(v)
	if point >= 0 {
		f /= exactPowers[len(s)-1-point]
	}
	if negative {
		f = -f
	}
	return f, true
}

// Decimal reads a decimal of precision digits, scale of them behind the point, without rounding: digits behind the scale must be
// zeros. The value comes without its point, as the two's complement words that Arrow keeps.
func Decimal(s []byte, precision, scale int) (decimal128.Num, bool) {
	if v, ok := smallDecimal(s, scale); ok && (precision >= len(pow10) || v < pow10[precision] && v > -pow10[precision]) {
		return decimal128.FromI64(v), true
	}
	v, ok := bigDecimal(string(s), scale)
	if !ok || v.CmpAbs(limits[precision]) >= 0 {
		return decimal128.Num{}, false
	}
	return decimal128.FromBigInt(v), true
}

// pow10 holds the powers of ten that fit in 64 bits, limits those that bound a decimal's precision.
var (
	pow10 = func() (p [19]int64) {
		p[0] = 1
		for i := 1; i < len(p); i++ {
			p[i] = p[i-1] * 10
		}
		return p
	}()
	limits = func() (l [39]*big.Int) {
		l[0] = big.NewInt(1)
		for i := 1; i < len(l); i++ {
			l[i] = new(big.Int).Mul(l[i-1], big.NewInt(10))
		}
		return l
	}()
)

// smallDecimal reads up to 18 digits with an optional point, the common case.
func smallDecimal(s []byte, scale int) (int64, bool) {
	neg := false
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		neg, s = s[0] == '-', s[1:]
	}
	var v int64
	digits, frac := 0, -1
	for _, c := range s {
		if c == '.' && frac < 0 {
			frac = 0
			continue
		}
		if c < '0' || c > '9' || digits == 17 {
			return 0, false
		}
		v = v*10 + int64(c-'0')
		digits++
		if frac >= 0 {
			frac++
		}
	}
	up := scale - max(frac, 0)
	if digits == 0 || up < 0 || up+digits > 18 {
		return 0, false
	}
	v *= pow10[up]
	if neg {
		v = -v
	}
	return v, true
}

func bigDecimal(s string, scale int) (*big.Int, bool) {
	exp := 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		e, err := strconv.Atoi(s[i+1:])
		if err != nil || e > 100 || e < -100 {
			return nil, false
		}
		s, exp = s[:i], e
	}
	neg := strings.HasPrefix(s, "-")
	if neg || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	whole, frac, _ := strings.Cut(s, ".")
	digits := whole + frac
	if digits == "" || len(digits) > 200 || strings.Trim(digits, "0123456789") != "" {
		return nil, false
	}
	v, _ := new(big.Int).SetString(digits, 10)
	up := scale - len(frac) + exp
	ten := big.NewInt(10)
	if up >= 0 {
		v.Mul(v, new(big.Int).Exp(ten, big.NewInt(int64(up)), nil))
	} else {
		rest := new(big.Int)
		if v.QuoRem(v, new(big.Int).Exp(ten, big.NewInt(int64(-up)), nil), rest); rest.Sign() != 0 {
			return nil, false
		}
	}
	if neg {
		v.Neg(v)
	}
	return v, true
}

// Bool reads true and false, in any case.
func Bool(s []byte) (value, ok bool) {
	switch {
	case len(s) == 4 && strings.EqualFold(string(s), "true"):
		return true, true
	case len(s) == 5 && strings.EqualFold(string(s), "false"):
		return false, true
	}
	return false, false
}
