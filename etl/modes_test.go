package etl

import (
	"fmt"
	"strings"
	"testing"

	"github.com/firn-data/firn/etl/plan"
	"github.com/firn-data/firn/internal/fault"
)

const header = "id,day,v\n"

func TestOverwriteReplacesEverythingInOneSnapshot(t *testing.T) {
	w := newWorld(t)
	a := attempt{csv: header + "1,2024-01-01,a\n2,2024-01-02,b\n", target: ", mode: overwrite, partition: [day]"}
	w.run(a)
	w.holds("1,2024-01-01,a", "2,2024-01-02,b")
	a.csv = header + "3,2024-01-02,c\n"
	w.run(a)
	w.holds("3,2024-01-02,c")
	if n := len(w.load().Snapshots()); n != 2 {
		t.Errorf("%d snapshots", n)
	}
	a.csv = header
	w.fails(a, fault.Data, "would empty")
	a.target += ", allow_empty: true"
	w.run(a)
	w.holds()
}

func TestReplaceIntervalReplacesTheRowsOfTheIntervalAlone(t *testing.T) {
	for _, target := range []string{"", ", partition: [\"days(day)\"]", ", partition: [\"months(day)\"]", ", partition: [\"bucket(3, id)\"], sort: [day]"} {
		t.Run(target, func(t *testing.T) {
			w := newWorld(t)
			a := attempt{target: ", mode: replace_interval, interval: day" + target}
			a.csv, a.opts.Interval = header+"1,2024-01-01,a\n2,2024-01-02,b\n3,2024-01-03,c\n4,2024-01-04,d\n", days(1, 5)
			w.run(a)
			w.holds("1,2024-01-01,a", "2,2024-01-02,b", "3,2024-01-03,c", "4,2024-01-04,d")
			// inside an interval that is committed: nothing, and with --redo its rows alone
			a.csv, a.opts.Interval = header+"22,2024-01-02,x\n33,2024-01-03,x\n34,2024-01-03,x\n", days(2, 4)
			if r := w.run(a); r.Outcome != plan.AlreadyCommitted {
				t.Errorf("outcome %s", r.Outcome)
			}
			a.opts.Redo = true
			w.run(a)
			w.holds("1,2024-01-01,a", "22,2024-01-02,x", "33,2024-01-03,x", "34,2024-01-03,x", "4,2024-01-04,d")
			a.csv = header + "5,2024-01-04,late\n"
			w.fails(a, fault.Data, "outside the interval")
			a.csv = header + "5,,null\n"
			w.fails(a, fault.Data, "day = NULL is outside the interval")
			a.csv = header
			w.run(a)
			w.holds("1,2024-01-01,a", "4,2024-01-04,d")
		})
	}
}

func TestRowsOutsideTheIntervalCanBeSetAside(t *testing.T) {
	w := newWorld(t)
	r := w.run(attempt{csv: header + "1,2024-01-01,a\n2,2024-01-09,b\n3,,c\n", target: ", mode: replace_interval, interval: day, on_error: quarantine", more: "quarantine: {max_share: 90%}\n",
		opts: BindOptions{Interval: days(1, 2)}})
	if r.Rows.Quarantined != 2 || !r.Balanced() {
		t.Errorf("rows %+v", r.Rows)
	}
	w.holds("1,2024-01-01,a")
}

func TestOverwritePartitionsReplacesThePartitionsThatOccur(t *testing.T) {
	for _, partition := range []string{"day", "days(day)", "bucket(2, day)", "truncate(1, v)", "months(day)"} {
		t.Run(partition, func(t *testing.T) {
			w := newWorld(t)
			a := attempt{target: fmt.Sprintf(", mode: overwrite_partitions, partition: [%q]", partition), csv: header + "1,2024-01-01,a1\n2,2024-02-02,b1\n3,2024-03-03,\n"}
			w.run(a)
			w.holds("1,2024-01-01,a1", "2,2024-02-02,b1", "3,2024-03-03,NULL")
			a.csv = header + "4,2024-01-01,a2\n"
			w.run(a)
			if got := w.rowsOrNone(); !strings.Contains(got, "4,2024-01-01,a2") || strings.Contains(got, "1,2024-01-01,a1") || partition != "bucket(2, day)" && strings.Count(got, "\n") != 2 {
				t.Errorf("rows\n%s", got)
			}
			a.csv = header
			w.run(a)
			w.tidy()
		})
	}
	w := newWorld(t)
	w.run(attempt{csv: header + "1,2024-01-01,a\n"})
	w.fails(attempt{job: "k", csv: header + "1,2024-01-01,a\n", target: ", mode: overwrite_partitions, partition: [day]"}, fault.Config, "has no partitions")
}

