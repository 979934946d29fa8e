package csv

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/extensions"
	"github.com/google/uuid"

	"github.com/firn-data/firn/internal/schema"
)

// parser appends a cell's text to a builder, exactly; false says that the text is not of the type (I4).
type parser func(b array.Builder, text []byte) bool

// parserOf is the parser of a column's type.
func parserOf(t schema.Type) (parser, error) {
	switch t.Kind {
	case schema.String:
		return parseString, nil
	case schema.Boolean:
		return parseBoolean, nil
	case schema.Int:
		return func(b array.Builder, s []byte) bool {
			v, ok := integer(s)
			if ok = ok && v == int64(int32(v)); ok {
				b.(*array.Int32Builder).Append(int32(v))
			}
			return ok
		}, nil
	case schema.Long:
		return func(b array.Builder, s []byte) bool {
			v, ok := integer(s)
			if ok {
				b.(*array.Int64Builder).Append(v)
			}
			return ok
		}, nil
	case schema.Float:
		return func(b array.Builder, s []byte) bool {
			v, ok := float(s, 32)
			if ok {
				b.(*array.Float32Builder).Append(float32(v))
			}
			return ok
		}, nil
	case schema.Double:
		return func(b array.Builder, s []byte) bool {
			v, ok := float(s, 64)
			if ok {
				b.(*array.Float64Builder).Append(v)
			}
			return ok
		}, nil
	case schema.Decimal:
		return decimalParser(t.Precision, t.Scale), nil
	case schema.Date:
		return func(b array.Builder, s []byte) bool {
			d, ok := date(s)
			if ok {
				b.(*array.Date32Builder).Append(arrow.Date32(d))
			}
			return ok
		}, nil
	case schema.Time:
		return func(b array.Builder, s []byte) bool {
			micros, rest, ok := clock(s)
			if ok = ok && len(rest) == 0; ok {
				b.(*array.Time64Builder).Append(arrow.Time64(micros))
			}
			return ok
		}, nil
	case schema.Timestamp, schema.TimestampTZ:
		zoned := t.Kind == schema.TimestampTZ
		return func(b array.Builder, s []byte) bool {
			v, hasZone, ok := timestamp(s)
			if ok = ok && hasZone == zoned; ok {
				b.(*array.TimestampBuilder).Append(arrow.Timestamp(v))
			}
			return ok
		}, nil
	case schema.UUID:
		return func(b array.Builder, s []byte) bool {
			u, err := uuid.ParseBytes(s)
			if err != nil || len(s) != 36 {
				return false
			}
			b.(*extensions.UUIDBuilder).AppendBytes(u)
			return true
		}, nil
	}
	return nil, fmt.Errorf("a csv column cannot be %s", t)
}

func parseString(b array.Builder, s []byte) bool {
	if !utf8.Valid(s) {
		return false
	}
	b.(*array.StringBuilder).BinaryBuilder.Append(s)
	return true
}

func parseBoolean(b array.Builder, s []byte) bool {
	switch {
	case strings.EqualFold(string(s), "true"):
		b.(*array.BooleanBuilder).Append(true)
	case strings.EqualFold(string(s), "false"):
		b.(*array.BooleanBuilder).Append(false)
	default:
		return false
	}
	return true
}

// integer reads an optional sign and digits that fit in 64 bits.
func integer(s []byte) (int64, bool) {
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

// float reads a decimal number, NaN or an infinity; the nearest float is what the text means.
func float(s []byte, bits int) (float64, bool) {
	if len(s) == 0 || strings.ContainsAny(string(s), "_xXpP") {
		return 0, false
	}
	v, err := strconv.ParseFloat(string(s), bits)
	return v, err == nil
}

// decimalParser reads decimals without rounding: digits behind the scale must be zeros.
func decimalParser(precision, scale int) parser {
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(precision)), nil)
	var pow [19]int64
	pow[0] = 1
	for i := 1; i < len(pow); i++ {
		pow[i] = pow[i-1] * 10
	}
	small := int64(math.MaxInt64)
	if precision < len(pow) {
		small = pow[precision]
	}
	return func(b array.Builder, s []byte) bool {
		if v, ok := smallDecimal(s, scale, pow[:]); ok && v < small && v > -small {
			b.(*array.Decimal128Builder).Append(decimal128.FromI64(v))
			return true
		}
		v, ok := bigDecimal(string(s), scale)
		if !ok || v.CmpAbs(limit) >= 0 {
			return false
		}
		b.(*array.Decimal128Builder).Append(decimal128.FromBigInt(v))
		return true
	}
}

