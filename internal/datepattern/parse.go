package datepattern

import (
	"math"
	"strings"

	"github.com/firn-data/firn/internal/calendar"
)

// field is a date-time field that a pattern reads.
type field uint8

const (
	fYear field = iota
	fYearOfEra
	fEra
	fMonth
	fDay
	fYearDay
	fHour
	fClockHour // 1 to 24
	fHalfHour  // 0 to 11
	fClockHalf // 1 to 12
	fHalf      // AM 0, PM 1
	fMinute
	fSecond
	fNano
	fOffset // in seconds
	fieldCount
)

// fieldRange is what each field may be when it has been read.
var fieldRange = [fieldCount][2]int64{fYear: {-999_999_999, 999_999_999}, fYearOfEra: {1, 999_999_999}, fEra: {0, 1}, fMonth: {1, 12}, fDay: {1, 31}, fYearDay: {1, 366}, fHour: {0, 23}, fClockHour: {1, 24},
	fHalfHour: {0, 11}, fClockHalf: {1, 12}, fHalf: {0, 1}, fMinute: {0, 59}, fSecond: {0, 59}, fNano: {0, 999_999_999}, fOffset: {-18 * 3600, 18 * 3600}}

var letterField = map[byte]field{'u': fYear, 'y': fYearOfEra, 'M': fMonth, 'L': fMonth, 'd': fDay, 'D': fYearDay, 'H': fHour, 'k': fClockHour, 'K': fHalfHour, 'h': fClockHalf, 'm': fMinute, 's': fSecond}

// fields are the values read so far.
type fields struct {
	value [fieldCount]int64
	has   [fieldCount]bool
}

// set stores a value; a field that is read twice must be read alike.
func (f *fields) set(i field, v int64) bool {
	if f.has[i] {
		return f.value[i] == v
	}
	f.value[i], f.has[i] = v, true
	return true
}

func (f *fields) or(i field, v int64) int64 {
	if f.has[i] {
		return f.value[i]
	}
	return v
}

// Parse reads a whole text by the pattern, as µs since 1970, and drops what is finer, as Spark does. Without an offset in the text it
// is UTC; zoned false takes the time as written.
func (p *Pattern) Parse(s string, zoned bool) (int64, bool) {
	var f fields
	rest, ok := parseItems(s, p.items, &f)
	if !ok || rest != "" {
		return 0, false
	}
	f.has[fOffset] = f.has[fOffset] && zoned
	return f.resolve()
}

// ParseExact is Parse, but that it refuses a text with a part finer than a µs.
func (p *Pattern) ParseExact(s string) (int64, bool) {
	var f fields
	rest, ok := parseItems(s, p.items, &f)
	if !ok || rest != "" || f.or(fNano, 0)%1000 != 0 {
		return 0, false
	}
	return f.resolve()
}

func parseItems(s string, items []item, f *fields) (string, bool) {
	ok := true
	for i := range items {
		it := &items[i]
		switch {
		case it.optional != nil:
			saved := *f
			if rest, matched := parseItems(s, it.optional, f); matched {
				s = rest
			} else {
				*f = saved
			}
		case it.letter == 0:
			if ok = hasFoldPrefix(s, it.text); ok {
				s = s[len(it.text):]
			}
		default:
			s, ok = it.parse(s, f)
		}
		if !ok {
			return s, false
		}
	}
	return s, true
}

func (it *item) parse(s string, f *fields) (string, bool) {
	if lo, _ := it.width(); lo > 0 {
		return it.parseNumber(s, f)
	}
	switch it.letter {
	case 'M', 'L':
		for i, name := range monthNames {
			if it.n == 3 {
				name = name[:3]
			}
			if hasFoldPrefix(s, name) {
				return s[len(name):], f.set(fMonth, int64(i)+1)
			}
		}
		return s, false
	case 'a':
		for i, name := range []string{"AM", "PM"} {
			if hasFoldPrefix(s, name) {
				return s[2:], f.set(fHalf, int64(i))
			}
		}
		return s, false
	case 'G':
		for i, ad := range []bool{false, true} {
			if name := eraName(ad, it.n == 4); hasFoldPrefix(s, name) {
				return s[len(name):], f.set(fEra, int64(i))
			}
		}
		return s, false
	case 'S':
		return it.parseFraction(s, f)
	}
	return it.parseOffset(s, f)
}

// parseFraction reads one to n digits: where a pattern is read, Spark lets fractions be shorter.
func (it *item) parseFraction(s string, f *fields) (string, bool) {
	n, nano := 0, int64(0)
	for n < it.n && n < len(s) && s[n] >= '0' && s[n] <= '9' {
		nano = nano*10 + int64(s[n]-'0')
		n++
	}
	if n == 0 {
		return s, false
	}
	for k := n; k < 9; k++ {
		nano *= 10
	}
	return s[n:], f.set(fNano, nano)
}

// parseNumber reads digits as java.time's strict NumberPrinterParser does, with its rules of signs and of neighbours.
func (it *item) parseNumber(s string, f *fields) (string, bool) {
	lo, hi := it.width()
	negative, positive := false, false
	if s == "" {
		return s, false
	}
	if c := s[0]; c == '+' || c == '-' {
		exceeds := (it.letter == 'u' || it.letter == 'y') && it.n >= 4
		normal := hi == 19 && !exceeds
		if !exceeds && !(normal && c == '-') {
			return s, false
		}
		negative, positive = c == '-', c == '+'
		s = s[1:]
	}
	n := 0
	for n < len(s) && n < hi+it.reserved && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	if n < lo {
		return s, false
	}
	if it.reserved > 0 {
		n = max(lo, n-it.reserved)
	}
	if n > 18 {
		return s, false
	}
	v := int64(0)
	for _, c := range []byte(s[:n]) {
		v = v*10 + int64(c-'0')
	}
	switch {
	case negative && v == 0:
		return s, false
	case negative:
		v = -v
	case (it.letter == 'u' || it.letter == 'y') && it.n >= 4 && (positive && n <= lo || !positive && n > lo):
		return s, false
	}
	if it.n == 2 && (it.letter == 'u' || it.letter == 'y') {
		v += 2000
	}
	return s[n:], f.set(letterField[it.letter], v)
}

