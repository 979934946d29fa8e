package transform

import (
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/transform/expr"
	"github.com/firn-data/firn/transform/parse"
)

// compiler makes the operators of one SQL step.
type compiler struct {
	step     *Step
	name     string // of the step: sql[0]
	params   Params
	now      time.Time
	warnings []Warning
}

// tables are the relations that a query may name, by lower-case name.
type tables map[string]table

type table struct {
	name string
	node node
}

// with is the tables and one more.
func (t tables) with(name string, n node) tables {
	out := tables{}
	for k, v := range t {
		out[k] = v
	}
	out[strings.ToLower(name)] = table{name, n}
	return out
}

func compileSQL(s *Step, in tables, params Params, now time.Time, name string) (node, *compiler, error) {
	q, err := parse.Parse(s.SQL)
	if err != nil {
		return nil, nil, place(err, s.SQL, s.At)
	}
	c := &compiler{step: s, name: name, params: params, now: now}
	n, err := c.query(q, in)
	if err == nil {
		err = c.checkNames(q, n.schema())
	}
	if err != nil {
		return nil, nil, place(err, s.SQL, s.At)
	}
	return n, c, nil
}

// checkNames makes sure that the columns of a step's result have names of their own.
func (c *compiler) checkNames(q *parse.Query, s *arrow.Schema) error {
	seen := map[string]bool{}
	for _, f := range s.Fields() {
		low := strings.ToLower(f.Name)
		if low == "" {
			for _, it := range q.Parts[0].Items {
				if _, plain := it.X.(*parse.Column); !it.Star && it.Alias == "" && !plain {
					return &expr.Error{Pos: it.At, Code: "MISSING_ALIAS", Msg: "the expression needs a name", Hint: "write AS and a name after it"}
				}
			}
			return &expr.Error{Pos: q.Parts[0].At, Code: "MISSING_ALIAS", Msg: "a column of the result has no name", Hint: "write AS and a name after its expression in the sub-query"}
		}
		if seen[low] {
			return &expr.Error{Pos: q.Parts[0].At, Code: "COLUMN_ALREADY_EXISTS", Msg: fmt.Sprintf("two columns of the result are called %q", f.Name), Hint: "give one of them another name with AS"}
		}
		seen[low] = true
	}
	return nil
}

// intake is the beginning of an operator of this step.
func (c *compiler) intake() intake { return intake{base: base{step: c.step}, name: c.name} }

// scope sees the fields. Aggregates and window functions in it are errors of a class.
func (c *compiler) scope(fields []expr.Field, class string) *expr.Scope {
	s := &expr.Scope{Fields: fields, Params: c.params, Now: c.now, Functions: expr.Functions()}
	if class != "" {
		s.Hook = func(x parse.Expr) (expr.Expr, error) {
			if call, ok := x.(*parse.Call); ok && (isAggregate(call) || call.Over != nil) {
				return nil, &expr.Error{Pos: x.Start(), Code: class, Msg: call.Name + " cannot stand here: it is computed over many rows"}
			}
			return nil, nil
		}
	}
	return s
}

// warn notes what a plan should say of the step.
func (c *compiler) warn(at parse.Pos, format string, args ...any) {
	err := place(&expr.Error{Pos: at, Msg: fmt.Sprintf(format, args...)}, c.step.SQL, c.step.At)
	c.warnings = append(c.warnings, Warning{Text: fmt.Sprintf(format, args...), At: fault.PlaceOf(err)})
}

func needsSpark(at parse.Pos, what string) error {
	return &expr.Error{Pos: at, Code: "NEEDS_SPARK", Msg: what + " needs engine: spark"}
}

