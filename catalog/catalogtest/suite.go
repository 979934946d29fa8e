// Package catalogtest is the conformance suite that every kind of catalog passes: what a commit promises, tried with
// races, lost answers, rollbacks and deaths.
package catalogtest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/partition"
	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/storage/parquet"
)

// Open makes a lake over an empty namespace of the kind under test. Lakes of one test share catalog and store.
type Open func(t *testing.T) (lake func() *catalog.Lake, namespace string)

// columns is the schema of the suite's tables.
var columns = schema.Schema{Fields: []schema.Field{
	{ID: 1, Name: "id", Type: schema.Type{Kind: schema.Long}}, {ID: 2, Name: "name", Type: schema.Type{Kind: schema.String}}}}

// Attempt is one process's try at a run that appends Rows numbered rows.
type Attempt struct {
	Job, Run, ID string
	Source       string // fingerprint; empty: the job's name
	Interval     *batch.Interval
	From         int64 // first id
	Rows         int
	Before       func() // called between reading the state and committing
	Position     string // JSON
	Mode         catalog.Mode
	Properties   map[string]string // of a table that is created
	Replace      func(ctx context.Context, head *catalog.Table) (*catalog.Replacement, error)
}

// Do runs an attempt as the engine would. It returns the result, or the error.
func Do(ctx context.Context, l *catalog.Lake, id catalog.Ident, a Attempt) (*catalog.Result, error) {
	if a.Source == "" {
		a.Source = a.Job
	}
	req := catalog.Request{Ident: id, Job: a.Job, RunID: a.Run, Mode: cmp.Or(a.Mode, catalog.Append), Interval: a.Interval, Fingerprint: map[string]string{"source": a.Source}}
	s, err := l.Begin(ctx, req)
	if err != nil {
		return nil, err
	}
	if s.Committed {
		return &catalog.Result{Snapshot: s.Snapshot}, nil
	}
	c := catalog.Commit{Request: req, Attempt: a.ID, Session: s, Planned: columns, Replace: a.Replace, PositionTo: json.RawMessage(a.Position)}
	location := l.Warehouse + "/" + id.Namespace + ".db/" + id.Table
	if s.Table == nil {
		c.Create = &catalog.NewTable{Schema: columns, Location: location, Properties: a.Properties}
	} else {
		location = s.Table.Location
	}
	if a.Before != nil {
		a.Before()
	}
	if a.Rows == 0 {
		return l.Commit(ctx, c)
	}
	f, err := WriteFile(ctx, l, location+"/data/"+a.ID+".parquet", a.From, a.Rows)
	if err != nil {
		return nil, err
	}
	c.Files = []catalog.DataFile{f}
	return l.Commit(ctx, c)
}

// WriteFile writes rows from, from+1 … as a data file of the suite's tables.
func WriteFile(ctx context.Context, l *catalog.Lake, location string, from int64, rows int) (catalog.DataFile, error) {
	up, err := l.Store.Create(ctx, location, true)
	if err != nil {
		return catalog.DataFile{}, err
	}
	w, err := parquet.NewWriter(up, columns, parquet.Options{})
	if err != nil {
		return catalog.DataFile{}, err
	}
	b := array.NewRecordBuilder(memory.NewGoAllocator(), columns.Arrow())
	defer b.Release()
	for i := range rows {
		b.Field(0).(*array.Int64Builder).Append(from + int64(i))
		b.Field(1).(*array.StringBuilder).Append(fmt.Sprintf("row %d", from+int64(i)))
	}
	if err := w.Write(b.NewRecordBatch()); err != nil {
		return catalog.DataFile{}, err
	}
	f, err := w.Close()
	if err != nil {
		return catalog.DataFile{}, err
	}
	return catalog.DataFile{File: f, Location: location, Partition: partition.Tuple{}}, up.Commit()
}

