package etl

import (
	"context"
	"iter"
	"os"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/memory"
	"github.com/firn-data/firn/transform"
)

// readInput is what the condition of Read filters.
const readInput = "input"

// Read reads the rows of a table for which a condition in Spark SQL is TRUE, or all rows when it is empty. Batches are the
// receiver's to release.
func Read(ctx context.Context, t *catalog.Table, o catalog.ReadOptions, where string) iter.Seq2[arrow.RecordBatch, error] {
	if where == "" {
		return t.Scan(ctx, o)
	}
	return func(yield func(arrow.RecordBatch, error) bool) {
		if err := filter(ctx, t, o, where, yield); err != nil {
			yield(nil, err)
		}
	}
}

// filter runs the condition as a step over the table's batches. It returns nil after yield refused one.
func filter(ctx context.Context, t *catalog.Table, o catalog.ReadOptions, where string, yield func(arrow.RecordBatch, error) bool) error {
	at := fault.Place{File: "--where", Line: 1, Column: 1}
	if err := transform.CheckCondition(where, at); err != nil {
		return err
	}
	const before = "SELECT * FROM " + readInput + " WHERE "
	at.Column -= len(before) // errors count from the condition
	now := time.Now()
	prog, err := transform.Compile([]transform.Step{{SQL: before + where, At: at}}, []transform.Input{{Name: readInput, Schema: t.Schema.Arrow()}}, nil, now)
	if err != nil {
		return err
	}
	const budget = 256 << 20
	alloc := memory.NewAllocator(budget / 4)
	out := &passing{yield: yield}
	temp := memory.NewDir(os.TempDir(), attemptID())
	defer temp.Close()
	exec, err := prog.Start(transform.Env{Alloc: alloc, Budget: memory.NewBudget(budget), Temp: temp, Workers: 1, Now: now}, out)
	if err != nil {
		return err
	}
	defer exec.Close()
	for rec, err := range t.Scan(ctx, o) {
		if err == nil {
			err = exec.Batch(ctx, readInput, batch.Batch{Record: rec, Origin: batch.Origin{Source: t.Ident.String(), Derived: true}})
		}
		if out.stopped {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return exec.Done(ctx, readInput)
}

// passing gives the rows that pass to yield.
type passing struct {
	yield   func(arrow.RecordBatch, error) bool
	stopped bool
}

// Batch implements batch.Out.
func (p *passing) Batch(b batch.Batch) error {
	if p.stopped {
		b.Release()
		return nil
	}
	p.stopped = !p.yield(b.Record, nil)
	return nil
}

// BadRow implements batch.Out: a row on which the condition fails ends the reading.
func (p *passing) BadRow(row batch.BadRow) error {
	return fault.New(fault.Data, "the condition fails on the row %s: %s", row.Row, row.Reason).WithCode(row.Code)
}
