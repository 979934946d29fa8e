// Package calendar counts days from 1970-01-01 in the proleptic Gregorian calendar, which Iceberg, Arrow and Spark share. The arithmetic
// is Howard Hinnant's (chrono-Compatible Low-Level Date Algorithms): years begin in March, so that the leap day is the last of its year,
// and 400 years (an era) have 146,097 days.
package calendar

// MicrosPerDay is a day in µs.
const MicrosPerDay = 86_400_000_000

// Civil is the date of a day number.
func Civil(day int64) (y, m, d int) {
	z := day + 719468
	era := FloorDiv(z, 146097)
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

// Day is the day number of a date; m is 1 to 12, and d may run over the month's end.
func Day(y, m, d int) int64 {
	if m <= 2 {
		y--
		m += 12
	}
	era := FloorDiv(int64(y), 400)
	yoe := int64(y) - era*400
	doy := int64((153*(m-3)+2)/5 + d - 1)
	return era*146097 + yoe*365 + yoe/4 - yoe/100 + doy - 719468
}

// MonthLength is the number of days of a month.
func MonthLength(y, m int) int {
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

// Exact is the day number of a date, if there is such a date.
func Exact(y, m, d int) (int64, bool) {
	if m < 1 || m > 12 || d < 1 || d > MonthLength(y, m) {
		return 0, false
	}
	return Day(y, m, d), true
}

// FloorDiv is a divided by a positive b, rounded down.
func FloorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
