package parquet

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowmem "github.com/apache/arrow-go/v18/arrow/memory"
	pq "github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	parquetgo "github.com/parquet-go/parquet-go"
	"go.uber.org/goleak"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/memory"
	"github.com/firn-data/firn/internal/predicate"
	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/sources"
	"github.com/firn-data/firn/storage"
	"github.com/firn-data/firn/storage/mem"
)

// TestMain finds goroutines that are left, but for idle connections that a store keeps for its next call.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

// lake is files in memory, and how often they are opened and closed.
type lake struct {
	*mem.Store
	t    *testing.T
	mu   sync.Mutex
	open int
}

func newLake(t *testing.T) *lake {
	l := &lake{Store: mem.New(), t: t}
	t.Cleanup(func() {
		if l.open != 0 {
			t.Errorf("%d files stay open", l.open)
		}
	})
	return l
}

type counted struct {
	storage.Object
	l *lake
}

func (c *counted) Close() error {
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	c.l.open--
	return c.Object.Close()
}

func (l *lake) Open(ctx context.Context, location string) (storage.Object, error) {
	o, err := l.Store.Open(ctx, location)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open++
	return &counted{o, l}, nil
}

// put writes a file with arrow-go, each text (a JSON array of rows) as one row group.
func (l *lake) put(name string, sc *arrow.Schema, props pqarrow.ArrowWriterProperties, groups ...string) {
	l.t.Helper()
	var out bytes.Buffer
	w, err := pqarrow.NewFileWriter(sc, &out, pq.NewWriterProperties(), props)
	if err != nil {
		l.t.Fatal(err)
	}
	for _, g := range groups {
		rec, _, err := array.RecordFromJSON(arrowmem.DefaultAllocator, sc, strings.NewReader(g))
		if err != nil {
			l.t.Fatal(err)
		}
		if err := w.Write(rec); err != nil {
			l.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		l.t.Fatal(err)
	}
	if err := storage.Put(context.Background(), l, "mem://"+name, out.Bytes(), false); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lake) env() sources.Env {
	return sources.Env{Stores: func(string, string) (storage.Store, error) { return l, nil }, Workers: 2, Budget: memory.NewBudget(64 << 20)}
}

// result is what a source gave.
type result struct {
	types  string
	rows   []string // as JSON
	places []string
	bad    []string
	splits int
}

func (r *result) Batch(b sources.Batch) error {
	defer b.Release()
	for i := range b.Rows() {
		row := map[string]any{}
		for c, f := range b.Record.Schema().Fields() {
			row[f.Name] = b.Record.Column(c).GetOneForMarshal(i)
		}
		text, err := json.Marshal(row)
		if err != nil {
			return err
		}
		r.rows = append(r.rows, string(text))
		p := b.Origin.Place(i)
		r.places = append(r.places, fmt.Sprintf("%s:%d", strings.TrimPrefix(p.File, "mem://"), p.Row))
	}
	return nil
}

func (r *result) BadRow(b sources.BadRow) error {
	r.bad = append(r.bad, fmt.Sprintf("%s:%d: %s: %s", strings.TrimPrefix(b.Place.File, "mem://"), b.Place.Row, b.Place.Field, b.Reason))
	return nil
}

// read reads everything of a config.
func read(t *testing.T, c Config, env sources.Env, r sources.Request) (*result, error) {
	t.Helper()
	ctx := context.Background()
	if env.Alloc == nil {
		alloc := arrowmem.NewCheckedAllocator(arrowmem.NewGoAllocator())
		defer func() {
			if alloc.CurrentAlloc() > 0 && !t.Failed() {
				alloc.AssertSize(t, 0)
			}
		}()
		env.Alloc = alloc
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	src, err := c.Open(ctx, env)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err := src.Close(); err != nil {
			t.Error(err)
		}
	}()
	streams, err := src.Streams(ctx)
	if err != nil {
		return nil, err
	}
	if r.To, err = src.Bound(ctx, streams[0].Name, nil); err != nil {
		return nil, err
	}
	out := &result{}
	for _, f := range streams[0].Schema.Fields() {
		typ, _, err := schema.FromArrow(f.Type)
		if err != nil {
			t.Fatal(err)
		}
		out.types += f.Name + " " + typ.String() + "; "
	}
	for s, err := range src.Splits(ctx, r) {
		if err != nil {
			return out, err
		}
		out.splits++
		if err := s.Read(ctx, out); err != nil {
			return out, err
		}
	}
	if used := env.Budget.Used(); used != 0 {
		t.Errorf("%d bytes stay reserved", used)
	}
	return out, nil
}

func nullable(fields ...arrow.Field) *arrow.Schema {
	for i := range fields {
		fields[i].Nullable = true
	}
	return arrow.NewSchema(fields, nil)
}

// TestTypesOfArrowWriters is the table of TYPES.md: what each type becomes, and one value of it.
func TestTypesOfArrowWriters(t *testing.T) {
	berlin := &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "Europe/Berlin"}
	for _, c := range []struct {
		dt          arrow.DataType
		json        string
		typ, values string
	}{
		{arrow.FixedWidthTypes.Boolean, "true", "boolean", "true"},
		{arrow.PrimitiveTypes.Int8, "-128", "int", "-128"}, {arrow.PrimitiveTypes.Uint8, "255", "int", "255"}, {arrow.PrimitiveTypes.Int16, "-32768", "int", "-32768"}, {arrow.PrimitiveTypes.Uint16, "65535", "int", "65535"},
		{arrow.PrimitiveTypes.Int32, "-7", "int", "-7"}, {arrow.PrimitiveTypes.Uint32, "4294967295", "long", "4294967295"}, {arrow.PrimitiveTypes.Int64, "-7", "long", "-7"},
		{arrow.PrimitiveTypes.Uint64, "18446744073709551615", "decimal(20, 0)", `"18446744073709551615"`},
		{arrow.PrimitiveTypes.Float32, "0.5", "float", "0.5"}, {arrow.PrimitiveTypes.Float64, "0.1", "double", "0.1"}, {arrow.FixedWidthTypes.Float16, "0.5", "float", "0.5"},
		{&arrow.Decimal128Type{Precision: 9, Scale: 2}, `"-1.25"`, "decimal(9, 2)", `"-1.25"`}, {&arrow.Decimal128Type{Precision: 38, Scale: 0}, `"99999999999999999999999999999999999999"`, "decimal(38, 0)", `"99999999999999999999999999999999999999"`},
		{arrow.FixedWidthTypes.Date32, `"2024-02-29"`, "date", `"2024-02-29"`},
		{arrow.FixedWidthTypes.Time32ms, `"10:00:00.001"`, "time", `"10:00:00.001"`}, {arrow.FixedWidthTypes.Time64us, `"10:00:00.000001"`, "time", `"10:00:00.000001"`},
		{&arrow.TimestampType{Unit: arrow.Second}, `"2024-01-01T10:00:00"`, "timestamp", `"2024-01-01T10:00:00"`}, {berlin, `"2024-01-01T10:00:00Z"`, "timestamptz", `"2024-01-01T10:00:00Z"`},
		{&arrow.TimestampType{Unit: arrow.Microsecond}, `"0001-01-01T00:00:00.000001"`, "timestamp", `"0001-01-01T00:00:00.000001"`},
		{&arrow.TimestampType{Unit: arrow.Nanosecond}, `"2024-01-01T10:00:00.000000001"`, "timestamp_ns", `"2024-01-01T10:00:00.000000001"`},
		{arrow.BinaryTypes.String, `"é"`, "string", `"é"`}, {arrow.BinaryTypes.LargeString, `"é"`, "string", `"é"`}, {arrow.BinaryTypes.Binary, `"AAE="`, "binary", `"AAE="`},
		{&arrow.FixedSizeBinaryType{ByteWidth: 2}, `"AAE="`, "fixed[2]", `"AAE="`},
		{arrow.ListOf(arrow.PrimitiveTypes.Uint8), "[1, null]", "list<int>", "[1,null]"}, {arrow.LargeListOf(arrow.PrimitiveTypes.Int64), "[1]", "list<long>", "[1]"}, {arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Int64), "[1, 2]", "list<long>", "[1,2]"},
		{arrow.StructOf(arrow.Field{Name: "a", Type: arrow.PrimitiveTypes.Uint32, Nullable: true}), `{"a": 1}`, "struct<a: long>", `{"a":1}`},
		{arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int16), `[{"key": "k", "value": 1}]`, "map<string, int>", `[{"key":"k","value":1}]`},
	} {
		for _, stored := range []bool{true, false} {
			l := newLake(t)
			props := pqarrow.NewArrowWriterProperties()
			if stored {
				props = pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema())
			}
			l.put("f", nullable(arrow.Field{Name: "c", Type: c.dt}), props, `[{"c": `+c.json+`}, {"c": null}]`)
			got, err := read(t, Config{Path: []string{"mem://f"}}, l.env(), sources.Request{})
			if err != nil {
				t.Errorf("%s: %v", c.dt, err)
				continue
			}
			if c.dt.ID() == arrow.FIXED_SIZE_LIST && !stored { // a list without the Arrow schema in the file
				c.typ = "list<long>"
			}
			if want := []string{`{"c":` + c.values + `}`, `{"c":null}`}; got.types != "c "+c.typ+"; " || !slices.Equal(got.rows, want) {
				t.Errorf("%s (stored: %v): %s%v, want %s %v", c.dt, stored, got.types, got.rows, c.typ, want)
			}
		}
	}
}

