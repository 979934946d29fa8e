package transform

import (
	"fmt"
	"strings"

	"github.com/firn-data/firn/transform/expr"
	"github.com/firn-data/firn/transform/parse"
)

// selectBinder makes the operators of one SELECT: what it reads, WHERE, groups, HAVING, window functions, items, DISTINCT,
// ORDER BY and LIMIT, in this order.
type selectBinder struct {
	c      *compiler
	sel    *parse.Select
	rel    relation
	inputs *expr.Scope // over the relation
	items  *expr.Scope // over what the items are computed from
	agg    *aggregateNode
	groups map[string]int // columns of agg, by the text of their expression
	aggs   map[string]int
	wins   []*windowCall
	listed bool // the SELECT list is bound: what follows is HAVING and ORDER BY
}

// bound is an item of the SELECT list.
type bound struct {
	name string
	x    parse.Expr // nil: of a star
	e    expr.Expr
}

// selectNode compiles a SELECT. at is its LIMIT, of limit rows.
func (c *compiler) selectNode(sel *parse.Select, order []parse.Order, at parse.Expr, limit int64, in tables) (node, error) {
	rel, err := c.from(sel.From, in)
	if err != nil {
		return nil, err
	}
	b := &selectBinder{c: c, sel: sel, rel: rel, inputs: c.scope(rel.fields, "")}
	pending, err := c.where(sel, rel)
	if err != nil {
		return nil, err
	}
	n := rel.node
	if b.aggregates(order) {
		if err := b.group(pending); err != nil {
			return nil, err
		}
		n, pending = b.agg, c.intake()
		b.items = c.scope(nil, "")
	} else {
		b.items = c.scope(rel.fields, "")
	}
	b.items.Lateral, b.items.Hook = map[string]expr.Expr{}, b.hook
	items, err := b.list()
	if err != nil {
		return nil, err
	}
	if sel.Having != nil {
		if pending.where, err = b.having(sel.Having); err != nil {
			return nil, err
		}
		pending.text = show(sel.Having)
	}
	keys, items, err := b.order(order, items)
	if err != nil {
		return nil, err
	}
	n, pending = b.window(n, pending)
	return b.finish(n, pending, items, keys, at, limit), nil
}

// aggregates reports whether the SELECT has groups.
func (b *selectBinder) aggregates(order []parse.Order) bool {
	found := len(b.sel.Group) > 0 || b.sel.Having != nil
	look := func(x parse.Expr) {
		parse.Walk(x, func(x parse.Expr) {
			if c, ok := x.(*parse.Call); ok && c.Over == nil && isAggregate(c) {
				found = true
			}
		})
	}
	for _, it := range b.sel.Items {
		look(it.X)
	}
	for _, o := range order {
		look(o.X)
	}
	return found
}

// having binds HAVING, which Spark casts to BOOLEAN.
func (b *selectBinder) having(x parse.Expr) (expr.Expr, error) {
	b.listed = true
	e, err := b.items.Bind(x)
	if err != nil {
		return nil, err
	}
	return expr.CastTo(x, e, expr.Type{Kind: expr.Boolean})
}

// list binds the SELECT list.
func (b *selectBinder) list() ([]bound, error) {
	var out []bound
	for _, it := range b.sel.Items {
		if it.Star {
			star, err := b.star(it)
			if err != nil {
				return nil, err
			}
			out = append(out, star...)
			continue
		}
		e, err := b.items.Bind(it.X)
		if err != nil {
			return nil, err
		}
		o := bound{name: it.Alias, x: it.X, e: e}
		if o.name == "" {
			o.name = b.nameOf(it.X)
		}
		if _, column := e.(*expr.Column); !column && e.Type().Kind == expr.Opaque {
			return nil, needsSpark(it.At, e.Type().String()+" in an expression")
		}
		if low := strings.ToLower(o.name); low != "" && b.items.Lateral[low] == nil {
			b.items.Lateral[low] = e
		}
		out = append(out, o)
	}
	return out, nil
}

// nameOf is what a plain column is called where its table wrote it; other expressions have no name.
func (b *selectBinder) nameOf(x parse.Expr) string {
	col, ok := x.(*parse.Column)
	if !ok {
		return ""
	}
	if e, err := b.inputs.Bind(col); err == nil {
		if c, ok := e.(*expr.Column); ok {
			return c.Name
		}
	}
	return col.Parts[len(col.Parts)-1]
}