// Run runs the suite.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		test func(*testing.T, func() *catalog.Lake, catalog.Ident)
	}{
		{"a run commits one snapshot and its repetition nothing", repetition},
		{"an interval is committed once and its ranges merge", intervals},
		{"sixteen writers append at once", writers},
		{"two jobs commit fifty times each", twoJobs},
		{"the slower of two attempts of one run finds it committed", sameRun},
		{"a rollback takes the state with it", rollback},
		{"another source or the same source twice is refused", identity},
		{"a lost answer is found out", lostAnswer},
		{"two runs of one job that race keep both intervals", racingIntervals},
		{"what a run replaces is planned on the head that it is committed on", replanned},
		{"a change of state excludes a run that began before it", changedState},
		{"a rollback puts back the state of every job", rollbackOfJobs},
		{"a state that is too large for a property goes to a file", largeState},
		{"a run without rows that moves its position makes an empty snapshot", emptySnapshot},
	} {
		t.Run(c.name, func(t *testing.T) {
			lake, ns := open(t)
			c.test(t, lake, catalog.Ident{Namespace: ns, Table: "t"})
		})
	}
}

func must(t *testing.T, l *catalog.Lake, id catalog.Ident, a Attempt) *catalog.Result {
	t.Helper()
	r, err := Do(context.Background(), l, id, a)
	if err != nil {
		t.Fatalf("run %s of %s: %v", a.Run, a.Job, err)
	}
	return r
}

// rows checks the number of rows and of snapshots.
func rows(t *testing.T, l *catalog.Lake, id catalog.Ident, rows, snapshots int) *catalog.Table {
	t.Helper()
	tab, err := l.Load(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	if got := tab.Rows(); got != int64(rows) {
		t.Errorf("%d rows, want %d", got, rows)
	}
	if got := len(tab.Snapshots()); got != snapshots {
		t.Errorf("%d snapshots, want %d", got, snapshots)
	}
	return tab
}

func repetition(t *testing.T, lake func() *catalog.Lake, id catalog.Ident) {
	l := lake()
	if _, err := l.Load(context.Background(), id); !errors.Is(err, catalog.ErrNoTable) {
		t.Fatalf("an absent table: %v", err)
	}
	first := must(t, l, id, Attempt{Job: "j", Run: "r1", ID: "a1", Rows: 10})
	again := must(t, lake(), id, Attempt{Job: "j", Run: "r1", ID: "a2", Rows: 10})
	if !first.Committed || again.Committed || again.Snapshot != first.Snapshot {
		t.Errorf("first %+v, again %+v", first, again)
	}
	must(t, l, id, Attempt{Job: "j", Run: "r2", ID: "a3", From: 10, Rows: 5})
	tab := rows(t, l, id, 15, 2)
	if st, err := tab.State(context.Background(), "j"); err != nil || st.State == nil || len(st.State.Runs) != 2 || st.State.Attempt != "a3" {
		t.Errorf("state %+v, %v", st, err)
	}
}

func hour(n int) *batch.Interval {
	at := time.Date(2024, 1, 1, n, 0, 0, 0, time.UTC)
	return &batch.Interval{Start: at, End: at.Add(time.Hour)}
}

func intervals(t *testing.T, lake func() *catalog.Lake, id catalog.Ident) {
	l := lake()
	for k, h := range []int{5, 3, 4, 9, 3, 5} {
		must(t, l, id, Attempt{Job: "j", Run: fmt.Sprint("h", h), ID: fmt.Sprint("a", k), Interval: hour(h), From: int64(h), Rows: 1})
	}
	tab := rows(t, l, id, 4, 4)
	st, err := tab.State(context.Background(), "j")
	if err != nil || len(st.State.Intervals) != 2 {
		t.Fatalf("ranges %+v, %v", st.State, err)
	}
	wide := &batch.Interval{Start: hour(8).Start, End: hour(10).End}
	if _, err := Do(context.Background(), l, id, Attempt{Job: "j", Run: "w", ID: "w", Interval: wide, Rows: 1}); !fault.Is(err, fault.Config) {
		t.Errorf("an interval that overlaps in part: %v", err)
	}
}

func writers(t *testing.T, lake func() *catalog.Lake, id catalog.Ident) {
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			a := Attempt{Job: fmt.Sprint("j", i), Run: "r", ID: fmt.Sprintf("a%02d", i), From: int64(i * 10), Rows: 10}
			if r, err := Do(context.Background(), lake(), id, a); err != nil || !r.Committed {
				t.Errorf("writer %d: %+v, %v", i, r, err)
			}
		}()
	}
	wg.Wait()
	rows(t, lake(), id, 160, 16)
}

