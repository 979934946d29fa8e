package plan

import (
	"fmt"
	"strings"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
)

// BadRowsShown is how many bad rows a failed run lists.
const BadRowsShown = 20

// BadRows is the error of a run that met rows it may not set aside. Its message lists them, each with its place.
type BadRows struct {
	Rows  []batch.BadRow // the first ones found, at most BadRowsShown
	Total int64          // how many were found before reading stopped
	More  bool           // reading stopped early: there may be more
}

// Error lists the rows: orders.csv:1842:31: total: "12,50" is not decimal(18,2).
func (e *BadRows) Error() string {
	var b strings.Builder
	for _, r := range e.Rows {
		b.WriteString(Describe(r))
		b.WriteByte('\n')
	}
	if e.Total == 1 && !e.More {
		return Describe(e.Rows[0])
	}
	b.WriteString(e.Count())
	return b.String()
}

// Count says how many there are: 1 bad row, 20 or more bad rows.
func (e *BadRows) Count() string {
	switch {
	case e.More:
		return fmt.Sprintf("%d or more bad rows", e.Total)
	case e.Total == 1:
		return "1 bad row"
	}
	return fmt.Sprintf("%d bad rows", e.Total)
}

// Describe is one bad row in one line.
func Describe(r batch.BadRow) string {
	place := r.Place.String()
	if place == "" {
		place = r.Source
	}
	if r.Rule != "" {
		place += ": " + r.Rule
	}
	return place + ": " + r.Reason
}

// Fault classifies e, with the ways out.
func (e *BadRows) Fault() error {
	f := fault.Wrap(fault.Data, e, "the input has rows that cannot be stored as asked")
	if len(e.Rows) > 0 {
		f.Code = e.Rows[0].Code
		switch e.Rows[0].Stage {
		case batch.StageRead:
			return f.Hint("fix the input, or describe it in source.schema and its formats, or set rows aside with source.on_bad_row: quarantine")
		case batch.StageWrite:
			return f.Hint("fix the rows in the transform, or set them aside with target.on_error: quarantine")
		case batch.StageExpect:
			return f.Hint("fix the data or the check, or set rows aside with on_fail: quarantine")
		}
	}
	return f.Hint("fix the SQL (TRY_CAST gives NULL), or set rows aside with on_error: quarantine")
}
