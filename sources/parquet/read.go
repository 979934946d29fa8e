package parquet

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/sources"
	"github.com/firn-data/firn/sources/files"
	"github.com/firn-data/firn/storage/parquet"
)

// projection is what to read for a request, and how it is delivered.
type projection struct {
	cols     []column      // read, in order; the interval's column last where it is not wanted
	schema   *arrow.Schema // delivered
	interval *sources.Interval
	window   int // column that bounds the interval
}

// project settles which columns to read, the interval's among them.
func (s *source) project(ctx context.Context, r sources.Request) (*projection, error) {
	if err := s.describe(ctx); err != nil {
		return nil, err
	}
	names := r.Columns
	if names == nil {
		names = s.cfg.Columns
	}
	cols, err := s.chosen(names)
	if err != nil {
		return nil, err
	}
	p := &projection{cols: cols, schema: arrowSchema(cols)}
	if by := s.env.ByColumn; by != nil && by.Column != "" && r.Interval != nil {
		if err := s.bound(p, by.Column); err != nil {
			return nil, err
		}
		p.interval = r.Interval
	}
	return p, nil
}

func (s *source) bound(p *projection, name string) error {
	one, err := s.chosen([]string{name})
	if err != nil {
		return err
	}
	if k := one[0].typ.Kind; k != schema.Date && k != schema.Timestamp && k != schema.TimestampTZ {
		return fault.New(fault.Config, "%s is %s and cannot bound an interval", name, one[0].typ).At(fault.Place{Path: "interval"}).
			Hint("it must be a date or a timestamp in microseconds; one in nanoseconds can be listed in schema as timestamp")
	}
	for i, c := range p.cols {
		if strings.EqualFold(c.name, name) {
			p.window = i
			return nil
		}
	}
	p.window = len(p.cols)
	p.cols = append(append([]column{}, p.cols...), one[0])
	return nil
}

// split is some row groups of a file.
type split struct {
	file   *openFile
	p      *projection
	groups []int
	rows   []int64 // ordinal of each group's first row in the file
}

// ID implements sources.Split.
func (s *split) ID() string { return fmt.Sprintf("%s#%d", s.file.name, s.groups[0]) }

// Read implements sources.Split.
func (s *split) Read(ctx context.Context, out sources.Out) error {
	env := s.file.s.env
	for i, g := range s.groups {
		row := s.rows[i]
		o := parquet.ReadOptions{Alloc: env.Alloc, Budget: env.Budget, BatchRows: env.BatchRows, Groups: []int{g}}
		for rec, err := range s.file.reader.Read(ctx, s.file.read, o) {
			if err != nil {
				return s.failed(ctx, err)
			}
			n := rec.NumRows()
			if err := s.deliver(ctx, rec, row, out); err != nil {
				return err
			}
			row += n
		}
	}
	s.file.done()
	return nil
}

func (s *split) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return atFile(err, s.file.name)
}

// deliver passes on the rows of rec, which it owns, that are exact and in the interval.
func (s *split) deliver(ctx context.Context, rec arrow.RecordBatch, row int64, out sources.Out) error {
	env, p := s.file.s.env, s.p
	defer func() { rec.Release() }()
	origin := batch.Origin{File: s.file.name, Split: s.ID(), Row: row}
	keep := make([]int32, rec.NumRows())
	for i := range keep {
		keep[i] = int32(i)
	}
	for i, c := range p.cols {
		if !s.file.narrowed[i] {
			continue
		}
		narrow, bad := toMicros(env.Alloc, rec.Column(i).(*array.Timestamp), c.typ.Arrow())
		next, err := replace(rec, i, narrow)
		if err != nil {
			return err
		}
		old := rec
		rec = next
		kept, err := s.refuse(old, i, origin, bad, keep, out)
		old.Release()
		if err != nil {
			return err
		}
		keep = kept
	}
	if p.interval != nil {
		nulls := 0
		if keep, nulls = files.InInterval(rec.Column(p.window), *p.interval, keep); nulls > 0 {
			env.Events.OnWarn(fmt.Sprintf("%d rows have no %s and are in no interval", nulls, p.cols[p.window].name))
		}
	}
	if len(keep) == 0 {
		return nil
	}
	whole := rec
	if len(keep) < int(rec.NumRows()) {
		taken, err := batch.TakeRecord(ctx, env.Alloc, rec, keep)
		if err != nil {
			return err
		}
		defer taken.Release()
		whole, origin = taken, origin.Take(keep)
	}
	n := p.schema.NumFields()
	return out.Batch(batch.Batch{Record: array.NewRecordBatch(p.schema, whole.Columns()[:n], whole.NumRows()), Origin: origin})
}

// replace gives rec another column i, which it owns.
func replace(rec arrow.RecordBatch, i int, col arrow.Array) (arrow.RecordBatch, error) {
	defer col.Release()
	cols := append([]arrow.Array{}, rec.Columns()...)
	cols[i] = col
	fields := append([]arrow.Field{}, rec.Schema().Fields()...)
	fields[i].Type = col.DataType()
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), cols, rec.NumRows()), nil
}

// refuse gives out the rows in keep whose value has digits below microseconds, and leaves the others.
func (s *split) refuse(rec arrow.RecordBatch, i int, o batch.Origin, bad map[int32]bool, keep []int32, out sources.Out) ([]int32, error) {
	if len(bad) == 0 {
		return keep, nil
	}
	kept := keep[:0]
	for _, k := range keep {
		if !bad[k] {
			kept = append(kept, k)
			continue
		}
		place := o.Place(int(k))
		place.Field = s.p.cols[i].name
		text := rec.Column(i).(*array.Timestamp).Value(int(k)).ToTime(arrow.Nanosecond).Format(time.RFC3339Nano)
		if err := out.BadRow(sources.BadRow{Place: place, Code: "TIMESTAMP_PRECISION", Raw: []byte(text), Reason: text + " has digits below microseconds"}); err != nil {
			return nil, err
		}
	}
	return kept, nil
}

// toMicros turns nanoseconds into microseconds; bad are the rows whose value is not a whole number of them.
func toMicros(alloc memory.Allocator, a *array.Timestamp, to arrow.DataType) (out arrow.Array, bad map[int32]bool) {
	b := array.NewTimestampBuilder(alloc, to.(*arrow.TimestampType))
	defer b.Release()
	b.Reserve(a.Len())
	for i := range a.Len() {
		if a.IsNull(i) {
			b.AppendNull()
			continue
		}
		v := a.Value(i)
		if v%1000 != 0 {
			if bad == nil {
				bad = map[int32]bool{}
			}
			bad[int32(i)] = true
		}
		b.Append(v / 1000)
	}
	return b.NewTimestampArray(), bad
}