func (b *selectBinder) star(it parse.Item) ([]bound, error) {
	columns := b.rel.star
	if it.Of != "" {
		columns = nil
		for i, f := range b.rel.fields {
			if strings.EqualFold(f.Of, it.Of) {
				columns = append(columns, i)
			}
		}
		if columns == nil {
			return nil, &expr.Error{Pos: it.At, Code: "CANNOT_RESOLVE_STAR_EXPAND", Msg: fmt.Sprintf("there is no relation %q", it.Of)}
		}
	}
	if len(columns) == 0 {
		return nil, &expr.Error{Pos: it.At, Code: "CANNOT_RESOLVE_STAR_EXPAND", Msg: "there are no columns: the SELECT has no FROM"}
	}
	var names []string
	var out []bound
	for _, i := range columns {
		f := b.rel.fields[i]
		names = append(names, f.Name)
		if containsFold(it.Except, f.Name) {
			continue
		}
		x := &parse.Column{Node: parse.Node{At: it.At}, Parts: []string{f.Name}}
		e := expr.Expr(expr.NewColumn(i, f.Name, f.Type))
		if b.agg != nil {
			g, ok := b.groups[fmt.Sprintf("#%d", i)]
			if !ok {
				return nil, b.ungrouped(x)
			}
			e = expr.NewColumn(g, f.Name, f.Type)
		}
		out = append(out, bound{name: f.Name, x: x, e: e})
	}
	for _, x := range it.Except {
		if !containsFold(names, x) {
			return nil, &expr.Error{Pos: it.At, Code: "UNRESOLVED_COLUMN", Msg: fmt.Sprintf("there is no column %q to leave out", x)}
		}
	}
	return out, nil
}

// text is the expression with its columns resolved: equal texts are equal expressions.
func (b *selectBinder) text(x parse.Expr) string {
	return expr.Text(x, func(c *parse.Column) string {
		if e, err := b.inputs.Bind(c); err == nil {
			if col, ok := e.(*expr.Column); ok {
				return fmt.Sprintf("#%d", col.Index)
			}
		}
		return strings.ToLower(strings.Join(c.Parts, "."))
	})
}

// order binds ORDER BY: positions and names of the SELECT list first, then what the list is computed from. A key that is not
// in the list is added to it, hidden.
func (b *selectBinder) order(order []parse.Order, items []bound) ([]sortKey, []bound, error) {
	var keys []sortKey
	visible := len(items)
	b.listed = true
	for _, o := range order {
		i, err := ordinal(o.X, visible, "ORDER_BY_POS_OUT_OF_RANGE")
		if err != nil {
			return nil, nil, err
		}
		if i < 0 {
			if i, err = b.find(o.X, items[:visible]); err != nil {
				return nil, nil, err
			}
		}
		if i < 0 && b.sel.Distinct {
			k := sortKey{-1, nil, o.Descending, o.NullsLast, show(o.X)}
			if k.e, err = b.c.scope(b.results(items), "UNRESOLVED_COLUMN").Bind(o.X); err == nil {
				err = orderable(o.X, k.e.Type())
			}
			if err != nil {
				return nil, nil, err
			}
			keys = append(keys, k)
			continue
		}
		if i < 0 {
			e, err := b.inOrder(o.X, items[:visible])
			if err != nil {
				return nil, nil, err
			}
			i = len(items)
			items = append(items, bound{e: e})
		}
		if err := orderable(o.X, items[i].e.Type()); err != nil {
			return nil, nil, err
		}
		keys = append(keys, sortKey{i, nil, o.Descending, o.NullsLast, show(o.X)})
	}
	return keys, items, nil
}

// results are the items as columns of the result.
func (b *selectBinder) results(items []bound) []expr.Field {
	out := make([]expr.Field, len(items))
	for i, it := range items {
		out[i] = expr.Field{Name: it.name, Type: it.e.Type()}
	}
	return out
}

// sortKey is a key of ORDER BY: an item, or an expression over the result.
type sortKey struct {
	item                  int       // -1: e
	e                     expr.Expr // nil: item
	descending, nullsLast bool
	text                  string
}

