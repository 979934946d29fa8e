// Package plan holds what a run will do and what it did: the Plan, a job bound to real schemas with no side effects; the
// Engine contract that executes it; and the Report.
package plan

import (
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/partition"
	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/sources"
	"github.com/firn-data/firn/transform"
)

// Plan is a job bound to real schemas, its engine chosen with the reason.
type Plan struct {
	Job      string
	RunID    string
	Attempt  string // 64 random bits in hex, made by this process
	Interval *batch.Interval
	Engine   Choice
	Inputs   []*Input
	Program  *transform.Program
	Target   Target
	Memory   int64 // budget in bytes
	Workers  int
	Warnings []string
	Notes    []string // what is good to know, and no warning

	Quarantine Quarantine
}

// Choice is the engine and why it was chosen.
type Choice struct {
	Name   string // native or spark
	Reason string
}

// Input is a source bound to one of its streams, with what will be read of it.
type Input struct {
	Name              string
	Kind              string
	Source            sources.Source
	Stream            sources.Stream
	Request           sources.Request
	Bytes             int64  // estimate of what the request reads; -1 when unknown
	Splits            string // how reading is cut, in words; empty when unknown
	QuarantineBadRows bool
}

// Target is the table and how rows get into it.
type Target struct {
	Ident             catalog.Ident
	Mode              catalog.Mode
	Exists            bool
	Schema            schema.Schema // of the table after the run, with field ids
	Source            []int         // for each table column, the index of the transform's column, or -1: NULL
	Columns           []Column      // what plan shows
	Spec              partition.Spec
	Sort              partition.SortOrder
	Location          string // table location; data files go under <location>/data
	FileBytes         int64
	Properties        map[string]string
	Window            *Window // rows outside it are refused; nil: none
	Key               []int   // columns of Schema that identify a row: NULL in them is refused
	QuarantineBadRows bool    // target.on_error
}

// Column is how one column gets from source to table.
type Column struct {
	Name     string
	Arrow    string // type that the transform gives
	Iceberg  string // type in the table
	Fidelity schema.Fidelity
	Change   string // what the run would change in the table: "added", "int → long"; empty for nothing
}

// Quarantine says where bad rows go and how many may.
type Quarantine struct {
	Ident    catalog.Ident
	MaxRows  int64
	MaxShare float64 // of rows read, 0 to 1
}

// Window is the interval that replace_interval replaces, over a date or timestamp column of the table.
type Window struct {
	Column   int // index in Target.Schema
	Interval batch.Interval
}

// String is the interval for messages.
func (w *Window) String() string {
	return fmt.Sprintf("[%s, %s)", w.Interval.Start.UTC().Format(time.RFC3339), w.Interval.End.UTC().Format(time.RFC3339))
}

// Inside gives a function that reports whether row i of col is in the window; NULL is not.
func (w *Window) Inside(col arrow.Array) func(i int) bool {
	switch c := col.(type) {
	case *array.Timestamp:
		lo, hi := arrow.Timestamp(w.Interval.Start.UnixMicro()), arrow.Timestamp(w.Interval.End.UnixMicro())
		return func(i int) bool { return !c.IsNull(i) && lo <= c.Value(i) && c.Value(i) < hi }
	case *array.Date32:
		return func(i int) bool { return !c.IsNull(i) && w.Interval.Contains(c.Value(i).ToTime()) }
	}
	return func(int) bool { return false }
}

// Outside calls refuse for each row of col that is NULL or not in the window.
func (w *Window) Outside(col arrow.Array, refuse func(row int, value string)) {
	in := w.Inside(col)
	for i := range col.Len() {
		switch {
		case col.IsNull(i):
			refuse(i, "NULL")
		case !in(i):
			refuse(i, col.ValueStr(i))
		}
	}
}

// Bounds are the window's ends as values of a column of the type: the first that is inside, and the first beyond it.
func (w *Window) Bounds(t schema.Type) (from, until any) {
	if t.Kind == schema.Date {
		return firstDay(w.Interval.Start), firstDay(w.Interval.End)
	}
	return arrow.Timestamp(w.Interval.Start.UnixMicro()), arrow.Timestamp(w.Interval.End.UnixMicro())
}

// firstDay is the first day that begins at t or later.
func firstDay(t time.Time) arrow.Date32 {
	const day = 24 * 60 * 60 * 1_000_000
	us := t.UnixMicro()
	d := us / day
	if us%day > 0 {
		d++
	}
	return arrow.Date32(d)
}
