//go:build server

package postgres

import (
	"fmt"
	"strings"
	"testing"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/predicate"
	"github.com/firn-data/firn/internal/secret"
	"github.com/firn-data/firn/internal/stacktest"
	"github.com/firn-data/firn/sources"
	"github.com/firn-data/firn/sources/sourcetest"
)

func TestConformance(t *testing.T) {
	pg := stacktest.Env(t).Postgres
	dsn := pg.FreshDatabase(t)
	pg.Exec(t, dsn, `CREATE TABLE t (id int8, name text) PARTITION BY RANGE (id); CREATE TABLE t1 PARTITION OF t DEFAULT; CREATE TABLE t0 PARTITION OF t FOR VALUES FROM (0) TO (50);
INSERT INTO t SELECT i, 'n' || i % 7 FROM generate_series(0, 119) i;
CREATE TABLE grows (id int8, name text); INSERT INTO grows VALUES (1, 'a'), (2, 'b');
CREATE TABLE bad (id int8, day date); INSERT INTO bad VALUES (1, '2024-01-01'), (2, 'infinity'), (3, NULL), (4, '-infinity'), (5, '0044-03-15 BC')`)
	rows := func(from, to int) (out []string) {
		for i := from; i < to; i++ {
			out = append(out, fmt.Sprintf(`{"id":%d,"name":"n%d"}`, i, i%7))
		}
		return out
	}
	open := func(c Config) *Config { c.DSN = secret.New(dsn); return &c }
	with := func(old, new string) secret.String { return secret.New(strings.Replace(dsn, old, new, 1)) }
	sourcetest.Run(t, sourcetest.Suite{
		Config: open(Config{Table: "t"}),
		Rows:   rows(0, 120),
		Where:  []sourcetest.Condition{{Where: predicate.Predicate{Op: predicate.Lt, Column: "id", Values: []any{int64(50)}}, Rows: 50}},
		Bad:    &sourcetest.BadCase{Config: open(Config{Table: "bad"}), Good: 3, Places: []string{"split bad:0 row 2: day", "split bad:0 row 4: day"}},
		Cursor: &sourcetest.CursorCase{Config: open(Config{Table: "grows"}), Cursor: sources.Cursor{Column: "id"},
			Rows: []string{`{"id":1,"name":"a"}`, `{"id":2,"name":"b"}`}, More: []string{`{"id":3,"name":"c"}`},
			Grow: func() { pg.Exec(t, dsn, `INSERT INTO grows VALUES (3, 'c'), (NULL, 'never')`) }},
		Errors: []sourcetest.ErrorCase{
			{Name: "no table", Config: open(Config{Table: "nope"}), Class: fault.NoInput},
			{Name: "no server", Config: &Config{Table: "t", DSN: secret.New("postgres://u:p@127.0.0.1:1/x")}, Class: fault.Unavailable},
			{Name: "wrong password", Config: &Config{Table: "t", DSN: with("firn:firn@", "firn:wrong@")}, Class: fault.Permission},
			{Name: "no TLS", Config: &Config{Table: "t", DSN: with("sslmode=disable", "sslmode=require")}, Class: fault.Config},
			{Name: "no such column", Config: open(Config{Table: "t", Columns: []string{"nope"}}), Class: fault.Config},
			{Name: "no SQL", Config: open(Config{Query: "SELEC 1"}), Class: fault.Config},
			{Name: "division by zero", Config: open(Config{Query: "SELECT 1 / (i - 3) AS x, i FROM generate_series(1, 5) i"}), Class: fault.Data},
			{Name: "cancelled by the server", Config: &Config{Query: "SELECT pg_sleep(9)::text AS x, 1 AS y", DSN: with("?", "?statement_timeout=50&")}, Class: fault.Retry},
		},
	})
}
