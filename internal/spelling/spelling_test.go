package spelling

import "testing"

func TestNearest(t *testing.T) {
	words := []string{"delimiter", "header", "quote", "path"}
	for text, want := range map[string]string{"delimeter": "delimiter", "Header": "header", "qoute": "quote", "zzz": "", "pth": "path", "": ""} {
		if got := Nearest(text, words); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