func TestFilesOfAnEvolvedSchemaAreJoined(t *testing.T) {
	l := newLake(t)
	d := pqarrow.DefaultWriterProps()
	inner := func(fields ...arrow.Field) arrow.DataType { return arrow.StructOf(nullable(fields...).Fields()...) }
	l.put("d/1", nullable(arrow.Field{Name: "id", Type: arrow.PrimitiveTypes.Int32}, arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Float32}, arrow.Field{Name: "s", Type: inner(arrow.Field{Name: "a", Type: arrow.PrimitiveTypes.Int32})}), d,
		`[{"id": 1, "x": 0.5, "s": {"a": 1}}]`)
	l.put("d/2", nullable(arrow.Field{Name: "new", Type: arrow.BinaryTypes.String}, arrow.Field{Name: "ID", Type: arrow.PrimitiveTypes.Int64}, arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Float64},
		arrow.Field{Name: "s", Type: inner(arrow.Field{Name: "B", Type: arrow.BinaryTypes.String}, arrow.Field{Name: "A", Type: arrow.PrimitiveTypes.Int64})}), d, `[{"ID": 5000000000, "x": 0.1, "new": "n", "s": {"A": 2, "B": "b"}}]`)
	got, err := read(t, Config{Path: []string{"mem://d/*"}}, l.env(), sources.Request{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`{"id":1,"new":null,"s":{"B":null,"a":1},"x":0.5}`, `{"id":5000000000,"new":"n","s":{"B":"b","a":2},"x":0.1}`}
	if got.types != "id long; x double; s struct<a: long, B: string>; new string; " || !slices.Equal(got.rows, want) || !slices.Equal(got.places, []string{"d/1:1", "d/2:1"}) {
		t.Errorf("%s\n%v\n%v", got.types, got.rows, got.places)
	}

	l.put("d/3", nullable(arrow.Field{Name: "id", Type: arrow.BinaryTypes.String}), d, `[{"id": "x"}]`)
	_, err = read(t, Config{Path: []string{"mem://d/*"}}, l.env(), sources.Request{})
	if !fault.Is(err, fault.Config) || !strings.Contains(err.Error(), "mem://d/3: column id is string, and long in mem://d/1") {
		t.Errorf("a type that no promotion leads to: %v", err)
	}
	if got, err = read(t, Config{Path: []string{"mem://d/*"}, Columns: []string{"X"}}, l.env(), sources.Request{}); err != nil || len(got.rows) != 3 {
		t.Errorf("without the column: %v, %v", got, err)
	}
}

