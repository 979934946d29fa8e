package csv

import (
	"bytes"
	"context"
	stdcsv "encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
	firnmem "github.com/firn-data/firn/internal/memory"
	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/sources"
	"github.com/firn-data/firn/storage"
	"github.com/firn-data/firn/storage/local"
)

func TestMain(m *testing.M) {
	// The store keeps idle connections.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

// collect is an Out that keeps what it gets as text: "row line: cells", and "row line:column field reason".
type collect struct {
	mu        sync.Mutex
	rows, bad []string
}

func (c *collect) Batch(b batch.Batch) error {
	defer b.Release()
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range b.Rows() {
		p := b.Origin.Place(i)
		s := fmt.Sprintf("%04d %d:", p.Row, p.Line)
		for k := range b.Record.NumCols() {
			col := b.Record.Column(int(k))
			if col.IsNull(i) {
				s += " NULL"
			} else {
				s += fmt.Sprintf(" %q", col.ValueStr(i))
			}
		}
		c.rows = append(c.rows, s)
	}
	return nil
}

func (c *collect) BadRow(r batch.BadRow) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bad = append(c.bad, fmt.Sprintf("%04d %d:%d %s %s [%s]", r.Place.Row, r.Place.Line, r.Place.Column, r.Place.Field, r.Reason, r.Raw))
	return nil
}

func open(t testing.TB, alloc memory.Allocator, c Config, change func(*sources.Env)) *source {
	t.Helper()
	env := sources.Env{Name: "csv", Alloc: alloc, Budget: firnmem.NewBudget(1 << 30), Workers: 2, Now: time.Now(),
		Stores: func(string, string) (storage.Store, error) { return local.New(), nil }}
	if change != nil {
		change(&env)
	}
	if c.Infer == "" {
		c.Infer = "sample"
	}
	s, err := c.Open(context.Background(), env)
	if err != nil {
		t.Fatal(err)
	}
	return s.(*source)
}

// read reads everything with a number of workers and gives rows and bad rows in the order of the file.
func read(t testing.TB, s *source, workers int) *collect {
	t.Helper()
	out := &collect{}
	ctx := context.Background()
	var mu sync.Mutex
	var splits []sources.Split
	for sp, err := range s.Splits(ctx, sources.Request{}) {
		if err != nil {
			t.Fatal(err)
		}
		splits = append(splits, sp)
	}
	var wg sync.WaitGroup
	for range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				mu.Lock()
				if len(splits) == 0 {
					mu.Unlock()
					return
				}
				sp := splits[len(splits)-1]
				splits = splits[:len(splits)-1]
				mu.Unlock()
				if err := sp.Read(ctx, out); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	wg.Wait()
	slices.Sort(out.rows)
	slices.Sort(out.bad)
	if used := s.env.Budget.Used(); used != 0 {
		t.Errorf("%d bytes are still reserved", used)
	}
	return out
}

func write(t testing.TB, name, text string) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

// corpus is what a reader of CSV stumbles over.
var corpus = map[string]string{
	"plain":            "a,b\n1,x\n2,y\n",
	"no end":           "a,b\n1,x\n2,y",
	"crlf":             "a,b\r\n1,x\r\n2,\r\n",
	"quoted":           "a,b\n\"1\",\"x,y\"\n\"2\",\"say \"\"hi\"\"\"\n\"\",\"\"\n",
	"quoted lines":     "a,b\n1,\"two\nlines\"\n2,\"three\r\n\r\nlines\"\n3,z\n",
	"quotes in text":   "a,b\n1,5\"\n2,x\"y\"z\n3,\"ok\"\n",
	"many quotes":      "a,b\n\"\"\"\",\"\"\"\"\"\"\n\"a\"\"b\",\"\"\"\n\"\"\"\n",
	"ragged":           "a,b\n1\n1,2,3\n,\n4,5\n",
	"empty cells":      "a,b,c\n,,\n1,,3\n,2,\n",
	"blank lines":      "a,b\n\n1,x\n\n\n2,y\n",
	"text after quote": "a,b\n\"1\"x,y\n2,z\n",
	"unclosed":         "a,b\n1,x\n2,\"never closed\n3,z\n",
	"lone quote":       "a,b\n\",x\n1,y\n",
	"unicode":          "a,b\nä,€\n🧊,\"é\n\"\n",
	"one column":       "a\n1\n\"2\n3\"\n\n4\n",
	"wide":             "a,b\n" + strings.Repeat("x", 300) + ",\"" + strings.Repeat("y\n", 50) + "\"\n1,2\n",
	"bad utf-8":        "a,b\n1,\xff\xfe\n2,ok\n",
	"many rows":        "a,b\n" + strings.Repeat("7,\"q,\n\"\n8,plain\n", 40),
}

