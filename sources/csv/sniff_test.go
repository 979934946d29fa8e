package csv

import (
	"context"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/sources"
)

// TestWhatIsUnsaidIsSniffed names the text, what is said, the note, and the rows.
func TestWhatIsUnsaidIsSniffed(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		cfg  Config
		note string
		rows string
	}{
		"names over numbers":           {"a;b\n1;x\n2;y\n", Config{}, "delimiter ';', header true", `0001 2: "1" "x"|0002 3: "2" "y"`},
		"numbers alone":                {"1|x\n2|y\n", Config{}, "delimiter '|', header false", `0001 1: "1" "x"|0002 2: "2" "y"`},
		"a smaller number first":       {"1,x\n2.5,y\n", Config{}, "header false", `0001 1: "1" "x"|0002 2: "2.5" "y"`},
		"dates under a word":           {"day,x\n2024-01-01,y\n", Config{}, "header true", `0001 2: "2024-01-01" "y"`},
		"words over words":             {"x,y\nz,v\n", Config{}, "header true (it could be", `0001 2: "z" "v"`},
		"a word that comes again":      {"x,y\nx,v\n", Config{}, "header false", `0001 1: "x" "y"|0002 2: "x" "v"`},
		"a null":                       {"x,\\N\ny,v\n", Config{NullValues: []string{`\N`}}, "header false", `0001 1: "x" NULL|0002 2: "y" "v"`},
		"a year as a name":             {"2024,x\n1.5,y\nz,y\n", Config{}, "header true (it could be", `0001 2: "1.5" "y"|0002 3: "z" "y"`},
		"names alone":                  {"a,b\n", Config{}, "header true (it could be", ``},
		"no value under the first row": {"x,\n1,2\n3,4\n", Config{}, "header true", `0001 2: "1" "2"|0002 3: "3" "4"`},
		"names of the schema":          {"a,b\nx,y\n", Config{Schema: []ColumnSpec{{Name: "B", Type: "string"}}}, "header true", `0001 2: "x" "y"`},
		"escaped quotes":               {"a,b\n1,\"x \\\" y\"\n", Config{}, `escape \, header true`, `0001 2: "1" "x \" y"`},
		"doubled quotes":               {"a,b\n1,\"x \"\" y\\\"\n", Config{}, "delimiter ',', header true", `0001 2: "1" "x \" y\\"`},
		"all said":                     {"1,x\n", Config{Delimiter: ptr(","), Escape: ptr(`"`), Header: ptr(false)}, "", `0001 1: "1" "x"`},
	} {
		c.cfg.Path = []string{write(t, "in.csv", c.text)}
		s := open(t, memory.NewGoAllocator(), c.cfg, nil)
		streams, err := s.Streams(context.Background())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		note := ""
		for _, n := range streams[0].Notes {
			if n.Column == "" {
				note = n.Text
			}
		}
		if !strings.Contains(note, c.note) || (note == "") != (c.note == "") {
			t.Errorf("%s: note %q, want %q", name, note, c.note)
		}
		if got := read(t, s, 1); strings.Join(got.rows, "|") != c.rows || len(got.bad) > 0 {
			t.Errorf("%s:\n got %s %s\nwant %s", name, strings.Join(got.rows, "|"), got.bad, c.rows)
		}
	}
}

// TestHeadersStayAsTheLastRunReadThem gives files that look otherwise to a job that has run before.
func TestHeadersStayAsTheLastRunReadThem(t *testing.T) {
	for name, c := range map[string]struct{ known, text, rows string }{
		"names":    {"a", "a,b\nx,y\n", `0001 2: "x" "y"`},
		"no names": {"c1", "x,y\n", `0001 1: "x" "y"`},
	} {
		known := &schema.Schema{Fields: []schema.Field{{Name: c.known, Type: schema.Type{Kind: schema.String}}}}
		s := open(t, memory.NewGoAllocator(), Config{Path: []string{write(t, "in.csv", c.text)}}, func(e *sources.Env) { e.Known = known })
		if got := read(t, s, 1); strings.Join(got.rows, "|") != c.rows {
			t.Errorf("%s: %v", name, got.rows)
		}
	}
}

func TestDoubledNamesAreNoted(t *testing.T) {
	s := open(t, memory.NewGoAllocator(), Config{Path: []string{write(t, "in.csv", "id,ID,,id\n1,2,3,4\n")}}, nil)
	streams, err := s.Streams(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.names(), " "); got != "id ID_2 c3 id_3" {
		t.Errorf("names %s", got)
	}
	var noted []string
	for _, n := range streams[0].Notes {
		if n.Column != "" {
			noted = append(noted, n.Column)
		}
	}
	if strings.Join(noted, " ") != "ID_2 id_3" {
		t.Errorf("notes %v", streams[0].Notes)
	}
}

