package native

import (
	"context"
	"errors"
	"sync"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/etl/plan"
	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/storage/layout"
)

// quarantineBatch is how many rows are set aside before they are encoded.
const quarantineBatch = 4096

// quarantine writes rows that were set aside into data files of the quarantine table, which is looked up with the first
// of them.
type quarantine struct {
	engine *Engine
	run    *run

	mu     sync.Mutex
	rows   []batch.BadRow
	target *plan.Target
	writer *layout.Writer
	worker *layout.Worker
}

func newQuarantine(e *Engine, r *run) *quarantine { return &quarantine{engine: e, run: r} }

func (q *quarantine) add(ctx context.Context, row batch.BadRow) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.rows = append(q.rows, row)
	if len(q.rows) < quarantineBatch {
		return nil
	}
	return q.flush(ctx)
}

func (q *quarantine) flush(ctx context.Context) error {
	if len(q.rows) == 0 {
		return nil
	}
	if q.writer == nil {
		t, err := q.engine.OpenQuarantine(ctx)
		if err != nil {
			return err
		}
		if q.writer, err = q.engine.layout(t, q.run.plan, q.run.env, "q"); err != nil {
			return err
		}
		q.target, q.worker = t, q.writer.Worker()
	}
	rec := plan.QuarantineBatch(q.run.env.Alloc, q.target.Schema.Arrow(), q.run.plan, q.run.env.Now, q.rows)
	q.rows = q.rows[:0]
	return q.worker.Write(ctx, rec)
}

// result puts the quarantine's files beside the run's own outcome. They are kept when the run failed on its rows, so that
// its user can look at them; for any other failure they go.
func (q *quarantine) result(ctx context.Context, res *plan.Result, cause error) (*plan.Result, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	ctx = context.WithoutCancel(ctx) // a limit ends reading, not the quarantine
	if cause != nil && q.run.bad.limit == nil && !q.run.overShare {
		q.abortLocked()
		return res, cause
	}
	if err := q.flush(ctx); err != nil {
		q.abortLocked()
		return res, errors.Join(cause, err)
	}
	if q.writer == nil {
		return res, cause
	}
	files, err := q.engine.finish(ctx, q.writer, q.target)
	if err != nil {
		q.abortLocked()
		return res, errors.Join(cause, err)
	}
	res.Quarantine = append([]catalog.DataFile{}, files...)
	return res, cause
}

func (q *quarantine) abort() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.abortLocked()
}

func (q *quarantine) abortLocked() {
	if q.writer != nil {
		q.writer.Abort()
		q.writer = nil
	}
}
