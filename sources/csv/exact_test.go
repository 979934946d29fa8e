package csv

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
	firnmem "github.com/firn-data/firn/internal/memory"
	"github.com/firn-data/firn/sources"
)

// TestMasksAgree compares the two ways of finding bytes with a loop, on random bytes of a small alphabet.
func TestMasksAgree(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	alphabet := []byte(",\n\"\r;\x00\x80\xffab,-/!#+")
	for n := range 300 {
		blocks := n % 9
		text := make([]byte, blocks*block, blocks*block+block)
		for i := range text {
			if text[i] = alphabet[rnd.IntN(len(alphabet))]; n%3 == 0 {
				text[i] = byte(rnd.IntN(256))
			}
		}
		delimiter, quote := alphabet[rnd.IntN(len(alphabet))], alphabet[rnd.IntN(len(alphabet))]
		want := make([]uint64, 3*blocks)
		for i, c := range text {
			for k, is := range []bool{c == delimiter, c == '\n', c == quote} {
				if is {
					want[3*(i/block)+k] |= 1 << (i % block)
				}
			}
		}
		for name, f := range map[string]func([]byte, byte, byte, []uint64){"masksGo": masksGo, "masks": masks} {
			got := make([]uint64, 3*blocks)
			f(text, delimiter, quote, got)
			if !slices.Equal(got, want) {
				t.Fatalf("%s of %q for %q and %q:\n got %x\nwant %x", name, text, delimiter, quote, got, want)
			}
		}
	}
}

// ways are the ways in which cells are found: by the machine's masks, by masks made in Go, and by the state machine alone, which a
// comment byte that no text has forces.
var ways = []string{"masks", "masksGo", "machine"}

// way opens a source that finds cells in one way, in chunks of a size; 0: the whole file.
func way(t testing.TB, alloc memory.Allocator, cfg Config, way string, size int) *source {
	t.Helper()
	s := open(t, alloc, cfg, nil)
	if _, err := s.Streams(context.Background()); err != nil {
		t.Fatal(err)
	}
	if way == "machine" && s.d.comment == 0 {
		s.d.comment = 1
	}
	if size > 0 {
		s.chunk = size
	}
	return s
}

// inWay runs f while masks are made in one way.
func inWay(way string, f func()) {
	if way == "masksGo" {
		was := masks
		masks = masksGo
		defer func() { masks = was }()
	}
	f()
}

