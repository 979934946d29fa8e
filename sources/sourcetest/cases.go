package sourcetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/predicate"
	"github.com/firn-data/firn/sources"
)

func testSchema(t *testing.T, s Suite) {
	b := newBench(t, s)
	src := b.open(s.Config, nil)
	st, to := b.begin(src, nil)
	again, _ := b.begin(src, nil)
	if !st.Schema.Equal(again.Schema) || st.Name != again.Name {
		t.Errorf("asked twice, the stream is\n%s %s\n%s %s", st.Name, st.Schema, again.Name, again.Schema)
	}
	if n := st.Schema.NumFields(); n < 2 {
		t.Fatalf("%d columns: the suite needs two", n)
	}
	got := b.read(src, sources.Request{Stream: st.Name, To: to}, 1)
	if got.schema == nil || !got.schema.Equal(st.Schema) {
		t.Errorf("batches have the schema %s, the stream %s", got.schema, st.Schema)
	}
	if later, _ := b.begin(src, nil); !later.Schema.Equal(st.Schema) {
		t.Errorf("after reading, the schema is %s", later.Schema)
	}
	if other, _ := b.begin(b.open(s.Config, nil), nil); !other.Schema.Equal(st.Schema) {
		t.Errorf("opened anew, the schema is %s", other.Schema)
	}
}

func testCover(t *testing.T, s Suite) {
	if len(s.Rows) < 20 {
		t.Fatalf("%d rows: the suite needs 20", len(s.Rows))
	}
	for _, workers := range []int{1, 2, 7} {
		b := newBench(t, s)
		got := b.all(nil, sources.Request{}, workers)
		sameRows(t, fmt.Sprintf("%d workers", workers), got.rows, s.Rows)
		if len(got.badRows) > 0 {
			t.Errorf("a bad row: %+v", got.badRows[0])
		}
		slices.Sort(got.splits)
		if n := len(got.splits); n < 2 || len(slices.Compact(got.splits)) != n || got.splits[0] == "" {
			t.Errorf("the suite needs two splits, each with an id of its own: %q", got.splits)
		}
	}
}

func testProjection(t *testing.T, s Suite) {
	b := newBench(t, s)
	st, _ := b.begin(b.open(s.Config, nil), nil)
	names := make([]string, st.Schema.NumFields())
	for i, f := range st.Schema.Fields() {
		names[i] = f.Name
	}
	backwards := slices.Clone(names)
	slices.Reverse(backwards)
	for _, columns := range [][]string{backwards, names[1:], names[:1], {}} {
		got := b.all(nil, sources.Request{Columns: columns}, 2)
		if len(got.rows) != len(s.Rows) {
			t.Errorf("columns %v: %d rows, want %d", columns, len(got.rows), len(s.Rows))
		}
		var fields []arrow.Field
		for _, n := range columns {
			f, _ := st.Schema.FieldsByName(n)
			fields = append(fields, f[0])
		}
		if want := arrow.NewSchema(fields, nil); got.schema == nil || !slices.EqualFunc(got.schema.Fields(), want.Fields(), func(a, b arrow.Field) bool { return a.Equal(b) }) {
			t.Errorf("columns %v: the batches have the schema %s", columns, got.schema)
		}
	}
	src := b.open(s.Config, nil)
	b.begin(src, nil)
	err := pull(t.Context(), src, sources.Request{Stream: st.Name, Columns: []string{"no_such_column"}}, 1, &collector{t: t})
	if fault.ClassOf(err) != fault.Config || err == nil {
		t.Errorf("an unknown column: %v", err)
	}
}

// testWhere reads under each condition and under all of them: every row that passes is there, and where the source says that
// it applied all conjuncts, no other.
func testWhere(t *testing.T, s Suite) {
	if len(s.Where) == 0 {
		t.Fatal("the suite needs conditions")
	}
	for _, c := range s.Where {
		b := newBench(t, s)
		src := b.open(s.Config, nil)
		st, to := b.begin(src, nil)
		var exact []sources.Predicate
		if p, ok := src.(sources.Pushdown); ok {
			exact = p.Pushed(st.Name, c.Where)
		}
		got := b.read(src, sources.Request{Stream: st.Name, To: to, Where: c.Where}, 2)
		all := b.all(nil, sources.Request{}, 1)
		if len(got.rows) < c.Rows || len(exact) > 0 && len(exact) == len(c.Where.Conjuncts()) && len(got.rows) != c.Rows {
			t.Errorf("%s holds for %d rows, %d came; applied exactly: %v", c.Where, c.Rows, len(got.rows), exact)
		}
		if extra := without(got.rows, all.rows); len(extra) > 0 {
			t.Errorf("%s: rows that are not the source's: %v", c.Where, extra)
		}
		for _, e := range exact {
			if !slices.ContainsFunc(c.Where.Conjuncts(), func(p predicate.Predicate) bool { return p.String() == e.String() }) {
				t.Errorf("%s, which the source applies, is no conjunct of %s", e, c.Where)
			}
		}
	}
}

