//go:build server

package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
	firnmem "github.com/firn-data/firn/internal/memory"
	"github.com/firn-data/firn/internal/secret"
	"github.com/firn-data/firn/internal/stacktest"
	"github.com/firn-data/firn/sources"
)

// collect is an Out that keeps rows as text.
type collect struct {
	mu   sync.Mutex
	rows []string
	bad  []batch.BadRow
}

func (c *collect) Batch(b batch.Batch) error {
	defer b.Release()
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range b.Rows() {
		var cells []string
		for k := range b.Record.NumCols() {
			cells = append(cells, b.Record.Column(int(k)).ValueStr(i))
		}
		c.rows = append(c.rows, strings.Join(cells, "|"))
	}
	return nil
}

func (c *collect) BadRow(r batch.BadRow) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bad = append(c.bad, r)
	return nil
}

type bench struct {
	t     *testing.T
	env   stacktest.Postgres
	dsn   string
	alloc *memory.CheckedAllocator
}

func newBench(t *testing.T) *bench {
	env := stacktest.Env(t)
	b := &bench{t: t, env: env.Postgres, dsn: env.Postgres.FreshDatabase(t), alloc: memory.NewCheckedAllocator(memory.NewGoAllocator())}
	t.Cleanup(func() { b.alloc.AssertSize(t, 0) })
	return b
}

func (b *bench) exec(sql string) {
	b.t.Helper()
	b.env.Exec(b.t, b.dsn, sql)
}

func (b *bench) open(c Config, change func(*sources.Env)) sources.Source {
	b.t.Helper()
	c.DSN = secret.New(b.dsn)
	env := sources.Env{Name: "pg", Alloc: b.alloc, Budget: firnmem.NewBudget(256 << 20), Temp: firnmem.NewDir(b.t.TempDir(), "t"), Workers: 2, Now: time.Now()}
	if change != nil {
		change(&env)
	}
	s, err := c.Open(context.Background(), env)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		s.Close()
		if err := s.Close(); err != nil {
			b.t.Error("the second Close: ", err)
		}
	})
	return s
}

// read runs a whole request and gives the sorted rows.
func (b *bench) read(s sources.Source, r sources.Request) *collect {
	b.t.Helper()
	out := &collect{}
	ctx := context.Background()
	if _, err := s.Streams(ctx); err != nil {
		b.t.Fatal(err)
	}
	to, err := s.Bound(ctx, "", r.From)
	if err != nil {
		b.t.Fatal(err)
	}
	r.To = to
	for split, err := range s.Splits(ctx, r) {
		if err != nil {
			b.t.Fatal(err)
		}
		if err := split.Read(ctx, out); err != nil {
			b.t.Fatal(err)
		}
	}
	sort.Strings(out.rows)
	return out
}

func TestEveryTypeArrivesExactly(t *testing.T) {
	b := newBench(t)
	b.exec(`CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN money2 AS numeric(12,2) CHECK (VALUE >= 0);
CREATE TABLE t (b bool, i2 int2, i4 int4 NOT NULL PRIMARY KEY, i8 int8, f4 float4, f8 float8, n numeric(20,4), n38 numeric(38,10), small numeric(5,-2), wide numeric(3,5), any_n numeric,
  txt text, vc varchar(10), ch char(5), by bytea, d date, ti time, ts timestamp, tz timestamptz, u uuid, j json, jb jsonb, iv interval, ip inet, m mood, dom money2, ai int4[], at text[], an numeric(9,2)[], am mood[], r int4range, o oid);
INSERT INTO t VALUES (true, -32768, 1, 9223372036854775807, 1.5, -0.1, 1234567890123456.7891, -9999999999999999999999999999.9999999999, 12300, 0.00123, 1.23456789012345678901234567890123456789012345,
  'ä€', 'x', 'ab', '\x00ff', '0001-01-01', '23:59:59.999999', '4713-01-01 00:00:00 BC', '2024-02-29 12:00:00.123456+02', '00000000-0000-0000-0000-0000000000ff', '{"a": 1}', '{"b":2}', '1 day 02:00', '::1/64', 'sad', 3.10,
  '{1,NULL,3}', '{}', '{1.25,-2.50}', '{ok,sad}', '[1,5)', 4294967295);
INSERT INTO t (i4) VALUES (2)`)
	s := b.open(Config{Table: "t"}, nil)
	streams, err := s.Streams(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]string{}
	for _, f := range streams[0].Schema.Fields() {
		types[f.Name] = f.Type.String()
	}
	for name, want := range map[string]string{"i2": "int32", "n": "decimal(20, 4)", "small": "decimal(7, 0)", "wide": "decimal(5, 5)", "any_n": "utf8", "dom": "decimal(12, 2)", "tz": "timestamp[us, tz=UTC]", "u": "extension<arrow.uuid>", "o": "int64", "ti": "time64[us]"} {
		if types[name] != want {
			t.Errorf("%s is %s, want %s", name, types[name], want)
		}
	}
	if k := streams[0].Key; len(k) != 1 || k[0] != "i4" {
		t.Errorf("key %v", k)
	}
	got := b.read(s, sources.Request{}).rows
	want := `true|-32768|1|9223372036854775807|1.5|-0.1|1234567890123456.7891|-9999999999999999999999999999.9999999999|12300|0.00123|1.23456789012345678901234567890123456789012345|ä€|x|ab   |AP8=|0001-01-01|23:59:59.999999|-210863520000000000|2024-02-29T10:00:00.123456Z|00000000-0000-0000-0000-0000000000ff|{"a": 1}|{"b": 2}|1 day 02:00:00|::1/64|sad|3.1|[1,null,3]|[]|["1.25","-2.5"]|["ok","sad"]|[1,5)|4294967295`
	if len(got) != 2 || got[1] != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
	if len(got) == 2 && strings.Count(got[0], "(null)") != len(streams[0].Schema.Fields())-1 {
		t.Errorf("nulls: %s", got[0])
	}
}

