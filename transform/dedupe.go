package transform

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/transform/expr"
	"github.com/firn-data/firn/transform/parse"
)

// dedupeStage keeps one row of each key: the first by its order, ties by the other columns from left to right, so that the
// result does not depend on the order in which rows arrive (I7).
type dedupeStage struct {
	in    *arrow.Schema
	step  Dedupe
	key   []expr.Expr
	order []sortItem
}

type sortItem struct {
	e                     expr.Expr
	descending, nullsLast bool
}

func compileDedupe(s Step, in *arrow.Schema, now time.Time) (stage, error) {
	st := &dedupeStage{in: in, step: *s.Dedupe}
	scope := &expr.Scope{Now: now, Functions: expr.Functions()}
	for _, f := range in.Fields() {
		scope.Fields = append(scope.Fields, expr.Field{Of: "input", Name: f.Name, Type: expr.FromArrow(f.Type)})
	}
	for _, k := range s.Dedupe.Key {
		e, err := scope.Bind(&parse.Column{Parts: []string{k}})
		if err != nil {
			return nil, place(err, k, s.At)
		}
		if e.Type().Kind == expr.Opaque {
			return nil, fault.New(fault.Config, "%s is %s, which cannot be a key", k, e.Type()).At(s.At)
		}
		st.key = append(st.key, e)
	}
	for _, text := range s.Dedupe.Order {
		o, err := parse.ParseOrder(text)
		if err != nil {
			return nil, place(err, text, s.At)
		}
		e, err := scope.Bind(o.X)
		if err != nil {
			return nil, place(err, text, s.At)
		}
		st.order = append(st.order, sortItem{e, o.Descending, o.NullsLast})
	}
	// Ties go by the other columns; those that cannot be compared do not take part.
	for _, f := range in.Fields() {
		e, err := scope.Bind(&parse.Column{Parts: []string{f.Name}})
		if err == nil && e.Type().Kind != expr.Opaque {
			st.order = append(st.order, sortItem{e: e})
		}
	}
	return st, nil
}

func (st *dedupeStage) schema() *arrow.Schema { return st.in }

func (st *dedupeStage) describe() string {
	s := "Dedupe by " + strings.Join(st.step.Key, ", ")
	if len(st.step.Order) > 0 {
		s += ", first of " + strings.Join(st.step.Order, ", ")
	}
	return s
}

func (st *dedupeStage) start(e *Execution, i int) runner {
	return &dedupeRunner{dedupeStage: st, e: e, i: i, first: map[string]rowRef{}}
}

// dedupeRunner holds the batches that have a winner so far.
type dedupeRunner struct {
	*dedupeStage
	e *Execution
	i int

	mu       sync.Mutex
	held     []heldBatch
	first    map[string]rowRef
	rows     int64
	reserved int64
}

// heldBatch is a batch with the values that its rows are compared by.
type heldBatch struct {
	batch.Batch
	order []*expr.Vec
}

type rowRef struct{ batch, row int32 }

// push takes the batch's rows into account. It holds the batch until done.
func (r *dedupeRunner) push(_ context.Context, b batch.Batch) error {
	eb := expr.NewBatch(b.Record)
	h := heldBatch{Batch: b}
	keys := make([]*expr.Vec, len(r.key))
	for i, k := range r.key {
		keys[i], _ = k.Eval(eb, nil)
	}
	for _, o := range r.order {
		v, errs := o.e.Eval(eb, nil)
		if len(errs) > 0 {
			defer b.Release()
			return fault.New(fault.Data, "dedupe: %s", errs[0].Msg).WithCode(errs[0].Code).At(b.Origin.Place(int(errs[0].Row)))
		}
		h.order = append(h.order, v)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.reserve(b.Record); err != nil {
		b.Release()
		return err
	}
	at := int32(len(r.held))
	r.held = append(r.held, h)
	r.rows += int64(b.Rows())
	var key []byte
	for row := range int32(b.Rows()) {
		key = key[:0]
		for _, v := range keys {
			key = v.AppendKey(key, int(row))
		}
		old, seen := r.first[string(key)]
		if !seen || r.before(rowRef{at, row}, old) {
			r.first[string(key)] = rowRef{at, row}
		}
	}
	return nil
}

// reserve accounts for a held batch and its keys (I8).
func (r *dedupeRunner) reserve(rec arrow.RecordBatch) error {
	n := int64(64 * rec.NumRows())
	for _, c := range rec.Columns() {
		n += 2 * int64(c.Data().SizeInBytes())
	}
	if !r.e.env.Budget.TryReserve(n) {
		return fault.New(fault.Unavailable, "dedupe holds %d rows and the memory budget of %d MiB is used up", r.rows, r.e.env.Budget.Limit()>>20).
			Hint("raise resources.memory, or remove duplicates in the source's query")
	}
	r.reserved += n
	return nil
}

// before reports whether a comes before b.
func (r *dedupeRunner) before(a, b rowRef) bool {
	x, y := r.held[a.batch].order, r.held[b.batch].order
	for i, o := range r.order {
		if c := expr.Compare(x[i], int(a.row), y[i], int(b.row), o.descending, o.nullsLast); c != 0 {
			return c < 0
		}
	}
	return false
}

// done gives the winners on, batch by batch.
func (r *dedupeRunner) done(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	rows := make([][]int32, len(r.held))
	for _, ref := range r.first {
		rows[ref.batch] = append(rows[ref.batch], ref.row)
	}
	r.e.counters[r.i].deduplicated.Add(r.rows - int64(len(r.first)))
	for i, sel := range rows {
		if len(sel) == 0 {
			continue
		}
		slices.SortFunc(sel, cmp.Compare)
		h := r.held[i]
		rec, err := batch.TakeRecord(ctx, r.e.env.Alloc, h.Record, sel)
		if err != nil {
			return fmt.Errorf("dedupe: %w", err)
		}
		if err := r.e.emit(ctx, r.i, batch.Batch{Record: rec, Origin: h.Origin.Take(sel)}); err != nil {
			return err
		}
	}
	r.free()
	return nil
}

func (r *dedupeRunner) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.free()
}

func (r *dedupeRunner) free() {
	for _, h := range r.held {
		h.Release()
	}
	r.held, r.first = nil, map[string]rowRef{}
	r.e.env.Budget.Release(r.reserved)
	r.reserved = 0
}
