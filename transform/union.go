package transform

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/firn-data/firn/internal/batch"
)

// unionNode gives the rows of all its inputs, whose columns have the same types one by one.
type unionNode struct {
	base
	parts []node
	ports []port
	out   *arrow.Schema
	keep  []int // columns that are given; each input may give more
}

func newUnion(step *Step, parts []node) *unionNode {
	n := &unionNode{base: base{step: step}, parts: parts, ports: make([]port, len(parts)), out: parts[0].schema()}
	fields := n.out.Fields()
	for i := range fields {
		fields[i].Nullable = true
		n.keep = append(n.keep, i)
	}
	n.out = arrow.NewSchema(fields, nil)
	return n
}

func (n *unionNode) describe() string                  { return fmt.Sprintf("Union of %d", len(n.parts)) }
func (n *unionNode) schema() *arrow.Schema             { return n.out }
func (n *unionNode) inputs() []node                    { return n.parts }
func (n *unionNode) connect(i int, became []int)       { n.ports[i].became = became }
func (n *unionNode) start(e *Execution, id int) runner { return &unionRunner{n, e, id} }

func (n *unionNode) prune(keep []bool) ([]int, [][]bool) {
	n.out, n.keep = arrow.NewSchema(kept(n.out.Fields(), keep), nil), kept(n.keep, keep)
	reads := make([][]bool, len(n.parts))
	for i := range reads {
		reads[i] = keep
	}
	return renumber(keep), reads
}

type unionRunner struct {
	*unionNode
	e  *Execution
	id int
}

func (r *unionRunner) push(ctx context.Context, port int, b batch.Batch) error {
	cols := make([]arrow.Array, len(r.keep))
	for i, k := range r.keep {
		cols[i] = b.Record.Column(r.ports[port].at(k))
	}
	rec := array.NewRecordBatch(r.out, cols, b.Record.NumRows())
	b.Release()
	return r.e.emit(ctx, r.id, batch.Batch{Record: rec, Origin: b.Origin})
}

func (r *unionRunner) done(context.Context, int) error { return nil }
func (r *unionRunner) close()                          {}
