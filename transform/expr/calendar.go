package expr

// Days count from 1970-01-01 in the proleptic Gregorian calendar. The arithmetic is Howard Hinnant's: years begin in March,
// so that the leap day is the last of its year, and 400 years (an era) have 146,097 days.

// civil is the date of a day number.
func civil(day int64) (y, m, d int) {
	z := day + 719468
	era := floorDiv(z, 146097)
	doe := uint32(z - era*146097)
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	d = int(doy-(153*mp+2)/5) + 1
	y = int(int64(yoe) + era*400)
	if mp < 10 {
		return y, int(mp) + 3, d
	}
	return y + 1, int(mp) - 9, d
}

// daysFromCivil is the day number of a date; m is 1 to 12, and d may run over the month's end.
func daysFromCivil(y, m, d int) int64 {
	if m <= 2 {
		y--
		m += 12
	}
	era := floorDiv(int64(y), 400)
	yoe := int64(y) - era*400
	doy := int64((153*(m-3)+2)/5 + d - 1)
	return era*146097 + yoe*365 + yoe/4 - yoe/100 + doy - 719468
}

func monthLength(y, m int) int {
	switch m {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// days is the day number of a date that exists.
func days(y, m, d int) (int64, bool) {
	if m < 1 || m > 12 || d < 1 || d > monthLength(y, m) {
		return 0, false
	}
	return daysFromCivil(y, m, d), true
}

// addMonths is the same day n months later, or that month's last.
func addMonths(day, n int64) int64 {
	y, m, d := civil(day)
	total := int64(y)*12 + int64(m-1) + n
	ny, nm := int(floorDiv(total, 12)), int(total-12*floorDiv(total, 12))+1
	return daysFromCivil(ny, nm, min(d, monthLength(ny, nm)))
}

// truncateDay is the first day of the year, quarter, month or week (from Monday) of a day; ok is false for other units.
func truncateDay(day int64, unit string) (int64, bool) {
	y, m, _ := civil(day)
	switch unit {
	case "YEAR", "YYYY", "YY":
		return daysFromCivil(y, 1, 1), true
	case "QUARTER":
		return daysFromCivil(y, (m-1)/3*3+1, 1), true
	case "MONTH", "MM", "MON":
		return daysFromCivil(y, m, 1), true
	case "WEEK":
		return day - (day + 3 - 7*floorDiv(day+3, 7)), true
	}
	return 0, false
}

// truncateMicros is a timestamp cut to a unit; ok is false when there is no such unit.
func truncateMicros(t int64, unit string) (int64, bool) {
	var width int64
	switch unit {
	case "MICROSECOND":
		width = 1
	case "MILLISECOND":
		width = 1e3
	case "SECOND":
		width = 1e6
	case "MINUTE":
		width = 60e6
	case "HOUR":
		width = 3600e6
	case "DAY", "DD":
		width = dayMicros
	default:
		day, ok := truncateDay(floorDiv(t, dayMicros), unit)
		return day * dayMicros, ok
	}
	return floorDiv(t, width) * width, true
}
