package stacktest

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestNameIsValidEverywhere(t *testing.T) {
	t.Run("Some Case/with ünïcode and a very long description of what it does", func(t *testing.T) {
		valid := regexp.MustCompile(`^[a-z][a-z0-9_]{0,49}$`)
		a, b := Name(t), Name(t)
		if !valid.MatchString(a) || a == b {
			t.Errorf("%q, %q: want two different names of [a-z][a-z0-9_]*", a, b)
		}
	})
}

// failure is a test that only remembers how it failed.
type failure struct {
	testing.TB
	message string
}

func (f *failure) Helper() {}
func (f *failure) Fatalf(format string, args ...any) {
	f.message = args[0].(string)
	if !strings.Contains(format, "make stack-up") {
		f.message = "names no way out: " + format
	}
}

func TestMissingServerFailsWithTheWayOut(t *testing.T) {
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "FIRN_TEST_") {
			t.Setenv(name, "set")
		}
	}
	t.Setenv("FIRN_TEST_TRINO_URL", "")
	f := &failure{TB: t}
	Env(f)
	if !strings.Contains(f.message, "FIRN_TEST_TRINO_URL") || strings.Contains(f.message, "names no way out") {
		t.Errorf("message %q does not name the variable and make stack-up", f.message)
	}
}