// hard is what is hard about CSV beside corpus, each with its dialect.
var hard = map[string]struct {
	text string
	cfg  Config
}{
	"crlf and quotes":            {"a,b\r\n\"1\",\"x\"\r\n\"2\",\"y\r\n\"\"\"\r\n3,\r\n\"\",\"\"\r\n", Config{}},
	"lone carriage returns":      {"a,b\n1\r,x\r\ry\n\"2\r\",z\r\n\r,\r\r\n\"3\"\r,v\n4,\"w\"\r", Config{}},
	"quotes that open too late":  {"a,b\n1 \"x,y\"\n \"2\",\"z\n\"\n\"3\" ,4\n5,6\n", Config{}},
	"quotes at every place":      {"a,b\n\"\",\"\"\"\"\n\"\"\"\"\"\",\"\"x\n\"\"\"\",y\"\n7,8\n", Config{}},
	"a quote that eats the rest": {"a,b\n1,2\n3,\"4\n5,6\n7,8\n", Config{}},
	"short and long rows":        {"a,b\n1\n1,2,3\n\"x\ny\"\n1,\"2\n\",3\n4,5\n", Config{}},
	"fill":                       {"a,b\n1\n1,2,3\n2,\"3\",\"4,\n5\"\n\n4,\n", Config{OnBadRow: "fill"}},
	"comments":                   {"a,b\n#,\"\n1,\"#\n#\"\n#\"\n\"#\",2\n# \n3,4#\n", Config{Comment: "#"}},
	"backslashes":                {"a,b\n\"1\\\"\",\"x\\\\\"\n\\\"2,y\\\n\"\\\\\\\",\n\",\"\\n\\\"\"\n\"3\"\"\",z\n5,6\n", Config{Escape: ptr(`\`)}},
	"no quotes":                  {"a,b\n\"1,2\"\n3\",\"4\n", Config{Quote: ptr("")}},
	"single quotes":              {"a,b\n'1','x,''y\n'\n\"2\",z\n", Config{Quote: ptr("'")}},
	"spaces and nulls":           {"a,b\n 1 ,NA\n\" 2 \",\"NA\"\n \"x\" , NA \n", Config{Trim: true, NullValues: []string{"NA"}}},
	"a footer":                   {"a,b\n1,2\n3,4\n5,\"6\nsum,\n10\n", Config{SkipFooter: 3}},
	"a footer without line end":  {"a,b\n1,2\n3,4\n5,6\nsum", Config{SkipFooter: 2}},
	"rows up to the bound":       {"a,b\n1,\"34567890\"\n1,\"345678901\"\n1,\"3456789012\n4,5\n\n1,\"xxxxxxxxxxxxxxxx\n2,\"\n6,7\n", Config{MaxRow: 14}},
	"long rows without quotes":   {"a,b\n1,aaaaaaaaaaaaaaaaaaaaaaaaaaa\n2,b\n3,cccccccccccccccccccccccccccccc", Config{MaxRow: 14}},
	"one wide column":            {"a\n\n\"\"\n\r\n\"x\ny\"\n,\n1\n", Config{}},
	"dense quotes":               {"a,b\n" + strings.Repeat("\"1\",\"x,y\"\n\"2\",\"\"\n\"\",\"z\n\"\n", 9), Config{}},
	"one stray quote":            {"a,b\n" + strings.Repeat("1,\"x\"\n", 9) + "2,5\" disk\n" + strings.Repeat("\"3\",\"y\n\"\n", 9), Config{}},
}

// TestEveryWayAndCutGivesTheSameRows reads hard texts in every way, cut at every byte, with 1 to 8 workers, and compares rows, places
// and bad rows with what the state machine finds in one pass.
func TestEveryWayAndCutGivesTheSameRows(t *testing.T) {
	all := map[string]struct {
		text string
		cfg  Config
	}{}
	for name, c := range hard {
		all[name] = c
	}
	for name, text := range corpus {
		c := all["one wide column"]
		c.text = text
		all["corpus: "+name] = c
	}
	for name, c := range all {
		t.Run(name, func(t *testing.T) {
			alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
			defer alloc.AssertSize(t, 0)
			cfg := c.cfg
			cfg.Path, cfg.Infer, cfg.Delimiter, cfg.Header = []string{write(t, "in.csv", c.text)}, "none", ptr(","), ptr(true)
			if cfg.OnBadRow == "" {
				cfg.OnBadRow = "quarantine"
			}
			want := read(t, way(t, alloc, cfg, "machine", 0), 1)
			if len(want.rows)+len(want.bad) == 0 {
				t.Fatal("nothing was read")
			}
			for _, w := range ways {
				inWay(w, func() {
					for size := range len(c.text) + 2 {
						if w == "masksGo" && size%5 != 0 { // they are the same masks
							continue
						}
						got := read(t, way(t, alloc, cfg, w, size), 1+size%8)
						if !slices.Equal(got.rows, want.rows) || !slices.Equal(got.bad, want.bad) {
							t.Fatalf("%s, chunks of %d bytes:\n%s\n%s\nwant:\n%s\n%s", w, size, strings.Join(got.rows, "\n"), strings.Join(got.bad, "\n"), strings.Join(want.rows, "\n"), strings.Join(want.bad, "\n"))
						}
					}
				})
			}
		})
	}
}

// TestWhatHardTextsMean pins what the state machine makes of some of them.
func TestWhatHardTextsMean(t *testing.T) {
	for name, want := range map[string]string{
		"backslashes": `0001 2: "1\"" "x\\"|0002 3: "\\\"2" "y\\"|0003 4: "\\\",\n" "\\n\""|0005 7: "5" "6"|` +
			`0004 6:4 a there is text after a closing quote ["3""",z]`,
		"spaces and nulls":     `0001 2: "1" NULL|0002 3: " 2 " "NA"|0003 4: "\"x\"" NULL`,
		"a footer":             `0001 2: "1" "2"|0002 3: "3" "4"`,
		"fill":                 `0001 2: "1" NULL|0002 3: "1" "2,3"|0003 4: "2" "\"3\",\"4,\n5\""|0005 7: "4" NULL`,
		"comments":             `0002 3: "1" "#\n#"|0004 6: "#" "2"|0006 8: "3" "4#"`,
		"rows up to the bound": `0001 2: "1" "34567890"|0002 3: "1" "345678901"|0003 4:3 b the quote is not closed [1,"3456789012⏎4,5]|0005 7:3 b the quote is not closed [1,"xxxxxxxxxxxxxxxx]|0006 8:3 b the quote is not closed [2,"⏎6,7]`,
	} {
		c := hard[name]
		cfg := c.cfg
		cfg.Path, cfg.Infer, cfg.Delimiter, cfg.Header = []string{write(t, "in.csv", c.text)}, "none", ptr(","), ptr(true)
		if cfg.OnBadRow == "" {
			cfg.OnBadRow = "quarantine"
		}
		got := read(t, open(t, memory.NewGoAllocator(), cfg, nil), 1)
		text := strings.ReplaceAll(strings.Join(append(got.rows, got.bad...), "|"), "\n", "⏎")
		if text != want {
			t.Errorf("%s:\n got %s\nwant %s", name, text, want)
		}
	}
}

// TestRandomTextsReadTheSameInEveryWay strings together the characters that matter.
func TestRandomTextsReadTheSameInEveryWay(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	pieces := []string{",", ",", "\n", "\n", "\"", "\"", "\"\"", "\",\"", "\"\n\"", "\r\n", "\r", "x", "12", strings.Repeat("y", 61), "\xff", "é", "\\", "\n#", "\n#,\""}
	for n := range 200 {
		text := "a,b,c\n"
		for range 5 + rnd.IntN(60) {
			text += pieces[rnd.IntN(len(pieces))]
		}
		cfg := Config{Path: []string{write(t, "in.csv", text)}, Infer: "none", OnBadRow: "quarantine", Delimiter: ptr(","), Header: ptr(true), Escape: ptr(`"`)}
		if n%4 == 1 {
			cfg.MaxRow = 40
		}
		if n%4 == 2 {
			cfg.OnBadRow = "fill"
		}
		if n%3 == 1 {
			cfg.Escape = ptr(`\`)
		}
		if n%5 == 1 {
			cfg.Comment = "#"
		}
		want := read(t, way(t, memory.NewGoAllocator(), cfg, "machine", 0), 1)
		for _, w := range ways {
			inWay(w, func() {
				for _, size := range []int{0, 1, 64, 1 + rnd.IntN(len(text))} {
					got := read(t, way(t, memory.NewGoAllocator(), cfg, w, size), 3)
					if !slices.Equal(got.rows, want.rows) || !slices.Equal(got.bad, want.bad) {
						t.Fatalf("%s, chunks of %d bytes of %q:\n%q\n%q\nwant:\n%q\n%q", w, size, text, got.rows, got.bad, want.rows, want.bad)
					}
				}
			})
		}
	}
}

// TestPlacesPointAtTheCell counts columns in the line that the cell stands in.
func TestPlacesPointAtTheCell(t *testing.T) {
	text := "id,name,n\n1,\"two\nlines\",x\n2,\"ü\",y\n\"3\",\"\n\n\",\"z\"\n4,\"a\n\"b,5\n6,\"\n"
	cfg := Config{Path: []string{write(t, "in.csv", text)}, OnBadRow: "quarantine", Schema: []ColumnSpec{{Name: "n", Type: "int"}}}
	got := read(t, open(t, memory.NewGoAllocator(), cfg, nil), 2)
	var places []string
	for _, b := range got.bad {
		places = append(places, strings.Join(strings.Fields(b)[:3], " "))
	}
	want := []string{"0001 3:8 n", "0002 4:8 n", "0003 7:3 n", "0004 9:2 name", "0005 10:3 name"}
	if !slices.Equal(places, want) {
		t.Errorf("places %q, want %q\n%s", places, want, strings.Join(got.bad, "\n"))
	}
}

// TestMemoryStaysBounded reads a file many times the size of its chunks and looks at what is reserved.
func TestMemoryStaysBounded(t *testing.T) {
	budget := firnmem.NewBudget(12 << 20)
	s := open(t, memory.NewGoAllocator(), Config{Path: []string{write(t, "in.csv", lineitem(60_000))}}, func(e *sources.Env) { e.Budget = budget })
	out := &discard{}
	for sp, err := range s.Splits(context.Background(), sources.Request{}) {
		if err != nil {
			t.Fatal(err)
		}
		if err := sp.Read(context.Background(), out); err != nil {
			t.Fatal(err)
		}
	}
	if out.rows.Load() != 60_000 || budget.Used() != 0 || budget.Peak() > budget.Limit()/8 {
		t.Errorf("%d rows, %d bytes reserved at the end, %d at most", out.rows.Load(), budget.Used(), budget.Peak())
	}
}

// TestARowWithoutEndIsNotReadIntoMemory reads what is no text of lines, with quotes that never close and without.
func TestARowWithoutEndIsNotReadIntoMemory(t *testing.T) {
	for name, text := range map[string]string{"no line ends": strings.Repeat("x", 20<<20), "an open quote": "\"" + strings.Repeat("y", 20<<20)} {
		budget := firnmem.NewBudget(256 << 20)
		cfg := Config{Path: []string{write(t, "in.csv", "a,b\n1,2\n"+text)}, MaxRow: 1 << 20, OnBadRow: "quarantine", Header: ptr(true)}
		out, err := readAll(open(t, memory.NewGoAllocator(), cfg, func(e *sources.Env) { e.Budget = budget }))
		if !fault.Is(err, fault.Data) || len(out.rows) != 1 || budget.Peak() > 48<<20 || budget.Used() != 0 {
			t.Errorf("%s: rows %q, %v; %d bytes reserved at most, %d at the end", name, out.rows, err, budget.Peak(), budget.Used())
		}
	}
}

// TestBytesThatAreNoTextAreKeptOrRefused puts odd bytes into cells of each type.
func TestBytesThatAreNoTextAreKeptOrRefused(t *testing.T) {
	for name, odd := range map[string]string{"nul": "\x00", "no utf-8": "\xff", "an overlong slash": "\xc0\xaf", "a surrogate": "\xed\xa0\x80", "a replacement character": "\uFFFD"} {
		text := fmt.Sprintf("s,i,d\nx%s,1,2024-01-01\ny,1%s,2024-01-01\nz,1,2024-01-01%s\n\"q%s\",2,2024-01-02\n", odd, odd, odd, odd)
		cfg := Config{Path: []string{write(t, "in.csv", text)}, OnBadRow: "quarantine", Header: ptr(true), Schema: []ColumnSpec{{Name: "s", Type: "string"}, {Name: "i", Type: "int"}, {Name: "d", Type: "date"}}}
		got := read(t, open(t, memory.NewGoAllocator(), cfg, nil), 1)
		good := 0
		if name == "nul" || name == "a replacement character" {
			good = 2
		}
		if len(got.rows) != good || len(got.bad) != 4-good {
			t.Errorf("%s: rows %q, bad %q", name, got.rows, got.bad)
		}
	}
}

// TestABadRowHasItsPlaceAndValue looks at all that is told about one.
func TestABadRowHasItsPlaceAndValue(t *testing.T) {
	text := "s,n\n\"x\n\",\"1\"\"2\"\n" + "\xff\xfe,1\n" + strings.Repeat("y", 100_000) + ",z\n"
	s := open(t, memory.NewGoAllocator(), Config{Path: []string{write(t, "in.csv", text)}, OnBadRow: "quarantine", Header: ptr(true), Schema: []ColumnSpec{{Name: "n", Type: "int"}}}, nil)
	out := &objects{}
	for sp, err := range s.Splits(context.Background(), sources.Request{}) {
		if err != nil {
			t.Fatal(err)
		}
		if err := sp.Read(context.Background(), out); err != nil {
			t.Fatal(err)
		}
	}
	path := s.files[0]
	want := []batch.BadRow{
		{Code: "VALUE_NOT_OF_TYPE", Reason: `"1\"2" is not int`, Raw: []byte("\"x\n\",\"1\"\"2\""), Place: fault.Place{File: path, Line: 3, Column: 3, Row: 1, Field: "n", Value: `1"2`}},
		{Code: "INVALID_UTF8", Reason: `"\xff\xfe" is not valid UTF-8`, Raw: []byte("\xff\xfe,1"), Place: fault.Place{File: path, Line: 4, Column: 1, Row: 2, Field: "s", Value: "\xff\xfe"}},
		{Code: "VALUE_NOT_OF_TYPE", Reason: `"z" is not int`, Raw: []byte(strings.Repeat("y", batch.RawLimit)), Place: fault.Place{File: path, Line: 5, Column: 100_002, Row: 3, Field: "n", Value: "z"}},
	}
	for i := range want {
		want[i].Stage = batch.StageRead
	}
	if !reflect.DeepEqual(out.bad, want) {
		t.Errorf(" got %+v\nwant %+v", out.bad, want)
	}
}

// TestNullsAreLookedForFirst makes texts and numbers NULL.
func TestNullsAreLookedForFirst(t *testing.T) {
	text := "s,i,d,day\nNA,-1,0.00,1970-01-01\n\"NA\",\"-1\",1,2024-01-01\n,5,2.5,\nNAN,7,3,2024-01-02\n"
	cfg := Config{Path: []string{write(t, "in.csv", text)}, OnBadRow: "quarantine", Header: ptr(true), Schema: []ColumnSpec{{"s", "string", ""}, {"i", "int", ""}, {"d", "decimal(5,2)", ""}, {"day", "date", ""}}}
	for _, c := range []struct {
		nulls []string
		want  string
		bad   int
	}{
		{[]string{"NA", "-1", "0.00", "1970-01-01", ""}, `0001 2: NULL NULL NULL NULL|0002 3: "NA" "-1" "1" "2024-01-01"|0003 4: NULL "5" "2.5" NULL|0004 5: "NAN" "7" "3" "2024-01-02"`, 0},
		{[]string{"NA", ""}, `0001 2: NULL "-1" "0" "1970-01-01"|0002 3: "NA" "-1" "1" "2024-01-01"|0003 4: NULL "5" "2.5" NULL|0004 5: "NAN" "7" "3" "2024-01-02"`, 0},
		{[]string{"NA"}, `0001 2: NULL "-1" "0" "1970-01-01"|0002 3: "NA" "-1" "1" "2024-01-01"|0004 5: "NAN" "7" "3" "2024-01-02"`, 1},
	} {
		cfg.NullValues = c.nulls
		if got := read(t, open(t, memory.NewGoAllocator(), cfg, nil), 1); strings.Join(got.rows, "|") != c.want || len(got.bad) != c.bad {
			t.Errorf("%q:\n got %s, bad %q\nwant %s", c.nulls, strings.Join(got.rows, "|"), got.bad, c.want)
		}
	}
}

// FuzzMasks compares the ways of reading any text as CSV.
func FuzzMasks(f *testing.F) {
	for _, c := range hard {
		f.Add([]byte(c.text), uint16(7), false)
	}
	f.Fuzz(func(t *testing.T, text []byte, size uint16, bounded bool) {
		if len(text) > 1<<11 || slices.Contains(text, 1) {
			return
		}
		cfg := Config{Path: []string{write(t, "in.csv", string(text))}, Infer: "none", OnBadRow: "quarantine", Delimiter: ptr(","), Header: ptr(false), Escape: ptr(`"`)}
		if bounded {
			cfg.MaxRow = 30
		}
		s := open(t, memory.NewGoAllocator(), cfg, nil)
		if _, err := s.Streams(context.Background()); err != nil {
			return
		}
		want := read(t, way(t, memory.NewGoAllocator(), cfg, "machine", 0), 1)
		for _, w := range ways {
			inWay(w, func() {
				got := read(t, way(t, memory.NewGoAllocator(), cfg, w, int(size)), 2)
				if !slices.Equal(got.rows, want.rows) || !slices.Equal(got.bad, want.bad) {
					t.Fatalf("%s, chunks of %d bytes:\n%q\n%q\nwant:\n%q\n%q", w, size, got.rows, got.bad, want.rows, want.bad)
				}
			})
		}
	})
}

// TestBatchesHaveRowsEnough looks at the rows of a batch of wide and of narrow rows.
func TestBatchesHaveRowsEnough(t *testing.T) {
	for name, text := range map[string]string{"wide": lineitem(20_000), "narrow": "a,b\n" + strings.Repeat("1,x\n", 300_000)} {
		s := open(t, memory.NewGoAllocator(), Config{Path: []string{write(t, "in.csv", text)}}, nil)
		out := &discard{}
		for sp, err := range s.Splits(context.Background(), sources.Request{}) {
			if err != nil {
				t.Fatal(err)
			}
			if err := sp.Read(context.Background(), out); err != nil {
				t.Fatal(err)
			}
			most := slices.Max(out.batches)
			if n := out.batches[0]; n < batchRows*9/10 || most > maxBatchRows {
				t.Errorf("%s: a batch of %d rows", name, n)
			}
		}
	}
}
