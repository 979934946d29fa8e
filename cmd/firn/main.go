// Command firn packs loose data into Iceberg tables.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/firn-data/firn/internal/fault"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// errSilent ends a command with a code whose reason was printed already.
type errSilent struct{ code int }

func (e errSilent) Error() string { return fmt.Sprintf("exit %d", e.code) }

// run runs one command and gives the process's exit code.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signals()
	defer stop()
	a := &app{stdout: stdout, stderr: stderr}
	root := a.root()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var silent errSilent
	switch {
	case err == nil:
		return 0
	case errors.As(err, &silent):
		return silent.code
	}
	return report(stderr, ctx, err)
}

// signals gives a context that SIGINT and SIGTERM end, with the signal as its cause.
func signals() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM)
	go func() {
		if s, ok := <-ch; ok {
			cancel(signalled{s})
		}
	}()
	return ctx, func() {
		signal.Stop(ch)
		close(ch)
		cancel(nil)
	}
}

type signalled struct{ os.Signal }

func (s signalled) Error() string { return "stopped by " + s.String() }

// report prints an error, the way out, and the last line: the code and what it means.
func report(w io.Writer, ctx context.Context, err error) int {
	code, meaning := exitCode(ctx, err)
	fmt.Fprintf(w, "firn: %s\n", strings.TrimRight(err.Error(), "\n"))
	if h := hints(err); h != "" {
		fmt.Fprintf(w, "  → %s\n", h)
	}
	fmt.Fprintf(w, "exit %d: %s\n", code, meaning)
	return code
}

// hints joins the hints of all errors in a joined one, each once.
func hints(err error) string {
	var out []string
	var walk func(error)
	walk = func(e error) {
		if j, ok := e.(interface{ Unwrap() []error }); ok {
			for _, x := range j.Unwrap() {
				walk(x)
			}
			return
		}
		if h := fault.HintOf(e); h != "" && len(out) < 3 {
			out = append(out, h)
		}
	}
	walk(err)
	return strings.Join(out, "\n  → ")
}

// exitCode is the one map from errors to exit codes.
func exitCode(ctx context.Context, err error) (int, string) {
	var s signalled
	c := fault.ClassOf(err)
	if errors.As(context.Cause(ctx), &s) && c != fault.Unknown {
		if s.Signal == syscall.SIGTERM {
			return 143, fault.Interrupted.Meaning()
		}
		return 130, fault.Interrupted.Meaning()
	}
	return c.ExitCode(), c.Meaning()
}

// usage makes cobra's argument errors usage errors.
func usage(f cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := f(cmd, args); err != nil {
			return fault.New(fault.Usage, "%s", err).Hint("%s --help", cmd.CommandPath())
		}
		return nil
	}
}