func TestUpsertReplacesRowsOfTheSameKey(t *testing.T) {
	for _, target := range []string{"key: [id]", "key: [id], partition: [\"bucket(4, id)\"]", "key: [ID, day], partition: [day], sort: [v]", "key: [v]"} {
		t.Run(target, func(t *testing.T) {
			w := newWorld(t)
			a := attempt{target: ", mode: upsert, " + target, csv: header + "1,2024-01-01,a\n2,2024-01-02,b\n3,2024-01-03,c\n"}
			w.run(a)
			a.csv = header + "2,2024-01-02,b\n9,2024-01-09,i\n"
			w.run(a)
			w.holds("1,2024-01-01,a", "2,2024-01-02,b", "3,2024-01-03,c", "9,2024-01-09,i")
			a.csv = header + "7,2024-01-07,g\n7,2024-01-07,g\n"
			w.fails(a, fault.Data, "occurs twice in the run")
			a.more = "transform: [{dedupe: {key: [id], order: [v DESC]}}]\n"
			w.run(a)
			w.holds("1,2024-01-01,a", "2,2024-01-02,b", "3,2024-01-03,c", "9,2024-01-09,i", "7,2024-01-07,g")
			a.more, a.csv = "", header+",,\n"
			w.fails(a, fault.Data, "NULL in the")
		})
	}
	w := newWorld(t)
	w.fails(attempt{target: ", mode: upsert, key: [id]", csv: header + "7,,a\n7,,b\n"}, fault.Data, "the key id = 7 occurs twice in the run")
	a := attempt{target: ", mode: upsert, key: [id]", csv: header + "1,,a\n2,,b\n"}
	w.run(a)
	a.csv = header + "1,,A\n2,,B\n"
	w.run(a)
	w.holds("1,NULL,A", "2,NULL,B")
}

// TestUpsertInManyPasses gives so little memory that the keys do not fit at once.
func TestUpsertInManyPasses(t *testing.T) {
	w := newWorld(t)
	a := attempt{target: ", mode: upsert, key: [id, v]", more: "resources: {memory: 16MiB, workers: 2}\n"}
	old, next := strings.Builder{}, strings.Builder{}
	old.WriteString(header)
	next.WriteString(header)
	const rows = 60_000
	for i := range rows {
		fmt.Fprintf(&old, "%d,2024-01-01,%0100d\n", i, i)
		if i%2 == 0 {
			fmt.Fprintf(&next, "%d,2024-01-02,%0100d\n", i, i)
			fmt.Fprintf(&next, "%d,2024-01-02,%0100d\n", i+rows, i)
		}
	}
	a.csv = old.String()
	w.run(a)
	a.csv = next.String()
	w.run(a)
	got := w.rowsOrNone()
	if n := strings.Count(got, "\n") + 1; n != rows+rows/2 {
		t.Errorf("%d rows, want %d", n, rows+rows/2)
	}
	if n := strings.Count(got, ",2024-01-02,"); n != rows {
		t.Errorf("%d new rows, want %d", n, rows)
	}
	w.tidy()
}

