package transform

import (
	"context"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/transform/expr"
)

// node is one operator of a plan: what it gives and what it reads. It is immutable once the program is compiled; its running
// state is a runner.
//
// Expressions and column numbers in a node are those of its inputs before pruning; a port maps them to what arrives.
type node interface {
	describe() string // one line for each of the operator's parts, the last first
	schema() *arrow.Schema
	inputs() []node
	// prune drops the outputs that nobody keeps, and says what each old output has become (-1: dropped) and which
	// columns of each input are still read. It is called once, after every consumer of the node was pruned.
	prune(keep []bool) (became []int, reads [][]bool)
	// connect says where the columns of an input are, once that was pruned.
	connect(port int, became []int)
	start(e *Execution, id int) runner
	common() *base
	merges() bool // a row that it gives stands for several, or is one of several that stand for one
}

// base is what all nodes have.
type base struct {
	step *Step // nil: an input
	// merged: rows of the step's input no longer stand alone here, so that one that fails cannot be set aside.
	merged bool
}

func (b *base) common() *base { return b }
func (b *base) merges() bool  { return false }

// runner is an operator at work.
type runner interface {
	// push takes a batch of an input, which it owns. Several workers may call it at once.
	push(ctx context.Context, port int, b batch.Batch) error
	// done says that an input has ended. It is called by one goroutine, once for each input and after its last push; when it
	// has been called for all inputs, the operator has given everything.
	done(ctx context.Context, port int) error
	// close releases what the operator holds. It may be called at any time after the last push, more than once.
	close()
}

// port maps the columns of an input that a node's expressions name to those that arrive.
type port struct {
	width  int   // columns before pruning
	became []int // nil: nothing was pruned
}

func (p *port) at(column int) int {
	if p.became == nil {
		return column
	}
	return p.became[column]
}

// wrap makes a batch for expressions. It is released by the caller, as the record is.
func (p *port) wrap(rec arrow.RecordBatch) *expr.Batch {
	if p.became == nil {
		return expr.NewBatch(rec)
	}
	cols := make([]arrow.Array, p.width)
	for old, now := range p.became {
		if now >= 0 {
			cols[old] = rec.Column(now)
		}
	}
	return expr.NewBatchOf(cols, int(rec.NumRows()))
}

// marks are the columns that expressions read, of an input of some width.
func marks(width int, exprs ...expr.Expr) []bool {
	out := make([]bool, width)
	for _, c := range expr.Columns(exprs...) {
		out[c.Index] = true
	}
	return out
}

func all(n int) []bool { return slices.Repeat([]bool{true}, n) }

// renumber says what each column becomes when only those kept stay.
func renumber(keep []bool) (became []int) {
	became = make([]int, len(keep))
	n := 0
	for i, k := range keep {
		if became[i] = -1; k {
			became[i] = n
			n++
		}
	}
	return became
}

// kept are the items that stay.
func kept[T any](items []T, keep []bool) []T {
	var out []T
	for i, x := range items {
		if keep[i] {
			out = append(out, x)
		}
	}
	return out
}

// plan is a program's operators, inputs before what reads them.
type plan struct {
	nodes     []node
	consumers [][]consumer
	ports     []int // inputs of each node
}

// consumer is one use of a node's output.
type consumer struct{ id, port int }

// arrange lists what root reads, the build sides of joins first.
func arrange(root node) *plan {
	p := &plan{}
	ids := map[node]int{}
	var visit func(n node) int
	visit = func(n node) int {
		if id, seen := ids[n]; seen {
			return id
		}
		in := n.inputs()
		from := make([]int, len(in))
		for i := len(in) - 1; i >= 0; i-- {
			from[i] = visit(in[i])
		}
		id := len(p.nodes)
		ids[n] = id
		p.nodes, p.consumers, p.ports = append(p.nodes, n), append(p.consumers, nil), append(p.ports, len(in))
		for port, f := range from {
			p.consumers[f] = append(p.consumers[f], consumer{id, port})
		}
		return id
	}
	visit(root)
	return p
}

// mark finds the operators whose rows are no longer those that entered their step.
func (p *plan) mark() {
	for id, n := range p.nodes {
		b := n.common()
		for _, in := range n.inputs() {
			from := in.common()
			b.merged = b.merged || from.step == b.step && (from.merged || in.merges())
		}
		if len(p.consumers[id]) > 1 {
			for _, c := range p.consumers[id] {
				p.nodes[c.id].common().merged = true
			}
		}
	}
}

// prune drops every column that nothing reads.
func (p *plan) prune() {
	keep := make([][]bool, len(p.nodes))
	for id := len(p.nodes) - 1; id >= 0; id-- {
		n := p.nodes[id]
		if keep[id] == nil {
			keep[id] = make([]bool, n.schema().NumFields())
		}
		if id == len(p.nodes)-1 {
			keep[id] = all(n.schema().NumFields())
		}
		became, reads := n.prune(keep[id])
		for from := range id {
			for _, c := range p.consumers[from] {
				if c.id != id {
					continue
				}
				if keep[from] == nil {
					keep[from] = make([]bool, len(reads[c.port]))
				}
				for i, r := range reads[c.port] {
					keep[from][i] = keep[from][i] || r
				}
			}
		}
		for _, c := range p.consumers[id] {
			p.nodes[c.id].connect(c.port, became)
		}
	}
}