func TestValuesThatIcebergLacksAreBadRows(t *testing.T) {
	b := newBench(t)
	b.exec(`CREATE TABLE t (i int4, d date, ts timestamptz, n numeric(5,2), a int4[], ti time);
INSERT INTO t SELECT i FROM generate_series(1, 5) i;
INSERT INTO t VALUES (6, 'infinity', NULL, NULL, NULL, NULL), (7, NULL, '-infinity', NULL, NULL, NULL), (8, NULL, NULL, 'NaN', NULL, NULL), (9, NULL, NULL, NULL, '{{1,2},{3,4}}', NULL), (10, NULL, NULL, NULL, '[0:1]={1,2}', NULL), (11, NULL, NULL, NULL, NULL, '24:00');
INSERT INTO t SELECT i FROM generate_series(12, 14) i`)
	out := b.read(b.open(Config{Table: "t"}, nil), sources.Request{Columns: []string{"i", "d", "ts", "n", "a", "ti"}})
	if len(out.rows) != 8 || len(out.bad) != 6 {
		t.Fatalf("%d rows, %d bad: %v %v", len(out.rows), len(out.bad), out.rows, out.bad)
	}
	first := out.bad[0]
	if first.Reason != "infinity is not a date" || first.Place.Field != "d" || first.Place.Row != 6 {
		t.Errorf("got %+v", first)
	}
}

func TestSplitsCoverEachRowOnceInOneSnapshot(t *testing.T) {
	b := newBench(t)
	b.exec(`CREATE TABLE t (id int8, pad text) WITH (fillfactor = 10); INSERT INTO t SELECT i, repeat('x', 300) FROM generate_series(1, 60000) i`)
	s := b.open(Config{Table: "t", Columns: []string{"id"}}, nil)
	ctx := context.Background()
	var splits []sources.Split
	for sp, err := range s.Splits(ctx, sources.Request{}) {
		if err != nil {
			t.Fatal(err)
		}
		if len(splits) == 0 {
			b.exec(`INSERT INTO t SELECT i FROM generate_series(60001, 60100) i; DELETE FROM t WHERE id % 2 = 0; UPDATE t SET pad = 'moved' WHERE id < 1000`)
		}
		splits = append(splits, sp)
	}
	if len(splits) < 2 {
		t.Fatalf("%d splits: the table is too small for this test", len(splits))
	}
	out := &collect{}
	var wg sync.WaitGroup
	for _, sp := range splits {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if err := sp.Read(ctx, out); err != nil {
				t.Error(err)
			}
		}()
	}
	wg.Wait()
	seen := map[string]int{}
	for _, r := range out.rows {
		seen[r]++
	}
	if len(out.rows) != 60000 || len(seen) != 60000 {
		t.Errorf("%d rows, %d different ones, want 60000", len(out.rows), len(seen))
	}
}

