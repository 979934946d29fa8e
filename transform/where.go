package transform

import (
	"strings"

	"github.com/firn-data/firn/transform/expr"
	"github.com/firn-data/firn/transform/parse"
)

// where binds WHERE, and moves the conjuncts below joins that read one side alone and cannot raise.
func (c *compiler) where(sel *parse.Select, rel relation) (intake, error) {
	in := c.intake()
	if sel.Where == nil {
		return in, nil
	}
	scope := c.scope(rel.fields, "INVALID_WHERE_CONDITION")
	var err error
	if in.where, err = scope.Condition(sel.Where, "WHERE"); err != nil {
		return in, err
	}
	in.text = conditionText(c.step.SQL, sel)
	if rel.sides == nil {
		return in, nil
	}
	var rest parse.Expr
	var texts []string
	for _, x := range conjuncts(sel.Where) {
		if c.sink(rel, x) {
			continue
		}
		if texts = append(texts, show(x)); rest == nil {
			rest = x
		} else {
			rest = &parse.Binary{Node: parse.Node{At: x.Start()}, Op: "AND", X: rest, Y: x}
		}
	}
	if in.where = nil; rest != nil {
		in.where, err = scope.Condition(rest, "WHERE")
	}
	in.text = strings.Join(texts, " AND ")
	return in, err
}

// sink puts a condition below a join, as deep as it goes. It reports whether it did.
func (c *compiler) sink(rel relation, x parse.Expr) bool {
	join, ok := rel.node.(*joinNode)
	if !ok || rel.sides == nil {
		return false
	}
	for i, side := range rel.sides {
		if i == buildSide && join.outer {
			break // NULLs stand for the rows that it would drop
		}
		e, err := c.scope(side.fields, "").Condition(x, "WHERE")
		if err != nil || len(expr.Columns(e)) == 0 || expr.CanRaise(e) {
			continue
		}
		if c.sink(side, x) {
			return true
		}
		in := c.intake()
		in.where, in.text = e, show(x)
		join.sides[i] = newFilter(in, join.sides[i])
		return true
	}
	return false
}

// newFilter passes all columns of the rows that meet the intake's condition.
func newFilter(in intake, n node) node {
	if p, ok := n.(*projectNode); ok && p.filterOnly {
		p.conjoin(in)
		return p
	}
	items := make([]output, n.schema().NumFields())
	for i, f := range n.schema().Fields() {
		items[i] = columnOutput(i, f.Name)
	}
	p := newProject(in, n, items)
	p.filterOnly = true
	return p
}

// conjoin adds a condition to a filter.
func (n *projectNode) conjoin(in intake) {
	n.where, n.text = expr.And(n.where, in.where), n.text+" AND "+in.text
}
