package datepattern

import (
	"testing"
	"time"
)

func micros(t *testing.T, s string) int64 {
	t.Helper()
	v, err := time.Parse("2006-01-02T15:04:05.999999Z07:00", s)
	if err != nil {
		t.Fatal(err)
	}
	return v.UnixMicro()
}

// TestTextsReadByPatterns names pattern, text and moment; "" is a text that is refused.
func TestTextsReadByPatterns(t *testing.T) {
	for _, c := range []struct{ pattern, text, want string }{
		{"dd.MM.yyyy", "29.02.2024", "2024-02-29T00:00:00Z"},
		{"dd.MM.yyyy", "29.02.2023", ""},
		{"dd.MM.yyyy", "1.2.2024", ""},
		{"d.M.yyyy", "1.2.2024", "2024-02-01T00:00:00Z"},
		{"d.M.yyyy", "01.02.2024 ", ""},
		{"MM/dd/yy", "12/31/99", "2099-12-31T00:00:00Z"},
		{"yyyyMMddHHmmss", "20240131235959", "2024-01-31T23:59:59Z"},
		{"dd-MMM-yyyy", "07-mar-2024", "2024-03-07T00:00:00Z"},
		{"MMMM d, yyyy h:mm a", "March 7, 2024 12:05 PM", "2024-03-07T12:05:00Z"},
		{"yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX", "2024-01-31T10:00:00.123456+02:00", "2024-01-31T08:00:00.123456Z"},
		{"yyyy-MM-dd'T'HH:mm:ss[.SSS]X", "2024-01-31T10:00:00Z", "2024-01-31T10:00:00Z"},
		{"yyyy-DDD", "2024-366", "2024-12-31T00:00:00Z"},
		{"yyyy-MM-dd HH:mm", "2024-01-31 24:00", ""},
		{"yyyy-MM-dd", "10000-01-01", ""},
	} {
		p, err := New(c.pattern, true)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := p.Parse(c.text, true)
		if ok != (c.want != "") || ok && got != micros(t, c.want) {
			t.Errorf("%q by %q is %s, %v; want %q", c.text, c.pattern, time.UnixMicro(got).UTC(), ok, c.want)
		}
	}
}

func TestExactReadsNoPartOfAMicrosecond(t *testing.T) {
	p, err := New("yyyy-MM-dd HH:mm:ss.SSSSSSSSS", true)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{"2024-01-31 10:00:00.123456000": true, "2024-01-31 10:00:00.123456001": false} {
		if _, ok := p.ParseExact(text); ok != want {
			t.Errorf("%s: %v", text, ok)
		}
		if v, ok := p.Parse(text, true); !ok || v != micros(t, "2024-01-31T10:00:00.123456Z") {
			t.Errorf("%s: %v, %v", text, v, ok)
		}
	}
}

func TestPatternsThatCannotBeUsed(t *testing.T) {
	for pattern, code := range map[string]string{"YYYY": "INCONSISTENT_BEHAVIOR_CROSS_VERSION.DATETIME_WEEK_BASED_PATTERN", "yyyy-'x": "INVALID_DATETIME_PATTERN", "yyyy z": "", "yyyy-bb": "INVALID_DATETIME_PATTERN"} {
		if p, err := New(pattern, true); err == nil || p != nil || err.Code != code || err.Error() == "" {
			t.Errorf("%q: %v", pattern, err)
		}
	}
}

// TestWhatIsWrittenReadsBack writes moments by patterns that lose nothing.
func TestWhatIsWrittenReadsBack(t *testing.T) {
	for _, pattern := range []string{"yyyy-MM-dd HH:mm:ss.SSSSSS", "d MMMM yyyy K:m:s a SSSSSS", "yyyy-DDD HHmmss.SSSSSSXXX", "G yyyy-MM-dd kk:mm:ss.SSSSSS"} {
		r, err := New(pattern, true)
		if err != nil {
			t.Fatal(err)
		}
		w, err := New(pattern, false)
		if err != nil {
			t.Fatal(err)
		}
		for v := int64(-3e15); v < 4e15; v += 123_456_789_012_345 {
			text, ok := w.Format(nil, v)
			if got, read := r.Parse(string(text), true); !ok || !read || got != v {
				t.Errorf("%d by %q is %q, which reads as %d", v, pattern, text, got)
			}
		}
		if r.HasZone() != (pattern == "yyyy-DDD HHmmss.SSSSSSXXX") {
			t.Errorf("%q: zone %v", pattern, r.HasZone())
		}
	}
}
