package transform

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/firn-data/firn/internal/batch"
)

// pass is the part of an operator that gives rows on as they are.
type pass struct {
	base
	port
	in   node
	out  *arrow.Schema
	keep []int // columns of the input, before pruning, that are given
}

func passOf(step *Step, in node) pass {
	s := in.schema()
	p := pass{base: base{step: step}, port: port{width: s.NumFields()}, in: in, out: s}
	for i := range s.NumFields() {
		p.keep = append(p.keep, i)
	}
	return p
}

func (p *pass) schema() *arrow.Schema       { return p.out }
func (p *pass) inputs() []node              { return []node{p.in} }
func (p *pass) connect(_ int, became []int) { p.became = became }

func (p *pass) prune(keep []bool) ([]int, [][]bool) {
	p.out, p.keep = arrow.NewSchema(kept(p.out.Fields(), keep), nil), kept(p.keep, keep)
	return renumber(keep), [][]bool{keep}
}

// pick takes the columns that are given on. It owns b.
func (p *pass) pick(b batch.Batch) batch.Batch {
	cols := make([]arrow.Array, len(p.keep))
	for i, k := range p.keep {
		cols[i] = b.Record.Column(p.at(k))
	}
	rec := array.NewRecordBatch(p.out, cols, b.Record.NumRows())
	b.Release()
	return batch.Batch{Record: rec, Origin: b.Origin}
}
