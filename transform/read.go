package transform

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/firn-data/firn/internal/batch"
)

// readNode is one of the job's inputs.
type readNode struct {
	base
	name string
	full *arrow.Schema // of the source
	keep []bool        // columns that are read; nil: all
	out  *arrow.Schema
}

func newRead(in Input) *readNode { return &readNode{name: in.Name, full: in.Schema, out: in.Schema} }

func (n *readNode) describe() string {
	return fmt.Sprintf("Read %s: %d columns", n.name, n.out.NumFields())
}
func (n *readNode) schema() *arrow.Schema { return n.out }
func (n *readNode) inputs() []node        { return nil }
func (n *readNode) connect(int, []int)    {}

// prune reads only what is used, and at least one column: no source gives rows without columns.
func (n *readNode) prune(keep []bool) ([]int, [][]bool) {
	some := false
	for _, k := range keep {
		some = some || k
	}
	if !some && len(keep) > 0 {
		keep[n.cheapest()] = true
	}
	n.keep = keep
	n.out = arrow.NewSchema(kept(n.full.Fields(), keep), nil)
	return renumber(keep), nil
}

// cheapest is the first column of fixed width, or the first.
func (n *readNode) cheapest() int {
	for i, f := range n.full.Fields() {
		if _, ok := f.Type.(arrow.FixedWidthDataType); ok {
			return i
		}
	}
	return 0
}

// columns are the names of what is read; nil means all.
func (n *readNode) columns() []string {
	if n.keep == nil || n.out.NumFields() == n.full.NumFields() {
		return nil
	}
	return fieldNames(n.out)
}

func (n *readNode) start(e *Execution, id int) runner { return &readRunner{n, e, id} }

type readRunner struct {
	*readNode
	e  *Execution
	id int
}

// push takes a batch with all columns of the source, or with those that columns names.
func (r *readRunner) push(ctx context.Context, _ int, b batch.Batch) error {
	if r.keep != nil && int(b.Record.NumCols()) == len(r.keep) && r.out.NumFields() < len(r.keep) {
		rec := array.NewRecordBatch(r.out, kept(b.Record.Columns(), r.keep), b.Record.NumRows())
		b.Release()
		b.Record = rec
	}
	return r.e.emit(ctx, r.id, b)
}

func (r *readRunner) done(context.Context, int) error { return nil }
func (r *readRunner) close()                          {}

// constantNode is one row without columns: a SELECT without FROM.
type constantNode struct{ base }

func (*constantNode) describe() string      { return "OneRow" }
func (*constantNode) schema() *arrow.Schema { return arrow.NewSchema(nil, nil) }
func (*constantNode) inputs() []node        { return nil }
func (*constantNode) connect(int, []int)    {}

func (*constantNode) prune([]bool) ([]int, [][]bool) { return nil, nil }

func (*constantNode) start(e *Execution, id int) runner { return &constantRunner{e, id} }

type constantRunner struct {
	e  *Execution
	id int
}

func (r *constantRunner) give(ctx context.Context) error {
	return r.e.emit(ctx, r.id, batch.Batch{Record: array.NewRecordBatch(arrow.NewSchema(nil, nil), nil, 1), Origin: batch.Origin{Derived: true}})
}

func (r *constantRunner) push(context.Context, int, batch.Batch) error { return nil }
func (r *constantRunner) done(context.Context, int) error              { return nil }
func (r *constantRunner) close()                                       {}
