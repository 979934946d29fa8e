package transform

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"go.uber.org/goleak"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/jsonarrow"
	firnmem "github.com/firn-data/firn/internal/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var orders = arrow.NewSchema([]arrow.Field{
	{Name: "id", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, {Name: "name", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "total", Type: &arrow.Decimal128Type{Precision: 10, Scale: 2}, Nullable: true}}, nil)

const rows = `[{"id": 1, "name": "a", "total": "10.00"}, {"id": 2, "name": "b", "total": "0.00"}, {"id": 3, "name": null, "total": null},
{"id": 1, "name": "c", "total": "20.00"}, {"id": null, "name": "d", "total": "5.00"}, {"id": null, "name": "e", "total": "6.00"}, {"id": 2, "name": "b", "total": "0.00"}]`

// sink keeps rows as JSON and bad rows in one line each.
type sink struct {
	mu        sync.Mutex
	rows, bad []string
}

func (s *sink) Batch(b batch.Batch) error {
	defer b.Release()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range b.Rows() {
		s.rows = append(s.rows, fmt.Sprintf("%d %s", b.Origin.Place(i).Row, jsonarrow.AppendRow(nil, b.Record, i)))
	}
	return nil
}

func (s *sink) BadRow(r batch.BadRow) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bad = append(s.bad, fmt.Sprintf("%d %s %s %s %v %s", r.Place.Row, r.Stage, r.Rule, r.Code, r.Fails, r.Row))
	return nil
}

