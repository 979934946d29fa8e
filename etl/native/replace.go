package native

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
	"golang.org/x/sync/errgroup"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/etl/plan"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/predicate"
)

// replacer plans what a run's rows replace. It is asked on every head of the table that the commit is tried on, and then rewrites
// the files that hold rows which stay beside rows which go.
type replacer struct {
	engine *Engine
	plan   *plan.Plan
	env    plan.Env
	added  []catalog.DataFile // of the run
	heads  int                // how many heads were tried
}

// Replace gives the Replace of a commit in a mode; nil where the mode replaces nothing.
func (e *Engine) Replace(mode catalog.Mode, p *plan.Plan, env plan.Env, added []catalog.DataFile) func(context.Context, *catalog.Table) (*catalog.Replacement, error) {
	r := &replacer{engine: e, plan: p, env: env, added: added}
	var on func(context.Context, *catalog.Table) (*catalog.Replacement, error)
	switch mode {
	case catalog.Overwrite:
		return func(context.Context, *catalog.Table) (*catalog.Replacement, error) {
			return &catalog.Replacement{All: true}, nil
		}
	case catalog.ReplaceInterval:
		on = r.interval
	case catalog.OverwritePartitions:
		on = r.partitions
	case catalog.Upsert:
		on = r.upsert
	default:
		return nil
	}
	return func(ctx context.Context, head *catalog.Table) (_ *catalog.Replacement, err error) {
		defer fault.Recover(&err)
		r.heads++
		return on(ctx, head)
	}
}

// interval replaces the rows in the plan's window: files wholly inside go as they are, files at its borders are rewritten.
func (r *replacer) interval(ctx context.Context, head *catalog.Table) (*catalog.Replacement, error) {
	w := r.plan.Target.Window
	column := r.plan.Target.Schema.Fields[w.Column]
	from, until := w.Bounds(column.Type)
	files, err := head.Files(ctx, 0, predicate.All(
		predicate.Predicate{Op: predicate.GtEq, Column: column.Name, Values: []any{from}},
		predicate.Predicate{Op: predicate.Lt, Column: column.Name, Values: []any{until}}))
	if err != nil {
		return nil, err
	}
	out := &catalog.Replacement{}
	m := r.newMarks(head)
	defer m.release()
	for _, f := range files {
		if f.Within(column.Name, from, until) {
			out.Remove = append(out.Remove, f)
			continue
		}
		m.add(f)
	}
	err = m.mark(ctx, []string{column.Name}, func(rec arrow.RecordBatch) (func(int) bool, error) { return w.Inside(rec.Column(0)), nil })
	if err != nil {
		return nil, err
	}
	return out, r.rewrite(ctx, head, m, out)
}

// forEach runs do for each file, several at a time.
func (r *replacer) forEach(ctx context.Context, files []*catalog.File, do func(context.Context, *catalog.File) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(r.env.Workers, 1))
	for _, f := range files {
		g.Go(func() (err error) {
			defer fault.Recover(&err)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return do(ctx, f)
		})
	}
	return g.Wait()
}