func TestRowGroupsAreSplitsAndStatisticsLeaveThemOut(t *testing.T) {
	l := newLake(t)
	sc := nullable(arrow.Field{Name: "id", Type: arrow.PrimitiveTypes.Int64}, arrow.Field{Name: "day", Type: arrow.FixedWidthTypes.Date32}, arrow.Field{Name: "t", Type: arrow.BinaryTypes.String})
	l.put("a", sc, pqarrow.DefaultWriterProps(), `[{"id": 1, "day": "2024-01-01"}, {"id": 2, "day": "2024-01-02"}]`, `[{"id": 3, "day": "2024-01-03"}]`, `[{"id": 4}]`)
	l.put("b", sc, pqarrow.DefaultWriterProps(), `[{"id": 5, "day": "2024-01-02"}]`)
	cfg := Config{Path: []string{"mem://b", "mem://a"}}
	got, err := read(t, cfg, l.env(), sources.Request{Columns: []string{"id"}, Where: predicate.Predicate{Op: predicate.Eq, Column: "ID", Values: []any{int64(3)}}})
	if err != nil || fmt.Sprint(got.rows, got.places) != `[{"id":3}] [a:3]` {
		t.Errorf("where id = 3: %v, %v", got, err)
	}
	env := l.env()
	env.ByColumn = &sources.IntervalBy{Column: "day"}
	day := func(d int) time.Time { return time.Date(2024, 1, d, 0, 0, 0, 0, time.UTC) }
	got, err = read(t, cfg, env, sources.Request{Columns: []string{"t", "id"}, Interval: &sources.Interval{Start: day(2), End: day(3)}})
	if err != nil || fmt.Sprint(got.rows, got.places) != `[{"id":5,"t":null} {"id":2,"t":null}] [b:1 a:2]` {
		t.Errorf("in the interval: %v, %v", got, err)
	}
	env.ByColumn.Column = "id"
	if _, err := read(t, cfg, env, sources.Request{Interval: &sources.Interval{Start: day(2), End: day(3)}}); !fault.Is(err, fault.Config) {
		t.Errorf("an interval by a number: %v", err)
	}
}

