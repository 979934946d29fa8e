package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/firn-data/firn/etl"
	"github.com/firn-data/firn/etl/plan"
)

// writeJSON prints a versioned object.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// headlines say how a run ended.
var headlines = map[plan.Outcome]string{
	plan.Committed: "committed", plan.AlreadyCommitted: "already committed: nothing changed", plan.Empty: "nothing to read: nothing changed",
	plan.Failed: "failed: the table is untouched", plan.Interrupted: "interrupted: nothing was committed", plan.Unknown: "the outcome is unknown",
}

// printReport is the report for people. It ends with what to do next.
func printReport(w io.Writer, r *etl.Report) {
	fmt.Fprintf(w, "%s → %s: %s\n", r.Job, r.Table, headlines[r.Outcome])
	fmt.Fprintf(w, "  run          %s\n", r.RunID)
	if r.Interval != nil {
		fmt.Fprintf(w, "  interval     [%s, %s)\n", r.Interval.Start.Format(time.RFC3339), r.Interval.End.Format(time.RFC3339))
	}
	if len(r.Position.To) > 0 {
		fmt.Fprintf(w, "  position     from %s up to %s\n", orBeginning(r.Position.From), r.Position.To)
	}
	if r.Snapshot != nil {
		fmt.Fprintf(w, "  snapshot     %d\n", *r.Snapshot)
	}
	if r.Rows.Read > 0 || r.Outcome == plan.Committed {
		fmt.Fprintf(w, "  rows         %s\n", rowsText(r.Rows, r.Outcome == plan.Committed || r.Outcome == plan.Unknown))
		fmt.Fprintf(w, "  bytes        %s read, %s written in %s\n", size(r.Bytes.Read), size(r.Bytes.Written), count(int64(r.Files), "file"))
		fmt.Fprintf(w, "  time         %.2f s (commit %.2f s), peak memory budget %s\n", r.Seconds.Total, r.Seconds.Commit, size(r.PeakMemory))
	}
	for _, x := range r.Warnings {
		fmt.Fprintf(w, "  warning      %s\n", x)
	}
	switch {
	case r.Quarantine != nil:
		fmt.Fprintf(w, "%s quarantined: firn read %s\n", count(r.Rows.Quarantined, "row"), r.Quarantine.Table)
	case r.Outcome == plan.Committed, r.Outcome == plan.AlreadyCommitted:
		fmt.Fprintf(w, "next: firn read %s\n", r.Table)
	}
}

// rowsText is what became of the rows.
func rowsText(r plan.Rows, committed bool) string {
	parts := []string{fmt.Sprintf("%d read", r.Read)}
	if committed {
		parts = append(parts, fmt.Sprintf("%d written", r.Written))
	}
	for _, x := range []struct {
		n    int64
		what string
	}{{r.Filtered, "filtered"}, {r.Deduplicated, "deduplicated"}, {r.Quarantined, "quarantined"}} {
		if x.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", x.n, x.what))
		}
	}
	return strings.Join(parts, ", ")
}

// count is a number with its noun.
func count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func size(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}

func orBeginning(p []byte) string {
	if len(p) == 0 {
		return "the beginning"
	}
	return string(p)
}
