package transform

import (
	"fmt"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/transform/expr"
)

// intake is how an operator takes the rows of an input in: the condition that they pass, and the expressions that it needs of
// each. A row on which one of them fails is refused.
type intake struct {
	port
	base
	name  string    // of the step, as a rule of the quarantine
	where expr.Expr // nil: none
	text  string    // of where, for Explain
	exprs []expr.Expr
}

// everything is all that is evaluated.
func (r *intake) everything() []expr.Expr { return append([]expr.Expr{r.where}, r.exprs...) }

func (r *intake) reads() []bool { return marks(r.width, r.everything()...) }

// filterText is the operator's line of Explain for its condition.
func (r *intake) filterText() string {
	if r.where == nil {
		return ""
	}
	return "\nFilter " + r.text
}

// taken are a batch's rows that an operator goes on with: sel, all when it is nil, and the values of its expressions on them.
// release ends the use of both.
type taken struct {
	eb   *expr.Batch
	sel  []int32
	n    int // rows in sel
	vecs []*expr.Vec
	end  func()
}

func (t *taken) release() {
	t.eb.Release()
	t.end()
}

// take evaluates on a batch, which stays the caller's. Rows that fail are handed out as bad rows.
func (r *intake) take(e *Execution, id int, b batch.Batch) (*taken, error) {
	n := b.Rows()
	t := &taken{eb: r.wrap(b.Record), n: n, end: e.working(int64(n) * expr.Width(r.everything()...))}
	var errs []expr.RowError
	if r.where != nil {
		cond, ce := r.where.Eval(t.eb, nil)
		errs, t.sel = ce, cond.Truths()
		e.counters[id].filtered.Add(int64(n - len(t.sel) - distinctRows(ce)))
		if t.n = len(t.sel); t.n == n {
			t.sel = nil
		}
	}
	vecs, more := r.eval(t.eb, t.sel)
	if len(more) > 0 {
		t.sel = without(t.sel, n, more)
		t.n = len(t.sel)
		var again []expr.RowError
		if vecs, again = r.eval(t.eb, t.sel); len(again) > 0 {
			t.release()
			return nil, fmt.Errorf("a row that passed failed: %s", again[0].Msg)
		}
		errs = append(errs, more...)
	}
	t.vecs = vecs
	if err := r.refuse(e, id, b, errs); err != nil {
		t.release()
		return nil, err
	}
	return t, nil
}

// eval computes the expressions.
func (r *intake) eval(eb *expr.Batch, sel []int32) ([]*expr.Vec, []expr.RowError) {
	vecs := make([]*expr.Vec, len(r.exprs))
	var errs []expr.RowError
	for i, x := range r.exprs {
		v, more := x.Eval(eb, sel)
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
func (r *intake) refuse(e *Execution, id int, b batch.Batch, errs []expr.RowError) error {
	seen := map[int32]bool{}
	for _, x := range errs {
		if seen[x.Row] {
			continue
		}
		seen[x.Row] = true
		row := batch.BadRow{Stage: batch.StageSQL, Rule: r.name, Reason: x.Msg, Code: x.Code, Fails: r.merged || r.step.OnError != Quarantine}
		if err := e.badRow(id, b, int(x.Row), row); err != nil {
			return err
		}
	}
	return nil
}

// fails is an error that no single row of the step's input stands for: it fails the run.
func (r *intake) fails(e *Execution, id int, x expr.RowError) error {
	e.counters[id].bad.Add(1)
	return e.out.BadRow(batch.BadRow{Stage: batch.StageSQL, Rule: r.name, Reason: x.Msg, Code: x.Code, Fails: true, Place: batch.Origin{Derived: true}.Place(0)})
}
