// Package sourcetest is the conformance suite that every source passes: the contract of package sources, one test for each
// of its promises. A source's own test says how to open it and what it holds:
//
//	func TestConformance(t *testing.T) {
//		sourcetest.Run(t, sourcetest.Suite{
//			Config: &csv.Config{Path: []string{"/data/three.csv"}},
//			Env:    sources.Env{Stores: stores},
//			Rows:   []string{`{"id":1}`, `{"id":2}`},
//		})
//	}
package sourcetest

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	arrowmem "github.com/apache/arrow-go/v18/arrow/memory"
	"go.uber.org/goleak"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/memory"
	"github.com/firn-data/firn/sources"
)

// Suite is a source and what its data are. Rows are compared as a multiset of JSON objects, one a row, columns in the
// stream's order.
type Suite struct {
	// Config opens a source of at least 20 rows, at least two columns and at least two splits, none of them bad.
	Config sources.Config
	// Env is what the source needs of its surroundings: Stores, Cursor. The suite fills in the rest.
	Env sources.Env
	// Rows is all that Config holds.
	Rows []string
	// Where are conditions over the columns of Config, with how many of Rows each holds for.
	Where []Condition
	// Bad opens a source with bad rows; nil when the kind has none.
	Bad *BadCase
	// Cursor opens a source with positions; nil when the kind has none.
	Cursor *CursorCase
	// Errors are configs that cannot be read, with the class of the error that Open, Streams, Bound or reading must give.
	Errors []ErrorCase
	// Once says that a split holds what it gives, so that it cannot fail before it gave a row, and is read once only.
	Once bool
	// WholeBatches says that Env.BatchRows is not looked at: a split is a batch.
	WholeBatches bool
	// Leaks are goroutines that belong to the surroundings, such as idle connections of a store.
	Leaks []goleak.Option
}

// Condition is a predicate and the number of rows for which it is TRUE.
type Condition struct {
	Where sources.Predicate
	Rows  int
}

// BadCase is a source with bad rows.
type BadCase struct {
	Config sources.Config
	Good   int
	// Places are the places of the bad rows as fault.Place prints them, sorted.
	Places []string
}

// CursorCase is a source with positions.
type CursorCase struct {
	Config sources.Config
	Cursor sources.Cursor
	Rows   []string // that the first run reads
	// Grow adds rows above the first run's bound; More is what the second run reads.
	Grow func()
	More []string
}

// ErrorCase is a config and the class of its error.
type ErrorCase struct {
	Name   string
	Config sources.Config
	Env    func(*sources.Env) // may be nil
	Class  fault.Class
}

// budget is what a source under test may hold.
const budget = 256 << 20

// Run runs the suite.
func Run(t *testing.T, s Suite) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Suite)
	}{
		{"the schema is stable and that of the batches", testSchema},
		{"splits cover each row once", testCover},
		{"columns are projected in the order asked for", testProjection},
		{"no row for which Where is TRUE is left out", testWhere},
		{"batches have about the rows asked for", testBatchRows},
		{"a split is read again from its beginning", testAgain},
		{"origins count the rows of a split", testOrigins},
		{"a bad row has its place", testBad},
		{"a position is where the next run goes on", testCursor},
		{"a cancelled read returns and leaves nothing", testCancel},
		{"an out that refuses ends the read with its error", testRefusal},
		{"it can be closed twice, unread and while it is read", testClose},
		{"errors are classified", testErrors},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, s) })
	}
}

// bench opens sources in one test, and finds what they leave behind.
type bench struct {
	t      *testing.T
	suite  Suite
	budget *memory.Budget
	alloc  *arrowmem.CheckedAllocator
}

func newBench(t *testing.T, s Suite) *bench {
	b := &bench{t: t, suite: s, budget: memory.NewBudget(budget), alloc: arrowmem.NewCheckedAllocator(arrowmem.NewGoAllocator())}
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		if n := b.budget.Used(); n != 0 {
			t.Errorf("%d bytes of the budget are not given back", n)
		}
		b.alloc.AssertSize(t, 0)
		goleak.VerifyNone(t, append(slices.Clone(s.Leaks), before)...)
	})
	return b
}

func (b *bench) env() sources.Env {
	e := b.suite.Env
	e.Name, e.Alloc, e.Budget, e.Now, e.Workers = "source", b.alloc, b.budget, time.Now(), 2
	e.Temp = memory.NewDir(b.t.TempDir(), "test")
	if e.BadRows == "" {
		e.BadRows = "quarantine"
	}
	return e
}

// open opens a config; the source is closed when the test ends, before leaks are looked for.
func (b *bench) open(c sources.Config, change func(*sources.Env)) sources.Source {
	b.t.Helper()
	src, err := b.tryOpen(c, change)
	if err != nil {
		b.t.Fatal(err)
	}
	return src
}

func (b *bench) tryOpen(c sources.Config, change func(*sources.Env)) (sources.Source, error) {
	e := b.env()
	if change != nil {
		change(&e)
	}
	src, err := c.Open(b.t.Context(), e)
	if err != nil {
		return nil, err
	}
	b.t.Cleanup(func() {
		if err := src.Close(); err != nil {
			b.t.Error("close: ", err)
		}
	})
	return src, nil
}

// begin goes as far as a run does before the first split.
func (b *bench) begin(src sources.Source, from sources.Position) (st sources.Stream, to sources.Position) {
	b.t.Helper()
	ctx := b.t.Context()
	streams, err := src.Streams(ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	if len(streams) == 0 {
		b.t.Fatal("the source has no stream")
	}
	if to, err = src.Bound(ctx, streams[0].Name, from); err != nil {
		b.t.Fatal(err)
	}
	return streams[0], to
}

// read reads a request with a number of workers, which pull splits as the engine's do.
func (b *bench) read(src sources.Source, r sources.Request, workers int) *collector {
	b.t.Helper()
	out := &collector{t: b.t}
	if err := pull(b.t.Context(), src, r, workers, out); err != nil {
		b.t.Fatal(err)
	}
	return out
}

// all opens the suite's source and reads a request from its beginning.
func (b *bench) all(change func(*sources.Env), r sources.Request, workers int) *collector {
	b.t.Helper()
	src := b.open(b.suite.Config, change)
	st, to := b.begin(src, nil)
	r.Stream, r.To = st.Name, to
	return b.read(src, r, workers)
}

// sameRows compares multisets.
func sameRows(t *testing.T, what string, got, want []string) {
	t.Helper()
	count := map[string]int{}
	for _, r := range want {
		count[r]++
	}
	for _, r := range got {
		count[r]--
	}
	maps.DeleteFunc(count, func(_ string, n int) bool { return n == 0 })
	if len(count) == 0 {
		return
	}
	text := ""
	for i, r := range slices.Sorted(maps.Keys(count)) {
		if i == 5 {
			text += "\n…"
			break
		}
		text += fmt.Sprintf("\n%+d %s", -count[r], r)
	}
	t.Errorf("%s: %d rows, want %d; more (+) or fewer (-) than wanted:%s", what, len(got), len(want), text)
}
