package transform

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firn-data/firn/transform/expr"
	"github.com/firn-data/firn/transform/parse"
)

func isAggregate(x *parse.Call) bool { return slices.Contains(expr.Aggregates, aggregateName(x)) }

func aggregateName(x *parse.Call) string {
	if x.Name == "mean" {
		return "avg"
	}
	return x.Name
}

// group makes the operator of GROUP BY, whose aggregates are added as they are met.
func (b *selectBinder) group(pending intake) error {
	scope := b.c.scope(b.rel.fields, "GROUP_BY_AGGREGATE")
	b.groups, b.aggs = map[string]int{}, map[string]int{}
	var keys []expr.Expr
	var names []string
	for _, x := range b.sel.Group {
		x, name, err := b.groupKey(x)
		if err != nil {
			return err
		}
		e, err := scope.Bind(x)
		if err != nil {
			return err
		}
		if err := orderable(x, e.Type()); err != nil {
			return err
		}
		text := b.text(x)
		if _, twice := b.groups[text]; twice {
			continue
		}
		b.groups[text] = len(keys)
		keys, names = append(keys, e), append(names, name)
	}
	b.agg = newAggregate(pending, b.rel.node, names, keys)
	return nil
}

// groupKey is what a key of GROUP BY stands for: an item by its position, a column, or an item by its name.
func (b *selectBinder) groupKey(x parse.Expr) (parse.Expr, string, error) {
	i, err := ordinal(x, len(b.sel.Items), "GROUP_BY_POS_OUT_OF_RANGE")
	if err != nil {
		return nil, "", err
	}
	if i >= 0 {
		it := b.sel.Items[i]
		if it.Star {
			return nil, "", needsSpark(x.Start(), "a position that stands for *")
		}
		var bad error
		parse.Walk(it.X, func(y parse.Expr) {
			if c, ok := y.(*parse.Call); ok && isAggregate(c) && c.Over == nil {
				bad = &expr.Error{Pos: x.Start(), Code: "GROUP_BY_POS_AGGREGATE", Msg: fmt.Sprintf("position %d is an aggregate", i+1)}
			}
		})
		return it.X, nameOr(it.Alias, it.X), bad
	}
	if c, ok := x.(*parse.Column); ok && len(c.Parts) == 1 {
		if _, err := b.inputs.Bind(c); err != nil {
			for _, it := range b.sel.Items {
				if it.X != nil && strings.EqualFold(it.Alias, c.Parts[0]) {
					return it.X, it.Alias, nil
				}
			}
		}
	}
	return x, show(x), nil
}

func nameOr(alias string, x parse.Expr) string {
	if alias != "" {
		return alias
	}
	return show(x)
}

// hook resolves what is no expression over single rows: keys of groups, aggregates and window functions.
func (b *selectBinder) hook(x parse.Expr) (expr.Expr, error) {
	call, _ := x.(*parse.Call)
	if call != nil && call.Over != nil {
		return b.windowColumn(call)
	}
	if b.agg == nil {
		return nil, nil
	}
	if g, ok := b.groups[b.text(x)]; ok {
		return expr.NewColumn(g, b.agg.names[g], b.agg.keys[g].Type()), nil
	}
	if call != nil && isAggregate(call) {
		return b.aggregate(call)
	}
	c, ok := x.(*parse.Column)
	if !ok {
		return nil, nil
	}
	_, err := b.inputs.Bind(c)
	if err == nil {
		return nil, b.ungrouped(c)
	}
	if len(c.Parts) == 1 && b.items != nil && b.items.Lateral[strings.ToLower(c.Parts[0])] != nil {
		return nil, nil
	}
	return nil, err
}

// ungrouped is the error of a column that is neither a key nor in an aggregate.
func (b *selectBinder) ungrouped(x *parse.Column) error {
	name := strings.Join(x.Parts, ".")
	if b.listed {
		return &expr.Error{Pos: x.At, Code: "UNRESOLVED_COLUMN", Msg: name + " is neither in the SELECT list nor in GROUP BY", Hint: "add it to GROUP BY, or take min or max of it"}
	}
	if len(b.sel.Group) == 0 {
		return &expr.Error{Pos: x.At, Code: "MISSING_GROUP_BY", Msg: name + " stands beside an aggregate, and there is no GROUP BY", Hint: "add GROUP BY " + name}
	}
	return &expr.Error{Pos: x.At, Code: "MISSING_AGGREGATION", Msg: name + " is neither in GROUP BY nor in an aggregate", Hint: "add it to GROUP BY, or take min or max of it"}
}

// aggregate gives the column of an aggregate, which is computed once for all places that name it.
func (b *selectBinder) aggregate(x *parse.Call) (expr.Expr, error) {
	text := b.text(x)
	if i, ok := b.aggs[text]; ok {
		return b.aggregateColumn(i), nil
	}
	a, err := b.bindAggregate(x)
	if err != nil {
		return nil, err
	}
	b.aggs[text] = b.agg.add(a)
	return b.aggregateColumn(b.aggs[text]), nil
}