// without is what of rows is not among others, as multisets.
func without(rows, others []string) (out []string) {
	have := map[string]int{}
	for _, r := range others {
		have[r]++
	}
	for _, r := range rows {
		if have[r]--; have[r] < 0 {
			out = append(out, r)
		}
	}
	return out
}

func testBatchRows(t *testing.T, s Suite) {
	b := newBench(t, s)
	for _, want := range []int{1, 7} {
		got := b.all(func(e *sources.Env) { e.BatchRows = want }, sources.Request{}, 1)
		sameRows(t, fmt.Sprintf("batches of %d", want), got.rows, s.Rows)
		if most := slices.Max(got.sizes); most > 2*want && !s.WholeBatches {
			t.Errorf("a batch has %d rows, asked for were %d", most, want)
		}
	}
}

func testAgain(t *testing.T, s Suite) {
	if s.Once {
		return
	}
	b := newBench(t, s)
	src := b.open(s.Config, nil)
	st, to := b.begin(src, nil)
	for sp, err := range src.Splits(t.Context(), sources.Request{Stream: st.Name, To: to}) {
		if err != nil {
			t.Fatal(err)
		}
		refused := errors.New("refused")
		first, second := &collector{t: t}, &collector{t: t}
		if err := sp.Read(t.Context(), refuser{err: refused}); !errors.Is(err, refused) {
			t.Errorf("split %s: the refused read gave %v", sp.ID(), err)
		}
		for _, out := range []*collector{first, second} {
			if err := sp.Read(t.Context(), out); err != nil {
				t.Fatalf("split %s: %v", sp.ID(), err)
			}
		}
		sameRows(t, "split "+sp.ID()+" read again", second.rows, first.rows)
	}
}

func testOrigins(t *testing.T, s Suite) {
	b := newBench(t, s)
	got := b.all(func(e *sources.Env) { e.BatchRows = 7 }, sources.Request{}, 2)
	seen := map[string]bool{}
	for _, p := range got.places {
		if seen[p] {
			t.Errorf("two rows are at %s", p)
		}
		seen[p] = true
	}
}

func testBad(t *testing.T, s Suite) {
	if s.Bad == nil {
		return
	}
	for _, workers := range []int{1, 3} {
		b := newBench(t, s)
		src := b.open(s.Bad.Config, nil)
		st, to := b.begin(src, nil)
		got := b.read(src, sources.Request{Stream: st.Name, To: to}, workers)
		if len(got.rows) != s.Bad.Good {
			t.Errorf("%d good rows, want %d", len(got.rows), s.Bad.Good)
		}
		var places []string
		for _, r := range got.badRows {
			places = append(places, r.Place.String())
			if r.Reason == "" || r.Code == "" || len(r.Raw) == 0 || r.Stage != "read" {
				t.Errorf("a bad row lacks its stage, reason, code or bytes: %+v", r)
			}
		}
		slices.Sort(places)
		if !slices.Equal(places, s.Bad.Places) {
			t.Errorf("bad rows at\n%s\nwant\n%s", strings.Join(places, "\n"), strings.Join(s.Bad.Places, "\n"))
		}
	}
}

func testCursor(t *testing.T, s Suite) {
	c := s.Cursor
	if c == nil {
		return
	}
	b := newBench(t, s)
	run := func(from sources.Position) ([]string, sources.Position) {
		t.Helper()
		src := b.open(c.Config, func(e *sources.Env) { e.Cursor = &c.Cursor })
		st, to := b.begin(src, from)
		if _, again := b.begin(src, from); string(again) != string(to) && len(c.More) == 0 {
			t.Errorf("asked twice, the bound is %s and %s", to, again)
		}
		if len(to) > 0 && !json.Valid(to) {
			t.Errorf("the position %s is not JSON", to)
		}
		return b.read(src, sources.Request{Stream: st.Name, From: from, To: to}, 2).rows, to
	}
	rows, to := run(nil)
	sameRows(t, "the first run", rows, c.Rows)
	rows, same := run(to)
	sameRows(t, "a run with nothing new", rows, nil)
	c.Grow()
	rows, last := run(same)
	sameRows(t, "after new rows", rows, c.More)
	rows, _ = run(last)
	sameRows(t, "again with nothing new", rows, nil)
	rows, _ = run(nil)
	sameRows(t, "from the beginning", rows, append(slices.Clone(c.Rows), c.More...))
}

