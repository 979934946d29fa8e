package transform

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/transform/expr"
	"github.com/firn-data/firn/transform/parse"
)

// expectNode checks every row against conditions and sets those aside that do not meet one.
type expectNode struct {
	base
	port
	from   node
	name   string
	rules  []Expectation
	checks []expr.Expr
}

func compileExpect(s *Step, in node, params Params, now time.Time, name string) (node, error) {
	st := &expectNode{base: base{step: s}, port: port{width: in.schema().NumFields()}, from: in, name: name, rules: s.Expect}
	scope := &expr.Scope{Params: params, Now: now, Functions: expr.Functions()}
	for _, f := range in.schema().Fields() {
		scope.Fields = append(scope.Fields, expr.Field{Of: "input", Name: f.Name, Type: expr.FromArrow(f.Type)})
	}
	seen := map[string]bool{}
	for i, r := range s.Expect {
		if r.Name == "" || seen[r.Name] {
			return nil, fault.New(fault.Config, "expectation %d needs a name of its own", i+1).At(r.At)
		}
		seen[r.Name] = true
		x, err := parse.ParseExpr(r.Check)
		if err != nil {
			return nil, place(err, r.Check, r.At)
		}
		e, err := scope.Condition(x, "the check "+r.Name)
		if err != nil {
			return nil, place(err, r.Check, r.At)
		}
		st.checks = append(st.checks, e)
	}
	return st, nil
}

func (st *expectNode) schema() *arrow.Schema       { return st.from.schema() }
func (st *expectNode) inputs() []node              { return []node{st.from} }
func (st *expectNode) connect(_ int, became []int) { st.became = became }

// prune keeps every column: a row that is set aside is kept whole.
func (st *expectNode) prune([]bool) ([]int, [][]bool) {
	reads := all(st.width)
	return renumber(reads), [][]bool{reads}
}

func (st *expectNode) describe() string {
	names := make([]string, len(st.rules))
	for i, r := range st.rules {
		names[i] = r.Name + ": " + strings.Join(strings.Fields(r.Check), " ")
	}
	return "Expect " + strings.Join(names, ", ")
}

func (st *expectNode) start(e *Execution, i int) runner { return &expectRunner{st, e, i} }

type expectRunner struct {
	*expectNode
	e *Execution
	i int
}

func (r *expectRunner) done(context.Context, int) error { return nil }
func (r *expectRunner) close()                          {}

// push checks one batch. A row is set aside by the first expectation that it does not meet.
func (r *expectRunner) push(ctx context.Context, _ int, b batch.Batch) error {
	defer r.e.working(int64(b.Rows()) * expr.Width(r.checks...))()
	eb := r.wrap(b.Record)
	defer eb.Release()
	var sel []int32
	for i, check := range r.checks {
		if sel != nil && len(sel) == 0 {
			break
		}
		v, errs := check.Eval(eb, sel)
		why := map[int32]expr.RowError{}
		for _, e := range errs {
			why[e.Row] = e
		}
		pass := v.Passes(sel)
		if len(pass) == v.N {
			continue
		}
		rest, err := r.apply(b, r.rules[i], sel, pass, why)
		if err != nil {
			b.Release()
			return err
		}
		sel = rest
	}
	if sel == nil {
		return r.e.emit(ctx, r.i, b)
	}
	defer b.Release()
	if len(sel) == 0 {
		return nil
	}
	rec, err := batch.TakeRecord(ctx, r.e.env.Alloc, b.Record, sel)
	if err != nil {
		return err
	}
	return r.e.emit(ctx, r.i, batch.Batch{Record: rec, Origin: b.Origin.Take(sel)})
}

// apply does what the expectation says with the rows that are not in pass, and gives the rows that go on.
func (r *expectRunner) apply(b batch.Batch, rule Expectation, sel, pass []int32, why map[int32]expr.RowError) ([]int32, error) {
	passed := make(map[int32]bool, len(pass))
	for _, k := range pass {
		passed[k] = true
	}
	if rule.OnFail == Warn {
		r.e.env.Events.OnWarn(fmt.Sprintf("%d rows do not meet %s: %s", r.size(b, sel)-len(pass), rule.Name, rule.Check))
		if sel == nil {
			return nil, nil
		}
		return sel, nil
	}
	for n := range r.size(b, sel) {
		k := int32(n)
		if sel != nil {
			k = sel[n]
		}
		if passed[k] {
			continue
		}
		row := batch.BadRow{Stage: batch.StageExpect, Rule: rule.Name, Code: "EXPECTATION_FAILED", Reason: "does not meet " + strings.Join(strings.Fields(rule.Check), " "), Fails: rule.OnFail != Quarantine}
		if e, ok := why[k]; ok {
			row.Code, row.Reason = e.Code, e.Msg
		}
		if err := r.e.badRow(r.i, b, int(k), row); err != nil {
			return nil, err
		}
	}
	return append([]int32{}, pass...), nil
}

func (r *expectRunner) size(b batch.Batch, sel []int32) int {
	if sel == nil {
		return b.Rows()
	}
	return len(sel)
}
