//go:build server

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// runAndKill runs the program and kills it after a while, unless it has ended by then.
func runAndKill(t *testing.T, bin string, after time.Duration, args ...string) (ended bool) {
	t.Helper()
	var errs bytes.Buffer
	cmd := exec.Command(bin, args...)
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { cmd.Process.Kill() }) //nolint:errcheck // it may have ended
	err := cmd.Wait()
	timer.Stop()
	if err == nil {
		return true
	}
	if exit, ok := err.(*exec.ExitError); !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("firn %v: %v: %s", args, err, errs.String())
	}
	return false
}

// TestKilledAtRandomMomentsEveryRunIsThereOnce kills a run with SIGKILL at 200 random moments, on the embedded lake, and runs it again
// until it ends: each run's rows and quarantined rows are there once, and what else is left are files that no table names.
func TestKilledAtRandomMomentsEveryRunIsThereOnce(t *testing.T) {
	dir := t.TempDir()
	bin := filepath.Join(dir, "firn")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Chdir(dir)
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	csv := strings.Builder{}
	csv.WriteString("id,total\n")
	for i := range 5000 {
		fmt.Fprintf(&csv, "%d,%d.25\n", i, i%97)
	}
	csv.WriteString("5000,not a number\n")
	put(t, "in.csv", csv.String())
	put(t, "job.yaml", `job: j
source:
  kind: csv
  path: in.csv
  schema: [{name: id, type: bigint}, {name: total, type: "decimal(18,2)"}]
  on_bad_row: quarantine
target: {table: raw.t}
`)
	command := func(n int) []string {
		return []string{"run", "job.yaml", "--run-id", fmt.Sprint("r", n), "--tmp-dir", "tmp"}
	}
	start := time.Now()
	if !runAndKill(t, bin, time.Minute, command(0)...) {
		t.Fatal("a run did not end within a minute")
	}
	long := time.Since(start)
	runs, kills := 1, 0
	for end := time.Now().Add(5 * time.Minute); kills < 200 && time.Now().Before(end); {
		if runAndKill(t, bin, time.Duration(rand.Int64N(int64(long))), command(runs)...) {
			runs++
		} else {
			kills++
		}
	}
	if !runAndKill(t, bin, time.Minute, command(runs)...) {
		t.Fatal("the last run did not end within a minute")
	}
	runs++
	t.Logf("%d kills, %d runs", kills, runs)
	if kills < 200 {
		t.Errorf("only %d kills within five minutes", kills)
	}
	counts(t, bin, "raw.t", 5000*runs, runs)
	counts(t, bin, "raw.t_quarantine", runs, runs)

	// A day later the next run sweeps what was being written when a process was killed.
	old := time.Now().Add(-25 * time.Hour)
	temps := func() (found []string) {
		filepath.WalkDir(dir, func(path string, d fs.DirEntry, _ error) error { //nolint:errcheck // nothing else writes here
			if strings.HasPrefix(d.Name(), ".firn-tmp-") || strings.HasPrefix(d.Name(), "firn-spill-") {
				found = append(found, path)
			}
			return nil
		})
		return found
	}
	left := temps()
	for _, path := range left {
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	if !runAndKill(t, bin, time.Minute, command(runs)...) {
		t.Fatal("the run of the next day did not end within a minute")
	}
	if after := temps(); len(after) > 0 {
		t.Errorf("of %d temp files %d were left: %q", len(left), len(after), after)
	}
	t.Logf("%d temp files were swept", len(left))
}

// counts checks a table's rows and how often each was written.
func counts(t *testing.T, bin, table string, rows, each int) {
	t.Helper()
	out, err := exec.Command(bin, "read", table, "-o", "json").Output()
	if err != nil {
		t.Fatal(err)
	}
	n, seen := 0, map[string]int{}
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); n++ {
		var row map[string]any
		if err := d.Decode(&row); err != nil {
			t.Fatal(err)
		}
		key := fmt.Sprint(row["id"])
		if raw, ok := row["raw"]; ok {
			key = fmt.Sprint(raw)
		}
		seen[key]++
	}
	if n != rows {
		t.Errorf("%s holds %d rows, want %d", table, n, rows)
	}
	for key, n := range seen {
		if n != each {
			t.Errorf("row %s of %s is there %d times, want %d", key, table, n, each)
			return
		}
	}
}
