// Package batch is what flows through firn: Arrow record batches that know where each row came from, and the
// rows that were set aside on the way.
package batch

import (
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/firn-data/firn/internal/fault"
)

// Batch is a record batch and its origin. It has one owner (I5): whoever holds it calls Release or passes it on,
// and passing it on gives it away, also when the receiver returns an error.
type Batch struct {
	Record arrow.RecordBatch
	Origin Origin
}

// Release gives the batch's memory back.
func (b Batch) Release() {
	if b.Record != nil {
		b.Record.Release()
	}
}

// Rows is the number of rows.
func (b Batch) Rows() int { return int(b.Record.NumRows()) }

// Origin says where the rows of a batch were read. Row-wise operators keep it; operators that merge or multiply rows
// give Derived instead.
type Origin struct {
	Source  string  // name of the job's source
	Split   string  // id of the split
	File    string  // the file as the user would find it; empty for databases
	Row     int64   // 1-based ordinal, within file or split, of the first row; used when Rows is nil
	Rows    []int64 // ordinals row by row, when they do not follow each other
	Line    int64   // 1-based line of the first row, when every row is one line; 0 when there are no lines
	Lines   []int64 // lines row by row, when they do not follow each other
	Derived bool    // rows were merged or multiplied: they have no place
}

// Place is the place of row i (0-based) of the batch.
func (o Origin) Place(i int) fault.Place {
	if o.Derived {
		return fault.Place{Split: "derived"}
	}
	p := fault.Place{File: o.File, Split: o.Split, Row: o.Row + int64(i)}
	if o.Rows != nil {
		p.Row = o.Rows[i]
	}
	switch {
	case o.Lines != nil:
		p.Line = o.Lines[i]
	case o.Line > 0:
		p.Line = o.Line + int64(i)
	}
	return p
}

// Take is the origin of the rows at the given 0-based indices, in that order.
func (o Origin) Take(indices []int32) Origin {
	if o.Derived {
		return o
	}
	out := o
	out.Rows = ordinals(o.Row, o.Rows, indices)
	if o.Lines != nil || o.Line > 0 {
		out.Lines = ordinals(o.Line, o.Lines, indices)
	}
	return out
}

// ordinals are those of the given rows, which count from first or are listed.
func ordinals(first int64, listed []int64, indices []int32) []int64 {
	out := make([]int64, len(indices))
	for k, i := range indices {
		if listed != nil {
			out[k] = listed[i]
		} else {
			out[k] = first + int64(i)
		}
	}
	return out
}

// Slice is the origin of rows [from, to).
func (o Origin) Slice(from, to int) Origin {
	out := o
	out.Row += int64(from)
	if o.Line > 0 {
		out.Line += int64(from)
	}
	if o.Rows != nil {
		out.Rows = o.Rows[from:to]
	}
	if o.Lines != nil {
		out.Lines = o.Lines[from:to]
	}
	return out
}

// Stage names what refused a row.
type Stage string

const (
	StageRead   Stage = "read"
	StageSQL    Stage = "sql"
	StageExpect Stage = "expect"
	StageWrite  Stage = "write"
)

// BadRow is a row that a source cannot read exactly, or that a step or the write refuses.
type BadRow struct {
	Stage  Stage
	Source string
	Place  fault.Place // Field is the column's name, Column its byte in the line
	Rule   string      // name of the expectation or of the step
	Reason string      // one line for people: "12,50" is not decimal(18,2)
	Code   string      // stable error class, such as CAST_INVALID_INPUT
	Raw    []byte      // the source's bytes, cut at RawLimit; only from sources
	Row    string      // the row that entered the step, as one JSON object; only from later stages
	Fails  bool        // the step says that such a row fails the run
}

// RawLimit is how many bytes of a bad row are kept.
const RawLimit = 64 << 10

// Out receives what a split reads or a step makes. Both methods may be called by several goroutines at once and may
// block until there is room. An error ends the caller's work: it returns that error unchanged. Batch owns b from the
// call on (I5).
type Out interface {
	Batch(b Batch) error
	BadRow(r BadRow) error
}

// Interval is a half-open window of time [Start, End).
type Interval struct {
	Start, End time.Time
}

// Contains reports whether t is in the interval.
func (i Interval) Contains(t time.Time) bool { return !t.Before(i.Start) && t.Before(i.End) }