// offsetForm says of X, x and Z by their number which parts an offset has: minutes and seconds (0 no, 1 may, 2 must), and
// whether a colon stands before each.
type offsetForm struct {
	minute, second int
	colon          bool
}

func (it *item) offsetForm() (f offsetForm, zulu string) {
	forms := []offsetForm{{1, 0, false}, {2, 0, false}, {2, 0, true}, {2, 1, false}, {2, 1, true}}
	switch it.letter {
	case 'X':
		return forms[it.n-1], "Z"
	case 'x':
		return forms[it.n-1], [...]string{"+00", "+0000", "+00:00", "+0000", "+00:00"}[it.n-1]
	}
	if it.n == 5 {
		return forms[4], "Z"
	}
	return forms[1], "+0000"
}

func (it *item) parseOffset(s string, f *fields) (string, bool) {
	form, zulu := it.offsetForm()
	if s == "" || s[0] != '+' && s[0] != '-' {
		if zulu == "Z" && hasFoldPrefix(s, "Z") {
			return s[1:], f.set(fOffset, 0)
		}
		return s, false
	}
	sign := int64(1)
	if s[0] == '-' {
		sign = -1
	}
	h, rest, ok := twoDigits(s[1:], false, 23)
	if !ok {
		return s, false
	}
	total := h * 3600
	for i, need := range []int{form.minute, form.second} {
		if need == 0 {
			break
		}
		v, after, ok := twoDigits(rest, form.colon, 59)
		if !ok {
			if need == 2 {
				return s, false
			}
			break
		}
		total, rest = total+v*[]int64{60, 1}[i], after
	}
	if total > 18*3600 {
		return s, false
	}
	return rest, f.set(fOffset, sign*total)
}

func twoDigits(s string, colon bool, most int64) (int64, string, bool) {
	if colon {
		if !strings.HasPrefix(s, ":") {
			return 0, s, false
		}
		s = s[1:]
	}
	if len(s) < 2 || s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9' {
		return 0, s, false
	}
	v := int64(s[0]-'0')*10 + int64(s[1]-'0')
	return v, s[2:], v <= most
}

// resolve makes a timestamp of the fields: what is missing is 1970, January, the 1st, midnight.
func (f *fields) resolve() (int64, bool) {
	for i := range fieldCount {
		if f.has[i] && (f.value[i] < fieldRange[i][0] || f.value[i] > fieldRange[i][1]) {
			return 0, false
		}
	}
	day, ok := f.date()
	if !ok {
		return 0, false
	}
	second, ok := f.clock()
	if !ok {
		return 0, false
	}
	micros := f.or(fNano, 0) / 1000
	seconds := day*86400 + second - f.or(fOffset, 0)
	if seconds > math.MaxInt64/1_000_000-1 || seconds < math.MinInt64/1_000_000+1 {
		return 0, false
	}
	return seconds*1_000_000 + micros, true
}

func (f *fields) date() (int64, bool) {
	year := f.or(fYear, 1970)
	if f.has[fYearOfEra] {
		if year = f.value[fYearOfEra]; f.or(fEra, 1) == 0 {
			year = 1 - year
		}
	}
	if f.has[fYearDay] && !(f.has[fMonth] && f.has[fDay]) {
		day := calendar.Day(int(year), 1, 1) + f.value[fYearDay] - 1
		y, m, d := calendar.Civil(day)
		return day, int64(y) == year && f.or(fMonth, int64(m)) == int64(m) && f.or(fDay, int64(d)) == int64(d)
	}
	day, ok := calendar.Exact(int(year), int(f.or(fMonth, 1)), int(f.or(fDay, 1)))
	if ok && f.has[fYearDay] {
		ok = calendar.Day(int(year), 1, 1)+f.value[fYearDay]-1 == day
	}
	return day, ok
}

// clock is the second of the day. A half day without hour is noon or midnight; an hour of a half day alone is before noon.
func (f *fields) clock() (int64, bool) {
	hour, known := f.value[fHour], f.has[fHour]
	agree := func(h int64) bool {
		if known {
			return h == hour
		}
		hour, known = h, true
		return true
	}
	if f.has[fClockHour] && !agree(f.value[fClockHour]%24) {
		return 0, false
	}
	half, hasHalf := f.value[fHalfHour], f.has[fHalfHour]
	if f.has[fClockHalf] {
		h := f.value[fClockHalf] % 12
		if hasHalf && h != half {
			return 0, false
		}
		half, hasHalf = h, true
	}
	switch {
	case hasHalf && f.has[fHalf]:
		if !agree(half + 12*f.value[fHalf]) {
			return 0, false
		}
	case hasHalf && known:
		if hour%12 != half {
			return 0, false
		}
	case hasHalf:
		hour = half
	case f.has[fHalf] && known:
		if hour/12 != f.value[fHalf] {
			return 0, false
		}
	case f.has[fHalf]:
		hour = 12 * f.value[fHalf]
	}
	return hour*3600 + f.or(fMinute, 0)*60 + f.or(fSecond, 0), true
}
