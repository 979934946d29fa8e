package expr

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/firn-data/firn/internal/calendar"
)

// trimAll takes away what Spark's casts ignore around a value: white space and control characters.
func trimAll(s string) string {
	for len(s) > 0 && (s[0] <= ' ' || s[0] == 0x7f) {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] <= ' ' || s[len(s)-1] == 0x7f) {
		s = s[:len(s)-1]
	}
	return s
}

// parseInteger reads an optional sign and digits.
func parseInteger(s string) (int64, bool) {
	if s == "" || strings.ContainsAny(s, "_") {
		return 0, false
	}
	v, err := strconv.ParseInt(s, 10, 64)
	return v, err == nil
}

// parseFloat reads what Java's Double.parseDouble does, and infinity and NaN in any case.
func parseFloat(s string, single bool) (float64, bool) {
	switch strings.ToLower(s) {
	case "nan":
		return math.NaN(), true
	case "inf", "+inf", "infinity", "+infinity":
		return math.Inf(1), true
	case "-inf", "-infinity":
		return math.Inf(-1), true
	}
	if s == "" || strings.ContainsAny(s, "_xXpPnN") {
		return 0, false
	}
	if c := s[len(s)-1] | 0x20; c == 'd' || c == 'f' {
		s = s[:len(s)-1]
	}
	bits := 64
	if single {
		bits = 32
	}
	f, err := strconv.ParseFloat(s, bits)
	if err != nil && !math.IsInf(f, 0) {
		return 0, false
	}
	return f, true
}

// parseDecimal reads digits with an optional sign, point and exponent into an unscaled value, rounded HALF_UP to the scale.
func parseDecimal(s string, scale int) (*big.Int, bool) {
	if s == "" {
		return nil, false
	}
	exp := 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		e, err := strconv.Atoi(s[i+1:])
		if err != nil || e > 400 || e < -400 {
			return nil, false
		}
		s, exp = s[:i], e
	}
	neg := false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		neg, s = s[0] == '-', s[1:]
	}
	whole, frac, _ := strings.Cut(s, ".")
	digits := whole + frac
	if digits == "" {
		return nil, false
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return nil, false
		}
	}
	digits = strings.TrimLeft(digits, "0")
	from := len(frac) - exp // scale of the digits
	if len(digits)-from > 60 {
		return nil, false
	}
	v, _ := new(big.Int).SetString("0"+digits, 10)
	if from-scale > 118 {
		return new(big.Int), true
	}
	if scale-from > 118 {
		return nil, false
	}
	v = rescale(v, from, scale)
	if neg {
		v.Neg(v)
	}
	return v, true
}

// parseSmallDecimal reads plain digits with sign and point that need no rounding and fit both 18 digits and the type.
func parseSmallDecimal(s string, t Type) (int64, bool) {
	i, scale, v := 0, -1, int64(0)
	if s != "" && (s[0] == '-' || s[0] == '+') {
		i = 1
	}
	start := i
	for ; i < len(s); i++ {
		c := s[i] - '0'
		switch {
		case c < 10 && i-start < 18:
			v = v*10 + int64(c)
		case s[i] == '.' && scale < 0:
			scale = i
		default:
			return 0, false
		}
	}
	digits, frac := i-start, 0
	if scale >= 0 {
		digits--
		frac = i - 1 - scale
	}
	if digits == 0 || frac > t.S || digits-frac+t.S > min(18, t.P) {
		return 0, false
	}
	v *= powers64[t.S-frac]
	if s[0] == '-' {
		v = -v
	}
	return v, true
}

// parseDate reads yyyy, yyyy-[m]m, yyyy-[m]m-[d]d, and the last followed by a space or T and anything.
func parseDate(s string) (int64, bool) {
	if len(s) == 10 && s[4] == '-' && s[7] == '-' {
		if y, m, d, ok := plainDate(s); ok {
			return calendar.Exact(y, m, d)
		}
	}
	if i := strings.IndexAny(s, " T"); i >= 0 {
		s = s[:i]
		if strings.Count(s, "-") < 2 {
			return 0, false
		}
	}
	y, m, d, ok := ymd(s)
	if !ok {
		return 0, false
	}
	return calendar.Exact(y, m, d)
}

// plainDate reads yyyy-mm-dd.
func plainDate(s string) (y, m, d int, ok bool) {
	var v [8]int
	for i, at := range [...]int{0, 1, 2, 3, 5, 6, 8, 9} {
		c := s[at] - '0'
		if c > 9 {
			return 0, 0, 0, false
		}
		v[i] = int(c)
	}
	return v[0]*1000 + v[1]*100 + v[2]*10 + v[3], v[4]*10 + v[5], v[6]*10 + v[7], true
}

func ymd(s string) (y, m, d int, ok bool) {
	sign := 1
	if s != "" && (s[0] == '-' || s[0] == '+') {
		if s[0] == '-' {
			sign = -1
		}
		s = s[1:]
	}
	part := strings.Split(s, "-")
	if len(part) > 3 || len(part[0]) < 4 || len(part[0]) > 7 {
		return 0, 0, 0, false
	}
	v := [3]int{0, 1, 1}
	for i, p := range part {
		if p == "" || i > 0 && len(p) > 2 {
			return 0, 0, 0, false
		}
		for _, c := range []byte(p) {
			if c < '0' || c > '9' {
				return 0, 0, 0, false
			}
		}
		v[i], _ = strconv.Atoi(p)
	}
	return sign * v[0], v[1], v[2], true
}

