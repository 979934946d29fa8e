// Package native is the engine that executes a plan in this process: workers pull splits, push their batches through
// the transform in the same goroutine, and write data files, each worker its own.
package native

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/etl/plan"
	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/storage"
	"github.com/firn-data/firn/storage/layout"
	"github.com/firn-data/firn/storage/parquet"
	"github.com/firn-data/firn/transform"
)

// Engine executes plans natively.
type Engine struct {
	Store storage.Store // of the lake
	// OpenQuarantine looks the run's quarantine table up, or plans it; it is called when the first row is set aside.
	OpenQuarantine func(ctx context.Context) (*plan.Target, error)
}

// run is one execution of one plan.
type run struct {
	plan *plan.Plan
	env  plan.Env
	exec *transform.Execution
	bad  *badRows

	rowsRead, rowsWritten atomic.Int64

	overShare bool // the quarantine holds too large a share of the rows
}

// Execute implements plan.Engine.
func (e *Engine) Execute(ctx context.Context, p *plan.Plan, env plan.Env) (*plan.Result, error) {
	start := time.Now()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	r := &run{plan: p, env: env}
	q := newQuarantine(e, r)
	r.bad = &badRows{events: env.Events, cancel: cancel, max: p.Quarantine.MaxRows, keep: func(row batch.BadRow) error { return q.add(ctx, row) }}

	writer, err := e.layout(&p.Target, p, env, "")
	if err != nil {
		return nil, err
	}
	err = r.bad.verdict(r.flow(ctx, writer))
	read := time.Since(start)
	res := &plan.Result{Rows: r.rows(), Operators: r.operators()}
	if err == nil {
		err = r.checkShare(res)
	}
	if err != nil {
		writer.Abort()
		return q.result(ctx, res, err)
	}
	if res.Files, err = e.finish(ctx, writer, &p.Target); err != nil {
		writer.Abort()
		q.abort()
		return nil, err
	}
	for _, f := range res.Files {
		res.Bytes.Written += f.Bytes
	}
	res.Seconds.Read = read.Seconds()
	res.Seconds.Write = (time.Since(start) - read).Seconds()
	return q.result(ctx, res, nil)
}

// flow reads all inputs, phase by phase, through the transform into w.
func (r *run) flow(ctx context.Context, w *layout.Writer) (err error) {
	sink := newSink(ctx, r, w)
	r.exec, err = r.plan.Program.Start(transform.Env{Alloc: r.env.Alloc, Budget: r.env.Budget, Temp: r.env.Temp,
		Workers: r.env.Workers, Events: r.env.Events, Now: r.env.Now}, sink)
	if err != nil {
		return err
	}
	defer r.exec.Close()
	for _, phase := range r.plan.Program.Phases() {
		if err := r.feed(ctx, r.inputs(phase)); err != nil {
			return err
		}
		for _, name := range phase {
			if err := r.exec.Done(ctx, name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *run) inputs(names []string) []*plan.Input {
	var out []*plan.Input
	for _, n := range names {
		for _, in := range r.plan.Inputs {
			if in.Name == n {
				out = append(out, in)
			}
		}
	}
	return out
}

// rows accounts for every row (I3).
func (r *run) rows() plan.Rows {
	rows := plan.Rows{Read: r.rowsRead.Load(), Written: r.rowsWritten.Load(), Quarantined: r.bad.quarantined}
	if r.exec == nil {
		return rows
	}
	for _, c := range r.exec.Counts() {
		rows.Filtered += c.Filtered
		rows.Deduplicated += c.Deduplicated
	}
	return rows
}

func (r *run) operators() []plan.Operator {
	out := []plan.Operator{}
	if r.exec == nil {
		return out
	}
	for _, c := range r.exec.Counts() {
		out = append(out, plan.Operator{Name: c.Name, In: c.In, Out: c.Out})
	}
	return out
}

// checkShare judges the quarantine's share of the rows read, which is known only at the end.
func (r *run) checkShare(res *plan.Result) error {
	limit := r.plan.Quarantine.MaxShare
	if q := res.Rows.Quarantined; q > 0 && float64(q) > limit*float64(res.Rows.Read) {
		r.overShare = true
		return fault.New(fault.Data, "%d of %d rows were quarantined, more than %g%%", q, res.Rows.Read, 100*limit).
			Hint("look at the quarantined rows, fix them or the job, or raise quarantine.max_share")
	}
	return nil
}

// layout opens the writer of a target's data files.
func (e *Engine) layout(t *plan.Target, p *plan.Plan, env plan.Env, tag string) (*layout.Writer, error) {
	return layout.New(layout.Config{
		Schema: t.Schema, Spec: t.Spec, Sort: t.Sort, Store: e.Store, Data: t.Location + "/data", Run: p.RunID, Attempt: p.Attempt + tag,
		FileBytes: t.FileBytes, Parquet: parquet.Options{Codec: t.Properties["write.parquet.compression-codec"], Alloc: env.Alloc, Budget: env.Budget},
		Budget: env.Budget, Temp: env.Temp, Alloc: env.Alloc, Workers: env.Workers, Events: env.Events,
	})
}

func (e *Engine) finish(ctx context.Context, w *layout.Writer, t *plan.Target) ([]catalog.DataFile, error) {
	files, err := w.Close(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]catalog.DataFile, len(files))
	for i, f := range files {
		out[i] = catalog.DataFile{File: f.File, Location: f.Location, SpecID: t.Spec.ID, Partition: f.Partition, SortOrderID: f.SortOrderID}
	}
	return out, nil
}
