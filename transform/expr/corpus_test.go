package expr

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/firn-data/firn/transform/parse"
)

// TestCorpusIsSparks evaluates every expression of the corpus and compares type, value and error class with what a real
// Spark 4.1 said (transform/testdata/corpus/generate.py). What the native engine refuses is counted, and must stay the
// list in refused.txt, so that nothing is lost unseen; run with FIRN_REWRITE=1 after a change to it was meant.
func TestCorpusIsSparks(t *testing.T) {
	body, err := os.ReadFile("../testdata/corpus/expressions.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var refused []string
	compared, wrong := 0, 0
	for _, line := range strings.Split(strings.TrimSpace(string(body)), "\n") {
		part := strings.Split(line, "\t")
		if len(part) != 3 {
			t.Fatalf("%q is not a case", line)
		}
		got := native(part[0])
		if got == "NEEDS_SPARK" {
			refused = append(refused, part[0])
			continue
		}
		compared++
		if want := expected(part[1], part[2]); got != want && !sameFloat(got, want) {
			if wrong++; wrong <= 160 {
				t.Errorf("%s:\n native %s\n  Spark %s", part[0], got, want)
			}
		}
	}
	if wrong > 0 {
		t.Errorf("%d of %d expressions differ from Spark", wrong, compared)
	}
	if compared < 8000 {
		t.Errorf("only %d expressions were compared", compared)
	}
	checkRefused(t, refused)
}

// TestEveryLetterChangesCaseAsSparks compares all characters of the planes that have letters.
func TestEveryLetterChangesCaseAsSparks(t *testing.T) {
	body, err := os.ReadFile("../testdata/corpus/letters.tsv")
	if err != nil {
		t.Fatal(err)
	}
	want := map[rune][]string{}
	for _, line := range strings.Split(strings.TrimSpace(string(body)), "\n") {
		part := strings.Split(line, "\t")
		code, err := strconv.Atoi(part[0])
		if err != nil || len(part) != 4 {
			t.Fatalf("%q is not a letter", line)
		}
		want[rune(code)] = part[1:]
	}
	for r := rune(1); r < 0x1fa00; r++ {
		if r >= 0xd800 && r < 0xe000 {
			continue
		}
		c := string(r)
		w := want[r]
		if w == nil {
			w = []string{c, c, c}
		}
		if u, l, i := upperText(c), lowerText(c), initcap(c); u != w[0] || l != w[1] || i != w[2] {
			t.Errorf("%U: upper %q, lower %q, initcap %q instead of %q", r, u, l, i, w)
		}
	}
}

func checkRefused(t *testing.T, refused []string) {
	t.Helper()
	const file = "../testdata/corpus/refused.txt"
	text := strings.Join(refused, "\n") + "\n"
	if os.Getenv("FIRN_REWRITE") != "" {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("%d expressions are refused, %s lists %d: if that was meant, run FIRN_REWRITE=1 go test ./transform/expr", len(refused), file, strings.Count(string(want), "\n"))
	}
}

// native is the engine's answer: "type value", or the error class.
func native(sql string) (answer string) {
	x, err := parse.ParseExpr(sql)
	if err != nil {
		return errorClass(err)
	}
	s := &Scope{Functions: Functions(), Now: time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)}
	e, err := s.Bind(x)
	if err != nil {
		return errorClass(err)
	}
	v, errs := e.Eval(&Batch{N: 1}, nil)
	typ := strings.ToLower(e.Type().String())
	switch {
	case len(errs) > 0:
		return "error " + family(errs[0].Code)
	case v.null(0):
		return typ + " NULL"
	}
	return typ + " " + strings.ToValidUTF8(v.text(0), "\ufffd") // as Python shows bytes that are no text
}

func errorClass(err error) string {
	var pe *parse.Error
	var be *Error
	switch {
	case errors.As(err, &pe) && pe.Code == "NEEDS_SPARK":
		return pe.Code
	case errors.As(err, &pe):
		return "error " + family(pe.Code)
	case errors.As(err, &be) && be.Code == "NEEDS_SPARK":
		return be.Code
	case errors.As(err, &be):
		return "error " + family(be.Code)
	}
	return fmt.Sprint("error ", err)
}

// family is an error class without its sub-class, which the two engines may choose differently.
func family(code string) string {
	f, _, _ := strings.Cut(code, ".")
	return f
}

// expected turns a line of the corpus into the form of native.
func expected(typ, value string) string {
	if typ == "error" {
		return "error " + family(value)
	}
	if value == "NULL" {
		return typ + " NULL"
	}
	return typ + " " + unquote(value)
}

// sameFloat reports whether two answers are one floating-point number, to 1e-12 for what a library function computed.
// Java 17, which Spark runs on here, does not always write the shortest digits; the native engine does, as Java does from
// 19 on.
func sameFloat(a, b string) bool {
	ta, va, _ := strings.Cut(a, " ")
	tb, vb, _ := strings.Cut(b, " ")
	if ta != tb || ta != "double" && ta != "float" {
		return false
	}
	x, err1 := strconv.ParseFloat(va, 64)
	y, err2 := strconv.ParseFloat(vb, 64)
	if err1 != nil || err2 != nil {
		return false
	}
	if ta == "float" {
		return float32(x) == float32(y)
	}
	return math.Abs(x-y) <= 1e-12*math.Abs(y)
}

// unquote reads a Python string literal as repr writes it.
func unquote(s string) string {
	quote := s[0]
	s = s[1 : len(s)-1]
	var b strings.Builder
	for s != "" {
		if s[0] == '\\' && (s[1] == '\'' || s[1] == '"') {
			b.WriteByte(s[1])
			s = s[2:]
			continue
		}
		r, _, rest, err := strconv.UnquoteChar(s, quote)
		if err != nil {
			r, rest = utf8.RuneError, s[1:]
		}
		b.WriteRune(r)
		s = rest
	}
	return b.String()
}
