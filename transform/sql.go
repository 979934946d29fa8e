package transform

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/transform/expr"
	"github.com/firn-data/firn/transform/parse"
)

// sqlStage is a SELECT with an optional WHERE: a row-wise operator.
type sqlStage struct {
	step  Step
	name  string
	in    *arrow.Schema
	where expr.Expr // nil: none
	text  string    // of where, for Explain
	items []output
	out   *arrow.Schema
	width int64 // bytes that evaluating a row takes
}

// output is one column of the result: a column of the input, or an expression.
type output struct {
	name   string
	column int // -1: e
	e      expr.Expr
}

func compileSQL(s Step, in *arrow.Schema, relations []string, params Params, now time.Time, name string) (stage, error) {
	q, err := parse.Parse(s.SQL)
	if err != nil {
		return nil, place(err, s.SQL, s.At)
	}
	st := &sqlStage{step: s, name: name, in: in}
	if err := st.bind(q, relations, params, now); err != nil {
		return nil, place(err, s.SQL, s.At)
	}
	return st, nil
}

// bind resolves the query against the input. What only an operator that merges or multiplies rows can do is refused.
func (st *sqlStage) bind(q *parse.Query, relations []string, params Params, now time.Time) error {
	sel := q.Parts[0]
	switch {
	case len(q.With) > 0:
		return needsSpark(q.At, "WITH")
	case len(q.Parts) > 1:
		return needsSpark(q.Parts[1].At, "UNION ALL")
	case len(q.Order) > 0:
		return needsSpark(q.Order[0].X.Start(), "ORDER BY")
	case q.Limit != nil:
		return needsSpark(q.Limit.Start(), "LIMIT")
	case sel.Distinct:
		return needsSpark(sel.At, "DISTINCT")
	case len(sel.Group) > 0:
		return needsSpark(sel.Group[0].Start(), "GROUP BY")
	case sel.Having != nil:
		return needsSpark(sel.Having.Start(), "HAVING")
	case sel.From == nil:
		return needsSpark(sel.At, "SELECT without FROM")
	case sel.From.Query != nil:
		return needsSpark(sel.From.At, "a sub-query")
	case len(sel.From.Joins) > 0:
		return needsSpark(sel.From.Joins[0].At, "JOIN")
	}
	if !containsFold(relations, sel.From.Name) {
		return &expr.Error{Pos: sel.From.At, Code: "TABLE_OR_VIEW_NOT_FOUND", Msg: fmt.Sprintf("there is no relation %q", sel.From.Name), Hint: "there is " + strings.Join(relations, ", ")}
	}
	of := sel.From.Alias
	if of == "" {
		of = sel.From.Name
	}
	scope := &expr.Scope{Params: params, Now: now, Functions: expr.Functions(), Lateral: map[string]expr.Expr{}}
	for _, f := range st.in.Fields() {
		scope.Fields = append(scope.Fields, expr.Field{Of: of, Name: f.Name, Type: expr.FromArrow(f.Type)})
	}
	if sel.Where != nil {
		var err error
		if st.where, err = scope.Condition(sel.Where, "WHERE"); err != nil {
			return err
		}
		st.text = conditionText(st.step.SQL, sel)
	}
	if err := st.bindItems(sel.Items, scope, of); err != nil {
		return err
	}
	return st.makeSchema(sel)
}

// conditionText is the WHERE clause as written, on one line.
func conditionText(sql string, sel *parse.Select) string {
	return strings.Join(strings.Fields(strings.TrimRight(sql[sel.WhereFrom:sel.WhereTo], "; \n\t")), " ")
}

func needsSpark(at parse.Pos, what string) error {
	return &expr.Error{Pos: at, Code: "NEEDS_SPARK", Msg: what + " needs engine: spark"}
}

func containsFold(list []string, s string) bool {
	for _, x := range list {
		if strings.EqualFold(x, s) {
			return true
		}
	}
	return false
}

