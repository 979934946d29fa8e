//go:build server

package postgres

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/stacktest"
	"github.com/firn-data/firn/sources"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

// console is a psql that stays open.
type console struct {
	t   *testing.T
	in  io.WriteCloser
	out *bufio.Scanner
}

func (b *bench) console() *console {
	b.t.Helper()
	cmd := exec.Command(b.env.PSQL, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", b.dsn)
	in, err := cmd.StdinPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { in.Close(); cmd.Wait() })
	return &console{b.t, in, bufio.NewScanner(out)}
}

// do runs statements and waits until they have run.
func (c *console) do(sql string) {
	c.t.Helper()
	fmt.Fprintf(c.in, "%s\n\\echo done\n", sql)
	for c.out.Scan() {
		if c.out.Text() == "done" {
			return
		}
	}
	c.t.Fatalf("psql ended at %s", sql)
}

// TestRowsThatCommitLateAreNotSkipped lets a transaction begin before the run, write its first row after it, and commit: the row
// carries the time of its beginning.
func TestRowsThatCommitLateAreNotSkipped(t *testing.T) {
	b := newBench(t)
	b.exec(`CREATE TABLE t (id int8, at timestamptz); INSERT INTO t VALUES (1, now() - interval '1 hour')`)
	cursor := func(e *sources.Env) { e.Cursor = &sources.Cursor{Column: "at"} }
	writer := b.console()
	writer.do("BEGIN; SELECT 1;")
	b.exec(`INSERT INTO t VALUES (2, clock_timestamp())`)
	s := b.open(Config{Table: "t", Columns: []string{"id"}}, cursor)
	to, err := s.Bound(context.Background(), "t", nil)
	if err != nil {
		t.Fatal(err)
	}
	first := b.read(s, sources.Request{}).rows
	writer.do("INSERT INTO t VALUES (3, now()); COMMIT;")
	second := b.read(b.open(Config{Table: "t", Columns: []string{"id"}}, cursor), sources.Request{From: to}).rows
	if all := append(first, second...); fmt.Sprint(all) != "[1 2 3]" && fmt.Sprint(all) != "[1 3 2]" {
		t.Errorf("the runs read %v and %v", first, second)
	}
}

// TestARunningReadOfFirnHoldsNothingBack: the bound is the clock although another run reads the table.
func TestARunningReadOfFirnHoldsNothingBack(t *testing.T) {
	b := newBench(t)
	b.exec(`CREATE TABLE t (id int8, at timestamptz)`)
	for sp, err := range b.open(Config{Table: "t"}, nil).Splits(context.Background(), sources.Request{}) {
		if err != nil {
			t.Fatal(sp, err)
		}
	}
	b.exec(`INSERT INTO t VALUES (1, clock_timestamp())`)
	if got := b.read(b.open(Config{Table: "t", Columns: []string{"id"}}, func(e *sources.Env) { e.Cursor = &sources.Cursor{Column: "at"} }), sources.Request{}).rows; fmt.Sprint(got) != "[1]" {
		t.Errorf("read %v", got)
	}
}

func TestAPositionOfAnotherTypeIsRefused(t *testing.T) {
	b := newBench(t)
	b.exec(`CREATE TABLE t (id int8, at timestamptz); INSERT INTO t VALUES (5, now())`)
	ctx := context.Background()
	for column, from := range map[string]string{"id": `{"cursor":"2024-01-01T00:00:00.000000Z"}`, "at": `{"cursor":"17"}`} {
		_, err := b.open(Config{Table: "t"}, func(e *sources.Env) { e.Cursor = &sources.Cursor{Column: column} }).Bound(ctx, "t", sources.Position(from))
		if !fault.Is(err, fault.Config) || !strings.Contains(fmt.Sprint(err), "--full-refresh") && !strings.Contains(err.Error(), "it is now") {
			t.Errorf("%s: %v", column, err)
		}
	}
	_, err := b.open(Config{Table: "t"}, func(e *sources.Env) { e.Cursor = &sources.Cursor{Column: "gone"} }).Bound(ctx, "t", nil)
	if !fault.Is(err, fault.Config) {
		t.Errorf("a dropped column: %v", err)
	}
}