// TestModesPlanAnewWhenTheyLoseARace lets another job commit between staging and swap.
func TestModesPlanAnewWhenTheyLoseARace(t *testing.T) {
	old := header + "1,2024-01-01,old\n2,2024-01-02,old\n3,2024-01-03,old\n"
	other := header + "2,2024-01-02,other\n5,2024-01-05,other\n"
	mine := header + "2,2024-01-02,new\n"
	for _, c := range []struct {
		target   string
		interval bool
		want     []string
	}{
		{"mode: append", false, []string{"1,2024-01-01,old", "2,2024-01-02,old", "3,2024-01-03,old", "2,2024-01-02,other", "5,2024-01-05,other", "2,2024-01-02,new"}},
		{"mode: replace_interval, interval: day", true, []string{"1,2024-01-01,old", "3,2024-01-03,old", "5,2024-01-05,other", "2,2024-01-02,new"}},
		{"mode: overwrite_partitions, partition: [day]", false, []string{"1,2024-01-01,old", "3,2024-01-03,old", "5,2024-01-05,other", "2,2024-01-02,new"}},
		{"mode: upsert, key: [id]", false, []string{"1,2024-01-01,old", "3,2024-01-03,old", "5,2024-01-05,other", "2,2024-01-02,new"}},
	} {
		for _, partition := range []string{"", ", partition: [day]"} {
			if strings.Contains(c.target, "partition:") && partition == "" || partition != "" && strings.Contains(c.target, "partition:") && strings.Contains(partition, "partition:") {
				partition = ""
			}
			t.Run(c.target+partition, func(t *testing.T) {
				w := newWorld(t)
				layout := partition
				if strings.Contains(c.target, "partition:") {
					layout = ", partition: [day]"
				}
				w.run(attempt{job: "first", csv: old, target: layout})
				a := attempt{csv: mine, target: ", " + c.target + partition}
				if c.interval {
					a.opts.Interval = days(2, 3)
				}
				a.swap = func() { w.run(attempt{job: "other", csv: other, target: layout}) }
				w.run(a)
				w.holds(c.want...)
				if n := len(w.load().Snapshots()); n != 3 {
					t.Errorf("%d snapshots, want 3", n)
				}
			})
		}
	}
	t.Run("overwrite stops when another job wrote", func(t *testing.T) {
		w := newWorld(t)
		w.run(attempt{csv: old, target: ", mode: overwrite"})
		a := attempt{csv: mine, target: ", mode: overwrite"}
		a.swap = func() { w.run(attempt{job: "other", csv: other}) }
		_, err := w.try(a)
		if !fault.Is(err, fault.Config) || !strings.Contains(err.Error(), "rows of job other") {
			t.Errorf("error %v", err)
		}
		w.holds("1,2024-01-01,old", "2,2024-01-02,old", "3,2024-01-03,old", "2,2024-01-02,other", "5,2024-01-05,other")
	})
}

func TestFullRefreshReplacesTableAndState(t *testing.T) {
	for _, target := range []string{"mode: append", "mode: replace_interval, interval: day", "mode: overwrite_partitions, partition: [day]", "mode: upsert, key: [id]"} {
		t.Run(target, func(t *testing.T) {
			w := newWorld(t)
			a := attempt{csv: header + "1,2024-01-01,a\n2,2024-01-02,b\n", target: ", " + target}
			interval := strings.Contains(target, "interval")
			if interval {
				a.opts.Interval = days(1, 3)
			}
			w.run(a)
			a.csv, a.opts.FullRefresh = header+"3,2024-01-02,c\n", true
			w.run(a)
			w.holds("3,2024-01-02,c")
			if interval {
				if r := w.run(a); r.Outcome != plan.AlreadyCommitted {
					t.Errorf("the same full refresh again: %s", r.Outcome)
				}
			}
			w.run(attempt{job: "other", csv: header + "9,2024-01-01,z\n"})
			a.opts.RunID = "again"
			w.fails(a, fault.Config, "rows of job other")
		})
	}
}

func TestRedoIsRefusedForAppend(t *testing.T) {
	w := newWorld(t)
	a := attempt{csv: header + "1,2024-01-01,a\n", opts: BindOptions{Interval: days(1, 2)}}
	w.run(a)
	a.opts.Redo = true
	w.fails(a, fault.Config, "redo")
	w.holds("1,2024-01-01,a")
}