// TestDoublesKeepWhatTheyRead keeps numbers that a double would change as text (I4).
func TestDoublesKeepWhatTheyRead(t *testing.T) {
	for text, want := range map[string]string{
		"1e3\n0.30000000000000004\n":                              "double",
		"1e3\n9007199254740993\n":                                 "string",
		"1e3\n0.1234567890123456789\n":                            "string",
		"12345678901234567890\n1\n":                               "decimal(38, 0)",
		"1e3\n+5\n":                                               "string",
		"true\nFALSE\n":                                           "boolean",
		"1234567890123456789012345678901234567890\n":              "string",
		"2024-01-01\n2024-01-01 10:00:00\n":                       "string",
		"2024-01-01 10:00:00Z\n2024-01-01T10:00:00.5+01:00\n":     "timestamptz",
		"-5\n-05\n":                                               "string",
		"31/12/2024\n":                                            "string",
		"99999999999999999999999999999999999.5\n0.0123456789\n":   "string",
		"9999999999999999999999999999.5\n0.0123456789\n":          "decimal(38, 10)",
		"NaN\nInfinity\n":                                         "string",
		"\"\"\n1\n":                                               "string",
		"\"5\"\n1\n":                                              "long",
		"2024-02-30\n":                                            "string",
		"10:30\n":                                                 "string",
		"f81d4fae-7dec-11d0-a765-00a0c91e6bf6\n":                  "string",
		"2024-01-01 10:00:00.1234567\n":                           "string",
		"2024-01-01 10:00:00.1234560\n2024-01-01T10:00\n":         "timestamp",
		"2024-01-01 10:00:00.1234560\n2024-01-01T10:00:00+0200\n": "string",
	} {
		s := open(t, memory.NewGoAllocator(), Config{Path: []string{write(t, "in.csv", "a\n"+text)}, Header: ptr(true)}, nil)
		if _, err := s.Streams(context.Background()); err != nil {
			t.Fatal(err)
		}
		if got := s.cols[0].typ.String(); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
		if out := read(t, s, 1); len(out.bad) > 0 {
			t.Errorf("%q: bad rows %v", text, out.bad)
		}
	}
}

func TestLinesOfCarriageReturnsAloneAreRefused(t *testing.T) {
	s := open(t, memory.NewGoAllocator(), Config{Path: []string{write(t, "in.csv", "a,b\r1,2\r")}}, nil)
	if _, err := s.Streams(context.Background()); !fault.Is(err, fault.Data) || fault.HintOf(err) == "" {
		t.Errorf("%v", err)
	}
}

// TestAllRowsCountWhenInferenceIsFull hides the row that decides behind the sample, and in the second file.
func TestAllRowsCountWhenInferenceIsFull(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer alloc.AssertSize(t, 0)
	first := write(t, "1.csv", "n,d,none,q\n"+strings.Repeat("1,1.5,,7\n", 20_000)+"bad row\n1.25,2,,\"\"\n")
	second := write(t, "2.csv", "d,n,q,none\n1.125,-3,8,\n")
	for infer, want := range map[string]string{"sample": "long decimal(18, 1) string long", "full": "decimal(18, 2) decimal(18, 3) string string"} {
		s := open(t, alloc, Config{Path: []string{first, second}, Infer: infer, OnBadRow: "quarantine"}, nil)
		streams, err := s.Streams(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range s.cols {
			got = append(got, c.typ.String())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %s, want %s", infer, strings.Join(got, " "), want)
		}
		if n := streams[0].Notes; len(n) != 2 || n[1].Column != "none" {
			t.Errorf("%s: notes %v", infer, n)
		}
		if infer == "full" {
			if out := read(t, s, 2); len(out.rows) != 20_002 || len(out.bad) != 1 {
				t.Errorf("%d rows, bad %q", len(out.rows), out.bad)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if used := s.env.Budget.Used(); used != 0 {
			t.Errorf("%s: %d bytes are still reserved", infer, used)
		}
	}
}

// TestFullInferenceEnds stops it by its context, and by a file that cannot be read.
func TestFullInferenceEnds(t *testing.T) {
	path := write(t, "1.csv", "n\n"+strings.Repeat("1\n", 700_000))
	ctx, cancel := context.WithCancel(context.Background())
	s := open(t, memory.NewGoAllocator(), Config{Path: []string{path}, Infer: "full"}, func(e *sources.Env) {
		e.Events = &sources.Events{Read: func(string, int64, int64) { cancel() }}
	})
	if _, err := s.Streams(ctx); !fault.Is(err, fault.Interrupted) {
		t.Errorf("canceled: %v", err)
	}
	s = open(t, memory.NewGoAllocator(), Config{Path: []string{path, "/nowhere.csv"}, Infer: "full"}, nil)
	if _, err := s.Streams(context.Background()); !fault.Is(err, fault.NoInput) {
		t.Errorf("a missing file: %v", err)
	}
}