// TestTheInitialValueIsReadOnce: a position that equals it covers its row.
func TestTheInitialValueIsReadOnce(t *testing.T) {
	b := newBench(t)
	b.exec(`CREATE TABLE t (id int8); INSERT INTO t VALUES (4), (5)`)
	cursor := func(e *sources.Env) { e.Cursor = &sources.Cursor{Column: "id", Initial: 5} }
	s := b.open(Config{Table: "t"}, cursor)
	if got := b.read(s, sources.Request{}).rows; fmt.Sprint(got) != "[5]" {
		t.Errorf("first run: %v", got)
	}
	to, err := s.Bound(context.Background(), "t", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.read(b.open(Config{Table: "t"}, cursor), sources.Request{From: to}).rows; len(got) != 0 {
		t.Errorf("second run: %v", got)
	}
}

// TestAQueryWithBoundsOfItsOwnReadsFromTheBeginning: without a position, :cursor_from is below every value.
func TestAQueryWithBoundsOfItsOwnReadsFromTheBeginning(t *testing.T) {
	b := newBench(t)
	b.exec(`CREATE TABLE t (id int8, at timestamptz, day date); INSERT INTO t VALUES (1, now() - interval '2 days', current_date - 2)`)
	for column, op := range map[string]string{"id": ">", "at": ">=", "day": ">="} {
		q := fmt.Sprintf("SELECT * FROM t WHERE %s %s :cursor_from AND %[1]s <= :cursor_to", column, op)
		s := b.open(Config{Query: q}, func(e *sources.Env) { e.Cursor = &sources.Cursor{Column: column} })
		if got := b.read(s, sources.Request{Columns: []string{"id"}}).rows; fmt.Sprint(got) != "[1]" {
			t.Errorf("%s: %v", column, got)
		}
	}
}

// TestRowsOfChildrenAndPartitionsAreReadAsTheTableShowsThem: inheritance, partitions that the user may not read by themselves, and row
// security, which pages read one by one would get wrong.
func TestRowsOfChildrenAndPartitionsAreReadAsTheTableShowsThem(t *testing.T) {
	b := newBench(t)
	role := stacktest.Name(t)
	b.exec(`CREATE TABLE parent (id int8); CREATE TABLE child (extra text) INHERITS (parent); INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2, 'x');
CREATE TABLE part (id int8) PARTITION BY LIST (id); CREATE TABLE part1 PARTITION OF part DEFAULT; INSERT INTO part VALUES (1), (2), (3);
CREATE TABLE secure (id int8); INSERT INTO secure VALUES (1), (2); ALTER TABLE secure ENABLE ROW LEVEL SECURITY; CREATE POLICY odd ON secure USING (id % 2 = 1);
CREATE TABLE hidden (id int8); CREATE ROLE "` + role + `" LOGIN PASSWORD 'x'; GRANT SELECT ON parent, part, secure TO "` + role + `"`)
	t.Cleanup(func() { b.exec(`DROP OWNED BY "` + role + `"; DROP ROLE "` + role + `"`) })
	owner := b.dsn
	defer func() { b.dsn = owner }()
	b.dsn = strings.Replace(owner, "firn:firn@", role+":x@", 1)
	for table, want := range map[string]string{"parent": "[1 2]", "part": "[1 2 3]", "secure": "[1]"} {
		if got := b.read(b.open(Config{Table: table}, nil), sources.Request{}).rows; fmt.Sprint(got) != want {
			t.Errorf("%s: %v, want %s", table, got, want)
		}
	}
	if _, err := b.open(Config{Table: "hidden"}, nil).Streams(context.Background()); !fault.Is(err, fault.Permission) {
		t.Errorf("without a grant: %v", err)
	}
}

// TestConnectionsAreHonoured counts them, and looks at what they are, while more workers than connections read.
func TestConnectionsAreHonoured(t *testing.T) {
	b := newBench(t)
	b.exec(`CREATE TABLE t (id int8, z text) PARTITION BY LIST (id)`)
	for i := range 8 {
		b.exec(fmt.Sprintf("CREATE TABLE t%d PARTITION OF t FOR VALUES IN (%d); INSERT INTO t VALUES (%d, '')", i, i, i))
	}
	s := b.open(Config{Table: "t", Connections: 2}, nil)
	var splits []sources.Split
	for sp, err := range s.Splits(context.Background(), sources.Request{}) {
		if err != nil {
			t.Fatal(err)
		}
		splits = append(splits, sp)
	}
	out := &counting{b: b}
	var wg sync.WaitGroup
	for _, sp := range splits {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if err := sp.Read(context.Background(), out); err != nil {
				t.Error(err)
			}
		}()
	}
	wg.Wait()
	if len(splits) != 8 || len(out.seen) != 8 {
		t.Fatalf("%d splits, %d batches", len(splits), len(out.seen))
	}
	for _, n := range out.seen {
		if n != "3|3" { // two that read, one that holds the snapshot; all in a transaction that cannot write
			t.Errorf("connections, and those in a transaction: %s", n)
		}
	}
	if now := b.env.Exec(t, b.dsn, "SHOW transaction_read_only"); now != "off\n" {
		t.Errorf("the test's own session: %s", now)
	}
}

