package hive

import (
	"testing"
	"time"
)

// A lock that is thought to live longer than it does protects nothing.
func TestLockTimeoutsAreReadInEveryUnitOfHives(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"300s": 300 * time.Second, "300": 300 * time.Second, "15sec": 15 * time.Second, "15 Seconds": 15 * time.Second, "2m": 2 * time.Minute, "5min": 5 * time.Minute,
		"5minutes": 5 * time.Minute, "1h": time.Hour, "2hours": 2 * time.Hour, "1d": 24 * time.Hour, "1day": 24 * time.Hour,
		"20000ms": 20 * time.Second, "20000msec": 20 * time.Second, "7us": 7 * time.Microsecond, "9nsec": 9,
	} {
		if got, ok := duration(text); !ok || got != want {
			t.Errorf("%q is %v (%v), want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "s", "five", "5 fortnights", "-5s", "1.5h", "9223372036854775807s", "200000d"} {
		if got, ok := duration(text); ok {
			t.Errorf("%q was read as %v", text, got)
		}
	}
}
