package stacktest

import (
	"fmt"
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

func (f *failure) Helper()                           {}
func (f *failure) Fatalf(format string, args ...any) { f.message = fmt.Sprintf(format, args...) }

func TestMissingServerFailsWithTheWayOut(t *testing.T) {
	t.Setenv("FIRN_TEST_S3_ENDPOINT", "")
	f := &failure{TB: t}
	Env(f)
	for _, want := range []string{"FIRN_TEST_S3_ENDPOINT", "make stack-up", "make -s stack-env"} {
		if !strings.Contains(f.message, want) {
			t.Errorf("message %q does not name %s", f.message, want)
		}
	}
}
