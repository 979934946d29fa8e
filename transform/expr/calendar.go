package expr

import "github.com/firn-data/firn/internal/calendar"

// addMonths is the same day n months later, or that month's last.
func addMonths(day, n int64) int64 {
	y, m, d := calendar.Civil(day)
	total := int64(y)*12 + int64(m-1) + n
	ny, nm := int(calendar.FloorDiv(total, 12)), int(total-12*calendar.FloorDiv(total, 12))+1
	return calendar.Day(ny, nm, min(d, calendar.MonthLength(ny, nm)))
}

// truncateDay is the first day of the year, quarter, month or week (from Monday) of a day; ok is false for other units.
func truncateDay(day int64, unit string) (int64, bool) {
	y, m, _ := calendar.Civil(day)
	switch unit {
	case "YEAR", "YYYY", "YY":
		return calendar.Day(y, 1, 1), true
	case "QUARTER":
		return calendar.Day(y, (m-1)/3*3+1, 1), true
	case "MONTH", "MM", "MON":
		return calendar.Day(y, m, 1), true
	case "WEEK":
		return day - (day + 3 - 7*calendar.FloorDiv(day+3, 7)), true
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
		width = calendar.MicrosPerDay
	default:
		day, ok := truncateDay(calendar.FloorDiv(t, calendar.MicrosPerDay), unit)
		return day * calendar.MicrosPerDay, ok
	}
	return calendar.FloorDiv(t, width) * width, true
}
