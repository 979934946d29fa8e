package transform

import (
	"context"
	"fmt"
	"sync"
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
	name                                 string // "" for inputs, which are not counted
	in, out, filtered, deduplicated, bad atomic.Int64
}

// Execution is a running program.
type Execution struct {
	program  *Program
	env      Env
	out      batch.Out
	runners  []runner
	counters []*counter
	left     []int // inputs of each operator that have not ended
	begin    sync.Once
	beginErr error
}

// Start begins an execution whose rows go to out.
func (p *Program) Start(env Env, out batch.Out) (*Execution, error) {
	n := len(p.plan.nodes)
	e := &Execution{program: p, env: env, out: out, runners: make([]runner, n), counters: make([]*counter, n), left: append([]int{}, p.plan.ports...)}
	k := 0
	for id, s := range p.plan.nodes {
		e.counters[id] = &counter{}
		if _, ok := s.(*readNode); !ok {
			k++
			e.counters[id].name = fmt.Sprintf("%d %s", k, firstWord(s.describe()))
		}
		e.runners[id] = s.start(e, id)
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
func (e *Execution) Batch(ctx context.Context, input string, b batch.Batch) error {
	if err := e.constants(ctx); err != nil {
		b.Release()
		return err
	}
	id, ok := e.program.reads[input]
	if !ok {
		b.Release()
		return fmt.Errorf("the program has no input %q", input)
	}
	return e.runners[id].push(ctx, 0, b)
}

// Done says that an input has no more batches. Operators that hold rows back give them out. Inputs end one at a time.
func (e *Execution) Done(ctx context.Context, input string) error {
	if err := e.constants(ctx); err != nil {
		return err
	}
	id, ok := e.program.reads[input]
	if !ok {
		return fmt.Errorf("the program has no input %q", input)
	}
	return e.ended(ctx, id)
}

// constants lets the operators that read nothing give their rows, before anything else.
func (e *Execution) constants(ctx context.Context) error {
	e.begin.Do(func() {
		for id, r := range e.runners {
			if c, ok := r.(*constantRunner); ok && e.beginErr == nil {
				if e.beginErr = c.give(ctx); e.beginErr == nil {
					e.beginErr = e.ended(ctx, id)
				}
			}
		}
	})
	return e.beginErr
}

// ended tells those that read operator id that it has given everything.
func (e *Execution) ended(ctx context.Context, id int) error {
	for _, c := range e.program.plan.consumers[id] {
		if err := e.runners[c.id].done(ctx, c.port); err != nil {
			return err
		}
		if e.left[c.id]--; e.left[c.id] == 0 {
			if err := e.ended(ctx, c.id); err != nil {
				return err
			}
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

// emit gives on what operator id made, to each that reads it or to the output.
func (e *Execution) emit(ctx context.Context, id int, b batch.Batch) error {
	e.counters[id].out.Add(int64(b.Rows()))
	to := e.program.plan.consumers[id]
	if len(to) == 0 {
		return e.out.Batch(b)
	}
	if len(to) > 1 {
		b.Origin = batch.Origin{Source: b.Origin.Source, Derived: true} // each row goes several ways
		for range len(to) - 1 {
			b.Record.Retain()
		}
	}
	for i, c := range to {
		e.counters[c.id].in.Add(int64(b.Rows()))
		if err := e.runners[c.id].push(ctx, c.port, b); err != nil {
			for range len(to) - 1 - i {
				b.Release()
			}
			return err
		}
	}
	return nil
}

// badRow sets a row aside that operator id refuses: row k of the batch that entered it.
func (e *Execution) badRow(id int, b batch.Batch, k int, row batch.BadRow) error {
	e.counters[id].bad.Add(1)
	field := row.Place.Field
	row.Place = b.Origin.Place(k)
	row.Place.Field = field
	row.Source = b.Origin.Source
	row.Row = string(jsonarrow.AppendRow(nil, b.Record, k))
	return e.out.BadRow(row)
}

// Counts are the rows through each operator so far.
func (e *Execution) Counts() []Count {
	var out []Count
	for _, c := range e.counters {
		if c.name != "" {
			out = append(out, Count{c.name, c.in.Load(), c.out.Load(), c.filtered.Load(), c.deduplicated.Load(), c.bad.Load()})
		}
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