// TestNanosecondsBecomeMicrosecondsWhereTheJobSaysSo also reads INT96, which is instants in nanoseconds.
func TestNanosecondsBecomeMicrosecondsWhereTheJobSaysSo(t *testing.T) {
	l := newLake(t)
	sc := nullable(arrow.Field{Name: "id", Type: arrow.PrimitiveTypes.Int64}, arrow.Field{Name: "at", Type: &arrow.TimestampType{Unit: arrow.Nanosecond}})
	rows := `[{"id": 1, "at": "1969-12-31 23:59:59.999999"}, {"id": 2, "at": "2024-01-01 10:00:00.000000001"}, {"id": 3}]`
	l.put("nanos", sc, pqarrow.DefaultWriterProps(), rows)
	l.put("int96", sc, pqarrow.NewArrowWriterProperties(pqarrow.WithDeprecatedInt96Timestamps(true)), rows)
	micros := nullable(arrow.Field{Name: "id", Type: arrow.PrimitiveTypes.Int64}, arrow.Field{Name: "at", Type: &arrow.TimestampType{Unit: arrow.Microsecond}})
	l.put("micros", micros, pqarrow.DefaultWriterProps(), `[{"id": 4, "at": "2024-01-01 10:00:00"}]`)
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{Path: []string{"mem://int96"}}, `id long; at timestamptz; [{"at":"1969-12-31T23:59:59.999999Z","id":1} {"at":null,"id":3}] [int96:1 int96:3] [int96:2: at: 2024-01-01T10:00:00.000000001Z has digits below microseconds]`},
		{Config{Path: []string{"mem://micros", "mem://nanos"}, Schema: []ColumnSpec{{"At", "timestamp_ntz"}}},
			`id long; at timestamp; [{"at":"2024-01-01T10:00:00","id":4} {"at":"1969-12-31T23:59:59.999999","id":1} {"at":null,"id":3}] [micros:1 nanos:1 nanos:3] [nanos:2: at: 2024-01-01T10:00:00.000000001Z has digits below microseconds]`},
	} {
		got, err := read(t, c.cfg, l.env(), sources.Request{})
		if err != nil {
			t.Fatal(err)
		}
		if text := got.types + fmt.Sprint(got.rows, got.places, got.bad); text != c.want {
			t.Errorf("%v:\n%s\nwant\n%s", c.cfg, text, c.want)
		}
	}
	if _, err := read(t, Config{Path: []string{"mem://micros", "mem://nanos"}}, l.env(), sources.Request{}); !fault.Is(err, fault.Config) {
		t.Errorf("micro- and nanoseconds without schema: %v", err)
	}
}