// smallDecimal reads up to 18 digits with an optional point, the common case.
func smallDecimal(s []byte, scale int, pow []int64) (int64, bool) {
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
	v *= pow[up]
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

func two(s []byte) (int, bool) {
	a, b := s[0]-'0', s[1]-'0'
	return int(a)*10 + int(b), a <= 9 && b <= 9
}

// date reads yyyy-MM-dd.
func date(s []byte) (int64, bool) {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return 0, false
	}
	c, ok1 := two(s)
	y, ok2 := two(s[2:])
	m, ok3 := two(s[5:])
	d, ok4 := two(s[8:])
	y += c * 100
	if !ok1 || !ok2 || !ok3 || !ok4 || m < 1 || m > 12 || d < 1 || d > 31 {
		return 0, false
	}
	if d > 28 {
		if t := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC); t.Day() != d {
			return 0, false
		}
	}
	return civilDay(y, m, d), true
}

// civilDay is the day number since 1970-01-01 of a proleptic Gregorian date.
func civilDay(y, m, d int) int64 {
	if m <= 2 {
		y--
	}
	era := y / 400
	if y < 0 {
		era = (y - 399) / 400
	}
	yoe := y - era*400
	mp := (m + 9) % 12
	doy := (153*mp+2)/5 + d - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return int64(era)*146097 + int64(doe) - 719468
}

// clock reads HH:mm[:ss[.f…]], up to six digits of fraction (more must be zeros), and gives what follows.
func clock(s []byte) (micros int64, rest []byte, ok bool) {
	if len(s) < 5 || s[2] != ':' {
		return 0, nil, false
	}
	h, ok1 := two(s)
	m, ok2 := two(s[3:])
	if !ok1 || !ok2 || h > 23 || m > 59 {
		return 0, nil, false
	}
	micros = int64(h*3600+m*60) * 1e6
	s = s[5:]
	if len(s) < 3 || s[0] != ':' {
		return micros, s, true
	}
	sec, ok3 := two(s[1:])
	if !ok3 || sec > 59 {
		return 0, nil, false
	}
	micros += int64(sec) * 1e6
	if s = s[3:]; len(s) == 0 || s[0] != '.' && s[0] != ',' {
		return micros, s, true
	}
	unit := int64(100_000)
	n := 1
	for ; n < len(s) && s[n] >= '0' && s[n] <= '9'; n++ {
		if unit == 0 && s[n] != '0' {
			return 0, nil, false // finer than µs
		}
		micros += int64(s[n]-'0') * unit
		unit /= 10
	}
	return micros, s[n:], n > 1
}

// timestamp reads yyyy-MM-dd, a space or T, a time, and an optional zone: Z, +hh:mm, +hhmm or +hh.
func timestamp(s []byte) (micros int64, zoned, ok bool) {
	if len(s) < 16 || s[10] != ' ' && s[10] != 'T' {
		return 0, false, false
	}
	day, ok := date(s[:10])
	if !ok {
		return 0, false, false
	}
	t, rest, ok := clock(s[11:])
	if !ok {
		return 0, false, false
	}
	micros = day*86_400_000_000 + t
	if len(rest) == 0 {
		return micros, false, true
	}
	off, ok := zone(rest)
	return micros - off*1e6, true, ok
}

func zone(s []byte) (seconds int64, ok bool) {
	if len(s) > 1 && s[0] == ' ' {
		s = s[1:]
	}
	if string(s) == "Z" || string(s) == "UTC" {
		return 0, true
	}
	if len(s) < 3 || s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	h, ok := two(s[1:])
	m := 0
	rest := s[3:]
	if len(rest) == 3 && rest[0] == ':' {
		rest = rest[1:]
	}
	if len(rest) == 2 {
		var ok2 bool
		m, ok2 = two(rest)
		ok = ok && ok2
	} else if len(rest) != 0 {
		return 0, false
	}
	seconds = int64(h*3600 + m*60)
	if s[0] == '-' {
		seconds = -seconds
	}
	return seconds, ok && h <= 18 && m <= 59
}