// query compiles a query with its CTEs, order and limit.
func (c *compiler) query(q *parse.Query, in tables) (node, error) {
	for _, w := range q.With {
		n, err := c.query(w.Query, in)
		if err != nil {
			return nil, err
		}
		in = in.with(w.Name, n)
	}
	limit, err := c.limit(q.Limit)
	if err != nil {
		return nil, err
	}
	if len(q.Parts) == 1 {
		return c.selectNode(q.Parts[0], q.Order, q.Limit, limit, in)
	}
	n, err := c.union(q, in)
	if err != nil {
		return nil, err
	}
	var items []sortItem
	var names []string
	fields := fieldsOf(n, "")
	scope := c.scope(fields, "UNSUPPORTED_FEATURE.ORDER_BY_OVER_UNION")
	for _, o := range q.Order {
		i, err := ordinal(o.X, len(fields), "ORDER_BY_POS_OUT_OF_RANGE")
		if err != nil {
			return nil, err
		}
		e := expr.Expr(nil)
		if i >= 0 {
			e = expr.NewColumn(i, fields[i].Name, fields[i].Type)
		} else if e, err = scope.Bind(o.X); err != nil {
			return nil, err
		}
		if err := orderable(o.X, e.Type()); err != nil {
			return nil, err
		}
		items, names = append(items, sortItem{e, o.Descending, o.NullsLast}), append(names, show(o.X))
	}
	return c.ordered(n, items, names, q.Limit, limit, false), nil
}

// ordered sorts and limits the rows of n. unique says that no two of its rows are equal in the items.
func (c *compiler) ordered(n node, items []sortItem, names []string, at parse.Expr, limit int64, unique bool) node {
	if at == nil {
		if len(items) == 0 {
			return n
		}
		return newSort(c.intake(), n, items, orderText(names, items), 0)
	}
	if limit > 0 && !unique && !coversAll(n.schema(), items) {
		if len(items) == 0 {
			c.warn(at.Start(), "LIMIT without ORDER BY keeps any rows")
		} else {
			c.warn(at.Start(), "which of the rows that are equal in the ORDER BY the LIMIT keeps is open: order by all columns, or by ones that tell all rows apart")
		}
	}
	if len(items) == 0 || limit == 0 || limit > maxTop {
		if len(items) > 0 && limit > 0 {
			n = newSort(c.intake(), n, append(items, ties(n.schema())...), orderText(names, items), 0)
		}
		return newLimit(c.step, n, limit)
	}
	return newSort(c.intake(), n, append(items, ties(n.schema())...), orderText(names, items), limit)
}

// maxTop is up to which LIMIT a sort keeps only the first rows.
const maxTop = 1 << 20

// coversAll reports whether rows that are equal in the items are equal.
func coversAll(s *arrow.Schema, items []sortItem) bool {
	seen := map[int]bool{}
	for _, it := range items {
		if c, ok := it.e.(*expr.Column); ok {
			seen[c.Index] = true
		}
	}
	return len(seen) == s.NumFields()
}

func orderable(x parse.Expr, t expr.Type) error {
	if t.Kind == expr.Opaque || t.Kind == expr.Array {
		return needsSpark(x.Start(), "a key of type "+t.String())
	}
	return nil
}

// ordinal is the 0-based position that an integer literal stands for in GROUP BY and ORDER BY, or -1.
func ordinal(x parse.Expr, n int, class string) (int, error) {
	l, ok := x.(*parse.Literal)
	if !ok || l.Kind != parse.Number || strings.Trim(l.Text, "-0123456789") != "" {
		return -1, nil
	}
	for i := range n {
		if fmt.Sprint(i+1) == l.Text {
			return i, nil
		}
	}
	return -1, &expr.Error{Pos: x.Start(), Code: class, Msg: fmt.Sprintf("position %s is not in the SELECT list, which has %d columns", l.Text, n)}
}

// limit evaluates LIMIT; -1 stands for none.
func (c *compiler) limit(x parse.Expr) (int64, error) {
	const class = "INVALID_LIMIT_LIKE_EXPRESSION"
	if x == nil {
		return -1, nil
	}
	bad := func(sub, msg string) (int64, error) {
		return 0, &expr.Error{Pos: x.Start(), Code: class + "." + sub, Msg: "LIMIT " + msg}
	}
	e, err := c.scope(nil, class).Bind(x)
	if err != nil {
		if ee, ok := err.(*expr.Error); ok && ee.Code == "UNRESOLVED_COLUMN" {
			return bad("IS_UNFOLDABLE", "must be a constant")
		}
		return 0, err
	}
	v, ok := expr.IsConstant(e)
	switch {
	case !ok:
		return bad("IS_UNFOLDABLE", "must be a constant")
	case e.Type().Kind != expr.Int:
		return bad("DATA_TYPE", "must be INT, not "+e.Type().String())
	case v.Null(0):
		return bad("IS_NULL", "must not be NULL")
	case v.I[0] < 0:
		return bad("IS_NEGATIVE", "must not be negative")
	}
	return v.I[0], nil
}

