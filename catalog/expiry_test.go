package catalog_test

import (
	"context"
	"strings"
	"testing"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/catalog/catalogtest"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/storage"
)

func TestTheFileOfALargeStateGoesWithItsSnapshot(t *testing.T) {
	l, _ := memory(t)
	ctx := context.Background()
	var files []string
	var snapshots []int64
	for i, run := range []string{"a", "b", "c", "d"} {
		if i == 3 {
			if err := l.Expire(ctx, testTable, snapshots[0]); err != nil {
				t.Fatal(err)
			}
		}
		a := catalogtest.Attempt{Job: "j", Run: run, ID: run, From: int64(i), Rows: 1, Position: `"` + strings.Repeat(run, 4000) + `"`}
		r, err := catalogtest.Do(ctx, l, testTable, a)
		if err != nil {
			t.Fatal(err)
		}
		tab, err := l.Load(ctx, testTable)
		if err != nil {
			t.Fatal(err)
		}
		f, err := tab.State(ctx, "j")
		if err != nil {
			t.Fatal(err)
		}
		files, snapshots = append(files, f.State.File), append(snapshots, r.Snapshot)
	}
	for i, f := range files {
		if _, err := storage.ReadAll(ctx, l.Store, f); (err == nil) != (i > 0) {
			t.Errorf("state file %d: %v", i, err)
		}
	}
}

// TestARollbackDoesNotForgetJobsOfExpiredHistory has a job whose only commit is older than what is retained.
func TestARollbackDoesNotForgetJobsOfExpiredHistory(t *testing.T) {
	l, _ := memory(t)
	ctx := context.Background()
	do := func(job, run string) int64 {
		t.Helper()
		r, err := catalogtest.Do(ctx, l, testTable, catalogtest.Attempt{Job: job, Run: run, ID: job + run, Rows: 1, Position: `"` + run + `"`})
		if err != nil {
			t.Fatal(err)
		}
		return r.Snapshot
	}
	old := do("old", "1")
	to := do("j", "1")
	do("late", "1")
	if err := l.Expire(ctx, testTable, old); err != nil {
		t.Fatal(err)
	}
	if err := l.Rollback(ctx, testTable, to, "back"); err != nil {
		t.Fatal(err)
	}
	tab, err := l.Load(ctx, testTable)
	if err != nil {
		t.Fatal(err)
	}
	if f, err := tab.State(ctx, "old"); err != nil || f.State == nil || string(f.State.Position) != `"1"` {
		t.Errorf("the state of a job of expired history: %+v, %v", f.State, err)
	}
	// Nobody can tell whether a late job had a state before: it stops rather than to load twice.
	if _, err := catalogtest.Do(ctx, l, testTable, catalogtest.Attempt{Job: "late", Run: "2", ID: "late2", Rows: 1}); !fault.Is(err, fault.Config) {
		t.Errorf("a job that was rolled back beyond the retained history: %v", err)
	}
	if err := l.ChangeState(ctx, testTable, "late", "drop", func(*catalog.State) (*catalog.State, error) { return nil, nil }); err != nil {
		t.Fatal(err)
	}
	do("late", "3")
}

// TestAStatePropertyThatSomebodyRemovedIsFoundInTheHistory: the rows are still there, and are not loaded again.
func TestAStatePropertyThatSomebodyRemovedIsFoundInTheHistory(t *testing.T) {
	l, _ := memory(t)
	ctx := context.Background()
	first := catalogtest.Attempt{Job: "j", Run: "a", ID: "a", Rows: 3}
	if _, err := catalogtest.Do(ctx, l, testTable, first); err != nil {
		t.Fatal(err)
	}
	if err := l.Unset(ctx, testTable, "firn.state.j"); err != nil {
		t.Fatal(err)
	}
	first.ID = "again"
	if r, err := catalogtest.Do(ctx, l, testTable, first); err != nil || r.Committed {
		t.Errorf("the run was committed twice: %+v, %v", r, err)
	}
	if _, err := catalogtest.Do(ctx, l, testTable, catalogtest.Attempt{Job: "j", Run: "b", ID: "b", From: 3, Rows: 2}); err != nil {
		t.Fatal(err)
	}
	tab, err := l.Load(ctx, testTable)
	if err != nil || tab.Rows() != 5 {
		t.Fatalf("%d rows, %v", tab.Rows(), err)
	}
	if f, err := tab.State(ctx, "j"); err != nil || f.State == nil || len(f.State.Runs) != 2 {
		t.Errorf("the state is %+v, %v", f.State, err)
	}
}
