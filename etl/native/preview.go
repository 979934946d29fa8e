package native

import (
	"context"
	"errors"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/firn-data/firn/etl/plan"
	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/transform"
)

// PreviewRows is how many rows of each input a preview reads at most.
const PreviewRows = 10_000

// errSeenEnough ends a preview's reading of an input, errFull the preview.
var (
	errSeenEnough = errors.New("the preview has read enough of an input")
	errFull       = errors.New("the preview has enough rows")
)

// Preview runs the program of p over the first rows of each input, in one goroutine, and gives up to n of its rows and the
// first rows that were refused. The caller releases the batches.
func Preview(ctx context.Context, p *plan.Plan, env plan.Env, n int) (_ []arrow.RecordBatch, _ *plan.BadRows, err error) {
	defer fault.Recover(&err)
	v := &preview{ctx: ctx, left: n, bad: &plan.BadRows{}}
	v.exec, err = p.Program.Start(transform.Env{Alloc: env.Alloc, Budget: env.Budget, Temp: env.Temp, Workers: 1, Events: env.Events, Now: env.Now}, v)
	if err == nil {
		err = v.flow(p)
		v.exec.Close()
	}
	if err != nil && !errors.Is(err, errFull) {
		for _, r := range v.rows {
			r.Release()
		}
		return nil, nil, err
	}
	return v.rows, v.bad, nil
}

// preview takes what the program gives.
type preview struct {
	ctx  context.Context
	exec *transform.Execution
	left int
	rows []arrow.RecordBatch
	bad  *plan.BadRows
}

func (v *preview) flow(p *plan.Plan) error {
	r := &run{plan: p}
	for _, phase := range p.Program.Phases() {
		for _, in := range r.inputs(phase) {
			if err := v.read(in); err != nil && !errors.Is(err, errSeenEnough) {
				return err
			}
		}
		for _, name := range phase {
			if err := v.exec.Done(v.ctx, name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *preview) read(in *plan.Input) error {
	out := &previewIn{v: v, in: in, left: PreviewRows}
	for s, err := range in.Source.Splits(v.ctx, in.Request) {
		if err != nil {
			return err
		}
		if err := s.Read(v.ctx, out); err != nil {
			return err
		}
		if out.stop != nil {
			return out.stop
		}
	}
	return nil
}

// Batch implements batch.Out for the end of the program.
func (v *preview) Batch(b batch.Batch) error {
	defer b.Release()
	n := min(v.left, b.Rows())
	v.rows = append(v.rows, b.Record.NewSlice(0, int64(n)))
	if v.left -= n; v.left == 0 {
		return errFull
	}
	return nil
}

// BadRow implements batch.Out.
func (v *preview) BadRow(row batch.BadRow) error {
	v.bad.Total++
	if len(v.bad.Rows) < plan.BadRowsShown {
		v.bad.Rows = append(v.bad.Rows, row)
	}
	return nil
}

// previewIn passes the first rows of an input into the program. A split may report the bad rows of a batch after it, so that
// reading is stopped by the batch that follows.
type previewIn struct {
	v    *preview
	in   *plan.Input
	left int
	stop error
}

func (o *previewIn) Batch(b batch.Batch) error {
	if o.stop != nil {
		b.Release()
		return o.stop
	}
	b.Origin.Source = o.in.Name
	if n := b.Rows(); n > o.left {
		cut := batch.Batch{Record: b.Record.NewSlice(0, int64(o.left)), Origin: b.Origin.Slice(0, o.left)}
		b.Release()
		b = cut
	}
	if o.left -= b.Rows(); o.left == 0 {
		o.stop = errSeenEnough
	}
	err := o.v.exec.Batch(o.v.ctx, o.in.Name, b)
	if errors.Is(err, errFull) {
		o.stop = errFull
		return nil
	}
	return err
}

func (o *previewIn) BadRow(row batch.BadRow) error {
	row.Source, row.Stage = o.in.Name, batch.StageRead
	return o.v.BadRow(row)
}
