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

// dedupeNode keeps one row of each key: the first by its order, ties by the other columns from left to right, so that the
// result does not depend on the order in which rows arrive (I7).
type dedupeNode struct {
	base
	port
	from  node
	rule  Dedupe
	key   []expr.Expr
	order []sortItem
}

func compileDedupe(s *Step, in node, now time.Time) (node, error) {
	schema := in.schema()
	n := &dedupeNode{base: base{step: s}, port: port{width: schema.NumFields()}, from: in, rule: *s.Dedupe}
	scope := &expr.Scope{Now: now, Functions: expr.Functions()}
	for _, f := range schema.Fields() {
		scope.Fields = append(scope.Fields, expr.Field{Of: "input", Name: f.Name, Type: typeOf(f)})
	}
	for _, k := range s.Dedupe.Key {
		e, err := scope.Bind(&parse.Column{Parts: []string{k}})
		if err != nil {
			return nil, place(err, k, s.At)
		}
		if e.Type().Kind == expr.Opaque {
			return nil, fault.New(fault.Config, "%s is %s, which cannot be a key", k, e.Type()).At(s.At)
		}
		n.key = append(n.key, e)
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
		n.order = append(n.order, sortItem{e, o.Descending, o.NullsLast})
	}
	n.order = append(n.order, ties(schema)...)
	return n, nil
}

// ties are a schema's columns, by which rows are ordered that are equal otherwise; those that cannot be compared do not take
// part.
func ties(schema *arrow.Schema) (out []sortItem) {
	for i, f := range schema.Fields() {
		if t := typeOf(f); t.Orderable() {
			out = append(out, sortItem{e: expr.NewColumn(i, f.Name, t)})
		}
	}
	return out
}

func (n *dedupeNode) schema() *arrow.Schema       { return n.from.schema() }
func (n *dedupeNode) inputs() []node              { return []node{n.from} }
func (n *dedupeNode) connect(_ int, became []int) { n.became = became }

// prune keeps every column: ties go by all of them.
func (n *dedupeNode) prune([]bool) ([]int, [][]bool) {
	reads := all(n.width)
	return renumber(reads), [][]bool{reads}
}

func (n *dedupeNode) describe() string {
	s := "Dedupe by " + strings.Join(n.rule.Key, ", ")
	if len(n.rule.Order) > 0 {
		s += ", first of " + strings.Join(n.rule.Order, ", ")
	}
	return s
}

func (n *dedupeNode) start(e *Execution, i int) runner {
	return &dedupeRunner{dedupeNode: n, e: e, i: i, first: map[string]rowRef{}, hold: holding{budget: e.env.Budget}}
}

// dedupeRunner holds the batches that have a winner so far. When the budget refuses more of them, the winners so far and all
// rows that follow go to a sorter, which spills.
type dedupeRunner struct {
	*dedupeNode
	e    *Execution
	i    int
	hold holding

	mu     sync.Mutex
	held   []heldBatch
	first  map[string]rowRef
	rows   int64
	sorter *sorter // nil: everything is held
}

// heldBatch is a batch with the values that its rows are compared by.
type heldBatch struct {
	batch.Batch
	order []*expr.Vec
}

type rowRef struct{ batch, row int32 }

// push takes the batch's rows into account. It holds the batch until done.
func (r *dedupeRunner) push(ctx context.Context, _ int, b batch.Batch) error {
	eb := r.wrap(b.Record)
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
	r.rows += int64(b.Rows())
	if r.sorter == nil && !r.hold.try(2*recordBytes(b.Record)+64*b.Record.NumRows()) {
		if err := r.spill(ctx); err != nil {
			b.Release()
			return err
		}
	}
	if r.sorter != nil {
		return r.sort(b.Record, append(keys, h.order...))
	}
	at := int32(len(r.held))
	r.held = append(r.held, h)
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

// sort gives the rows of a batch, which it owns, to the sorter.
func (r *dedupeRunner) sort(rec arrow.RecordBatch, vecs []*expr.Vec) error {
	items := append(make([]sortItem, len(r.key)), r.order...)
	return r.sorter.add(rec, keysOf(vecs, items, len(r.key), int(rec.NumRows())))
}

// spill moves what is held to a sorter.
func (r *dedupeRunner) spill(ctx context.Context) error {
	r.sorter = newSorter(&r.e.env, r.schema(), 0)
	r.sorter.unique = true
	err := r.winners(ctx, func(b batch.Batch) error {
		eb := r.wrap(b.Record)
		var vecs []*expr.Vec
		for _, k := range r.key {
			v, _ := k.Eval(eb, nil)
			vecs = append(vecs, v)
		}
		for _, o := range r.order {
			v, _ := o.e.Eval(eb, nil)
			vecs = append(vecs, v)
		}
		return r.sort(b.Record, vecs)
	})
	r.free()
	return err
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

// winners calls give with the first rows of what is held, batch by batch.
func (r *dedupeRunner) winners(ctx context.Context, give func(batch.Batch) error) error {
	rows := make([][]int32, len(r.held))
	for _, ref := range r.first {
		rows[ref.batch] = append(rows[ref.batch], ref.row)
	}
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
		if err := give(batch.Batch{Record: rec, Origin: h.Origin.Take(sel)}); err != nil {
			return err
		}
	}
	return nil
}

// done gives the winners on.
func (r *dedupeRunner) done(ctx context.Context, _ int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.free()
	kept := int64(0)
	give := func(b batch.Batch) error {
		kept += int64(b.Rows())
		return r.e.emit(ctx, r.i, b)
	}
	var err error
	if r.sorter == nil {
		err = r.winners(ctx, give)
	} else {
		err = r.sorter.finish(func(rec arrow.RecordBatch, _ [][]byte, _ []int32) error {
			return give(batch.Batch{Record: rec, Origin: batch.Origin{Derived: true}})
		})
	}
	r.e.counters[r.i].deduplicated.Add(r.rows - kept)
	return err
}

func (r *dedupeRunner) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.free()
	if r.sorter != nil {
		r.sorter.close()
	}
}

func (r *dedupeRunner) free() {
	for _, h := range r.held {
		h.Release()
	}
	r.held, r.first = nil, map[string]rowRef{}
	r.hold.free()
}
