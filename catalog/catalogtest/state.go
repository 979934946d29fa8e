package catalogtest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/predicate"
	"github.com/firn-data/firn/storage"
)

func racingIntervals(t *testing.T, lake func() *catalog.Lake, id catalog.Ident) {
	must(t, lake(), id, Attempt{Job: "j", Run: "h1", ID: "a1", Interval: hour(1), Rows: 1})
	slow := Attempt{Job: "j", Run: "h5", ID: "a5", Interval: hour(5), From: 5, Rows: 1}
	slow.Before = func() {
		must(t, lake(), id, Attempt{Job: "j", Run: "h3", ID: "a3", Interval: hour(3), From: 3, Rows: 1})
	}
	must(t, lake(), id, slow)
	tab := rows(t, lake(), id, 3, 3)
	if st, err := tab.State(context.Background(), "j"); err != nil || len(st.State.Intervals) != 3 {
		t.Errorf("state %+v, %v: an interval was forgotten", st.State, err)
	}
	if r := must(t, lake(), id, Attempt{Job: "j", Run: "h3", ID: "a3b", Interval: hour(3), From: 3, Rows: 1}); r.Committed {
		t.Error("an interval was committed twice")
	}
}

// replanned replaces all files that it finds; a file that comes meanwhile goes too, and nothing of the abandoned plan stays.
func replanned(t *testing.T, lake func() *catalog.Lake, id catalog.Ident) {
	must(t, lake(), id, Attempt{Job: "j", Run: "r1", ID: "a1", Rows: 3})
	asked, l := 0, lake()
	var rewritten []string
	a := Attempt{Job: "up", Run: "r1", ID: "a2", From: 100, Rows: 2, Mode: catalog.Upsert}
	a.Before = func() { must(t, lake(), id, Attempt{Job: "j", Run: "r2", ID: "a3", From: 10, Rows: 4}) }
	a.Replace = func(ctx context.Context, head *catalog.Table) (*catalog.Replacement, error) {
		asked++
		files, err := head.Files(ctx, 0, predicate.True())
		if err != nil {
			return nil, err
		}
		rest, err := WriteFile(ctx, l, fmt.Sprintf("%s/data/rest-%s-%d.parquet", head.Location, a.ID, asked), 50, len(files))
		rewritten = append(rewritten, rest.Location)
		return &catalog.Replacement{Remove: files, Files: []catalog.DataFile{rest}}, err
	}
	must(t, l, id, a)
	tab := rows(t, lake(), id, 2+2, 3)
	if asked != 2 || len(rewritten) != 2 {
		t.Fatalf("asked %d times", asked)
	}
	if o, err := l.Store.Open(context.Background(), rewritten[0]); err == nil {
		o.Close()
		t.Error("the file of the abandoned plan is left")
	}
	summary := tab.Snapshots()[2].Summary
	for key, want := range map[string]string{"added-data-files": "2", "deleted-data-files": "2", "added-records": "4", "deleted-records": "7", "total-records": "4",
		"total-data-files": "2", "changed-partition-count": "1", "total-delete-files": "0"} {
		if summary[key] != want {
			t.Errorf("summary %s = %s, want %s", key, summary[key], want)
		}
	}
	files, err := tab.Files(context.Background(), 0, predicate.True())
	if err != nil {
		t.Fatal(err)
	}
	bytes := int64(0)
	for _, f := range files {
		bytes += f.Bytes
	}
	if got := summary["total-files-size"]; got != fmt.Sprint(bytes) {
		t.Errorf("total-files-size %s, want %d", got, bytes)
	}
}