// union compiles the parts of a UNION ALL and casts their columns to common types, position by position.
func (c *compiler) union(q *parse.Query, in tables) (node, error) {
	parts := make([]node, len(q.Parts))
	for i, s := range q.Parts {
		var err error
		if parts[i], err = c.selectNode(s, nil, nil, -1, in); err != nil {
			return nil, err
		}
	}
	width := parts[0].schema().NumFields()
	types := make([]expr.Type, width)
	for i := range types {
		types[i] = typeOf(parts[0].schema().Field(i))
	}
	for p, n := range parts[1:] {
		at := q.Parts[p+1].At
		if n.schema().NumFields() != width {
			return nil, &expr.Error{Pos: at, Code: "NUM_COLUMNS_MISMATCH", Msg: fmt.Sprintf("this part of the UNION has %d columns, the first has %d", n.schema().NumFields(), width)}
		}
		for i := range types {
			t := typeOf(n.schema().Field(i))
			if t.Arrow != nil && types[i].Arrow != nil && arrow.TypeEqual(t.Arrow, types[i].Arrow) {
				continue
			}
			common, ok := expr.CommonType(types[i], t)
			if !ok {
				return nil, &expr.Error{Pos: at, Code: "INCOMPATIBLE_COLUMN_TYPE", Msg: fmt.Sprintf("column %d of the UNION is %s here and %s before", i+1, t, types[i])}
			}
			common.Arrow = common.ArrowType()
			types[i] = common
		}
	}
	for p, n := range parts {
		var err error
		if parts[p], err = c.castTo(n, types, q.Parts[p].At); err != nil {
			return nil, err
		}
	}
	return newUnion(c.step, parts), nil
}

// castTo projects n to columns of the types; it is n where it has them.
func (c *compiler) castTo(n node, types []expr.Type, at parse.Pos) (node, error) {
	items := make([]output, len(types))
	casts := false
	for i, t := range types {
		f := n.schema().Field(i)
		items[i] = columnOutput(i, f.Name)
		if from := typeOf(f); from.Kind == t.Kind && (t.Kind == expr.Null || arrow.TypeEqual(f.Type, t.Arrow)) {
			continue
		}
		e, err := expr.CastTo(&parse.Column{Node: parse.Node{At: at}}, expr.NewColumn(i, f.Name, typeOf(f)), t)
		if err != nil {
			return nil, err
		}
		casts, items[i] = true, output{name: f.Name, column: -1, e: e}
	}
	if !casts {
		return n, nil
	}
	return newProject(c.intake(), n, items), nil
}

// voidKey marks columns that hold nothing but untyped NULLs, which are stored as texts.
const voidKey = "void"

func typeOf(f arrow.Field) expr.Type {
	if f.Metadata.FindKey(voidKey) >= 0 {
		return expr.Type{Kind: expr.Null}
	}
	return expr.FromArrow(f.Type)
}

// fieldOf is the column that values of a type are stored as.
func fieldOf(name string, t expr.Type) arrow.Field {
	f := arrow.Field{Name: name, Type: t.ArrowType(), Nullable: true}
	if t.Kind == expr.Null {
		f.Metadata = arrow.NewMetadata([]string{voidKey}, []string{"true"})
	}
	return f
}

func fieldNames(s *arrow.Schema) []string {
	out := make([]string, s.NumFields())
	for i, f := range s.Fields() {
		out[i] = f.Name
	}
	return out
}

// fieldsOf are a node's columns as expressions name them.
func fieldsOf(n node, of string) []expr.Field {
	out := make([]expr.Field, n.schema().NumFields())
	for i, f := range n.schema().Fields() {
		out[i] = expr.Field{Of: of, Name: f.Name, Type: typeOf(f)}
	}
	return out
}

func containsFold(list []string, s string) bool {
	for _, x := range list {
		if strings.EqualFold(x, s) {
			return true
		}
	}
	return false
}

// conditionText is the WHERE clause as written, on one line.
func conditionText(sql string, sel *parse.Select) string {
	return strings.Join(strings.Fields(strings.TrimRight(sql[sel.WhereFrom:sel.WhereTo], "; \n\t")), " ")
}