// runSteps runs steps over the rows, cut into batches of a size that workers push at once.
func runSteps(t *testing.T, size int, steps ...Step) (*sink, []Count) {
	t.Helper()
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer alloc.AssertSize(t, 0)
	p, err := Compile(steps, []Input{{"orders", orders}}, Params{"limit": int64(7)}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	rec, _, err := array.RecordFromJSON(alloc, orders, strings.NewReader(rows))
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Release()
	out := &sink{}
	budget := firnmem.NewBudget(1 << 20)
	e, err := p.Start(Env{Alloc: alloc, Budget: budget, Workers: 2}, out)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	var wg sync.WaitGroup
	for from := 0; from < int(rec.NumRows()); from += size {
		to := min(from+size, int(rec.NumRows()))
		b := batch.Batch{Record: rec.NewSlice(int64(from), int64(to)), Origin: batch.Origin{Split: "s", Row: int64(from) + 1}}
		wg.Add(1)
		go func() {
			defer wg.Done()
			if err := e.Batch(context.Background(), "orders", b); err != nil {
				t.Error(err)
			}
		}()
	}
	wg.Wait()
	if err := e.Done(context.Background(), "orders"); err != nil {
		t.Fatal(err)
	}
	counts := e.Counts()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if budget.Used() != 0 {
		t.Errorf("%d bytes are still reserved", budget.Used())
	}
	slices.Sort(out.rows)
	slices.Sort(out.bad)
	return out, counts
}

func TestStepsGiveTheSameRowsForEveryBatchSize(t *testing.T) {
	for name, c := range map[string]struct {
		steps     []Step
		want, bad []string
	}{
		"no steps": {want: []string{`1 {"id":1,"name":"a","total":10.00}`, `2 {"id":2,"name":"b","total":0.00}`, `3 {"id":3,"name":null,"total":null}`, `4 {"id":1,"name":"c","total":20.00}`,
			`5 {"id":null,"name":"d","total":5.00}`, `6 {"id":null,"name":"e","total":6.00}`, `7 {"id":2,"name":"b","total":0.00}`}},
		"filter, project, lateral alias": {steps: []Step{{SQL: "SELECT id, upper(name) AS n, concat(n, '!') AS m FROM orders WHERE total > :limit"}},
			want: []string{`1 {"id":1,"n":"A","m":"A!"}`, `4 {"id":1,"n":"C","m":"C!"}`}},
		"row errors are set aside": {steps: []Step{{SQL: "SELECT id, cast(10 / total AS DECIMAL(10, 2)) AS x FROM input WHERE id IS NOT NULL", OnError: Quarantine}},
			want: []string{`1 {"id":1,"x":1.00}`, `3 {"id":3,"x":null}`, `4 {"id":1,"x":0.50}`},
			bad:  []string{`2 sql sql[0] DIVIDE_BY_ZERO false {"id":2,"name":"b","total":0.00}`, `7 sql sql[0] DIVIDE_BY_ZERO false {"id":2,"name":"b","total":0.00}`}},
		"only TRUE passes an expectation": {steps: []Step{{Expect: []Expectation{{Name: "positive", Check: "total > 0", OnFail: Quarantine}, {Name: "named", Check: "name <> 'a'"}}}},
			want: []string{`4 {"id":1,"name":"c","total":20.00}`, `5 {"id":null,"name":"d","total":5.00}`, `6 {"id":null,"name":"e","total":6.00}`},
			bad: []string{`1 expect named EXPECTATION_FAILED true {"id":1,"name":"a","total":10.00}`, `2 expect positive EXPECTATION_FAILED false {"id":2,"name":"b","total":0.00}`,
				`3 expect positive EXPECTATION_FAILED false {"id":3,"name":null,"total":null}`, `7 expect positive EXPECTATION_FAILED false {"id":2,"name":"b","total":0.00}`}},
		"two steps": {steps: []Step{{SQL: "SELECT *, total * 2 AS twice FROM input WHERE id = 1"}, {SQL: "SELECT * EXCEPT (total) FROM input WHERE twice > 30"}},
			want: []string{`4 {"id":1,"name":"c","twice":40.00}`}},
	} {
		for size := 1; size <= 8; size++ {
			got, _ := runSteps(t, size, c.steps...)
			if !slices.Equal(got.rows, c.want) || !slices.Equal(got.bad, c.bad) {
				t.Errorf("%s, batches of %d:\n%s\n%s\nwant\n%s\n%s", name, size, strings.Join(got.rows, "\n"), strings.Join(got.bad, "\n"), strings.Join(c.want, "\n"), strings.Join(c.bad, "\n"))
			}
		}
	}
}

func TestDedupeKeepsTheFirstByItsOrder(t *testing.T) {
	for size := 1; size <= 8; size++ {
		got, counts := runSteps(t, size, Step{Dedupe: &Dedupe{Key: []string{"id"}, Order: []string{"total DESC"}}})
		var names []string
		for _, r := range got.rows {
			_, json, _ := strings.Cut(r, " ")
			names = append(names, json)
		}
		slices.Sort(names)
		want := []string{`{"id":1,"name":"c","total":20.00}`, `{"id":2,"name":"b","total":0.00}`, `{"id":3,"name":null,"total":null}`, `{"id":null,"name":"e","total":6.00}`}
		if !slices.Equal(names, want) || counts[0].Deduplicated != 3 || counts[0].In != 7 || counts[0].Out != 4 {
			t.Errorf("batches of %d: %v, %+v", size, names, counts)
		}
	}
}

func TestCompileSaysWhatIsWrongAndWhere(t *testing.T) {
	at := fault.Place{File: "job.yaml", Line: 7, Column: 10, Path: "transform[0].sql"}
	for sql, want := range map[string]string{
		"SELECT idd FROM input":                        "job.yaml:7:17 UNRESOLVED_COLUMN",
		"SELECT id\nFROM input\nWHERE total":           "job.yaml:9:16 DATATYPE_MISMATCH",
		"SELECT id + 1 FROM input":                     "job.yaml:7:17 MISSING_ALIAS",
		"SELECT id, name AS ID FROM input":             "job.yaml:7:10 COLUMN_ALREADY_EXISTS",
		"SELECT stddev(id) AS n FROM input":            "job.yaml:7:17 NEEDS_SPARK",
		"SELECT id FROM other":                         "job.yaml:7:25 TABLE_OR_VIEW_NOT_FOUND",
		"SELECT total FROM input GROUP BY id":          "job.yaml:7:17 MISSING_AGGREGATION",
		"SELECT id FROM input JOIN x ON input.id=x.id": "job.yaml:7:36 TABLE_OR_VIEW_NOT_FOUND",
		"SELECT :nope AS x FROM input":                 "job.yaml:7:17 UNBOUND_SQL_PARAMETER",
		"SELECT id FROM input WHERE":                   "job.yaml:7:36 PARSE_SYNTAX_ERROR",
	} {
		_, err := Compile([]Step{{SQL: sql, At: at}}, []Input{{"orders", orders}}, nil, time.Now())
		var f *fault.Error
		if !errors.As(err, &f) || f.Class != fault.Config {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		if got := fmt.Sprintf("%s:%d:%d %s", f.Place.File, f.Place.Line, f.Place.Column, f.Code); got != want {
			t.Errorf("%s: got %s, want %s (%v)", sql, got, want, err)
		}
	}
}
