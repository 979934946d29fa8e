package csv

import (
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/event"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/sources"
	"github.com/firn-data/firn/sources/files"
)

// window keeps the rows of the run's interval.
type window struct {
	column   int  // in the batch that is read
	extra    bool // the column is read for the interval alone
	interval batch.Interval
}

// project settles which columns to read, the interval's among them.
func (s *source) project(r sources.Request) (projection, error) {
	names := r.Columns
	if names == nil {
		names = s.cfg.Columns
	}
	cols, at, err := s.chosen(names)
	if err != nil {
		return projection{}, err
	}
	p := projection{cols: cols, at: at, schema: arrowSchema(cols)}
	by := s.env.ByColumn
	if by == nil || by.Column == "" || r.Interval == nil {
		return p, nil
	}
	one, place, err := s.chosen([]string{by.Column})
	if err != nil {
		return projection{}, err
	}
	if k := one[0].typ.Kind; k != schema.Date && k != schema.Timestamp && k != schema.TimestampTZ {
		return projection{}, fault.New(fault.Config, "%s is %s and cannot bound an interval", by.Column, typeName(one[0])).At(fault.Place{Path: "interval"}).
			Hint("it must be a date or a timestamp: list it in schema, with a format if need be")
	}
	w := &window{column: -1, interval: *r.Interval}
	for i, k := range at {
		if k == place[0] {
			w.column = i
		}
	}
	if w.column < 0 {
		w.column, w.extra = len(cols), true
		p.cols = append(append([]column{}, cols...), one[0])
		p.at = append(append([]int{}, at...), place[0])
		p.read = arrowSchema(p.cols)
	}
	p.window = w
	return p, nil
}

// filter keeps, of the rows in keep, those inside the interval. Rows without a value are in no interval, which is told.
func (w *window) filter(rec arrow.RecordBatch, events *event.Events, keep []int32) []int32 {
	out, nulls := files.InInterval(rec.Column(w.column), w.interval, keep)
	if nulls > 0 {
		events.OnWarn(fmt.Sprintf("%d rows have no %s and are in no interval", nulls, strings.ToLower(rec.ColumnName(w.column))))
	}
	return out
}

// without takes the column away that was read for the interval alone.
func (w *window) without(rec arrow.RecordBatch, wanted *arrow.Schema) arrow.RecordBatch {
	if w == nil || !w.extra {
		return rec
	}
	defer rec.Release()
	return array.NewRecordBatch(wanted, rec.Columns()[:wanted.NumFields()], rec.NumRows())
}
