// Command firn packs loose data into Iceberg tables.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/firn-data/firn/internal/fault"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run runs one command and gives the process's exit code.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signals()
	defer stop()
	a := &app{stdin: os.Stdin, stdout: stdout, stderr: stderr}
	root := a.root()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := execute(ctx, root.ExecuteContext)
	var silent errSilent
	switch {
	case err == nil:
		return 0
	case errors.As(err, &silent):
		return silent.code
	}
	return report(stderr, ctx, err)
}

// execute makes a panic of the command's own goroutine an error as well.
func execute(ctx context.Context, do func(context.Context) error) (err error) {
	defer fault.Recover(&err)
	return do(ctx)
}

// signals gives a context that SIGINT and SIGTERM end, with the signal as its cause.
func signals() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM)
	go func() {
		if s, ok := <-ch; ok {
			cancel(fault.Wrap(fault.Interrupted, signalled{s}, "the run was interrupted"))
		}
	}()
	return ctx, func() {
		signal.Stop(ch)
		close(ch)
		cancel(nil)
	}
}

type signalled struct{ os.Signal }

func (s signalled) Error() string { return s.String() }
