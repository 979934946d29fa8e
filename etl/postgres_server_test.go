//go:build server

package etl

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/etl/plan"
	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/stacktest"
)

// pgWorld is an embedded lake and a fresh PostgreSQL database.
type pgWorld struct {
	*world
	pg  stacktest.Postgres
	dsn string
}

func newPGWorld(t *testing.T) *pgWorld {
	pg := stacktest.Env(t).Postgres
	return &pgWorld{newWorld(t), pg, pg.FreshDatabase(t)}
}

// run binds and runs a job whose source is the database; rest follows the dsn, as fields of the job.
func (w *pgWorld) run(ctx context.Context, o BindOptions, source, rest string) (*Report, error) {
	w.t.Helper()
	job := fmt.Sprintf("job: hourly\nsource: {kind: postgres, dsn: %q, %s}\n%s", w.dsn, source, rest)
	j, err := Load(strings.NewReader(job), Options{File: "job.yaml"})
	if err != nil {
		w.t.Fatal(err)
	}
	o.Lakes, o.TempDir = w.lakes, w.t.TempDir()
	p, err := Bind(context.Background(), j, o)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	return p.Run(ctx)
}

func (w *pgWorld) table(name string) []string {
	w.t.Helper()
	ctx := context.Background()
	lake, err := OpenLake(ctx, w.lakes, "local", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	defer CloseLake(lake)
	id, err := catalog.ParseIdent(name)
	if err != nil {
		w.t.Fatal(err)
	}
	tab, err := lake.Load(ctx, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return scan(w.t, tab)
}

// TestABackfillOfADayInAnyOrder runs the 24 hours of a day in random order, many of them first in an attempt that is stopped; the table
// then holds the day exactly, and running each hour again changes nothing.
func TestABackfillOfADayInAnyOrder(t *testing.T) {
	for mode, hours := range map[string]int{"append": 24, "replace_interval, interval: ordered_at": 5} {
		w := newPGWorld(t)
		w.pg.Exec(t, w.dsn, `CREATE TABLE orders (id int8, ordered_at timestamptz, total numeric(12,2));
INSERT INTO orders SELECT i, timestamptz '2024-02-28 23:50Z' + i * interval '10 min', i * 0.01 FROM generate_series(0, 150) i`)
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 0))
		day := time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)
		run := func(hour int, ctx context.Context) (*Report, error) {
			start := day.Add(time.Duration(hour) * time.Hour)
			return w.run(ctx, BindOptions{Interval: &batch.Interval{Start: start, End: start.Add(time.Hour)}}, "table: orders, interval: {column: ordered_at}", "target: {table: raw.orders, mode: "+mode+"}\n")
		}
		for _, hour := range random.Perm(hours) {
			if random.IntN(3) == 0 {
				stopped, stop := context.WithCancel(context.Background())
				stop()
				if _, err := run(hour, stopped); !fault.Is(err, fault.Interrupted) {
					t.Errorf("hour %d, stopped: %v", hour, err)
				}
			}
			if r, err := run(hour, context.Background()); err != nil || r.Outcome != plan.Committed || r.Rows.Written != 6 {
				t.Fatalf("hour %d: %+v, %v", hour, r, err)
			}
		}
		rows := w.table("raw.orders")
		want := strings.Fields(w.pg.Exec(t, w.dsn, `SELECT id FROM orders WHERE ordered_at >= '2024-02-29 00:00Z' AND ordered_at < timestamptz '2024-02-29 00:00Z' + `+strconv.Itoa(hours)+` * interval '1 hour' ORDER BY id::text COLLATE "C"`))
		for i, id := range want {
			if len(rows) != len(want) || !strings.HasPrefix(rows[i], `{"id":`+id+`,`) {
				t.Fatalf("%s: the table holds %d rows, want %d: %v", mode, len(rows), len(want), rows)
			}
		}
		for _, hour := range random.Perm(hours) {
			if r, err := run(hour, context.Background()); err != nil || r.Outcome != plan.AlreadyCommitted {
				t.Errorf("hour %d again: %+v, %v", hour, r, err)
			}
		}
		if again := w.table("raw.orders"); fmt.Sprint(again) != fmt.Sprint(rows) {
			t.Errorf("%s: running the hours again changed the table", mode)
		}
	}
}

// TestACursorMovesWithItsRows: runs that read nothing leave the position; rows without a cursor value are told of.
func TestACursorMovesWithItsRows(t *testing.T) {
	w := newPGWorld(t)
	w.pg.Exec(t, w.dsn, `CREATE TABLE orders (id int8, at timestamptz); INSERT INTO orders VALUES (1, now() - interval '1 h'), (2, NULL)`)
	run := func() *Report {
		t.Helper()
		r, err := w.run(context.Background(), BindOptions{}, "table: orders, cursor: at", "target: {table: raw.orders}\n")
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	first := run()
	if first.Rows.Written != 1 || !strings.Contains(strings.Join(first.Warnings, "\n"), "1 rows have no at") {
		t.Errorf("first run: %+v, warnings %q", first.Rows, first.Warnings)
	}
	if r := run(); r.Outcome != plan.Empty || string(r.Position.To) != string(first.Position.To) {
		t.Errorf("nothing new: %s, position %s", r.Outcome, r.Position.To)
	}
	w.pg.Exec(t, w.dsn, `INSERT INTO orders VALUES (3, now())`)
	if r := run(); r.Rows.Written != 1 || string(r.Position.From) != string(first.Position.To) {
		t.Errorf("one new row: %+v, position %s", r.Rows, r.Position.From)
	}
	if rows := w.table("raw.orders"); len(rows) != 2 {
		t.Errorf("the table holds %v", rows)
	}
	w.pg.Exec(t, w.dsn, `ALTER TABLE orders ALTER at TYPE int8 USING extract(epoch FROM at)::int8`)
	if _, err := w.run(context.Background(), BindOptions{}, "table: orders, cursor: at", "target: {table: raw.orders}\n"); !fault.Is(err, fault.Config) {
		t.Errorf("a cursor of another type: %v", err)
	}
}
