package native

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/firn-data/firn/etl/plan"
	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/jsonarrow"
	"github.com/firn-data/firn/internal/widen"
	"github.com/firn-data/firn/storage/layout"
)

// sink is the end of the transform: it gives batches the table's columns and types, refuses rows that the table cannot
// hold, and writes the rest. Several workers use it at once; each takes a writer of its own from the pool.
type sink struct {
	ctx     context.Context
	run     *run
	target  *plan.Target
	schema  *arrow.Schema // of the table, with field ids
	writers chan *layout.Worker
}

func newSink(ctx context.Context, r *run, w *layout.Writer) *sink {
	s := &sink{ctx: ctx, run: r, target: &r.plan.Target, schema: r.plan.Target.Schema.Arrow(), writers: make(chan *layout.Worker, r.env.Workers)}
	for range r.env.Workers {
		s.writers <- w.Worker()
	}
	return s
}

// Batch writes b. It owns b.
func (s *sink) Batch(b batch.Batch) error {
	if s.run.bad.failed() {
		b.Release() // the run fails: only more bad rows are of interest
		return nil
	}
	rec, err := widen.Record(s.run.env.Alloc, b.Record, s.schema, s.target.Source)
	b.Record.Release()
	if err != nil {
		return err
	}
	b.Record = rec
	if b, err = s.refuse(b); err != nil || b.Record == nil {
		return err
	}
	n := int64(b.Rows())
	if n == 0 {
		b.Release()
		return nil
	}
	w := <-s.writers
	defer func() { s.writers <- w }()
	if err := w.Write(s.ctx, b.Record); err != nil {
		return err
	}
	s.run.rowsWritten.Add(n)
	s.run.env.Events.OnWritten(n, 0)
	return nil
}

// BadRow takes a row that a step refused.
func (s *sink) BadRow(row batch.BadRow) error {
	return s.run.bad.add(row, !row.Fails)
}

// refuse takes the rows out of b that the table cannot hold: nulls in required columns and, where an interval is
// replaced, rows outside it.
func (s *sink) refuse(b batch.Batch) (batch.Batch, error) {
	reasons := map[int]batch.BadRow{}
	for i, f := range s.target.Schema.Fields {
		col := b.Record.Column(i)
		isKey := slices.Contains(s.target.Key, i)
		if !f.Required && !isKey || col.NullN() == 0 {
			continue
		}
		what := "required column"
		if isKey {
			what = "key column"
		}
		for k := range col.Len() {
			if _, seen := reasons[k]; !seen && col.IsNull(k) {
				reasons[k] = batch.BadRow{Rule: "required", Code: "NULL_IN_REQUIRED_COLUMN", Reason: fmt.Sprintf("NULL in the %s %s", what, f.Name), Place: fieldPlace(b, k, f.Name)}
			}
		}
	}
	if w := s.target.Window; w != nil {
		w.Outside(b.Record.Column(w.Column), func(k int, value string) {
			if _, seen := reasons[k]; !seen {
				name := s.target.Schema.Fields[w.Column].Name
				reasons[k] = batch.BadRow{Rule: "interval", Code: "OUTSIDE_INTERVAL", Reason: fmt.Sprintf("%s = %s is outside the interval %s", name, value, w), Place: fieldPlace(b, k, name)}
			}
		})
	}
	if len(reasons) == 0 {
		return b, nil
	}
	return s.dropBad(b, reasons)
}

func (s *sink) dropBad(b batch.Batch, reasons map[int]batch.BadRow) (batch.Batch, error) {
	defer b.Record.Release()
	var kept []arrow.RecordBatch
	defer func() {
		for _, k := range kept {
			k.Release()
		}
	}()
	start := 0
	for k := 0; k <= b.Rows(); k++ {
		row, bad := reasons[k]
		if k < b.Rows() && !bad {
			continue
		}
		if k > start {
			kept = append(kept, b.Record.NewSlice(int64(start), int64(k)))
		}
		start = k + 1
		if !bad {
			continue
		}
		row.Stage, row.Source = batch.StageWrite, b.Origin.Source
		row.Row = string(jsonarrow.AppendRow(nil, b.Record, k))
		if err := s.run.bad.add(row, s.target.QuarantineBadRows); err != nil {
			return batch.Batch{}, err
		}
	}
	if len(kept) == 0 {
		return batch.Batch{}, nil
	}
	rec, err := concat(s.run, s.schema, kept)
	return batch.Batch{Record: rec, Origin: batch.Origin{Derived: true}}, err
}

func concat(r *run, schema *arrow.Schema, parts []arrow.RecordBatch) (arrow.RecordBatch, error) {
	cols := make([]arrow.Array, schema.NumFields())
	defer func() {
		for _, c := range cols {
			if c != nil {
				c.Release()
			}
		}
	}()
	var rows int64
	for _, p := range parts {
		rows += p.NumRows()
	}
	for i := range cols {
		chunks := make([]arrow.Array, len(parts))
		for k, p := range parts {
			chunks[k] = p.Column(i)
		}
		c, err := array.Concatenate(chunks, r.env.Alloc)
		if err != nil {
			return nil, err
		}
		cols[i] = c
	}
	return array.NewRecordBatch(schema, cols, rows), nil
}

func fieldPlace(b batch.Batch, row int, field string) fault.Place {
	p := b.Origin.Place(row)
	p.Field = field
	return p
}
