package transform

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/jsonarrow"
)

// Count is the rows through one operator.
type Count struct {
	Name                        string
	In, Out                     int64
	Filtered, Deduplicated, Bad int64
}

// counter is a Count that several workers add to.
type counter struct {
	name                                 string
	in, out, filtered, deduplicated, bad atomic.Int64
}

// runner is a stage in execution. push owns b; it may be called by several workers at once, done by one, after them.
type runner interface {
	push(ctx context.Context, b batch.Batch) error
	done(ctx context.Context) error
	close()
}

// Execution is a running program.
type Execution struct {
	env      Env
	out      batch.Out
	runners  []runner
	counters []*counter
}

// Start begins an execution whose rows go to out.
func (p *Program) Start(env Env, out batch.Out) (*Execution, error) {
	e := &Execution{env: env, out: out, runners: make([]runner, len(p.stages)), counters: make([]*counter, len(p.stages))}
	for i, s := range p.stages {
		e.counters[i] = &counter{name: fmt.Sprintf("%d %s", i+1, firstWord(s.describe()))}
		e.runners[i] = s.start(e, i)
	}
	return e, nil
}

func firstWord(s string) string {
	for i := range len(s) {
		if s[i] == ' ' || s[i] == '\n' {
			return s[:i]
		}
	}
	return s
}

// Batch pushes a batch of an input through the program, in the caller's goroutine. It owns b (I5) and is safe for
// concurrent use.
func (e *Execution) Batch(ctx context.Context, _ string, b batch.Batch) error {
	return e.push(ctx, 0, b)
}

// Done says that an input has no more batches. Operators that hold rows back give them out.
func (e *Execution) Done(ctx context.Context, _ string) error {
	for _, r := range e.runners {
		if err := r.done(ctx); err != nil {
			return err
		}
	}
	return nil
}

// working accounts for the vectors of one batch that is being evaluated (I8), of which there are as many as workers: the
// minimum without which nothing can go on. The function that it gives ends it.
func (e *Execution) working(bytes int64) (done func()) {
	if e.env.Budget == nil {
		return func() {}
	}
	e.env.Budget.Force(bytes)
	return func() { e.env.Budget.Release(bytes) }
}

// push gives b to stage i, or to the output after the last.
func (e *Execution) push(ctx context.Context, i int, b batch.Batch) error {
	if i == len(e.runners) {
		return e.out.Batch(b)
	}
	e.counters[i].in.Add(int64(b.Rows()))
	return e.runners[i].push(ctx, b)
}

// emit gives on what stage i made.
func (e *Execution) emit(ctx context.Context, i int, b batch.Batch) error {
	e.counters[i].out.Add(int64(b.Rows()))
	return e.push(ctx, i+1, b)
}

// badRow sets a row aside that stage i refuses: row k of the batch that entered it.
func (e *Execution) badRow(i int, b batch.Batch, k int, row batch.BadRow) error {
	e.counters[i].bad.Add(1)
	field := row.Place.Field
	row.Place = b.Origin.Place(k)
	row.Place.Field = field
	row.Source = b.Origin.Source
	row.Row = string(jsonarrow.AppendRow(nil, b.Record, k))
	return e.out.BadRow(row)
}

// Counts are the rows through each operator so far.
func (e *Execution) Counts() []Count {
	out := make([]Count, len(e.counters))
	for i, c := range e.counters {
		out[i] = Count{c.name, c.in.Load(), c.out.Load(), c.filtered.Load(), c.deduplicated.Load(), c.bad.Load()}
	}
	return out
}

// Close releases what the execution holds. It may be called more than once.
func (e *Execution) Close() error {
	for _, r := range e.runners {
		r.close()
	}
	return nil
}
