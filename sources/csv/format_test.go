package csv

import (
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/internal/fault"
)

// TestDatesAreReadByTheirFormat reads German dates, American ones and timestamps with and without offset.
func TestDatesAreReadByTheirFormat(t *testing.T) {
	text := "d;us;n;z;u\n" +
		"29.02.2024;2/29/24;20240131 235959;31-Jan-2024 10:00:00.5 +0200;31.01.2024 10:00\n" +
		";;;;\n" +
		"\"01.01.1970\";1/1/00;19700101 000000;1-Jan-1970 00:00:00.0 +0000;01.01.1970 00:00\n"
	bad := "30.02.2024;;;;\n2024-01-01;;;;\n;13/1/24;;;\n;;20240131;;\n;;;31-Jan-2024 10:00:00.5;\n;;;;31.01.2024 25:00\n"
	cfg := Config{Path: []string{write(t, "in.csv", text+bad)}, OnBadRow: "quarantine", Schema: []ColumnSpec{{"d", "date", "dd.MM.yyyy"}, {"us", "date", "M/d/yy"},
		{"n", "timestamp_ntz", "yyyyMMdd HHmmss"}, {"z", "timestamp", "d-MMM-yyyy HH:mm:ss.S Z"}, {"u", "timestamp", "dd.MM.yyyy HH:mm"}}}
	got := read(t, open(t, memory.NewGoAllocator(), cfg, nil), 2)
	want := []string{
		`0001 2: "2024-02-29" "2024-02-29" "2024-01-31T23:59:59" "2024-01-31T08:00:00.5Z" "2024-01-31T10:00:00Z"`,
		`0002 3: NULL NULL NULL NULL NULL`,
		`0003 4: "1970-01-01" "2000-01-01" "1970-01-01T00:00:00" "1970-01-01T00:00:00Z" "1970-01-01T00:00:00Z"`,
	}
	if !slices.Equal(got.rows, want) || len(got.bad) != 6 {
		t.Errorf("rows\n%s\nwant\n%s\nbad %q", strings.Join(got.rows, "\n"), strings.Join(want, "\n"), got.bad)
	}
	if !strings.HasPrefix(got.bad[0], `0004 5:1 d "30.02.2024" is not date written as dd.MM.yyyy`) {
		t.Errorf("bad row %s", got.bad[0])
	}
}

// TestADateHasNoTimeToLose reads timestamps by a format into dates.
func TestADateHasNoTimeToLose(t *testing.T) {
	cfg := Config{Path: []string{write(t, "in.csv", "d\n2024-01-31 00:00\n2024-01-31 00:01\n")}, OnBadRow: "quarantine", Schema: []ColumnSpec{{"d", "date", "yyyy-MM-dd HH:mm"}}}
	if got := read(t, open(t, memory.NewGoAllocator(), cfg, nil), 1); len(got.rows) != 1 || len(got.bad) != 1 {
		t.Errorf("rows %q, bad %q", got.rows, got.bad)
	}
}

func TestFormatsThatCannotBeUsed(t *testing.T) {
	for _, c := range []ColumnSpec{{"a", "int", "yyyy"}, {"a", "date", "bb"}, {"a", "date", "YYYY-ww"}, {"a", "timestamp_ntz", "yyyy-MM-dd HH:mm:ssXXX"}, {"a", "date", "yyyy z"}} {
		cfg := Config{Path: []string{"x.csv"}, Schema: []ColumnSpec{c}}
		if err := cfg.Validate(); !fault.Is(err, fault.Config) || fault.PlaceOf(err).Path != "schema[0].format" {
			t.Errorf("%v: %v", c, err)
		}
	}
}