// TestEveryCutGivesTheSameRows reads each text of the corpus in chunks of every size, with 1 to 8 workers, and compares
// with one chunk and one worker: rows, ordinals, lines, and bad rows with their places.
func TestEveryCutGivesTheSameRows(t *testing.T) {
	for name, text := range corpus {
		t.Run(name, func(t *testing.T) {
			alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
			defer alloc.AssertSize(t, 0)
			path := write(t, "in.csv", text)
			comma := ","
			cfg := Config{Path: []string{path}, Infer: "none", OnBadRow: "quarantine", Delimiter: &comma}
			want := read(t, open(t, alloc, cfg, nil), 1)
			for size := 1; size <= len(text)+1; size++ {
				s := way(t, alloc, cfg, "masks", size)
				got := read(t, s, 1+size%8)
				if !slices.Equal(got.rows, want.rows) || !slices.Equal(got.bad, want.bad) {
					t.Fatalf("chunks of %d bytes:\n%s\n%s\nwant:\n%s\n%s", size, strings.Join(got.rows, "\n"), strings.Join(got.bad, "\n"), strings.Join(want.rows, "\n"), strings.Join(want.bad, "\n"))
				}
			}
		})
	}
}

// TestAgreesWithTheStandardLibrary compares cells with encoding/csv where that can read the text.
func TestAgreesWithTheStandardLibrary(t *testing.T) {
	compared := 0
	for name, text := range corpus {
		r := stdcsv.NewReader(strings.NewReader(text))
		records, err := r.ReadAll()
		if err != nil || strings.Contains(text, "\r\n\r\n") || strings.Contains(text, "\xff") || name == "blank lines" || name == "one column" {
			continue // it turns \r\n inside quotes into \n, and skips blank lines also where they are an empty cell
		}
		compared++
		comma := ","
		s := open(t, memory.NewGoAllocator(), Config{Path: []string{write(t, "in.csv", text)}, Infer: "none", OnBadRow: "quarantine", Delimiter: &comma, NullValues: []string{"\x00"}}, nil)
		got := read(t, s, 1)
		if len(got.bad) > 0 {
			t.Errorf("%s: bad rows %v", name, got.bad)
		}
		var rows, want []string
		for _, r := range got.rows {
			_, cells, _ := strings.Cut(r, ": ")
			rows = append(rows, cells)
		}
		for _, rec := range records[1:] {
			var cells []string
			for _, c := range rec {
				cells = append(cells, fmt.Sprintf("%q", c))
			}
			want = append(want, strings.Join(cells, " "))
		}
		if !slices.Equal(rows, want) {
			t.Errorf("%s:\n got %v\nwant %v", name, rows, want)
		}
	}
	if compared < 8 {
		t.Errorf("only %d texts were compared", compared)
	}
}

