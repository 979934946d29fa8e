package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/catalog/catalogtest"
	"github.com/firn-data/firn/storage/local"
)

// TestMain lets the test binary act as one attempt of one run, which may die at a named point of the commit.
func TestMain(m *testing.M) {
	if dir := os.Getenv("FIRN_TEST_CHILD"); dir != "" {
		os.Exit(child(dir, os.Getenv("FIRN_TEST_RUN"), os.Getenv("FIRN_TEST_DIE_AT")))
	}
	os.Exit(m.Run())
}

func child(dir, run, dieAt string) int {
	l, done, err := lakeIn(dir)
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
	a := catalogtest.Attempt{Job: "j" + run, Run: "r", ID: fmt.Sprintf("a%s-%d", run, os.Getpid()), From: int64(10 * n), Rows: 10}
	if _, err := catalogtest.Do(context.Background(), l, ident, a); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

var ident = catalog.Ident{Namespace: "ns", Table: "t"}

func lakeIn(dir string) (*catalog.Lake, func(), error) {
	c, err := Open(context.Background(), Config{Path: dir + "/catalog.db"})
	if err != nil {
		return nil, nil, err
	}
	return &catalog.Lake{Catalog: c, Store: local.New(), Warehouse: dir + "/warehouse", Now: time.Now,
		Policy: catalog.Policy{Attempts: 200, Timeout: time.Minute, UnknownWait: 10 * time.Second}}, func() { c.Close() }, nil
}

// start runs a child and gives what it said.
func start(dir string, run int, dieAt string) (string, error) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "FIRN_TEST_CHILD="+dir, "FIRN_TEST_RUN="+strconv.Itoa(run), "FIRN_TEST_DIE_AT="+dieAt)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// total loads the table and gives rows and snapshots; zeros when there is none.
func total(t *testing.T, dir string) (rows int64, snapshots int) {
	t.Helper()
	l, done, err := lakeIn(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	tab, err := l.Load(context.Background(), ident)
	if errors.Is(err, catalog.ErrNoTable) {
		return 0, 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return tab.Rows(), len(tab.Snapshots())
}

func TestSixteenProcessesAppendAtOnce(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for run := range 16 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if out, err := start(dir, run, ""); err != nil {
				t.Errorf("process %d: %v: %s", run, err, out)
			}
		}()
	}
	wg.Wait()
	if rows, snapshots := total(t, dir); rows != 160 || snapshots != 16 {
		t.Errorf("%d rows in %d snapshots, want 160 in 16", rows, snapshots)
	}
}

// TestKilledAtEveryPointThenExactlyOnce kills a process with SIGKILL at each point of its commit, on a table that exists
// and on one that does not, and runs it again.
func TestKilledAtEveryPointThenExactlyOnce(t *testing.T) {
	for _, point := range []string{"manifests", "swap", "put", "answer"} {
		for _, exists := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, table exists %v", point, exists), func(t *testing.T) {
				dir := t.TempDir()
				before := int64(0)
				if exists {
					if out, err := start(dir, 0, ""); err != nil {
						t.Fatalf("%v: %s", err, out)
					}
					before = 10
				}
				out, err := start(dir, 1, point)
				var exit *exec.ExitError
				if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
					t.Fatalf("the process was not killed at %s: %v: %s", point, err, out)
				}
				rows, _ := total(t, dir)
				if applied := rows == before+10; applied != (point == "answer") {
					t.Errorf("killed at %s with %d rows in the table", point, rows)
				}
				if out, err := start(dir, 1, ""); err != nil {
					t.Fatalf("the run after the kill: %v: %s", err, out)
				}
				if rows, _ := total(t, dir); rows != before+10 {
					t.Errorf("%d rows after the re-run, want %d", rows, before+10)
				}
			})
		}
	}
}
