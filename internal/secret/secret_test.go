package secret

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestNoFormatShowsTheText(t *testing.T) {
	s := New("hunter22")
	type holder struct{ Key String }
	out := []string{fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s %q %x", s, s, s, s, s, s), fmt.Sprintf("%+v %#v", holder{s}, &holder{s})}
	b, err := json.Marshal(holder{s})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range append(out, string(b)) {
		if strings.Contains(o, "hunter22") || strings.Contains(o, fmt.Sprintf("%x", "hunter22")) {
			t.Errorf("secret shown in %q", o)
		}
	}
	if s.Reveal() != "hunter22" {
		t.Error("Reveal lost the text")
	}
}

func TestRedact(t *testing.T) {
	if got := Redact("dial postgres://u:hunter22@h: no", New("hunter22"), New("h")); got != "dial postgres://u:…@h: no" {
		t.Errorf("got %q", got)
	}
}
