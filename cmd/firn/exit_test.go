package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/firn-data/firn/internal/fault"
)

func TestThePageOfExitCodesIsRight(t *testing.T) {
	page, err := os.ReadFile("../../docs/exit-codes.md")
	if err != nil {
		t.Fatal(err)
	}
	for c := fault.Bug; c <= fault.Interrupted; c++ {
		found := false
		for _, line := range strings.Split(string(page), "\n") {
			cells := strings.Split(line, " | ")
			if len(cells) > 2 && strings.HasPrefix(line, fmt.Sprintf("| %d", c.ExitCode())) {
				found = strings.HasPrefix(cells[1], c.Meaning()) && cells[2] == next[c]
			}
		}
		if !found {
			t.Errorf("docs/exit-codes.md lacks: %d, %s, %s", c.ExitCode(), c.Meaning(), next[c])
		}
	}
}

func TestASignalDecidesTheExitCode(t *testing.T) {
	for sig, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(fault.Wrap(fault.Interrupted, signalled{sig}, "the run was interrupted"))
		if code, _ := exitCode(ctx, context.Cause(ctx)); code != want {
			t.Errorf("%v: exit %d", sig, code)
		}
		if code, _ := exitCode(ctx, fault.New(fault.Unknown, "lost")); code != 74 {
			t.Errorf("%v while the outcome is unknown: exit %d", sig, code)
		}
	}
}

func TestOnlyATerminalThatWantsColoursGetsThem(t *testing.T) {
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "xterm")
	if got := red(true, "x"); got != "\x1b[1;31mx\x1b[0m" {
		t.Errorf("on a terminal: %q", got)
	}
	if got := red(false, "x"); got != "x" {
		t.Errorf("in a file: %q", got)
	}
	t.Setenv("NO_COLOR", "1")
	if got := red(true, "x"); got != "x" {
		t.Errorf("with NO_COLOR: %q", got)
	}
}