func TestTypesThatWouldLoseAreRefusedWithTheColumn(t *testing.T) {
	l := newLake(t)
	l.put("f", nullable(arrow.Field{Name: "id", Type: arrow.PrimitiveTypes.Int64}, arrow.Field{Name: "t", Type: arrow.FixedWidthTypes.Time64ns}), pqarrow.DefaultWriterProps(), `[{"id": 1, "t": "10:00:00.000000001"}]`)
	_, err := read(t, Config{Path: []string{"mem://f"}}, l.env(), sources.Request{})
	if !fault.Is(err, fault.Config) || !strings.Contains(err.Error(), "mem://f: column t") {
		t.Errorf("nanoseconds of a day: %v", err)
	}
	if got, err := read(t, Config{Path: []string{"mem://f"}, Columns: []string{"id"}}, l.env(), sources.Request{}); err != nil || len(got.rows) != 1 {
		t.Errorf("without the column: %v", err)
	}
	for _, c := range []Config{{}, {Path: []string{"mem://f"}, Schema: []ColumnSpec{{"id", "nonsense"}}}, {Path: []string{"mem://f"}, Columns: []string{"id"}, Schema: []ColumnSpec{{"id", "string"}}},
		{Path: []string{"mem://f"}, Columns: []string{"id"}, Schema: []ColumnSpec{{"nope", "int"}}}, {Path: []string{"mem://f"}, Columns: []string{"nope"}}} {
		if _, err := read(t, c, l.env(), sources.Request{}); !fault.Is(err, fault.Config) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestABadFileIsNamed(t *testing.T) {
	l := newLake(t)
	ctx := context.Background()
	storage.Put(ctx, l, "mem://d/text", []byte("id,total\n1,2\n"), true)
	if _, err := read(t, Config{Path: []string{"mem://d/*"}}, l.env(), sources.Request{}); !fault.Is(err, fault.Data) || !strings.Contains(err.Error(), "mem://d/text") {
		t.Errorf("text: %v", err)
	}
	l.put("cut", nullable(arrow.Field{Name: "id", Type: arrow.PrimitiveTypes.Int64}), pqarrow.DefaultWriterProps(), "["+strings.Repeat(`{"id": 1}, `, 999)+`{"id": 2}]`)
	body, err := storage.ReadAll(ctx, l, "mem://cut")
	if err != nil {
		t.Fatal(err)
	}
	for i := 4; i < 60; i++ {
		body[i] ^= 0x5a
	}
	storage.Put(ctx, l, "mem://cut", body, false)
	if _, err := read(t, Config{Path: []string{"mem://cut"}}, l.env(), sources.Request{}); !fault.Is(err, fault.Data) || !strings.Contains(err.Error(), "mem://cut") {
		t.Errorf("a damaged page: %v", err)
	}
	if _, err := read(t, Config{Path: []string{"mem://gone"}}, l.env(), sources.Request{}); !fault.Is(err, fault.NoInput) {
		t.Errorf("no such file: %v", err)
	}
	if _, err := read(t, Config{Path: []string{"mem://e/*"}}, l.env(), sources.Request{}); !fault.Is(err, fault.NoInput) {
		t.Errorf("no file: %v", err)
	}
	got, err := read(t, Config{Path: []string{"mem://e/*"}, OnNoFiles: "empty", Schema: []ColumnSpec{{"id", "bigint"}}}, l.env(), sources.Request{})
	if err != nil || got.types != "id long; " || got.splits != 0 {
		t.Errorf("no file, and that is fine: %v, %v", got, err)
	}
}

func TestFilesOfParquetGoAreRead(t *testing.T) {
	type item struct {
		Sku string `parquet:"sku"`
		N   int32  `parquet:"n,optional"`
	}
	type order struct {
		ID    int64             `parquet:"id"`
		At    time.Time         `parquet:"at,timestamp(millisecond)"`
		Total int64             `parquet:"total,decimal(2:18)"`
		Items []item            `parquet:"items,list"`
		Tags  map[string]string `parquet:"tags"`
		Code  string            `parquet:"code,dict,optional"`
	}
	dir := t.TempDir()
	if err := parquetgo.WriteFile(filepath.Join(dir, "x.parquet"), []order{
		{1, time.UnixMilli(1704103200001), 125, []item{{"a", 2}, {"b", 0}}, map[string]string{"k": "v"}, "c"}, {ID: 2, At: time.UnixMilli(-1)}}); err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(filepath.Join(dir, "x.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	l := newLake(t)
	storage.Put(context.Background(), l, "mem://x", body, true)
	env := l.env()
	env.Alloc = arrowmem.DefaultAllocator // the Parquet library forgets a buffer of its decoder of deltas
	got, err := read(t, Config{Path: []string{"mem://x"}}, env, sources.Request{})
	if err != nil {
		t.Fatal(err)
	}
	want := `id long; at timestamptz; total decimal(18, 2); items list<struct<sku: string, n: int>>; tags map<string, string>; code string; ` +
		`[{"at":"2024-01-01T10:00:00.001Z","code":"c","id":1,"items":[{"n":2,"sku":"a"},{"n":null,"sku":"b"}],"tags":[{"key":"k","value":"v"}],"total":"1.25"} ` +
		`{"at":"1969-12-31T23:59:59.999Z","code":null,"id":2,"items":[],"tags":[],"total":"0"}]`
	if text := got.types + fmt.Sprint(got.rows); text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

func TestClosingEarlyClosesTheFiles(t *testing.T) {
	l := newLake(t)
	l.put("f", nullable(arrow.Field{Name: "id", Type: arrow.PrimitiveTypes.Int64}), pqarrow.DefaultWriterProps(), `[{"id": 1}]`)
	cfg := Config{Path: []string{"mem://f"}}
	src, err := cfg.Open(context.Background(), l.env())
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range src.Splits(context.Background(), sources.Request{}) {
		if err != nil {
			t.Fatal(err)
		}
		break // the split is never read
	}
	if l.open != 1 {
		t.Errorf("%d files are open", l.open)
	}
	for range 2 {
		if err := src.Close(); err != nil {
			t.Error(err)
		}
	}
}