func TestTimeCursorWaitsForRunningWriters(t *testing.T) {
	b := newBench(t)
	b.exec(`CREATE TABLE t (id int8 PRIMARY KEY, at timestamptz); INSERT INTO t VALUES (1, now() - interval '1 hour'), (2, NULL)`)
	// A writer that began before the run and commits after it: its row carries the time of its beginning.
	writer := exec.Command(b.env.PSQL, "-X", "-q", "-c", "BEGIN; INSERT INTO t VALUES (3, now()); SELECT pg_sleep(3); COMMIT", b.dsn)
	cursor := func(e *sources.Env) { e.Cursor = &sources.Cursor{Column: "at"} }
	if err := writer.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1500 * time.Millisecond)
	s := b.open(Config{Table: "t"}, cursor)
	to, err := s.Bound(context.Background(), "t", nil)
	if err != nil {
		t.Fatal(err)
	}
	first := b.read(s, sources.Request{})
	if len(first.rows) != 1 {
		t.Errorf("first run: %v", first.rows)
	}
	if err := writer.Wait(); err != nil {
		t.Fatal(err)
	}
	second := b.read(b.open(Config{Table: "t"}, cursor), sources.Request{From: to})
	if len(second.rows) != 1 || !strings.HasPrefix(second.rows[0], "3|") {
		t.Errorf("the late row was skipped: %v", second.rows)
	}
	notes, err := s.(sources.Clock).CursorNotes(context.Background(), "t")
	if err != nil || len(notes) != 1 || !strings.Contains(notes[0].Text, "1 rows have no at") {
		t.Errorf("notes %v, %v", notes, err)
	}
}

func TestIntegerCursorReadsUpToTheMaximum(t *testing.T) {
	b := newBench(t)
	b.exec(`CREATE TABLE t (id int8)`)
	cursor := func(lag string) func(*sources.Env) {
		return func(e *sources.Env) { e.Cursor = &sources.Cursor{Column: "id", Lag: lag} }
	}
	ctx := context.Background()
	if to, err := b.open(Config{Table: "t"}, cursor("")).Bound(ctx, "t", nil); err != nil || len(to) != 0 {
		t.Errorf("empty table: %s, %v", to, err)
	}
	b.exec(`INSERT INTO t SELECT generate_series(1, 10)`)
	s := b.open(Config{Table: "t"}, cursor("3"))
	to, err := s.Bound(ctx, "t", nil)
	if err != nil || string(to) != `{"cursor":"7"}` {
		t.Fatalf("bound %s, %v", to, err)
	}
	if got := b.read(s, sources.Request{}).rows; len(got) != 7 {
		t.Errorf("first run: %v", got)
	}
	b.exec(`INSERT INTO t VALUES (11)`)
	if got := b.read(b.open(Config{Table: "t"}, cursor("")), sources.Request{From: to}).rows; fmt.Sprint(got) != "[10 11 8 9]" {
		t.Errorf("second run: %v", got)
	}
	back := json.RawMessage(`{"cursor":"100"}`)
	if to, err := b.open(Config{Table: "t"}, cursor("")).Bound(ctx, "t", back); err != nil || string(to) != string(back) {
		t.Errorf("a bound below the position moved it: %s, %v", to, err)
	}
}

func TestQueryBoundsAndParameters(t *testing.T) {
	b := newBench(t)
	b.exec(`CREATE TABLE t (id int8, at timestamptz); INSERT INTO t SELECT i, timestamptz '2024-01-01 00:00Z' + i * interval '30 min' FROM generate_series(0, 9) i`)
	hour := &batch.Interval{Start: time.Date(2024, 1, 1, 1, 0, 0, 0, time.UTC), End: time.Date(2024, 1, 1, 2, 0, 0, 0, time.UTC)}
	wrapped := b.open(Config{Query: "SELECT id, at FROM t WHERE ':id' <> 'x' -- :nothing"}, func(e *sources.Env) { e.ByColumn = &sources.IntervalBy{Column: "at"} })
	if got := b.read(wrapped, sources.Request{Interval: hour, Columns: []string{"id"}}).rows; fmt.Sprint(got) != "[2 3]" {
		t.Errorf("wrapped: %v", got)
	}
	own := b.open(Config{Query: "SELECT id FROM t WHERE at >= :interval_start AND at < :interval_end AND id::text <> :skip;"}, nil)
	if got := b.read(own, sources.Request{Interval: hour, Params: map[string]any{"skip": "2"}}).rows; fmt.Sprint(got) != "[3]" {
		t.Errorf("own bounds: %v", got)
	}
}