func TestBadRowsSayWhere(t *testing.T) {
	text := "id,total,day,at,ok\n" +
		"1,1.50,2024-02-29,2024-01-01 10:00:00,true\n" +
		"x,1.50,2024-02-29,,true\n" +
		"2,\"12,50\",2024-02-29,,\n" +
		"3,1.505,2024-02-29,,\n" +
		"4,1,2023-02-29,,\n" +
		"5,1,,2024-01-01T10:00:00Z,\n" +
		"6,1,,,yes\n" +
		"99999999999999999999,1,,,\n" +
		"7,100000000.00,,,\n"
	s := open(t, memory.NewGoAllocator(), Config{Path: []string{write(t, "in.csv", text)}, OnBadRow: "quarantine", Schema: []ColumnSpec{
		{Name: "id", Type: "bigint"}, {Name: "total", Type: "decimal(10,2)"}, {Name: "day", Type: "date"}, {Name: "at", Type: "timestamp_ntz"}, {Name: "ok", Type: "boolean"}}}, nil)
	got := read(t, s, 2)
	want := []string{
		`0002 3:1 id "x" is not bigint [x,1.50,2024-02-29,,true]`,
		`0003 4:3 total "12,50" is not decimal(10,2) [2,"12,50",2024-02-29,,]`,
		`0004 5:3 total "1.505" is not decimal(10,2) [3,1.505,2024-02-29,,]`,
		`0005 6:5 day "2023-02-29" is not date [4,1,2023-02-29,,]`,
		`0006 7:6 at "2024-01-01T10:00:00Z" is not timestamp_ntz [5,1,,2024-01-01T10:00:00Z,]`,
		`0007 8:7 ok "yes" is not boolean [6,1,,,yes]`,
		`0008 9:1 id "99999999999999999999" is not bigint [99999999999999999999,1,,,]`,
		`0009 10:3 total "100000000.00" is not decimal(10,2) [7,100000000.00,,,]`,
	}
	if len(got.rows) != 1 || !slices.Equal(got.bad, want) {
		t.Errorf("rows %v\ngot\n%s\nwant\n%s", got.rows, strings.Join(got.bad, "\n"), strings.Join(want, "\n"))
	}
}

