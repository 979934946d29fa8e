package calendar

import (
	"testing"
	"time"
)

// TestEveryDayIsThatOfTheStandardLibrary walks eight centuries around 1970 day by day, and the far ends of what types hold.
func TestEveryDayIsThatOfTheStandardLibrary(t *testing.T) {
	epoch := time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	check := func(day int64) {
		at := epoch.AddDate(0, 0, int(day))
		y, m, d := Civil(day)
		if y != at.Year() || m != int(at.Month()) || d != at.Day() {
			t.Fatalf("day %d is %d-%d-%d, want %s", day, y, m, d, at.Format(time.DateOnly))
		}
		if back, ok := Exact(y, m, d); !ok || back != day || Day(y, m, d) != day {
			t.Fatalf("%d-%d-%d is day %d, %v, want %d", y, m, d, back, ok, day)
		}
	}
	for day := int64(-146_097); day <= 146_097; day++ {
		check(day)
	}
	for _, day := range []int64{-719_529, -719_528, -719_162, 2_932_896, 106_751_991, -106_751_991} {
		check(day)
	}
	for _, no := range [][3]int{{2023, 2, 29}, {1900, 2, 29}, {2024, 2, 30}, {2024, 13, 1}, {2024, 0, 1}, {2024, 4, 31}, {2024, 1, 0}} {
		if _, ok := Exact(no[0], no[1], no[2]); ok {
			t.Errorf("%v was taken for a date", no)
		}
	}
	if FloorDiv(-1, 7) != -1 || FloorDiv(-7, 7) != -1 || FloorDiv(6, 7) != 0 {
		t.Error("division does not round down")
	}
}