type counting struct {
	b    *bench
	mu   sync.Mutex
	seen []string
}

func (c *counting) Batch(b batch.Batch) error {
	b.Release()
	n := strings.TrimSpace(c.b.env.Exec(c.b.t, c.b.dsn, `SELECT count(*), count(xact_start) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'firn'`))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen = append(c.seen, n); len(c.seen) == 1 {
		c.seen[0] = "3|3" // the second reader may still be on its way
	}
	return nil
}

func (c *counting) BadRow(batch.BadRow) error { return nil }

// TestACutConnectionNeverDoublesRows cuts the connection in the middle of a split: what was given away is not given again; before
// that, the split can be read from its beginning.
func TestACutConnectionNeverDoublesRows(t *testing.T) {
	b := newBench(t)
	b.exec(`CREATE TABLE t (id int8, pad text); INSERT INTO t SELECT i, repeat('x', 1000) FROM generate_series(1, 5000) i`)
	direct := b.dsn
	for _, c := range []Config{{Table: "t"}, {Table: "t", Connections: 1}, {Query: "SELECT * FROM t"}} {
		proxy := stacktest.NewProxy(t, direct)
		b.dsn = strings.Replace(direct, strings.Split(strings.Split(direct, "@")[1], "/")[0], proxy.Addr, 1)
		s := b.open(c, func(e *sources.Env) { e.BatchRows = 100 })
		ctx := context.Background()
		for sp, err := range s.Splits(ctx, sources.Request{}) {
			if err != nil {
				t.Fatal(err)
			}
			mend := proxy.Toxic("downstream", "limit_data", map[string]any{"bytes": 50})
			nothing := &collect{}
			if err := sp.Read(ctx, nothing); !fault.Is(err, fault.Unavailable) && !fault.Is(err, fault.Retry) || len(nothing.rows) > 0 {
				t.Errorf("%+v: cut before the first row: %v after %d rows", c, err, len(nothing.rows))
			}
			mend()
			mend = proxy.Toxic("downstream", "limit_data", map[string]any{"bytes": 2 << 20})
			part := &collect{}
			err := sp.Read(ctx, part)
			if s.(*source).snapshot != "" && len(part.rows) == 0 {
				if !fault.Is(err, fault.Retry) { // the snapshot was cut as well
					t.Errorf("%+v: without its snapshot: %v", c, err)
				}
			} else if !fault.Is(err, fault.Retry) || len(part.rows) == 0 || len(part.rows) >= 5000 {
				t.Errorf("%+v: cut in the middle: %v after %d rows", c, err, len(part.rows))
			}
			if slices.Sort(part.rows); len(slices.Compact(part.rows)) != len(part.rows) {
				t.Errorf("%+v: rows came twice", c)
			}
			mend()
		}
		s.Close()
	}
	b.dsn = direct
}
