package etl

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/firn-data/firn/internal/fault"
)

// TestMain fails when a test leaves a goroutine behind (I6). Those of database/sql end with the catalogs that cleanups close.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("database/sql.(*DB).connectionOpener"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

// randomJob is two runs of a job that a seed makes.
type randomJob struct {
	runs   [2]string // what the source holds
	target string
	more   string
	window *attempt
}

func pickOf(r *rand.Rand, words ...string) string { return words[r.IntN(len(words))] }

// newRandomJob makes a job whose result does not depend on the order of its rows.
func newRandomJob(seed uint64) randomJob {
	r := rand.New(rand.NewPCG(seed, 1))
	var j randomJob
	mode := pickOf(r, "append", "overwrite", "overwrite_partitions", "upsert", "replace_interval")
	partition := pickOf(r, "", "[day]", `["months(day)"]`, `["bucket(5, id)"]`, `["truncate(1, v)", "days(day)"]`, `["bucket(3, v)", day]`)
	if mode == "overwrite_partitions" && partition == "" {
		partition = `["days(day)"]`
	}
	j.target = ", mode: " + mode
	if partition != "" {
		j.target += ", partition: " + partition
	}
	j.target += pickOf(r, "", ", sort: [v, id]", ", sort: [\"day DESC\"]", ", file_size: 64KiB")
	steps := []string{pickOf(r, `{sql: "SELECT * FROM input"}`, `{sql: "SELECT id, day, concat(v, '!') AS v FROM input WHERE id % 7 <> 3"}`, `{sql: "SELECT id, day, upper(v) AS v FROM input WHERE v IS NOT NULL"}`)}
	if mode == "upsert" {
		j.target += ", key: [id]"
	}
	if mode == "upsert" || r.IntN(3) == 0 {
		steps = append(steps, `{dedupe: {key: [id], order: [day DESC, v]}}`)
	}
	if mode == "replace_interval" {
		j.target += ", interval: day"
		j.window = &attempt{opts: BindOptions{Interval: days(5, 15)}}
	}
	j.more = "transform: [" + strings.Join(steps, ", ") + "]\n"
	for k := range j.runs {
		var b strings.Builder
		b.WriteString(header)
		for range 500 + r.IntN(12_000) {
			d := 1 + r.IntN(28)
			if j.window != nil {
				d = 5 + r.IntN(10)
			}
			fmt.Fprintf(&b, "%d,2024-01-%02d,%s\n", r.IntN(9000), d, pickOf(r, "", "a", "b", "é", `"x,y"`, "long text of some length", fmt.Sprint(r.IntN(100))))
		}
		j.runs[k] = b.String()
	}
	return j
}

// content runs the job with a number of workers and a budget, and gives the table's rows.
func (j randomJob) content(t *testing.T, workers, mebibytes int) string {
	w := newWorld(t)
	for k, csv := range j.runs {
		a := attempt{csv: csv, target: j.target, more: j.more + fmt.Sprintf("resources: {workers: %d, memory: %dMiB}\n", workers, mebibytes)}
		if j.window != nil {
			a.opts = j.window.opts
			a.opts.Redo = k > 0
		}
		if r := w.run(a); !r.Balanced() {
			t.Errorf("rows %+v do not add up", r.Rows)
		}
	}
	w.tidy()
	return w.rowsOrNone()
}

// TestATableDoesNotDependOnWorkersOrMemory runs random jobs of every mode under random settings (I7).
func TestATableDoesNotDependOnWorkersOrMemory(t *testing.T) {
	first := uint64(time.Now().UnixNano())
	for seed := first; seed < first+6; seed++ {
		j := newRandomJob(seed)
		r := rand.New(rand.NewPCG(seed, 2))
		want := j.content(t, 1, 512)
		workers, memory := 2+r.IntN(6), 24+r.IntN(100)
		if got := j.content(t, workers, memory); got != want {
			t.Errorf("seed %d: %s with %d workers and %d MiB gives %d rows, with 1 worker and 512 MiB %d, or others", seed, j.target, workers, memory, strings.Count(got, "\n"), strings.Count(want, "\n"))
		}
		if t.Failed() {
			t.Fatalf("seed %d: %s %s", seed, j.target, j.more)
		}
	}
}

// TestAnInterruptedRunLeavesNothing cancels runs while they replace rows (I6).
func TestAnInterruptedRunLeavesNothing(t *testing.T) {
	w := newWorld(t)
	w.run(attempt{csv: header + "1,2024-01-01,a\n2,2024-01-02,b\n"})
	before := w.rowsOrNone()
	p, err := w.bind(attempt{job: "k", csv: header + "1,2024-01-01,A\n", target: ", mode: upsert, key: [id]"})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	ctx, cancel := context.WithCancelCause(context.Background())
	p.lake.Point = func(name string) {
		if name == "swap" { // another job is faster: the plan is made anew, for a caller who has gone
			w.run(attempt{job: "other", csv: header + "3,2024-01-03,c\n"})
			cancel(fault.Wrap(fault.Interrupted, errors.New("terminated"), "run"))
		}
	}
	if _, err := p.Run(ctx); err == nil {
		t.Error("the run was not interrupted")
	}
	if got := w.rowsOrNone(); got != before+"\n3,2024-01-03,c" {
		t.Errorf("rows\n%s", got)
	}
	w.tidy()
}
