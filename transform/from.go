package transform

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firn-data/firn/transform/expr"
	"github.com/firn-data/firn/transform/parse"
)

// relation is what a FROM gives: rows, and what their columns are called.
type relation struct {
	node   node
	fields []expr.Field // by column
	star   []int        // columns of *, in order
	sides  []relation   // of a join
}

// from compiles a FROM with its joins.
func (c *compiler) from(r *parse.Relation, in tables) (relation, error) {
	if r == nil {
		return relation{node: &constantNode{base{step: c.step}}}, nil
	}
	out, err := c.single(r, in)
	if err != nil {
		return relation{}, err
	}
	for i := range r.Joins {
		right, err := c.single(r.Joins[i].Right, in)
		if err != nil {
			return relation{}, err
		}
		if out, err = c.join(&r.Joins[i], out, right); err != nil {
			return relation{}, err
		}
	}
	return out, nil
}

// single compiles one relation of a FROM.
func (c *compiler) single(r *parse.Relation, in tables) (relation, error) {
	of := r.Alias
	var n node
	if r.Query != nil {
		var err error
		if n, err = c.query(r.Query, in); err != nil {
			return relation{}, err
		}
	} else {
		t, ok := in[strings.ToLower(r.Name)]
		if !ok {
			var names []string
			for _, t := range in {
				names = append(names, t.name)
			}
			slices.Sort(names)
			return relation{}, &expr.Error{Pos: r.At, Code: "TABLE_OR_VIEW_NOT_FOUND", Msg: fmt.Sprintf("there is no relation %q", r.Name), Hint: "there is " + strings.Join(names, ", ")}
		}
		n = t.node
		if of == "" {
			of = r.Name
		}
	}
	out := relation{node: n, fields: fieldsOf(n, of)}
	for i := range out.fields {
		out.star = append(out.star, i)
	}
	return out, nil
}

// join compiles one JOIN.
func (c *compiler) join(j *parse.Join, left, right relation) (relation, error) {
	n := newJoin(c.step, c.name, left.node, right.node, j.Left)
	width := len(left.fields)
	out := relation{node: n, fields: append(slices.Clone(left.fields), right.fields...), star: slices.Clone(left.star), sides: []relation{left, right}}
	for _, i := range right.star {
		out.star = append(out.star, width+i)
	}
	b := &joinBinder{c: c, n: n, left: c.scope(left.fields, ""), right: c.scope(right.fields, "")}
	if j.On != nil {
		both := c.scope(out.fields, "INVALID_JOIN_CONDITION")
		cond, err := both.Bind(j.On)
		if err != nil {
			return relation{}, err
		}
		if k := cond.Type().Kind; k != expr.Boolean && k != expr.Null {
			return relation{}, &expr.Error{Pos: j.On.Start(), Code: "JOIN_CONDITION_IS_NOT_BOOLEAN_TYPE", Msg: fmt.Sprintf("ON must be BOOLEAN, not %s", cond.Type())}
		}
		return out, b.on(j.On, both)
	}
	for _, name := range j.Using {
		l, r, err := b.using(j, name)
		if err != nil {
			return relation{}, err
		}
		out.fields[width+r].Hidden = true
		out.star = slices.DeleteFunc(out.star, func(i int) bool { return i == l || i == width+r })
	}
	first := []int{}
	for _, name := range j.Using {
		l, _ := b.left.Bind(&parse.Column{Parts: []string{name}})
		first = append(first, l.(*expr.Column).Index)
	}
	out.star = append(first, out.star...)
	n.text = joinText(b.pairs, "")
	return out, nil
}

// joinBinder parts the condition of a join into pairs of keys and the rest.
type joinBinder struct {
	c           *compiler
	n           *joinNode
	left, right *expr.Scope
	pairs       []string
}

func (b *joinBinder) using(j *parse.Join, name string) (l, r int, err error) {
	x := &parse.Column{Node: parse.Node{At: j.At}, Parts: []string{name}}
	var sides [2]expr.Expr
	for i, s := range []*expr.Scope{b.left, b.right} {
		if sides[i], err = s.Bind(x); err != nil {
			if e, ok := err.(*expr.Error); ok && e.Code == "UNRESOLVED_COLUMN" {
				e.Code = "UNRESOLVED_USING_COLUMN_FOR_JOIN"
			}
			return 0, 0, err
		}
	}
	l, r = sides[0].(*expr.Column).Index, sides[1].(*expr.Column).Index
	return l, r, b.pair(x, sides[0], sides[1], false, name)
}

func (b *joinBinder) pair(at parse.Expr, l, r expr.Expr, nullSafe bool, text string) error {
	l, r, err := expr.Unify(at, l, r)
	if err != nil {
		return err
	}
	if err := orderable(at, l.Type()); err != nil {
		return err
	}
	b.n.keys[probeSide].exprs = append(b.n.keys[probeSide].exprs, l)
	b.n.keys[buildSide].exprs = append(b.n.keys[buildSide].exprs, r)
	b.n.nullSafe = append(b.n.nullSafe, nullSafe)
	b.pairs = append(b.pairs, text)
	return nil
}

// on parts an ON condition; what is no equality of the two sides is tested on each pair.
func (b *joinBinder) on(x parse.Expr, both *expr.Scope) error {
	var rest parse.Expr
	for _, part := range conjuncts(x) {
		if l, r, ok := b.sides(part); ok {
			op := part.(*parse.Binary).Op
			if err := b.pair(part, l, r, op == "<=>", show(part)); err != nil {
				return err
			}
			continue
		}
		if rest == nil {
			rest = part
		} else {
			rest = &parse.Binary{Node: parse.Node{At: part.Start()}, Op: "AND", X: rest, Y: part}
		}
	}
	text := ""
	if rest != nil {
		var err error
		if b.n.residual, err = both.Condition(rest, "ON"); err != nil {
			return err
		}
		text = show(rest)
	}
	b.n.text = joinText(b.pairs, text)
	return nil
}

func conjuncts(x parse.Expr) []parse.Expr {
	if b, ok := x.(*parse.Binary); ok && b.Op == "AND" {
		return append(conjuncts(b.X), conjuncts(b.Y)...)
	}
	return []parse.Expr{x}
}

// sides binds an equality whose operands each read one side of the join.
func (b *joinBinder) sides(x parse.Expr) (l, r expr.Expr, ok bool) {
	eq, is := x.(*parse.Binary)
	if !is || eq.Op != "=" && eq.Op != "<=>" {
		return nil, nil, false
	}
	try := func(x, y parse.Expr) bool {
		var err error
		if l, err = b.left.Bind(x); err != nil || len(expr.Columns(l)) == 0 {
			return false
		}
		if r, err = b.right.Bind(y); err != nil || len(expr.Columns(r)) == 0 {
			return false
		}
		return true
	}
	ok = try(eq.X, eq.Y) || try(eq.Y, eq.X)
	return l, r, ok
}
