package quantity

import "testing"

func TestParseBytes(t *testing.T) {
	for text, want := range map[string]Bytes{"16MiB": 16 << 20, "1GB": 1e9, "512": 512, " 1.5 KiB ": 1536, "auto": 0, "0B": 0} {
		if got, err := ParseBytes(text); err != nil || got != want {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "lots", "-1MiB", "1 XiB", "MiB", "1e400", "NaN", "9e30"} {
		if got, err := ParseBytes(text); err == nil {
			t.Errorf("%q is %d", text, got)
		}
	}
}

func TestParsePercent(t *testing.T) {
	for text, want := range map[string]Percent{"10%": 0.1, "0%": 0, " 100% ": 1, "2.5%": 0.025} {
		if got, err := ParsePercent(text); err != nil || got != want {
			t.Errorf("%q: %g, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "10", "101%", "-1%", "x%", "NaN%"} {
		if got, err := ParsePercent(text); err == nil {
			t.Errorf("%q is %g", text, got)
		}
	}
}
