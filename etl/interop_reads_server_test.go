//go:build server

package etl

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/firn-data/firn/internal/stacktest"
)

// TestTrinoReadsWholeSnapshotsWhileTwoJobsCommit lets two jobs add 50 batches each to one table while Trino counts: whatever it reads, it has
// whole batches of each, and never fewer than before.
func TestTrinoReadsWholeSnapshotsWhileTwoJobsCommit(t *testing.T) {
	const commits, rows = 50, 7
	p := newPlatform(t)
	var csv strings.Builder
	csv.WriteString("id\n")
	for i := range rows {
		fmt.Fprintln(&csv, i)
	}
	job := func(name string) string {
		return fmt.Sprintf("job: %s\nsource: {kind: csv, path: %q, schema: [{name: id, type: bigint}]}\ntransform: [{sql: \"SELECT id, '%[1]s' AS job FROM input\"}]\ntarget: {table: NS.t, partition: [\"bucket(2, id)\"]}\n", name, p.file(name+".csv", csv.String()))
	}
	p.run(job("first"), BindOptions{RunID: "0"})
	var wait sync.WaitGroup
	var done atomic.Int32
	for _, name := range []string{"first", "second"} {
		text := job(name)
		wait.Go(func() {
			defer done.Add(1)
			for i := range commits {
				r, err := p.try(text, BindOptions{RunID: strconv.Itoa(i)})
				if err != nil || r.Rows.Written != rows && (name != "first" || i > 0) {
					t.Errorf("%s, run %d: %v", name, i, err)
					return
				}
			}
		})
	}
	before, reads := [2]int{}, 0
	for done.Load() < 2 {
		line := p.trinoLines("SELECT count_if(job = 'first'), count_if(job = 'second'), count(DISTINCT id) FROM t")[0]
		var now [2]int
		var ids int
		if _, err := fmt.Sscanf(line, "%d|%d|%d", &now[0], &now[1], &ids); err != nil {
			t.Fatal(err)
		}
		if now[0]%rows != 0 || now[1]%rows != 0 || ids != rows || now[0] < before[0] || now[1] < before[1] {
			t.Errorf("Trino reads %s after %v", line, before)
		}
		before = now
		reads++
	}
	wait.Wait()
	t.Logf("Trino read %d times", reads)
	want := fmt.Sprintf("%d|%d", commits*rows, commits*rows)
	if got := p.trinoLines("SELECT count_if(job = 'first'), count_if(job = 'second') FROM t")[0]; got != want {
		t.Errorf("in the end Trino reads %s, want %s", got, want)
	}
	if got := p.trinoLines(`SELECT count(*) FROM "t$snapshots"`)[0]; got != strconv.Itoa(2*commits) {
		t.Errorf("%s snapshots", got)
	}
}

// TestTheLinesThatMakeRunPrintsReadTheTable runs `make run` in a copy of what it needs, and then the commands for PyIceberg and DuckDB that it prints,
// each as it stands. (The package of DuckDB for Python has no command of that name: one is made of it.)
func TestTheLinesThatMakeRunPrintsReadTheTable(t *testing.T) {
	python := stacktest.Env(t).Python
	dir := t.TempDir()
	repo, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"examples", "deploy", "Makefile"} {
		if out, err := exec.Command("cp", "-r", filepath.Join(repo, part), dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "bin", "firn"), "./cmd/firn")
	build.Dir = repo
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	tools := t.TempDir()
	duckdb := "#!" + python + "\nimport duckdb, sys\nassert sys.argv[1] == '-c'\nprint(duckdb.sql(sys.argv[2]))\n"
	if err := os.WriteFile(filepath.Join(tools, "duckdb"), []byte(duckdb), 0o755); err != nil {
		t.Fatal(err)
	}
	run := func(name string, args ...string) string {
		cmd := exec.Command(name, args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "PATH="+tools+":"+filepath.Dir(python)+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, out)
		}
		return string(out)
	}
	printed := run("make", "-s", "run", "GO=true")
	id := regexp.MustCompile(`(?m)^(\d+),`)
	ids := map[string]bool{}
	for _, m := range id.FindAllStringSubmatch(run("bin/firn", "read", "raw.orders", "-o", "csv"), -1) {
		ids[m[1]] = true
	}
	if len(ids) < 3 {
		t.Fatalf("firn reads %v of\n%s", ids, printed)
	}
	for command, rows := range map[string]*regexp.Regexp{"python -c": regexp.MustCompile(`(?s)\bid: \[\[(.*?)\]\]`), "duckdb -c": regexp.MustCompile(`(?s)(.*)`)} {
		line := regexp.MustCompile(`(?m)^  (` + command + ` .*)$`).FindStringSubmatch(printed)
		if line == nil {
			t.Fatalf("make run prints no line with %s:\n%s", command, printed)
		}
		out := run("bash", "-c", line[1])
		m := rows.FindStringSubmatch(out)
		if m == nil {
			t.Fatalf("%s prints\n%s", line[1], out)
		}
		for want := range ids {
			if !regexp.MustCompile(`\b` + want + `\b`).MatchString(m[1]) {
				t.Errorf("%s does not print the row %s:\n%s", line[1], want, out)
			}
		}
	}
}