func twoJobs(t *testing.T, lake func() *catalog.Lake, id catalog.Ident) {
	var wg sync.WaitGroup
	for j := range 2 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			l := lake()
			for k := range 50 {
				a := Attempt{Job: fmt.Sprint("j", j), Run: fmt.Sprint("r", k), ID: fmt.Sprintf("a%d-%d", j, k), From: int64(k), Rows: 1}
				if _, err := Do(context.Background(), l, id, a); err != nil {
					t.Errorf("job %d, run %d: %v", j, k, err)
				}
			}
		}()
	}
	wg.Wait()
	rows(t, lake(), id, 100, 100)
}

func sameRun(t *testing.T, lake func() *catalog.Lake, id catalog.Ident) {
	must(t, lake(), id, Attempt{Job: "j", Run: "r0", ID: "a0", Rows: 1})
	slow := Attempt{Job: "j", Run: "r1", ID: "slow", Rows: 7}
	slow.Before = func() { must(t, lake(), id, Attempt{Job: "j", Run: "r1", ID: "fast", Rows: 7}) }
	if r := must(t, lake(), id, slow); r.Committed {
		t.Errorf("the run was committed twice: %+v", r)
	}
	rows(t, lake(), id, 8, 2)
}

func rollback(t *testing.T, lake func() *catalog.Lake, id catalog.Ident) {
	l := lake()
	first := must(t, l, id, Attempt{Job: "j", Run: "r1", ID: "a1", Interval: hour(1), Rows: 1})
	must(t, l, id, Attempt{Job: "j", Run: "r2", ID: "a2", Interval: hour(2), Rows: 2})
	if err := l.Rollback(context.Background(), id, first.Snapshot, "back"); err != nil {
		t.Fatal(err)
	}
	if r := must(t, l, id, Attempt{Job: "j", Run: "r2", ID: "a3", Interval: hour(2), Rows: 2}); !r.Committed {
		t.Error("the run was not loaded again after a rollback")
	}
	tab, err := l.Load(context.Background(), id)
	if err != nil || tab.Rows() != 3 {
		t.Errorf("%d rows, %v", tab.Rows(), err)
	}
}

func identity(t *testing.T, lake func() *catalog.Lake, id catalog.Ident) {
	l, ctx := lake(), context.Background()
	must(t, l, id, Attempt{Job: "j", Run: "r1", ID: "a1", Source: "x", Rows: 1})
	if _, err := Do(ctx, l, id, Attempt{Job: "j", Run: "r2", ID: "a2", Source: "y", Rows: 1}); !fault.Is(err, fault.Config) {
		t.Errorf("another source under one name: %v", err)
	}
	if _, err := Do(ctx, l, id, Attempt{Job: "k", Run: "r1", ID: "a3", Source: "x", Rows: 1}); !fault.Is(err, fault.Config) {
		t.Errorf("one source under two names: %v", err)
	}
	rows(t, l, id, 1, 1)
}

// lossy loses the answers of a catalog: the call is applied, and its caller told that nobody knows.
type lossy struct {
	catalog.Catalog
	lose  bool // the next answer
	apply bool // whether the call reaches the server
}

func (c *lossy) Swap(ctx context.Context, s catalog.Swap) (catalog.Outcome, error) {
	if !c.lose {
		return c.Catalog.Swap(ctx, s)
	}
	c.lose = false
	if c.apply {
		if o, err := c.Catalog.Swap(ctx, s); err != nil {
			return o, err
		}
	} else if err := s.Put(ctx); err != nil {
		return catalog.NotApplied, err
	}
	return catalog.Unknown, fault.New(fault.Unavailable, "the answer was lost")
}

func lostAnswer(t *testing.T, lake func() *catalog.Lake, id catalog.Ident) {
	must(t, lake(), id, Attempt{Job: "j", Run: "r0", ID: "a0", Rows: 1})
	for i, applied := range []bool{true, false} {
		l := lake()
		l.Catalog = &lossy{Catalog: l.Catalog, lose: true, apply: applied}
		r := must(t, l, id, Attempt{Job: "j", Run: fmt.Sprint("r", i+1), ID: fmt.Sprint("a", i+1), Rows: 1})
		if !r.Committed {
			t.Errorf("applied %v: %+v", applied, r)
		}
		rows(t, lake(), id, i+2, i+2)
	}
}
