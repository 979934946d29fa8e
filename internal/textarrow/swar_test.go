package textarrow

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// texts are what columns of numbers hold, and what looks like it; each is read in the middle of other digits.
func texts(rnd *rand.Rand) []string {
	out := []string{"", "-", "+", ".", "-.", "0", "-0", "00", "1.", ".1", "-.1", "1.2.3", "1-2", "1e5", "1E-3", " 1", "1 ", "١", "9223372036854775807", "9223372036854775808",
		"-9223372036854775808", "-9223372036854775809", "99999999.99", "999999999999999.99", "-999999999999999.99", "9999999999999999.99", "1:2", "1/2", "\x00", "1\x00", "0.005", "12.5", "17"}
	chars := "0123456789.-/:+ ,"
	for range 3000 {
		var b strings.Builder
		for range rnd.IntN(22) {
			if rnd.IntN(8) == 0 {
				b.WriteByte(chars[rnd.IntN(len(chars))])
			} else {
				b.WriteByte(byte('0' + rnd.IntN(10)))
			}
		}
		out = append(out, b.String())
	}
	for range 1000 {
		out = append(out, fmt.Sprintf("%d.%02d", rnd.IntN(1_000_000), rnd.IntN(100)), fmt.Sprintf("-%d.%d", rnd.IntN(100), rnd.IntN(10)))
	}
	return out
}

// within puts a text between others, as a cell stands in a file.
func within(text string) (d []byte, s, e uint32) {
	d = []byte("99,-1." + text + ",.123-99" + strings.Repeat("7", Slack))
	return d[:len(d)-Slack], 6, uint32(6 + len(text))
}

// TestFastNumbersAreTheExactOnes compares what is read eight bytes at a time with what is read byte by byte: where the fast way
// answers, it is right.
func TestFastNumbersAreTheExactOnes(t *testing.T) {
	answered := 0
	for _, text := range texts(rand.New(rand.NewPCG(1, 2))) {
		d, s, e := within(text)
		if v, ok := Uint(d, s, e); ok {
			answered++
			if want, is := Int([]byte(text)); !is || want != int64(v) {
				t.Errorf("Uint of %q is %d, want %d, %v", text, v, want, is)
			}
		}
		for scale := range uint32(9) {
			want, is := Decimal([]byte(text), 38, int(scale))
			for name, f := range map[string]func([]byte, uint32, uint32, uint32) (int64, bool){"Short": Short, "Fixed": Fixed} {
				if name == "Fixed" && scale == 0 {
					continue
				}
				if v, ok := f(d, s, e, scale); ok {
					answered++
					if !is || want != decimal128.FromI64(v) {
						t.Errorf("%s of %q with scale %d is %d, want %v, %v", name, text, scale, v, want, is)
					}
				}
			}
		}
	}
	if answered < 5000 {
		t.Errorf("the fast ways answered %d times only", answered)
	}
}

// TestFastDatesAreTheExactOnes compares every day of 400 years, and texts that are almost dates.
func TestFastDatesAreTheExactOnes(t *testing.T) {
	for day := time.Date(1799, 12, 30, 0, 0, 0, 0, time.UTC); day.Year() < 2201; day = day.AddDate(0, 0, 1) {
		d, s, _ := within(day.Format(time.DateOnly))
		v, ok := Day(d, s)
		if inTable := day.Year() >= 1800 && day.Year() < 2200; ok != inTable || ok && int64(v) != day.Unix()/86400 {
			t.Fatalf("%s is %d, %v", day.Format(time.DateOnly), v, ok)
		}
		if v, ok := Date([]byte(day.Format(time.DateOnly))); !ok || v*86400 != day.Unix() {
			t.Fatalf("%s is %d, %v byte by byte", day.Format(time.DateOnly), v, ok)
		}
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 60_000 {
		text := []byte("2024-02-29")
		for range 1 + rnd.IntN(2) {
			text[rnd.IntN(10)] = byte(rnd.IntN(256))
			text[rnd.IntN(10)] = "0123456789-/"[rnd.IntN(12)]
		}
		d, s, _ := within(string(text))
		v, ok := Day(d, s)
		want, is := Date(text)
		if ok && (!is || int64(v) != want) {
			t.Fatalf("%q is %d, want %d, %v", text, v, want, is)
		}
	}
}

// TestFastTimestampsAreTheExactOnes compares timestamps, and texts that are almost timestamps.
func TestFastTimestampsAreTheExactOnes(t *testing.T) {
	rnd, answered := rand.New(rand.NewPCG(5, 6)), 0
	for n := range 60_000 {
		text := []byte(time.Unix(rnd.Int64N(5e9)-1e9, rnd.Int64N(1e9)).UTC().Format([]string{"2006-01-02 15:04:05.999999", "2006-01-02T15:04:05.000", "2006-01-02 15:04:05", "2006-01-02T15:04:05.999999999"}[n%4]))
		if n%2 == 1 {
			text[rnd.IntN(len(text))] = "0123456789-:. TZ,"[rnd.IntN(17)]
		}
		d, s, e := within(string(text))
		if v, ok := Micros(d, s, e); ok {
			answered++
			if want, zoned, is := Timestamp(text); !is || zoned || v != want {
				t.Fatalf("%q is %d, want %d, %v", text, v, want, is)
			}
		}
	}
	if answered < 30_000 {
		t.Errorf("the fast way answered %d times only", answered)
	}
}

func TestCopiesAreWhole(t *testing.T) {
	from := []byte(strings.Repeat("0123456789abcdef", 10))
	for s := range uint32(16) {
		to := make([]byte, 64)
		Copy48(to, from[:100], s)
		if string(to[:48]) != string(from[s:s+48]) || to[48] != 0 {
			t.Fatalf("48 bytes from %d: %q", s, to)
		}
		to = make([]byte, 64)
		Copy16(to, from[:100], s)
		if string(to[:16]) != string(from[s:s+16]) || to[16] != 0 {
			t.Fatalf("16 bytes from %d: %q", s, to)
		}
	}
}