func (st *sqlStage) bindItems(items []parse.Item, scope *expr.Scope, of string) error {
	for _, it := range items {
		if it.Star {
			if it.Of != "" && !strings.EqualFold(it.Of, of) {
				return &expr.Error{Pos: it.At, Code: "CANNOT_RESOLVE_STAR_EXPAND", Msg: fmt.Sprintf("there is no relation %q", it.Of)}
			}
			if err := st.star(it); err != nil {
				return err
			}
			continue
		}
		e, err := scope.Bind(it.X)
		if err != nil {
			return err
		}
		o := output{name: it.Alias, column: -1, e: e}
		if c, ok := e.(*expr.Column); ok {
			o.column = c.Index
		}
		if col, ok := it.X.(*parse.Column); ok && o.name == "" {
			o.name = col.Parts[len(col.Parts)-1]
			if o.column >= 0 {
				o.name = st.in.Field(o.column).Name
			}
		}
		if o.name == "" {
			return &expr.Error{Pos: it.At, Code: "MISSING_ALIAS", Msg: "the expression needs a name", Hint: "write AS and a name after it"}
		}
		if o.column < 0 && e.Type().Kind == expr.Opaque {
			return &expr.Error{Pos: it.At, Code: "NEEDS_SPARK", Msg: e.Type().String() + " can only be selected by name"}
		}
		if _, taken := scope.Lateral[strings.ToLower(o.name)]; !taken {
			scope.Lateral[strings.ToLower(o.name)] = e
		}
		st.items = append(st.items, o)
	}
	return nil
}

func (st *sqlStage) star(it parse.Item) error {
	for _, x := range it.Except {
		if len(st.in.FieldIndices(x)) == 0 && !containsFold(fieldNames(st.in), x) {
			return &expr.Error{Pos: it.At, Code: "UNRESOLVED_COLUMN", Msg: fmt.Sprintf("there is no column %q to leave out", x)}
		}
	}
	for i, f := range st.in.Fields() {
		if !containsFold(it.Except, f.Name) {
			st.items = append(st.items, output{name: f.Name, column: i})
		}
	}
	return nil
}

func fieldNames(s *arrow.Schema) []string {
	out := make([]string, s.NumFields())
	for i, f := range s.Fields() {
		out[i] = f.Name
	}
	return out
}

func (st *sqlStage) makeSchema(sel *parse.Select) error {
	seen := map[string]bool{}
	fields := make([]arrow.Field, len(st.items))
	for i, o := range st.items {
		if low := strings.ToLower(o.name); seen[low] {
			return &expr.Error{Pos: sel.At, Code: "COLUMN_ALREADY_EXISTS", Msg: fmt.Sprintf("two columns of the result are called %q", o.name), Hint: "give one of them another name with AS"}
		} else {
			seen[low] = true
		}
		if o.column >= 0 {
			fields[i] = st.in.Field(o.column)
			fields[i].Name = o.name
			continue
		}
		fields[i] = arrow.Field{Name: o.name, Type: o.e.Type().ArrowType(), Nullable: true}
	}
	st.out = arrow.NewSchema(fields, nil)
	st.width = expr.Width(st.where)
	for _, o := range st.items {
		if o.column < 0 {
			st.width += expr.Width(o.e)
		}
	}
	return nil
}

func (st *sqlStage) schema() *arrow.Schema { return st.out }

func (st *sqlStage) describe() string {
	names := make([]string, len(st.items))
	for i, o := range st.items {
		names[i] = o.name
		if o.column >= 0 && st.in.Field(o.column).Name != o.name {
			names[i] = st.in.Field(o.column).Name + " AS " + o.name
		} else if o.column < 0 {
			names[i] = o.name + " " + o.e.Type().String()
		}
	}
	s := "Project " + strings.Join(names, ", ")
	if st.where != nil {
		s += "\nFilter " + st.text
	}
	return s
}

// columns are the input's columns that the stage reads; nil means all.
func (st *sqlStage) columns() []string { return nil }

func (st *sqlStage) start(e *Execution, i int) runner { return &sqlRunner{st, e, i} }

// sqlRunner holds no state: workers run it side by side.
type sqlRunner struct {
	*sqlStage
	e *Execution
	i int
}

func (r *sqlRunner) done(context.Context) error { return nil }
func (r *sqlRunner) close()                     {}

