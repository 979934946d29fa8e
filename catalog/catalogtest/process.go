package catalogtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/firn-data/firn/catalog"
)

// Place is where processes of a test meet: a table, and what a kind of catalog opens its lake from.
type Place struct {
	Lake  string // a kind's own text
	Table catalog.Ident
}

// Opener opens the lake of a place; done closes it.
type Opener func(lake string) (l *catalog.Lake, done func(), err error)

const childVar = "FIRN_TEST_CHILD"

// IfChild lets the test binary act as one attempt of one run, which may die at a named point of its commit. TestMain calls it first.
func IfChild(open Opener) {
	if args := strings.Split(os.Getenv(childVar), "\n"); len(args) == 6 {
		os.Exit(child(open, Place{args[0], catalog.Ident{Namespace: args[1], Table: args[2]}}, args[3], args[4], args[5]))
	}
}

func child(open Opener, p Place, job, run, dieAt string) int {
	l, done, err := open(p.Lake)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer done()
	l.Point = func(name string) {
		if name == dieAt {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // the signal ends the process
		}
	}
	n, _ := strconv.Atoi(run)
	a := Attempt{Job: job, Run: run, ID: fmt.Sprintf("%s%s-%d", job, run, os.Getpid()), From: int64(10 * n), Rows: 10}
	if _, err := Do(context.Background(), l, p.Table, a); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// Child is a process that will append ten rows as one run of a job. It kills itself at the point dieAt, if that is not empty.
func (p Place) Child(job string, run int, dieAt string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVar+"="+strings.Join([]string{p.Lake, p.Table.Namespace, p.Table.Table, job, strconv.Itoa(run), dieAt}, "\n"))
	return cmd
}

// Killed reports whether a process ended by SIGKILL.
func Killed(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
}

// total loads the table and gives rows and snapshots; zeros when there is none.
func (p Place) total(t *testing.T, open Opener) (rows int64, snapshots int) {
	t.Helper()
	l, done, err := open(p.Lake)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	tab, err := l.Load(context.Background(), p.Table)
	if errors.Is(err, catalog.ErrNoTable) {
		return 0, 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return tab.Rows(), len(tab.Snapshots())
}

// Sixteen lets sixteen processes append to one table at once: runs of sixteen jobs, and of one.
func Sixteen(t *testing.T, open Opener, fresh func(t *testing.T) Place) {
	for name, job := range map[string]func(n int) string{
		"sixteen jobs": func(n int) string { return fmt.Sprint("j", n) },
		"one job":      func(int) string { return "j" },
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh(t)
			var wg sync.WaitGroup
			for n := range 16 {
				wg.Go(func() {
					if out, err := p.Child(job(n), n, "").CombinedOutput(); err != nil {
						t.Errorf("process %d: %v: %s", n, err, out)
					}
				})
			}
			wg.Wait()
			if rows, snapshots := p.total(t, open); rows != 160 || snapshots != 16 {
				t.Errorf("%d rows in %d snapshots, want 160 in 16", rows, snapshots)
			}
		})
	}
}

// KilledAtEveryPoint kills a process with SIGKILL at each point of its commit, on a table that exists and on one that does not, and
// runs it again.
func KilledAtEveryPoint(t *testing.T, open Opener, fresh func(t *testing.T) Place) {
	for _, point := range []string{"manifests", "swap", "put", "answer"} {
		for _, exists := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, table exists %v", point, exists), func(t *testing.T) {
				t.Parallel()
				killedAt(t, open, fresh(t), point, exists)
			})
		}
	}
}

func killedAt(t *testing.T, open Opener, p Place, point string, exists bool) {
	before := int64(0)
	if exists {
		if out, err := p.Child("j", 0, "").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		before = 10
	}
	if out, err := p.Child("j", 1, point).CombinedOutput(); !Killed(err) {
		t.Fatalf("the process was not killed at %s: %v: %s", point, err, out)
	}
	rows, _ := p.total(t, open)
	if applied := rows == before+10; applied != (point == "answer") {
		t.Errorf("killed at %s with %d rows in the table", point, rows)
	}
	if out, err := p.Child("j", 1, "").CombinedOutput(); err != nil {
		t.Fatalf("the run after the kill: %v: %s", err, out)
	}
	if rows, _ := p.total(t, open); rows != before+10 {
		t.Errorf("%d rows after the re-run, want %d", rows, before+10)
	}
}