// find gives the item that an expression of ORDER BY names, or is; -1 for none.
func (b *selectBinder) find(x parse.Expr, items []bound) (int, error) {
	found := -1
	if c, ok := x.(*parse.Column); ok && len(c.Parts) == 1 {
		for i, it := range items {
			if !strings.EqualFold(it.name, c.Parts[0]) {
				continue
			}
			if found >= 0 && !sameColumn(items[found].e, it.e) {
				return 0, &expr.Error{Pos: x.Start(), Code: "AMBIGUOUS_REFERENCE", Msg: fmt.Sprintf("%s is ambiguous: the SELECT list has several columns of this name", c.Parts[0])}
			}
			found = i
		}
		if found >= 0 {
			return found, nil
		}
	}
	if b.sel.Distinct {
		return -1, nil
	}
	text := b.text(x)
	for i, it := range items {
		if it.x != nil && b.text(it.x) == text {
			return i, nil
		}
	}
	return -1, nil
}

func sameColumn(a, b expr.Expr) bool {
	x, ok := a.(*expr.Column)
	y, ok2 := b.(*expr.Column)
	return ok && ok2 && x.Index == y.Index
}

// inOrder binds an expression in which names of the SELECT list come before columns.
func (b *selectBinder) inOrder(x parse.Expr, items []bound) (expr.Expr, error) {
	s := *b.items
	s.Hook = func(x parse.Expr) (expr.Expr, error) {
		if c, ok := x.(*parse.Column); ok && len(c.Parts) == 1 {
			if i, err := b.find(x, items); err != nil || i >= 0 {
				if err != nil {
					return nil, err
				}
				return items[i].e, nil
			}
		}
		if c, ok := x.(*parse.Call); ok && c.Over != nil {
			return nil, &expr.Error{Pos: x.Start(), Code: "UNSUPPORTED_EXPR_FOR_OPERATOR", Msg: "a window function cannot stand in ORDER BY", Hint: "select it under a name, and order by that"}
		}
		return b.hook(x)
	}
	return (&expr.Scope{Fields: s.Fields, Lateral: s.Lateral, Params: s.Params, Now: s.Now, Functions: s.Functions, Hook: s.Hook}).Bind(x)
}

// finish projects the items, and makes them distinct, ordered and limited.
func (b *selectBinder) finish(n node, pending intake, items []bound, keys []sortKey, at parse.Expr, limit int64) node {
	c := b.c
	outs := make([]output, len(items))
	visible := 0
	for i, it := range items {
		outs[i] = output{name: it.name, column: -1, e: it.e}
		if col, ok := it.e.(*expr.Column); ok {
			outs[i] = columnOutput(col.Index, it.name)
		}
		if it.x != nil {
			visible++
		}
	}
	unique := b.sel.Distinct || b.groupsIn(items, keys)
	n = newProject(pending, n, outs)
	if b.sel.Distinct {
		n = newDistinct(c.intake(), n)
	}
	var sorts []sortItem
	var names []string
	for _, k := range keys {
		names = append(names, k.text)
		if k.e != nil {
			sorts = append(sorts, sortItem{k.e, k.descending, k.nullsLast})
			continue
		}
		f := n.schema().Field(k.item)
		sorts = append(sorts, sortItem{expr.NewColumn(k.item, f.Name, typeOf(f)), k.descending, k.nullsLast})
	}
	if b.sel.Distinct {
		unique = coversAll(n.schema(), sorts)
	}
	n = c.ordered(n, sorts, names, at, limit, unique && len(sorts) > 0)
	if visible == len(items) {
		return n
	}
	trim := make([]output, visible)
	for i := range trim {
		trim[i] = columnOutput(i, items[i].name)
	}
	return newProject(c.intake(), n, trim)
}

// newDistinct groups by all columns.
func newDistinct(r intake, in node) node {
	var keys []expr.Expr
	for i, f := range in.schema().Fields() {
		keys = append(keys, expr.NewColumn(i, f.Name, typeOf(f)))
	}
	n := newAggregate(r, in, fieldNames(in.schema()), keys)
	n.dedupe = true
	return n
}

// groupsIn reports whether the keys of ORDER BY hold all keys of GROUP BY, so that no two rows are equal in them.
func (b *selectBinder) groupsIn(items []bound, keys []sortKey) bool {
	if b.agg == nil {
		return false
	}
	seen := map[int]bool{}
	for _, k := range keys {
		if k.item < 0 {
			continue
		}
		if c, ok := items[k.item].e.(*expr.Column); ok {
			seen[c.Index] = true
		}
	}
	for g := range b.agg.keys {
		if !seen[g] {
			return false
		}
	}
	return true
}
