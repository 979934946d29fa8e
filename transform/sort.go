package transform

import (
	"context"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/transform/expr"
)

// ordering is the part of an operator that sorts its input's rows.
type ordering struct {
	pass
	by intake // exprs are those of items
	// items are what rows are sorted by; the first parts of them are what partitions go by.
	items []sortItem
	parts int
	text  string // of items, for Explain
}

func newOrdering(r intake, in node, items []sortItem, parts int, text string) ordering {
	o := ordering{pass: passOf(r.step, in), by: r, items: items, parts: parts, text: text}
	o.by.width = o.width
	for _, it := range items {
		o.by.exprs = append(o.by.exprs, it.e)
	}
	return o
}

func (o *ordering) connect(i int, became []int) {
	o.pass.connect(i, became)
	o.by.became = became
}

func (o *ordering) common() *base { return &o.by.base }

// prune reads the keys besides what is given on.
func (o *ordering) prune(keep []bool) ([]int, [][]bool) {
	became, _ := o.pass.prune(keep)
	reads := o.by.reads()
	for i, k := range keep {
		reads[i] = reads[i] || k
	}
	return became, [][]bool{reads}
}

// collect puts a batch's rows into the sorter.
func (o *ordering) collect(ctx context.Context, e *Execution, id int, s *sorter, b batch.Batch) error {
	defer b.Release()
	t, err := o.by.take(e, id, b)
	if err != nil {
		return err
	}
	defer t.release()
	if t.n == 0 {
		return nil
	}
	keys := keysOf(t.vecs, o.items, o.parts, t.n)
	b.Record.Retain()
	rec := o.pick(batch.Batch{Record: b.Record}).Record
	if t.sel != nil {
		some, err := batch.TakeRecord(ctx, e.env.Alloc, rec, t.sel)
		rec.Release()
		if err != nil {
			return err
		}
		rec = some
	}
	return s.add(rec, keys)
}

// sortNode gives its rows in order, or the first of them.
type sortNode struct {
	ordering
	limit int64 // 0: all
}

func newSort(r intake, in node, items []sortItem, text string, limit int64) *sortNode {
	return &sortNode{newOrdering(r, in, items, len(items), text), limit}
}

func (n *sortNode) describe() string {
	if n.limit > 0 {
		return fmt.Sprintf("Top %d by %s", n.limit, n.text) + n.by.filterText()
	}
	return "Sort by " + n.text + n.by.filterText()
}

func (n *sortNode) start(e *Execution, id int) runner {
	return &sortRunner{sortNode: n, e: e, id: id, s: newSorter(&e.env, n.out, n.limit)}
}

type sortRunner struct {
	*sortNode
	e  *Execution
	id int
	s  *sorter
}

func (r *sortRunner) push(ctx context.Context, _ int, b batch.Batch) error {
	return r.collect(ctx, r.e, r.id, r.s, b)
}

// done counts the rows beyond the limit as filtered.
func (r *sortRunner) done(ctx context.Context, _ int) error {
	c := r.e.counters[r.id]
	err := r.s.finish(func(rec arrow.RecordBatch, _ [][]byte, _ []int32) error {
		return r.e.emit(ctx, r.id, batch.Batch{Record: rec, Origin: batch.Origin{Derived: true}})
	})
	c.filtered.Add(c.in.Load() - c.filtered.Load() - c.bad.Load() - c.out.Load())
	return err
}

func (r *sortRunner) close() { r.s.close() }

// windowNode numbers the rows of each partition in order: row_number().
type windowNode struct {
	ordering
	name   string
	number bool // the number is a column of the result
	full   *arrow.Schema
}

func newWindow(r intake, in node, items []sortItem, parts int, text, name string) *windowNode {
	n := &windowNode{ordering: newOrdering(r, in, items, parts, text), name: name, number: true}
	n.full = n.withNumber()
	return n
}

func (n *windowNode) withNumber() *arrow.Schema {
	if !n.number {
		return n.out
	}
	return arrow.NewSchema(append(append([]arrow.Field{}, n.out.Fields()...), arrow.Field{Name: n.name, Type: arrow.PrimitiveTypes.Int32}), nil)
}

func (n *windowNode) schema() *arrow.Schema { return n.full }

func (n *windowNode) prune(keep []bool) ([]int, [][]bool) {
	last := len(keep) - 1
	_, reads := n.ordering.prune(keep[:last])
	n.number = keep[last]
	n.full = n.withNumber()
	return renumber(keep), reads
}

func (n *windowNode) describe() string { return "Number " + n.text + n.by.filterText() }

func (n *windowNode) start(e *Execution, id int) runner {
	return &windowRunner{windowNode: n, e: e, id: id, s: newSorter(&e.env, n.out, 0)}
}

type windowRunner struct {
	*windowNode
	e  *Execution
	id int
	s  *sorter
}

func (r *windowRunner) push(ctx context.Context, _ int, b batch.Batch) error {
	return r.collect(ctx, r.e, r.id, r.s, b)
}

func (r *windowRunner) done(ctx context.Context, _ int) error {
	var partition []byte
	number, begun := int64(0), false
	return r.s.finish(func(rec arrow.RecordBatch, keys [][]byte, parts []int32) error {
		v := expr.NewVec(expr.Type{Kind: expr.Int}, len(keys))
		for i, k := range keys {
			if p := k[:parts[i]]; !begun || string(p) != string(partition) {
				partition, number, begun = append(partition[:0], p...), 0, true
			}
			number++
			v.I[i] = number
		}
		cols := append([]arrow.Array{}, rec.Columns()...)
		if r.number {
			c := v.Array(r.e.env.Alloc)
			defer c.Release()
			cols = append(cols, c)
		}
		out := array.NewRecordBatch(r.full, cols, rec.NumRows())
		rec.Release()
		return r.e.emit(ctx, r.id, batch.Batch{Record: out, Origin: batch.Origin{Derived: true}})
	})
}

func (r *windowRunner) close() { r.s.close() }

// orderText shows items as ORDER BY writes them.
func orderText(names []string, items []sortItem) string {
	out := make([]string, len(items))
	for i, it := range items {
		if out[i] = names[i]; it.descending {
			out[i] += " DESC"
		}
		if it.nullsLast != it.descending {
			out[i] += map[bool]string{true: " NULLS LAST", false: " NULLS FIRST"}[it.nullsLast]
		}
	}
	return strings.Join(out, ", ")
}