func TestTypesAreInferredWithoutLosingAnything(t *testing.T) {
	text := "i,zip,d,wide,f,b,day,ambiguous,ntz,tz,none,mixed\n" +
		"1,01234,1.50,1234567890123456.5,1e3,true,2024-01-31,01/02/2024,2024-01-31 10:00,2024-01-31T10:00:00Z,,1\n" +
		"-20,00001,12.345,1.25,2.5e-7,FALSE,2024-02-29,02/01/2024,2024-01-31 10:00:00.123456,2024-01-31T10:00:00+02:00,,a\n"
	s := open(t, memory.NewGoAllocator(), Config{Path: []string{write(t, "in.csv", text)}}, nil)
	streams, err := s.Streams(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range s.cols {
		got = append(got, c.name+" "+c.typ.String())
	}
	want := "i long, zip string, d decimal(18, 3), wide decimal(38, 2), f double, b boolean, day date, ambiguous string, ntz timestamp, tz timestamptz, none string, mixed string"
	if strings.Join(got, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
	if n := streams[0].Notes; len(n) != 2 || n[0].Column != "" || n[1].Column != "none" || !n[1].Warning {
		t.Errorf("notes %v", n)
	}
	if out := read(t, s, 1); len(out.rows) != 2 || len(out.bad) != 0 {
		t.Errorf("rows %v, bad %v", out.rows, out.bad)
	}
}

func TestTypesOfTheLastRunStay(t *testing.T) {
	known := &schema.Schema{Fields: []schema.Field{{Name: "a", Type: schema.Type{Kind: schema.Long}}}}
	s := open(t, memory.NewGoAllocator(), Config{Path: []string{write(t, "in.csv", "a\n1\nx\n")}, OnBadRow: "quarantine"}, func(e *sources.Env) { e.Known = known })
	if out := read(t, s, 1); len(out.rows) != 1 || len(out.bad) != 1 {
		t.Errorf("rows %v, bad %v", out.rows, out.bad)
	}
}

func TestDialects(t *testing.T) {
	no, none, tab := false, "", "\t"
	for name, c := range map[string]struct {
		text string
		cfg  Config
		want string
	}{
		"semicolons are sniffed":  {"a;b\n1,5;x\n2,5;y\n", Config{}, `0001 2: "1,5" "x"|0002 3: "2,5" "y"`},
		"tabs, no quotes":         {"a\tb\n\"1\tx\"\n", Config{Delimiter: &tab, Quote: &none}, `0001 2: "\"1" "x\""`},
		"no header":               {"1,x\n2,y\n", Config{Header: &no, Infer: "none"}, `0001 1: "1" "x"|0002 2: "2" "y"`},
		"comments, nulls, spaces": {"a,b\n# not data\n 1 ,NA\n2,\"NA\"\n", Config{Comment: "#", Trim: true, NullValues: []string{"NA"}}, `0002 3: "1" NULL|0003 4: "2" "NA"`},
		"skipped lines":           {"report\nof today\na,b\n1,x\n", Config{SkipLines: 2}, `0001 4: "1" "x"`},
		"byte order mark":         {"\ufeffa,b\n1,x\n", Config{}, `0001 2: "1" "x"`},
		"fill":                    {"a,b,c\n1,x\n2,y,z,more\n", Config{OnBadRow: "fill"}, `0001 2: "1" "x" NULL|0002 3: "2" "y" "z,more"`},
		"same names":              {"id,ID,\n1,2,3\n", Config{}, `0001 2: "1" "2" "3"`},
		"only some columns":       {"a,b,c\n1,2,3\n", Config{Columns: []string{"C", "a"}}, `0001 2: "3" "1"`},
	} {
		c.cfg.Path = []string{write(t, "in.csv", c.text)}
		if got := strings.Join(read(t, open(t, memory.NewGoAllocator(), c.cfg, nil), 1).rows, "|"); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
		}
	}
}

func TestCompressedFilesAndGlobs(t *testing.T) {
	dir := t.TempDir()
	text := []byte("a,b\n1,x\n2,y\n")
	var gz, zs bytes.Buffer
	w := gzip.NewWriter(&gz)
	w.Write(text)
	w.Close()
	z, err := zstd.NewWriter(&zs)
	if err != nil {
		t.Fatal(err)
	}
	z.Write(text)
	z.Close()
	for name, body := range map[string][]byte{"1.csv": text, "2.csv.gz": gz.Bytes(), "3.csv.zst": zs.Bytes(), "other.txt": []byte("x\n")} {
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, memory.NewGoAllocator(), Config{Path: []string{dir + "/*.csv*"}}, nil)
	if out := read(t, s, 3); len(out.rows) != 6 || len(out.bad) != 0 {
		t.Errorf("rows %v, bad %v", out.rows, out.bad)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestMissingFilesAndBadConfigs(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		cfg  Config
		want fault.Class
	}{
		"no file":       {Config{Path: []string{"/nowhere/x.csv"}}, fault.NoInput},
		"no match":      {Config{Path: []string{t.TempDir() + "/*.csv"}}, fault.NoInput},
		"empty file":    {Config{Path: []string{write(t, "e.csv", "")}}, fault.Data},
		"no such field": {Config{Path: []string{write(t, "x.csv", "a\n1\n")}, Schema: []ColumnSpec{{Name: "b", Type: "int"}}}, fault.Config},
		"damaged gzip":  {Config{Path: []string{write(t, "x.csv.gz", "\x1f\x8bnot gzip")}}, fault.Data},
	} {
		if _, err := open(t, memory.NewGoAllocator(), c.cfg, nil).Streams(ctx); fault.ClassOf(err) != c.want || err == nil {
			t.Errorf("%s: %v is %v, want %v", name, err, fault.ClassOf(err), c.want)
		}
	}
	for name, cfg := range map[string]Config{
		"no path": {}, "two delimiters": {Path: []string{"x"}, Delimiter: ptr(",,")}, "a type that is none": {Path: []string{"x"}, Schema: []ColumnSpec{{Name: "a", Type: "moneyy"}}},
		"nested": {Path: []string{"x"}, Schema: []ColumnSpec{{Name: "a", Type: "array<int>"}}},
	} {
		if err := cfg.Validate(); !fault.Is(err, fault.Config) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func ptr[T any](v T) *T { return &v }

func FuzzRead(f *testing.F) {
	for _, text := range corpus {
		f.Add([]byte(text), 7)
	}
	f.Fuzz(func(t *testing.T, text []byte, size int) {
		if size < 1 || size > 1<<16 || len(text) > 1<<12 {
			return
		}
		path := filepath.Join(t.TempDir(), "in.csv")
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
		defer alloc.AssertSize(t, 0)
		cfg := Config{Path: []string{path}, Infer: "none", OnBadRow: "quarantine", Delimiter: ptr(",")}
		whole := open(t, alloc, cfg, nil)
		if _, err := whole.Streams(context.Background()); err != nil {
			return
		}
		want := read(t, whole, 1)
		cut := way(t, alloc, cfg, "masks", size)
		got := read(t, cut, 3)
		if !slices.Equal(got.rows, want.rows) || !slices.Equal(got.bad, want.bad) {
			t.Errorf("chunks of %d bytes:\n%q\n%q\nwant\n%q\n%q", size, got.rows, got.bad, want.rows, want.bad)
		}
	})
}