func changedState(t *testing.T, lake func() *catalog.Lake, id catalog.Ident) {
	ctx := context.Background()
	must(t, lake(), id, Attempt{Job: "j", Run: "r1", ID: "a1", Rows: 1, Position: `1`})
	a := Attempt{Job: "j", Run: "r2", ID: "a2", Rows: 1, Position: `2`}
	a.Before = func() {
		err := lake().ChangeState(ctx, id, "j", "set", func(s *catalog.State) (*catalog.State, error) {
			s.Position = json.RawMessage(`7`)
			return s, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Do(ctx, lake(), id, a); !fault.Is(err, fault.Retry) {
		t.Errorf("a run whose position was changed meanwhile: %v", err)
	}
	tab := rows(t, lake(), id, 1, 2)
	if st, err := tab.State(ctx, "j"); err != nil || string(st.State.Position) != `7` || len(st.State.Runs) != 1 {
		t.Errorf("state %+v, %v", st.State, err)
	}
	if err := lake().ChangeState(ctx, id, "j", "drop", func(*catalog.State) (*catalog.State, error) { return nil, nil }); err != nil {
		t.Fatal(err)
	}
	tab = rows(t, lake(), id, 1, 3)
	if st, err := tab.State(ctx, "j"); err != nil || st.State != nil {
		t.Errorf("state %+v, %v after it was dropped", st.State, err)
	}
	// a rollback to before the drop brings the state back, one to the drop does not
	snaps := tab.Snapshots()
	for i, want := range []bool{false, true} {
		if err := lake().Rollback(ctx, id, snaps[2-i].ID, "back"); err != nil {
			t.Fatal(err)
		}
		if st, err := load(t, lake(), id).State(ctx, "j"); err != nil || (st.State != nil) != want {
			t.Errorf("state %+v, %v after a rollback to snapshot %d", st.State, err, 2-i)
		}
	}
}

func load(t *testing.T, l *catalog.Lake, id catalog.Ident) *catalog.Table {
	t.Helper()
	tab, err := l.Load(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

func rollbackOfJobs(t *testing.T, lake func() *catalog.Lake, id catalog.Ident) {
	ctx, l := context.Background(), lake()
	must(t, l, id, Attempt{Job: "a", Run: "r1", ID: "a1", Rows: 1, Position: `1`})
	to := must(t, l, id, Attempt{Job: "b", Run: "r1", ID: "b1", Rows: 1, Position: `10`})
	must(t, l, id, Attempt{Job: "a", Run: "r2", ID: "a2", Rows: 1, Position: `2`})
	must(t, l, id, Attempt{Job: "b", Run: "r2", ID: "b2", Rows: 1, Position: `20`})
	must(t, l, id, Attempt{Job: "c", Run: "r1", ID: "c1", Rows: 1, Position: `100`})
	if err := l.Rollback(ctx, id, to.Snapshot, "back"); err != nil {
		t.Fatal(err)
	}
	states, err := load(t, l, id).States(ctx)
	if err != nil || len(states) != 2 || string(states["a"].State.Position) != `1` || string(states["b"].State.Position) != `10` {
		t.Errorf("states %+v, %v", states, err)
	}
	for _, a := range []Attempt{{Job: "a", Run: "r2", ID: "a3", Rows: 1}, {Job: "c", Run: "r1", ID: "c3", Rows: 1}} {
		if r := must(t, l, id, a); !r.Committed {
			t.Errorf("run %s of job %s was not loaded again", a.Run, a.Job)
		}
	}
}

func largeState(t *testing.T, lake func() *catalog.Lake, id catalog.Ident) {
	ctx, l := context.Background(), lake()
	large := func(n int) string { return fmt.Sprintf(`"%d%s"`, n, strings.Repeat("é", 2000)) }
	var files []string
	for i := range 3 {
		must(t, l, id, Attempt{Job: "j", Run: fmt.Sprint("r", i), ID: fmt.Sprint("a", i), Rows: 1, Position: large(i)})
		tab := load(t, l, id)
		raw := tab.Properties()["firn.state.j"]
		st, err := tab.State(ctx, "j")
		if err != nil || len(raw) > 3500 || !catalog.SamePosition(st.State.Position, json.RawMessage(large(i))) || st.State.File == "" {
			t.Fatalf("run %d: property of %d bytes, position of %d, %v", i, len(raw), len(st.State.Position), err)
		}
		files = append(files, st.State.File)
	}
	if err := l.Rollback(ctx, id, load(t, l, id).Snapshots()[0].ID, "back"); err != nil {
		t.Fatal(err)
	}
	if st, err := load(t, l, id).State(ctx, "j"); err != nil || !catalog.SamePosition(st.State.Position, json.RawMessage(large(0))) {
		t.Errorf("after a rollback: %v", err)
	}
	must(t, l, id, Attempt{Job: "j", Run: "small", ID: "s", Rows: 1, Position: `1`})
	if st, err := load(t, l, id).State(ctx, "j"); err != nil || st.State.File != "" || len(st.State.Earlier) != 1 {
		t.Errorf("a small state again: %+v, %v", st.State, err)
	}
	// A file that is gone stops the job rather than to let it begin anew.
	must(t, l, id, Attempt{Job: "k", Run: "r", ID: "k", Rows: 1, Position: large(0)})
	st, err := load(t, l, id).State(ctx, "k")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Store.Delete(ctx, st.State.File); err != nil {
		t.Fatal(err)
	}
	if _, err := Do(ctx, l, id, Attempt{Job: "k", Run: "r2", ID: "k2", Rows: 1}); !fault.Is(err, fault.Config) {
		t.Errorf("a state whose file is gone: %v", err)
	}
	for _, f := range files {
		if _, err := storage.ReadAll(ctx, l.Store, f); err != nil {
			t.Errorf("%s is gone, though its snapshot is there: %v", f, err)
		}
	}
}

func emptySnapshot(t *testing.T, lake func() *catalog.Lake, id catalog.Ident) {
	l := lake()
	must(t, l, id, Attempt{Job: "j", Run: "r1", ID: "a1", Rows: 2, Position: `1`})
	if r := must(t, l, id, Attempt{Job: "j", Run: "r2", ID: "a2", Position: `5`}); !r.Committed {
		t.Error("the position was not committed")
	}
	tab := rows(t, l, id, 2, 2)
	if s := tab.Snapshots()[1]; s.Operation != "append" || s.Summary["total-records"] != "2" || s.Summary["total-data-files"] != "1" {
		t.Errorf("snapshot %+v", s)
	}
	if st, err := tab.State(context.Background(), "j"); err != nil || string(st.State.Position) != `5` {
		t.Errorf("state %+v, %v", st.State, err)
	}
}
