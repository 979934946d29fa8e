package textarrow

import "github.com/firn-data/firn/internal/calendar"

func two(s []byte) (int, bool) {
	a, b := s[0]-'0', s[1]-'0'
	return int(a)*10 + int(b), a <= 9 && b <= 9
}

// Date reads yyyy-MM-dd.
func Date(s []byte) (int64, bool) {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return 0, false
	}
	c, ok1 := two(s)
	y, ok2 := two(s[2:])
	m, ok3 := two(s[5:])
	d, ok4 := two(s[8:])
	y += c * 100
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return 0, false
	}
	return calendar.Exact(y, m, d)
}

// Clock reads HH:mm[:ss[.f…]], up to six digits of fraction (more must be zeros), and gives what follows.
func Clock(s []byte) (micros int64, rest []byte, ok bool) {
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

// Timestamp reads yyyy-MM-dd, a space or T, a time, and an optional zone: Z, +hh:mm, +hhmm or +hh.
func Timestamp(s []byte) (micros int64, zoned, ok bool) {
	if len(s) < 16 || s[10] != ' ' && s[10] != 'T' {
		return 0, false, false
	}
	day, ok := Date(s[:10])
	if !ok {
		return 0, false, false
	}
	t, rest, ok := Clock(s[11:])
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
