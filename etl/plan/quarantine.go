package plan

import (
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowmem "github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/schema"
)

// QuarantinePartition is how quarantine tables are partitioned.
const QuarantinePartition = "months(at)"

// QuarantineSchema is the fixed schema of every quarantine table, without field ids.
func QuarantineSchema() schema.Schema {
	text, long := schema.Type{Kind: schema.String}, schema.Type{Kind: schema.Long}
	return schema.Schema{Fields: []schema.Field{
		{Name: "run_id", Type: text, Doc: "run that set the row aside"},
		{Name: "job", Type: text, Doc: "job of the run"},
		{Name: "attempt", Type: text, Doc: "attempt of the run"},
		{Name: "at", Type: schema.Type{Kind: schema.TimestampTZ}, Doc: "start of the run"},
		{Name: "stage", Type: text, Doc: "read, sql, expect or write"},
		{Name: "rule", Type: text, Doc: "expectation or step that refused the row"},
		{Name: "reason", Type: text, Doc: "why, in one line"},
		{Name: "error_class", Type: text, Doc: "stable name of the error"},
		{Name: "source", Type: text, Doc: "source of the job"},
		{Name: "split", Type: text, Doc: "file, or split of a database"},
		{Name: "line", Type: long, Doc: "line in the file, or row in the split"},
		{Name: "column", Type: long, Doc: "byte in the line"},
		{Name: "field", Type: text, Doc: "column of the row"},
		{Name: "raw", Type: schema.Type{Kind: schema.Binary}, Doc: "the source's bytes, cut at 64 KiB"},
		{Name: "row", Type: text, Doc: "the row that entered the step, as JSON"},
	}}
}

// QuarantineBatch makes a batch of quarantined rows in the columns of QuarantineSchema.
func QuarantineBatch(alloc arrowmem.Allocator, to *arrow.Schema, p *Plan, at time.Time, rows []batch.BadRow) arrow.RecordBatch {
	b := array.NewRecordBuilder(alloc, to)
	defer b.Release()
	text := func(i int, s string) {
		if s == "" {
			b.Field(i).AppendNull()
			return
		}
		b.Field(i).(*array.StringBuilder).Append(s)
	}
	number := func(i int, n int64) {
		if n == 0 {
			b.Field(i).AppendNull()
			return
		}
		b.Field(i).(*array.Int64Builder).Append(n)
	}
	for _, r := range rows {
		place, line := r.Place.File, r.Place.Line
		if place == "" {
			place = r.Place.Split
		}
		if line == 0 {
			line = r.Place.Row
		}
		text(0, p.RunID)
		text(1, p.Job)
		text(2, p.Attempt)
		b.Field(3).(*array.TimestampBuilder).Append(arrow.Timestamp(at.UnixMicro()))
		text(4, string(r.Stage))
		text(5, r.Rule)
		text(6, r.Reason)
		text(7, r.Code)
		text(8, r.Source)
		text(9, place)
		number(10, line)
		number(11, int64(r.Place.Column))
		text(12, r.Place.Field)
		if r.Raw == nil {
			b.Field(13).AppendNull()
		} else {
			b.Field(13).(*array.BinaryBuilder).Append(r.Raw)
		}
		text(14, r.Row)
	}
	return b.NewRecordBatch()
}