// parseTimestamp reads a date, or a date, a space or T, a time with up to nine fraction digits (cut to µs), and a zone.
// Without zone it is UTC, which is the session's zone; a TIMESTAMP_NTZ ignores the zone.
func parseTimestamp(s string, zoned bool) (int64, bool) {
	i := strings.IndexAny(s, " T")
	if i < 0 {
		d, ok := parseDate(s)
		return d * calendar.MicrosPerDay, ok
	}
	y, m, d, ok := ymd(s[:i])
	if !ok || strings.Count(strings.TrimLeft(s[:i], "-+"), "-") != 2 {
		return 0, false
	}
	day, ok := calendar.Exact(y, m, d)
	if !ok {
		return 0, false
	}
	micros, rest, ok := parseTime(s[i+1:])
	if !ok {
		return 0, false
	}
	offset, ok := parseZone(strings.TrimSpace(rest), day*86400+micros/1e6) // micros are not negative
	if !ok {
		return 0, false
	}
	if !zoned {
		offset = 0
	}
	return day*calendar.MicrosPerDay + micros - offset*1e6, true
}

// parseTime reads [h]h[:[m]m[:[s]s[.f…]]] and gives what follows it.
func parseTime(s string) (micros int64, rest string, ok bool) {
	var v [3]int64
	for i := range v {
		n := 0
		for n < len(s) && n < 2 && s[n] >= '0' && s[n] <= '9' {
			v[i] = v[i]*10 + int64(s[n]-'0')
			n++
		}
		if n == 0 {
			return 0, "", false
		}
		s = s[n:]
		if i < 2 {
			if !strings.HasPrefix(s, ":") {
				break
			}
			s = s[1:]
		}
	}
	if v[0] > 23 || v[1] > 59 || v[2] > 59 {
		return 0, "", false
	}
	micros = (v[0]*3600 + v[1]*60 + v[2]) * 1e6
	if strings.HasPrefix(s, ".") {
		s = s[1:]
		unit := int64(100_000)
		for len(s) > 0 && s[0] >= '0' && s[0] <= '9' {
			micros += int64(s[0]-'0') * unit
			unit /= 10
			s = s[1:]
		}
	}
	return micros, s, true
}

// parseZone reads Z, UTC, +hh:mm, +h, a region's id such as Europe/Berlin, and gives its offset in seconds at a local time.
func parseZone(z string, local int64) (int64, bool) {
	if of := shortZones[z]; of != "" {
		z = of
	}
	id := z
	for _, prefix := range []string{"UTC", "GMT", "UT"} {
		if after, ok := strings.CutPrefix(z, prefix); ok {
			z = after
			break
		}
	}
	if z == "" || z == "Z" {
		return 0, true
	}
	if z[0] != '+' && z[0] != '-' {
		if loc := zoneByName(id); loc != nil {
			return regionOffset(loc, local), true
		}
		return 0, false
	}
	var v [3]int64
	parts := strings.Split(z[1:], ":")
	if n := len(z) - 1; len(parts) == 1 && (n == 4 || n == 6) { // +hhmm, +hhmmss
		parts = []string{z[1:3], z[3:5], z[5:]}[:n/2]
	}
	for i, p := range parts {
		if i > 2 || len(p) == 0 || len(p) > 2 {
			return 0, false
		}
		n, err := strconv.ParseUint(p, 10, 8)
		if err != nil {
			return 0, false
		}
		v[i] = int64(n)
	}
	off := v[0]*3600 + v[1]*60 + v[2]
	if off > 18*3600 || v[1] > 59 || v[2] > 59 {
		return 0, false
	}
	if z[0] == '-' {
		off = -off
	}
	return off, true
}

// text is value k as Spark casts it to STRING.
func (v *Vec) text(k int) string {
	switch v.Type.Kind {
	case Boolean:
		if v.I[k] != 0 {
			return "true"
		}
		return "false"
	case Float:
		return javaFloat(v.F[k], 32)
	case Double:
		return javaFloat(v.F[k], 64)
	case Decimal:
		return v.D[k].ToString(int32(v.Type.S))
	case Array:
		return "[" + strings.Join(arrayItems(v.S[k]), ", ") + "]"
	case String, Binary:
		return v.S[k]
	case Date:
		return dateText(v.I[k])
	case Timestamp, TimestampNTZ:
		day := calendar.FloorDiv(v.I[k], calendar.MicrosPerDay)
		return dateText(day) + " " + timeText(v.I[k]-day*calendar.MicrosPerDay)
	case Null:
		return "NULL"
	}
	return strconv.FormatInt(v.I[k], 10)
}

func dateText(day int64) string {
	y, m, d := calendar.Civil(day)
	s := ""
	switch {
	case y > 9999:
		s = "+"
	case y < 0:
		s, y = "-", -y
	}
	return s + pad(y, 4) + "-" + pad(m, 2) + "-" + pad(d, 2)
}

func timeText(micros int64) string {
	s := micros / 1e6
	out := pad(int(s/3600), 2) + ":" + pad(int(s/60%60), 2) + ":" + pad(int(s%60), 2)
	if f := micros % 1e6; f != 0 {
		out += "." + strings.TrimRight(pad(int(f), 6), "0")
	}
	return out
}

func pad(n, width int) string {
	s := strconv.Itoa(n)
	for len(s) < width {
		s = "0" + s
	}
	return s
}

// javaFloat is a float in the notation of Java's Double.toString, with the fewest digits that give it back.
func javaFloat(f float64, bits int) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case f == 0:
		if math.Signbit(f) {
			return "-0.0"
		}
		return "0.0"
	}
	if a := math.Abs(f); a >= 1e-3 && a < 1e7 {
		s := strconv.FormatFloat(f, 'f', -1, bits)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	}
	mant, exp, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, bits), "e")
	if !strings.Contains(mant, ".") {
		mant += ".0"
	}
	n, _ := strconv.Atoi(exp)
	return mant + "E" + strconv.Itoa(n)
}
