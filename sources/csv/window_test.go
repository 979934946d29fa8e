package csv

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/sources"
)

// TestRowsOfTheIntervalAreRead filters by columns of each type of time, read or not, with bad rows among them.
func TestRowsOfTheIntervalAreRead(t *testing.T) {
	text := "id,day,at,tz,us\n" +
		"1,2024-01-30,2024-01-30 23:59:59.999999,2024-01-31T01:00:00+02:00,01/30/2024\n" +
		"2,2024-01-31,2024-01-31 00:00:00,2024-01-31T01:00:00+01:00,01/31/2024\n" +
		"3,2024-01-31,2024-01-31 23:59:59.999999,2024-02-01T00:59:59+01:00,01/31/2024\n" +
		"x,2024-01-31,2024-01-31 12:00:00,2024-01-31T12:00:00Z,01/31/2024\n" +
		"4,2024-02-01,2024-02-01 00:00:00,2024-02-01T00:00:00Z,02/01/2024\n" +
		"5,,,,\n"
	path := write(t, "in.csv", text)
	in := &sources.Interval{Start: time.Date(2024, 1, 31, 0, 0, 0, 0, time.UTC), End: time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC)}
	for column, columns := range map[string][]string{"day": {"id"}, "at": {"id"}, "TZ": {"id"}, "us": {"id"}, "tz": {"id", "tz"}} {
		alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
		cfg := Config{Path: []string{path}, Columns: columns, OnBadRow: "quarantine", Schema: []ColumnSpec{{Name: "id", Type: "bigint"}, {Name: "us", Type: "date", Format: "MM/dd/yyyy"}}}
		warned := ""
		s := open(t, alloc, cfg, func(e *sources.Env) {
			e.ByColumn, e.Events = &sources.IntervalBy{Column: column}, &sources.Events{Warn: func(m string) { warned = m }}
		})
		out := &collect{}
		for sp, err := range s.Splits(context.Background(), sources.Request{Interval: in}) {
			if err != nil {
				t.Fatal(err)
			}
			if err := sp.Read(context.Background(), out); err != nil {
				t.Fatal(err)
			}
		}
		want := `0002 3: "2"|0003 4: "3"`
		if len(columns) == 2 {
			want = `0002 3: "2" "2024-01-31T00:00:00Z"|0003 4: "3" "2024-01-31T23:59:59Z"`
		}
		if strings.Join(out.rows, "|") != want || len(out.bad) != 1 || !strings.Contains(warned, "1 rows have no "+strings.ToLower(column)) {
			t.Errorf("%s: rows %q, bad %q, warned %q", column, out.rows, out.bad, warned)
		}
		alloc.AssertSize(t, 0)
	}
	for name, by := range map[string]*sources.IntervalBy{"no such column": {Column: "nope"}, "a number": {Column: "id"}} {
		s := open(t, memory.NewGoAllocator(), Config{Path: []string{path}, Infer: "sample"}, func(e *sources.Env) { e.ByColumn = by })
		for _, err := range s.Splits(context.Background(), sources.Request{Interval: in}) {
			if !fault.Is(err, fault.Config) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestAnIntervalByPathFiltersNothing leaves the choice of files to the path.
func TestAnIntervalByPathFiltersNothing(t *testing.T) {
	s := open(t, memory.NewGoAllocator(), Config{Path: []string{write(t, "in.csv", "a\n1\n2\n")}}, func(e *sources.Env) { e.ByColumn = &sources.IntervalBy{By: "path"} })
	out := &collect{}
	for sp, err := range s.Splits(context.Background(), sources.Request{Interval: &sources.Interval{Start: time.Unix(0, 0), End: time.Unix(1, 0)}}) {
		if err != nil {
			t.Fatal(err)
		}
		if err := sp.Read(context.Background(), out); err != nil {
			t.Fatal(err)
		}
	}
	if len(out.rows) != 2 {
		t.Errorf("rows %q", out.rows)
	}
}