func TestPartitionedTablesAndViewsAreRead(t *testing.T) {
	b := newBench(t)
	b.exec(`CREATE TABLE p (id int8, k int4) PARTITION BY LIST (k); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE p2 PARTITION OF p DEFAULT;
INSERT INTO p SELECT i, i % 3 FROM generate_series(1, 300) i; CREATE VIEW v AS SELECT id FROM p WHERE k = 1`)
	for name, want := range map[string]int{"p": 300, "v": 100} {
		if got := len(b.read(b.open(Config{Table: name}, nil), sources.Request{Columns: []string{"id"}}).rows); got != want {
			t.Errorf("%s: %d rows, want %d", name, got, want)
		}
	}
}

func TestErrorsAreClassified(t *testing.T) {
	b := newBench(t)
	b.exec(`CREATE TABLE "Mixed" ("Id" int8)`)
	ctx := context.Background()
	streams := func(c Config, dsn string) error {
		old := b.dsn
		b.dsn = dsn
		defer func() { b.dsn = old }()
		_, err := b.open(c, nil).Streams(ctx)
		return err
	}
	for _, c := range []struct {
		name string
		err  error
		want fault.Class
	}{
		{"no table", streams(Config{Table: "nope"}, b.dsn), fault.NoInput},
		{"no server", streams(Config{Table: "t"}, "postgres://u:hunter22@127.0.0.1:1/x"), fault.Unavailable},
		{"bad query", streams(Config{Query: "SELEC 1"}, b.dsn), fault.Config},
		{"no column", streams(Config{Table: "Mixed", Columns: []string{"nope"}}, b.dsn), fault.Config},
		{"no user", streams(Config{Table: "t"}, strings.Replace(b.dsn, "firn:firn@", "nobody_here:x@", 1)), fault.Permission},
	} {
		if c.err == nil || fault.ClassOf(c.err) != c.want {
			t.Errorf("%s: %v is %v, want %v", c.name, c.err, fault.ClassOf(c.err), c.want)
		}
		if c.err != nil && (strings.Contains(c.err.Error(), "hunter22")) {
			t.Errorf("%s: the password is shown: %v", c.name, c.err)
		}
	}
	if err := streams(Config{Table: "Mixed", Columns: []string{"id"}}, b.dsn); err != nil {
		t.Errorf("a mixed-case name: %v", err)
	}
}

func TestHostileEnvironmentChangesNothing(t *testing.T) {
	b := newBench(t)
	b.exec(`CREATE TABLE t (id int8); INSERT INTO t VALUES (1)`)
	for _, v := range []string{"PGHOST=10.0.0.1", "PGPORT=1", "PGUSER=evil", "PGPASSWORD=evil", "PGDATABASE=evil", "PGSERVICE=evil", "PGSERVICEFILE=/nowhere", "PGOPTIONS=-c search_path=evil", "PGTZ=Asia/Tokyo", "PGSSLMODE=require", "PGSSLCERT=/nowhere", "PGAPPNAME=evil", "PGTARGETSESSIONATTRS=standby", "PGREQUIREAUTH=none"} {
		k, val, _ := strings.Cut(v, "=")
		t.Setenv(k, val)
	}
	old := b.dsn
	b.dsn = strings.Replace(b.dsn, "?", "?application_name=firn-test&", 1)
	defer func() { b.dsn = old }()
	if got := b.read(b.open(Config{Table: "t"}, nil), sources.Request{}).rows; fmt.Sprint(got) != "[1]" {
		t.Errorf("got %v", got)
	}
}

func TestCancelReturnsPromptly(t *testing.T) {
	b := newBench(t)
	s := b.open(Config{Query: "SELECT i, pg_sleep(0.01)::text AS z FROM generate_series(1, 100000) i"}, nil)
	ctx, cancel := context.WithCancel(context.Background())
	for sp, err := range s.Splits(ctx, sources.Request{}) {
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(200*time.Millisecond, cancel)
		start := time.Now()
		if err := sp.Read(ctx, &collect{}); !fault.Is(err, fault.Interrupted) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("took %s", took)
		}
	}
	cancel()
}
