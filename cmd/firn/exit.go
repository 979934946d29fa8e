package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/firn-data/firn/etl/plan"
	"github.com/firn-data/firn/internal/fault"
)

// Exit codes that are not an error's class.
const (
	exitPending = 2  // plan --detailed-exitcode: a run would change something
	exitEmpty   = 99 // run --skip-empty: nothing to do
)

// errSilent ends a command with a code whose reason was printed already.
type errSilent struct{ code int }

func (e errSilent) Error() string { return fmt.Sprintf("exit %d", e.code) }

// next says what to do after an error of each class. docs/exit-codes.md has the same.
var next = map[fault.Class]string{
	fault.Bug:         "please report it with the command, the job and this output",
	fault.Usage:       "firn --help shows how",
	fault.Data:        "fix the rows or set them aside, then run it again",
	fault.NoInput:     "check the name, then run it again",
	fault.Unavailable: "run the same command again later",
	fault.Unknown:     "run the same command again: it finds out, and loads nothing twice",
	fault.Retry:       "run the same command again",
	fault.Permission:  "check the credentials and what they may do",
	fault.Config:      "correct what is named above, then run it again",
	fault.Interrupted: "run the same command again",
}

// report prints an error, the ways out, and the last line: the code, what it means and what to do.
func report(w io.Writer, ctx context.Context, err error) int {
	code, class := exitCode(ctx, err)
	text := err.Error()
	var bad *plan.BadRows
	if errors.As(err, &bad) { // each on a line of its own, as compilers do
		for _, r := range bad.Rows {
			fmt.Fprintln(w, plan.Describe(r))
		}
		text = "the input has " + bad.Count() + " that cannot be stored as asked"
	}
	fmt.Fprintf(w, "%s %s\n", red(isTerminal(w), "firn:"), strings.TrimRight(text, "\n"))
	for _, h := range hints(err) {
		fmt.Fprintf(w, "  → %s\n", h)
	}
	fmt.Fprintf(w, "exit %d: %s: %s\n", code, class.Meaning(), next[class])
	return code
}

// red colours text on a terminal, unless NO_COLOR says not to.
func red(terminal bool, text string) string {
	if !terminal || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return text
	}
	return "\x1b[1;31m" + text + "\x1b[0m"
}

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}

// hints are the hints of all errors in a joined one, each once, three at most.
func hints(err error) (out []string) {
	seen := map[string]bool{}
	var walk func(error)
	walk = func(e error) {
		if j, ok := e.(interface{ Unwrap() []error }); ok {
			for _, x := range j.Unwrap() {
				walk(x)
			}
			return
		}
		if h := fault.HintOf(e); h != "" && !seen[h] && len(out) < 3 {
			seen[h] = true
			out = append(out, h)
		}
	}
	walk(err)
	return out
}

// exitCode is the one map from errors to exit codes.
func exitCode(ctx context.Context, err error) (int, fault.Class) {
	var s signalled
	c := fault.ClassOf(err)
	if errors.As(context.Cause(ctx), &s) && c != fault.Unknown {
		if s.Signal == syscall.SIGTERM {
			return 143, fault.Interrupted
		}
		return 130, fault.Interrupted
	}
	return c.ExitCode(), c
}
