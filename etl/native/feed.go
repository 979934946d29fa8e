package native

import (
	"context"
	"iter"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/firn-data/firn/etl/plan"
	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/sources"
)

// splitAttempts is how often a split is read from its beginning when a service fails before it gave a batch.
const splitAttempts = 3

// queue hands the splits of several inputs to workers, one at a time and input by input.
type queue struct {
	mu     sync.Mutex
	inputs []*plan.Input
	next   func() (sources.Split, error, bool)
	stop   func()
	cur    *plan.Input
	ctx    context.Context
}

// pull gives the next split, or ok = false when there are no more.
func (q *queue) pull() (in *plan.Input, s sources.Split, ok bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		if q.next == nil {
			if len(q.inputs) == 0 {
				return nil, nil, false, nil
			}
			q.cur, q.inputs = q.inputs[0], q.inputs[1:]
			q.next, q.stop = iter.Pull2(q.cur.Source.Splits(q.ctx, q.cur.Request))
		}
		s, err, ok := q.next()
		if ok {
			return q.cur, s, true, err
		}
		q.stop()
		q.next = nil
	}
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.next != nil {
		q.stop()
		q.next = nil
	}
}

// feed reads all splits of the inputs and pushes their batches into the transform. It returns when every worker has.
func (r *run) feed(ctx context.Context, inputs []*plan.Input) error {
	g, ctx := errgroup.WithContext(ctx)
	q := &queue{inputs: inputs, ctx: ctx}
	defer q.close()
	for range r.env.Workers {
		g.Go(func() (err error) {
			defer fault.Recover(&err)
			for ctx.Err() == nil {
				in, s, ok, err := q.pull()
				if err != nil || !ok {
					return err
				}
				if err := r.readSplit(ctx, in, s); err != nil {
					return err
				}
			}
			return context.Cause(ctx)
		})
	}
	return g.Wait()
}

// readSplit reads one split, again from its beginning when a service failed before the split gave anything.
func (r *run) readSplit(ctx context.Context, in *plan.Input, s sources.Split) error {
	start := time.Now()
	for attempt := 1; ; attempt++ {
		out := &splitOut{ctx: ctx, run: r, in: in}
		err := s.Read(ctx, out)
		if err == nil {
			r.env.Events.OnSplitDone(in.Name, s.ID(), time.Since(start))
			return nil
		}
		c := fault.ClassOf(err)
		if out.passed || attempt == splitAttempts || ctx.Err() != nil || c != fault.Retry && c != fault.Unavailable {
			return err
		}
		wait := time.Duration(attempt*attempt) * 200 * time.Millisecond
		r.env.Events.OnRetry("read split "+s.ID(), attempt, err, wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// splitOut receives what one split reads. passed tells that rows have left for the transform, after which the split can
// no longer be read again from its beginning.
type splitOut struct {
	ctx    context.Context
	run    *run
	in     *plan.Input
	passed bool
}

func (o *splitOut) Batch(b batch.Batch) error {
	o.passed = true
	n := int64(b.Rows())
	o.run.rowsRead.Add(n)
	b.Origin.Source = o.in.Name
	o.run.env.Events.OnRead(o.in.Name, n, 0)
	return o.run.exec.Batch(o.ctx, o.in.Name, b)
}

func (o *splitOut) BadRow(row batch.BadRow) error {
	o.passed = true
	o.run.rowsRead.Add(1)
	o.run.env.Events.OnRead(o.in.Name, 1, 0)
	row.Source, row.Stage = o.in.Name, batch.StageRead
	return o.run.bad.add(row, o.in.QuarantineBadRows)
}