func (b *selectBinder) aggregateColumn(i int) expr.Expr {
	a := b.agg.aggs[i-len(b.agg.keys)]
	return expr.NewColumn(i, a.text, a.typ)
}

// bindAggregate types an aggregate. FILTER and the arguments of count become arguments that are NULL for rows which do not
// count: every aggregate passes over NULLs.
func (b *selectBinder) bindAggregate(x *parse.Call) (aggregate, error) {
	a := aggregate{name: aggregateName(x), text: show(x), distinct: x.Distinct}
	args := x.Args
	bad := func(code, format string, args ...any) (aggregate, error) {
		return a, &expr.Error{Pos: x.At, Code: code, Msg: fmt.Sprintf(format, args...)}
	}
	switch {
	case x.Star && a.name != "count", !x.Star && len(args) == 0, a.name != "count" && len(args) > 1:
		return bad("WRONG_NUM_ARGS", "%s takes one argument", x.Name)
	}
	if a.name == "min" || a.name == "max" {
		a.distinct = false
	}
	if (a.name == "count" && !a.distinct) && (len(args) > 1 || x.Star && x.Filter != nil) {
		args = []parse.Expr{counted(x.At, args)}
	}
	if a.name == "count_if" {
		args = []parse.Expr{args[0]}
	}
	scope := b.c.scope(b.rel.fields, "NESTED_AGGREGATE_FUNCTION")
	if x.Filter != nil {
		if _, err := b.c.scope(b.rel.fields, "INVALID_AGGREGATE_FILTER.CONTAINS_AGGREGATE").Condition(x.Filter, "FILTER"); err != nil {
			if e, ok := err.(*expr.Error); ok && strings.HasPrefix(e.Code, "DATATYPE_MISMATCH") {
				e.Code = "INVALID_AGGREGATE_FILTER.NOT_BOOLEAN"
			}
			return a, err
		}
	}
	for _, arg := range args {
		e, err := b.argument(scope, a.name, arg)
		if err != nil {
			return a, err
		}
		if x.Filter != nil {
			when := &parse.Case{Node: parse.Node{At: arg.Start()}, When: []parse.When{{If: x.Filter, Then: arg}}}
			if e, err = b.argument(scope, a.name, when); err != nil {
				return a, err
			}
		}
		if a.name != "count" || a.distinct {
			if err := orderable(arg, e.Type()); err != nil {
				return a, err
			}
		}
		a.args = append(a.args, e)
	}
	return a, a.settle(x)
}

// counted is 1 for rows in which no argument is NULL.
func counted(at parse.Pos, args []parse.Expr) parse.Expr {
	one := &parse.Literal{Node: parse.Node{At: at}, Kind: parse.Number, Text: "1"}
	var all parse.Expr
	for _, x := range args {
		is := &parse.Is{Node: parse.Node{At: x.Start()}, X: x, What: "NULL", Not: true}
		if all == nil {
			all = is
		} else {
			all = &parse.Binary{Node: parse.Node{At: x.Start()}, Op: "AND", X: all, Y: is}
		}
	}
	if all == nil {
		return one
	}
	return &parse.Case{Node: parse.Node{At: at}, When: []parse.When{{If: all, Then: one}}}
}

// argument binds an argument, cast to what the aggregate works on.
func (b *selectBinder) argument(s *expr.Scope, name string, x parse.Expr) (expr.Expr, error) {
	if name == "count_if" {
		if _, err := s.Condition(x, "the argument of count_if"); err != nil {
			return nil, err
		}
		one := &parse.Literal{Node: parse.Node{At: x.Start()}, Kind: parse.Number, Text: "1"}
		return s.Bind(&parse.Case{Node: parse.Node{At: x.Start()}, When: []parse.When{{If: x, Then: one}}})
	}
	e, err := s.Bind(x)
	if err != nil || name != "sum" && name != "avg" {
		return e, err
	}
	switch t := e.Type(); {
	case t.Kind == expr.Float, t.Kind == expr.String, t.Kind == expr.Null:
		return expr.CastTo(x, e, expr.Type{Kind: expr.Double})
	case !t.Numeric():
		return nil, &expr.Error{Pos: x.Start(), Code: "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", Msg: fmt.Sprintf("%s needs numbers, not %s", name, t)}
	}
	return e, nil
}

// settle finds the aggregate's type.
func (a *aggregate) settle(x *parse.Call) error {
	switch a.name {
	case "count", "count_if":
		a.name, a.typ = "count", expr.Type{Kind: expr.BigInt}
		return nil
	case "min", "max":
		a.typ = a.args[0].Type()
		a.typ.Arrow = nil
		return nil
	}
	switch t := a.args[0].Type(); {
	case t.Kind == expr.Decimal && a.name == "sum":
		a.typ = expr.Type{Kind: expr.Decimal, P: min(t.P+10, 38), S: t.S}
	case t.Kind == expr.Decimal:
		a.typ = expr.Type{Kind: expr.Decimal, P: min(t.P+4, 38), S: min(t.S+4, 38)}
	case t.Integral() && a.name == "sum":
		a.typ = expr.Type{Kind: expr.BigInt}
	default:
		a.typ = expr.Type{Kind: expr.Double}
	}
	return nil
}
