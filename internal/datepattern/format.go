package datepattern

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/firn-data/firn/internal/calendar"
)

var (
	monthNames = [...]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
	dayNames   = [...]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}
	ordinals   = [...]string{"1st", "2nd", "3rd", "4th"}
)

// moment is a timestamp in the session's zone, taken apart.
type moment struct {
	year, month, day, yearDay, weekday int // weekday 0 is Sunday
	second                             int // of the day
	micros                             int // of the second
}

func momentOf(micros int64) moment {
	day := calendar.FloorDiv(micros, calendar.MicrosPerDay)
	rest := micros - day*calendar.MicrosPerDay
	y, m, d := calendar.Civil(day)
	first := calendar.Day(y, 1, 1)
	return moment{y, m, d, int(day-first) + 1, int(((day+4)%7 + 7) % 7), int(rest / 1e6), int(rest % 1e6)}
}

// Format appends a timestamp in µs since 1970, written by the pattern; ok is false where Java fails: a number that does not fit its width.
func (p *Pattern) Format(dst []byte, micros int64) ([]byte, bool) {
	return formatItems(dst, p.items, momentOf(micros))
}

func formatItems(dst []byte, items []item, t moment) ([]byte, bool) {
	ok := true
	for _, it := range items {
		switch {
		case it.optional != nil:
			dst, ok = formatItems(dst, it.optional, t)
		case it.letter == 0:
			dst = append(dst, it.text...)
		default:
			dst, ok = it.format(dst, t)
		}
		if !ok {
			return dst, false
		}
	}
	return dst, true
}

func (it item) format(dst []byte, t moment) ([]byte, bool) {
	lo, hi := it.width()
	v, isNumber := it.number(t)
	switch {
	case isNumber && lo > 0 && (it.letter == 'u' || it.letter == 'y'):
		return it.formatYear(dst, v), true
	case isNumber && lo > 0:
		text := pad(v, lo)
		return append(dst, text...), len(text) <= hi
	case it.letter == 'S':
		return append(dst, (pad(t.micros, 6) + "000")[:it.n]...), true
	}
	return append(dst, it.name(t)...), true
}

// number is the value of a letter that is a number when it stands once or twice.
func (it item) number(t moment) (int, bool) {
	hour := t.second / 3600
	switch it.letter {
	case 'u':
		return t.year, true
	case 'y':
		if t.year < 1 {
			return 1 - t.year, true
		}
		return t.year, true
	case 'M', 'L':
		return t.month, true
	case 'Q', 'q':
		return (t.month + 2) / 3, true
	case 'd':
		return t.day, true
	case 'D':
		return t.yearDay, true
	case 'H':
		return hour, true
	case 'k':
		return (hour+23)%24 + 1, true
	case 'K':
		return hour % 12, true
	case 'h':
		return (hour+11)%12 + 1, true
	case 'm':
		return t.second / 60 % 60, true
	case 's':
		return t.second % 60, true
	}
	return 0, false
}

// formatYear pads a year; more digits than asked for get a + where four or more letters stand.
func (it item) formatYear(dst []byte, v int) []byte {
	if it.n == 2 {
		return append(dst, pad(((v%100)+100)%100, 2)...)
	}
	sign := ""
	if v < 0 {
		sign, v = "-", -v
	}
	text := pad(v, it.n)
	if sign == "" && it.n >= 4 && len(text) > it.n {
		sign = "+"
	}
	return append(append(dst, sign...), text...)
}

// name is what a letter stands for as text. The zone is the session's, UTC.
func (it item) name(t moment) string {
	long := it.n == 4
	short := func(s string) string {
		if long {
			return s
		}
		return s[:3]
	}
	switch it.letter {
	case 'M', 'L':
		return short(monthNames[t.month-1])
	case 'E':
		return short(dayNames[t.weekday])
	case 'Q', 'q':
		if long {
			return ordinals[(t.month-1)/3] + " quarter"
		}
		return "Q" + strconv.Itoa((t.month+2)/3)
	case 'G':
		return eraName(t.year > 0, long)
	case 'a':
		if t.second >= 12*3600 {
			return "PM"
		}
		return "AM"
	case 'z':
		if long {
			return "Coordinated Universal Time"
		}
		return "UTC"
	case 'V':
		return "UTC"
	case 'O':
		return "GMT"
	case 'X':
		return "Z"
	case 'x':
		return []string{"+00", "+0000", "+00:00", "+0000", "+00:00"}[it.n-1]
	}
	return []string{"+0000", "+0000", "+0000", "GMT", "Z"}[it.n-1] // Z
}

func eraName(ad, long bool) string {
	switch {
	case ad && long:
		return "Anno Domini"
	case ad:
		return "AD"
	case long:
		return "Before Christ"
	}
	return "BC"
}

// hasFoldPrefix reports whether s begins with prefix, whatever the case.
func hasFoldPrefix(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// pad writes a number with at least n digits.
func pad(v, n int) string { return fmt.Sprintf("%0*d", n, v) }
