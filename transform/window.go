package transform

import (
	"slices"
	"strings"

	"github.com/firn-data/firn/transform/expr"
	"github.com/firn-data/firn/transform/parse"
)

// windowCall is a row_number() of a SELECT.
type windowCall struct {
	at      parse.Pos
	text    string
	items   []sortItem // partition, then order
	names   []string
	parts   int
	columns []*expr.Column // places that name it; their index is known when all aggregates are
}

// windowColumn gives the column of a window function.
func (b *selectBinder) windowColumn(x *parse.Call) (expr.Expr, error) {
	if x.Name != "row_number" {
		return nil, needsSpark(x.At, x.Name+" OVER")
	}
	switch {
	case len(x.Args) > 0 || x.Star || x.Distinct:
		return nil, &expr.Error{Pos: x.At, Code: "WRONG_NUM_ARGS", Msg: "row_number takes no arguments"}
	case x.Filter != nil:
		return nil, &expr.Error{Pos: x.At, Code: "UNSUPPORTED_FEATURE", Msg: "row_number takes no FILTER"}
	case len(x.Over.Order) == 0:
		return nil, &expr.Error{Pos: x.At, Code: "WINDOW_FUNCTION_WITHOUT_ORDER_BY", Msg: "row_number needs an ORDER BY in its OVER"}
	}
	text := b.text(x)
	i := slices.IndexFunc(b.wins, func(w *windowCall) bool { return w.text == text })
	if i < 0 {
		w := &windowCall{at: x.At, text: text, parts: len(x.Over.Partition)}
		order := make([]parse.Order, 0, len(x.Over.Partition)+len(x.Over.Order))
		for _, p := range x.Over.Partition {
			order = append(order, parse.Order{X: p})
		}
		for _, o := range append(order, x.Over.Order...) {
			e, err := b.items.Bind(o.X)
			if err != nil {
				return nil, err
			}
			if slices.ContainsFunc(expr.Columns(e), b.isWindow) {
				return nil, &expr.Error{Pos: o.X.Start(), Code: "NESTED_WINDOW_FUNCTION", Msg: "a window function cannot stand in another"}
			}
			if err := orderable(o.X, e.Type()); err != nil {
				return nil, err
			}
			w.items, w.names = append(w.items, sortItem{e, o.Descending, o.NullsLast}), append(w.names, show(o.X))
		}
		i = len(b.wins)
		b.wins = append(b.wins, w)
	}
	c := expr.NewColumn(0, "row_number", expr.Type{Kind: expr.Int})
	b.wins[i].columns = append(b.wins[i].columns, c)
	return c, nil
}

func (b *selectBinder) isWindow(c *expr.Column) bool {
	return slices.ContainsFunc(b.wins, func(w *windowCall) bool { return slices.Contains(w.columns, c) })
}

// window puts the operators of window functions after n. Rows equal in the order go by their other columns, so that the numbers
// depend on nothing but the rows (I7).
func (b *selectBinder) window(n node, pending intake) (node, intake) {
	for _, w := range b.wins {
		text := "row_number"
		if w.parts > 0 {
			text += " by " + strings.Join(w.names[:w.parts], ", ")
		}
		text += " in order of " + orderText(w.names[w.parts:], w.items[w.parts:])
		if !b.tellsApart(n, w.items) {
			b.c.warn(w.at, "row_number numbers rows that are equal in its ORDER BY in any order: order by columns that tell all rows of a partition apart")
		}
		at := n.schema().NumFields()
		for _, c := range w.columns {
			c.Index = at
		}
		items := append(slices.Clone(w.items), ties(n.schema())...)
		n, pending = newWindow(pending, n, items, w.parts, text, "row_number"), b.c.intake()
	}
	return n, pending
}

// tellsApart reports whether rows that are equal in the items are equal, or one: the items hold every column, or every key of
// the groups.
func (b *selectBinder) tellsApart(n node, items []sortItem) bool {
	need := min(n.schema().NumFields(), len(b.rel.fields)) // those of other windows follow
	if b.agg != nil {
		need = len(b.agg.keys)
	}
	seen := map[int]bool{}
	for _, it := range items {
		if c, ok := it.e.(*expr.Column); ok && c.Index < need {
			seen[c.Index] = true
		}
	}
	return len(seen) == need
}