// testCancel ends the context from within the first batch; the read must end, too, and say that it was interrupted.
func testCancel(t *testing.T, s Suite) {
	b := newBench(t, s)
	src := b.open(s.Config, func(e *sources.Env) { e.BatchRows = 1 })
	st, to := b.begin(src, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &blocked{ctx: ctx, first: cancel}
	if err := within(t, func() error { return pull(ctx, src, sources.Request{Stream: st.Name, To: to}, 2, out) }); err == nil {
		t.Error("the cancelled read says that it is complete")
	}
	b2 := newBench(t, s)
	src = b2.open(s.Config, nil)
	if err := within(t, func() error {
		_, err := src.Streams(ctx)
		if err == nil {
			err = pull(ctx, src, sources.Request{}, 1, &collector{t: t})
		}
		return err
	}); err == nil {
		t.Error("a context that had ended was not noticed")
	} else if c := fault.ClassOf(err); c != fault.Interrupted {
		t.Errorf("the class of %v is %s", err, c)
	}
}

// blocked is an Out whose first batch cancels, and which then gives the context's error, as the engine's does.
type blocked struct {
	ctx   context.Context
	once  sync.Once
	first func()
}

func (o *blocked) Batch(b sources.Batch) error {
	b.Release()
	o.once.Do(o.first)
	return context.Cause(o.ctx)
}

func (o *blocked) BadRow(sources.BadRow) error { return context.Cause(o.ctx) }

// within fails the test when f hangs.
func within(t *testing.T, f func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-time.After(30 * time.Second):
		t.Fatal("it does not return")
		return nil
	}
}

func testRefusal(t *testing.T, s Suite) {
	b := newBench(t, s)
	src := b.open(s.Config, nil)
	st, to := b.begin(src, nil)
	refused := errors.New("refused")
	if err := pull(t.Context(), src, sources.Request{Stream: st.Name, To: to}, 2, refuser{err: refused}); !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
}

func testClose(t *testing.T, s Suite) {
	b := newBench(t, s)
	unread := b.open(s.Config, nil)
	for range 2 {
		if err := unread.Close(); err != nil {
			t.Error("close: ", err)
		}
	}
	src := b.open(s.Config, func(e *sources.Env) { e.BatchRows = 1 })
	st, to := b.begin(src, nil)
	closed := func() {
		if err := src.Close(); err != nil {
			t.Error("close while it is read: ", err)
		}
	}
	if err := within(t, func() error {
		return pull(t.Context(), src, sources.Request{Stream: st.Name, To: to}, 2, refuser{after: closed})
	}); err != nil && fault.ClassOf(err) != fault.Interrupted && !errors.Is(err, context.Canceled) {
		t.Errorf("the closed source says %v (%s)", err, fault.ClassOf(err))
	}
}

func testErrors(t *testing.T, s Suite) {
	for _, c := range s.Errors {
		b := newBench(t, s)
		err := within(t, func() error { return firstError(b, c) })
		if err == nil || fault.ClassOf(err) != c.Class {
			t.Errorf("%s: %v is %s, want %s", c.Name, err, fault.ClassOf(err), c.Class)
		}
		if f := (*fault.Error)(nil); err != nil && !errors.As(err, &f) {
			t.Errorf("%s: %v has no class of its own", c.Name, err)
		}
	}
}

func firstError(b *bench, c ErrorCase) error {
	src, err := b.tryOpen(c.Config, c.Env)
	if err != nil {
		return err
	}
	ctx := b.t.Context()
	streams, err := src.Streams(ctx)
	if err != nil {
		return err
	}
	to, err := src.Bound(ctx, streams[0].Name, nil)
	if err != nil {
		return err
	}
	return pull(ctx, src, sources.Request{Stream: streams[0].Name, To: to}, 1, &collector{t: b.t})
}