// push filters and projects one batch.
func (r *sqlRunner) push(ctx context.Context, b batch.Batch) error {
	defer b.Release()
	n := b.Rows()
	defer r.e.working(int64(n) * r.width)()
	eb := expr.NewBatch(b.Record)
	defer eb.Release()
	var sel []int32 // nil: all rows
	var errs []expr.RowError
	if r.where != nil {
		cond, ce := r.where.Eval(eb, nil)
		errs = ce
		sel = cond.Truths()
		r.e.counters[r.i].filtered.Add(int64(n - len(sel) - distinctRows(ce)))
		if len(sel) == n {
			sel = nil
		}
	}
	vecs, more := r.eval(eb, sel)
	if len(more) > 0 {
		sel = without(sel, n, more)
		var again []expr.RowError
		if vecs, again = r.eval(eb, sel); len(again) > 0 {
			return fmt.Errorf("a row that passed failed: %s", again[0].Msg)
		}
		errs = append(errs, more...)
	}
	if err := r.refuse(b, errs); err != nil {
		return err
	}
	if sel != nil && len(sel) == 0 {
		return nil
	}
	out, err := r.assemble(ctx, b, sel, vecs)
	if err != nil {
		return err
	}
	eb.Release()
	return r.e.emit(ctx, r.i, out)
}

// eval computes the items that are expressions.
func (r *sqlRunner) eval(eb *expr.Batch, sel []int32) ([]*expr.Vec, []expr.RowError) {
	vecs := make([]*expr.Vec, len(r.items))
	var errs []expr.RowError
	for i, o := range r.items {
		if o.column >= 0 {
			continue
		}
		v, more := o.e.Eval(eb, sel)
		vecs[i], errs = v, append(errs, more...)
	}
	return vecs, errs
}

// without is the selection less the rows with errors.
func without(sel []int32, n int, errs []expr.RowError) []int32 {
	bad := make(map[int32]bool, len(errs))
	for _, e := range errs {
		bad[e.Row] = true
	}
	out := make([]int32, 0, n)
	if sel == nil {
		for k := range int32(n) {
			if !bad[k] {
				out = append(out, k)
			}
		}
		return out
	}
	for _, k := range sel {
		if !bad[k] {
			out = append(out, k)
		}
	}
	return out
}

func distinctRows(errs []expr.RowError) int {
	rows := map[int32]bool{}
	for _, e := range errs {
		rows[e.Row] = true
	}
	return len(rows)
}

// refuse reports each row that failed, once, with its first error.
func (r *sqlRunner) refuse(b batch.Batch, errs []expr.RowError) error {
	seen := map[int32]bool{}
	for _, e := range errs {
		if seen[e.Row] {
			continue
		}
		seen[e.Row] = true
		row := batch.BadRow{Stage: batch.StageSQL, Rule: r.name, Reason: e.Msg, Code: e.Code, Fails: r.step.OnError != Quarantine}
		if err := r.e.badRow(r.i, b, int(e.Row), row); err != nil {
			return err
		}
	}
	return nil
}

// assemble makes the result: columns passed through are shared where no row is left out.
func (r *sqlRunner) assemble(ctx context.Context, b batch.Batch, sel []int32, vecs []*expr.Vec) (batch.Batch, error) {
	cols := make([]arrow.Array, len(r.items))
	defer func() {
		for _, c := range cols {
			if c != nil {
				c.Release()
			}
		}
	}()
	rows := b.Rows()
	origin := b.Origin
	var idx *array.Int32
	if sel != nil {
		rows, origin = len(sel), b.Origin.Take(sel)
		idx = batch.Indices(r.e.env.Alloc, sel)
		defer idx.Release()
	}
	for i, o := range r.items {
		switch {
		case o.column < 0:
			cols[i] = vecs[i].Array(r.e.env.Alloc)
		case sel == nil:
			cols[i] = b.Record.Column(o.column)
			cols[i].Retain()
		default:
			var err error
			if cols[i], err = batch.TakeColumn(ctx, r.e.env.Alloc, b.Record.Column(o.column), idx); err != nil {
				return batch.Batch{}, err
			}
		}
	}
	return batch.Batch{Record: array.NewRecordBatch(r.out, cols, int64(rows)), Origin: origin}, nil
}
