package transform

import (
	"github.com/firn-data/firn/internal/predicate"
	"github.com/firn-data/firn/transform/expr"
)

// Where is what a source may know of the rows that are read of an input: those for which it is not TRUE are of no use. It holds
// the conjuncts of the first filter that cannot raise; the filter itself stays in the program. A program that sets rows aside,
// or reads an input in several places, needs all rows.
func (p *Program) Where(input string) predicate.Predicate {
	id, ok := p.reads[input]
	if !ok || len(p.plan.consumers[id]) != 1 {
		return predicate.True()
	}
	read := p.plan.nodes[id].(*readNode)
	c := p.plan.consumers[id][0]
	in := intakeOf(p.plan.nodes[c.id], c.port)
	if in == nil || in.where == nil || in.step.OnError == Quarantine || expr.CanRaise(in.where) {
		return predicate.True()
	}
	return expr.Predicate(in.where, read.full.Fields())
}

// intakeOf is how a node takes an input in, where it filters.
func intakeOf(n node, port int) *intake {
	switch n := n.(type) {
	case *projectNode:
		return &n.intake
	case *aggregateNode:
		return &n.intake
	case *sortNode:
		return &n.by
	case *windowNode:
		return &n.by
	case *joinNode:
		return &n.keys[port]
	}
	return nil
}
