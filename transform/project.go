package transform

import (
	"context"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/transform/expr"
)

// projectNode computes the items of a SELECT for the rows that pass a condition, row by row.
type projectNode struct {
	intake // exprs are those of the items that are no columns, in their order
	in     node
	items  []output
	from   *arrow.Schema // of in, before pruning
	out    *arrow.Schema

	filterOnly bool // it gives all columns on
}

// output is one column of a result: a column of the input, or an expression.
type output struct {
	name   string
	column int // -1: e
	e      expr.Expr
}

// columnOutput gives a column of the input on.
func columnOutput(i int, name string) output { return output{name: name, column: i} }

func newProject(r intake, in node, items []output) *projectNode {
	r.width = in.schema().NumFields()
	p := &projectNode{intake: r, in: in, items: items, from: in.schema()}
	p.settle()
	return p
}

// settle derives from the items what follows from them.
func (n *projectNode) settle() {
	n.exprs = nil
	fields := make([]arrow.Field, len(n.items))
	for i, o := range n.items {
		if o.column >= 0 {
			fields[i] = n.from.Field(o.column)
			fields[i].Name = o.name
			continue
		}
		n.exprs = append(n.exprs, o.e)
		fields[i] = fieldOf(o.name, o.e.Type())
	}
	n.out = arrow.NewSchema(fields, nil)
}

func (n *projectNode) schema() *arrow.Schema            { return n.out }
func (n *projectNode) inputs() []node                   { return []node{n.in} }
func (n *projectNode) connect(_ int, became []int)      { n.became = became }
func (n *projectNode) start(e *Execution, i int) runner { return &projectRunner{n, e, i} }

func (n *projectNode) prune(keep []bool) ([]int, [][]bool) {
	n.items = kept(n.items, keep)
	n.settle()
	reads := n.reads()
	for _, o := range n.items {
		if o.column >= 0 {
			reads[o.column] = true
		}
	}
	if n.step.OnError == Quarantine {
		if _, ok := n.in.(*readNode); ok {
			reads = all(n.width) // a row that is set aside is kept whole
		}
	}
	return renumber(keep), [][]bool{reads}
}

func (n *projectNode) describe() string {
	names := make([]string, len(n.items))
	for i, o := range n.items {
		names[i] = o.name
		if o.column >= 0 && n.from.Field(o.column).Name != o.name {
			names[i] = n.from.Field(o.column).Name + " AS " + o.name
		} else if o.column < 0 {
			if names[i] == "" {
				names[i] = "_"
			}
			names[i] += " " + o.e.Type().String()
		}
	}
	if n.filterOnly {
		return strings.TrimPrefix(n.filterText(), "\n")
	}
	return "Project " + strings.Join(names, ", ") + n.filterText()
}

// projectRunner holds no state: workers run it side by side.
type projectRunner struct {
	*projectNode
	e *Execution
	i int
}

func (r *projectRunner) done(context.Context, int) error { return nil }
func (r *projectRunner) close()                          {}

// push filters and projects one batch.
func (r *projectRunner) push(ctx context.Context, _ int, b batch.Batch) error {
	defer b.Release()
	t, err := r.take(r.e, r.i, b)
	if err != nil {
		return err
	}
	if t.n == 0 {
		t.release()
		return nil
	}
	out, err := r.assemble(ctx, b, t)
	t.release()
	if err != nil {
		return err
	}
	return r.e.emit(ctx, r.i, out)
}

// assemble makes the result: columns passed through are shared where no row is left out.
func (r *projectRunner) assemble(ctx context.Context, b batch.Batch, t *taken) (batch.Batch, error) {
	cols := make([]arrow.Array, len(r.items))
	defer releaseColumns(cols)
	origin := b.Origin
	var idx *array.Int32
	if t.sel != nil {
		origin = b.Origin.Take(t.sel)
		idx = batch.Indices(r.e.env.Alloc, t.sel)
		defer idx.Release()
	}
	k := 0
	for i, o := range r.items {
		switch {
		case o.column < 0:
			cols[i] = t.vecs[k].Array(r.e.env.Alloc)
			k++
		case t.sel == nil:
			cols[i] = b.Record.Column(r.at(o.column))
			cols[i].Retain()
		default:
			var err error
			if cols[i], err = batch.TakeColumn(ctx, r.e.env.Alloc, b.Record.Column(r.at(o.column)), idx); err != nil {
				return batch.Batch{}, err
			}
		}
	}
	return batch.Batch{Record: array.NewRecordBatch(r.out, cols, int64(t.n)), Origin: origin}, nil
}

func releaseColumns(cols []arrow.Array) {
	for _, c := range cols {
		if c != nil {
			c.Release()
		}
	}
}
