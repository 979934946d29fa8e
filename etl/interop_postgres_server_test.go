//go:build server

package etl

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firn-data/firn/internal/batch"
)

// pgTypes are PostgreSQL's built-in types with the least and greatest values that Iceberg holds, and what Trino makes of a value so that it reads
// as psql prints it; empty: the value itself as text.
var pgTypes = []struct{ typ, values, trino string }{
	{"boolean", "true, false", "CASE %s WHEN true THEN 't' WHEN false THEN 'f' END"},
	{"smallint", "-32768, 32767", ""},
	{"integer", "-2147483648, 2147483647", ""},
	{"bigint", "-9223372036854775808, 9223372036854775807", ""},
	{"oid", "0, 4294967295", ""},
	{"real", "-1.5, 'NaN'", plainFloat},
	{"double precision", "'-Infinity', 0.1", plainFloat},
	{"numeric(4,2)", "-99.99, 99.99", ""},
	{"numeric(38,10)", "-9999999999999999999999999999.9999999999, 0.0000000001", ""},
	{"numeric", "1e100, -0.00000000000000000000000000000000000000000001", ""},
	{"text", "'', 'héllo \U0001F600'", ""},
	{"varchar(10)", "'a b', E'tab\\there'", ""},
	{"char(5)", "'ab', 'abcde'", ""},
	{"name", "'pg_class', 'x'", ""},
	{"json", `'{"a": [1, null]}', 'null'`, ""},
	{"jsonb", `'{"b": 1, "a": 2}', '[]'`, ""},
	{"xml", "'<a/>', '<b>c</b>'", ""},
	{"bytea", `'\x', '\xdeadbeef00'`, `'\x' || lower(to_hex(%s))`},
	{"date", "'0001-01-01', '9999-12-31'", ""},
	{"time", "'00:00:00.000001', '23:59:59.999999'", ""},
	{"timestamp", "'0001-01-01 00:00:00.000001', '9999-12-31 23:59:59.999999'", ""},
	{"timestamptz", "'1969-12-31 23:59:59.999999+00', '9999-12-31 23:59:59.999999+00'", "replace(CAST(%s AS varchar), ' UTC', '+00')"},
	{"timetz", "'00:00:00+15:59', '23:59:59.999999-15:59'", ""},
	{"interval", "'-178000000 years', '1 mon 2 days 03:04:05.000006'", ""},
	{"uuid", "'00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff'", ""},
	{"money", "-92233720368547758.08, 1234.5", ""},
	{"inet", "'192.168.0.1/24', '::1'", ""},
	{"cidr", "'10.0.0.0/8', '2001:db8::/32'", ""},
	{"macaddr", "'08:00:2b:01:02:03', 'ff:ff:ff:ff:ff:ff'", ""},
	{"macaddr8", "'08:00:2b:01:02:03:04:05', 'ff:ff:ff:ff:ff:ff:ff:ff'", ""},
	{"bit(3)", "B'101', B'000'", ""},
	{"varbit", "B'', B'1'", ""},
	{"point", "'(1,2)', '(-0.5,1e300)'", ""},
	{"box", "'((0,0),(1,1))', '((1,2),(3,4))'", ""},
	{"circle", "'<(0,0),1>', '<(1,2),3>'", ""},
	{"int4range", "'[1,5)', 'empty'", ""},
	{"tstzrange", "'[2024-01-01 00:00:00+00,)', '(,)'", ""},
	{"tsvector", "'a:1 b:2', ''", ""},
	{"pg_lsn", "'0/0', 'FFFFFFFF/FFFFFFFF'", ""},
	{"mood", "'sad', 'happy'", ""},
	{"pair", "ROW(1, 'x'), ROW(NULL, '')", ""},
	{"integer[]", "'{1,NULL,-2147483648}', '{}'", "'{' || array_join(%s, ',', 'NULL') || '}'"},
	{"numeric(10,2)[]", "'{1.50,NULL}', '{-99999999.99}'", "'{' || array_join(%s, ',', 'NULL') || '}'"},
	{"text[]", "'{a,NULL,b}', '{}'", "'{' || array_join(%s, ',', 'NULL') || '}'"},
	{"date[]", "'{0001-01-01,NULL}', '{9999-12-31}'", "'{' || array_join(transform(%s, x -> CAST(x AS varchar)), ',', 'NULL') || '}'"},
	{"uuid[]", "'{00000000-0000-0000-0000-000000000000}', '{}'", "'{' || array_join(transform(%s, x -> CAST(x AS varchar)), ',', 'NULL') || '}'"},
	{"inet[]", "'{::1,NULL}', '{}'", "'{' || array_join(%s, ',', 'NULL') || '}'"},
}

// plainFloat writes 0.1 and not 1.0E-1.
const plainFloat = "IF(is_finite(%[1]s), json_format(CAST(%[1]s AS json)), CAST(%[1]s AS varchar))"

// TestTrinoReadsPostgresValuesAsPsqlPrintsThem loads each type, extremes and nulls, and compares Trino's answer with psql's.
func TestTrinoReadsPostgresValuesAsPsqlPrintsThem(t *testing.T) {
	p := newPlatform(t)
	dsn := p.env.Postgres.FreshDatabase(t)
	var columns, psql, trino []string
	script := "set timezone = 'UTC'; create type mood as enum ('sad', 'happy'); create type pair as (a int, b text);\n"
	insert := make([]string, 2)
	for i, c := range pgTypes {
		name := fmt.Sprintf("c%d", i)
		columns = append(columns, name+" "+c.typ)
		for k := range insert {
			insert[k] += fmt.Sprintf(", (array[%s]::%s[])[%d]", c.values, strings.TrimSuffix(c.typ, "[]"), k+1)
			if strings.HasSuffix(c.typ, "[]") {
				parts := strings.Split(c.values, "', '")
				insert[k] = insert[k][:strings.LastIndex(insert[k], ", (array")] + ", '" + strings.Trim(parts[k], "'") + "'::" + c.typ
			}
		}
		psql = append(psql, fmt.Sprintf("select id || '|%s|' || case when %[1]s is distinct from null then format('%%s', %[1]s) else 'NULL' end from every", name))
		if c.trino == "" {
			c.trino = "CAST(%s AS varchar)"
		}
		trino = append(trino, fmt.Sprintf("('%s', %s)", name, fmt.Sprintf(c.trino, name)))
	}
	script += fmt.Sprintf("create table every (id int, %s);\ninsert into every values (1%s), (2%s);\ninsert into every (id) values (3);\n", strings.Join(columns, ", "), insert[0], insert[1])
	p.env.Postgres.Exec(t, dsn, script)
	p.run(fmt.Sprintf("job: every\nsource: {kind: postgres, dsn: %q, table: every}\ntarget: {table: NS.every}\n", dsn), BindOptions{})
	want := strings.Split(strings.TrimSuffix(p.env.Postgres.Exec(t, dsn, "set timezone = 'UTC';\n"+strings.Join(psql, " union all ")), "\n"), "\n")
	slices.Sort(want)
	got := p.trinoLines("SELECT id, name, coalesce(value, 'NULL') FROM every CROSS JOIN UNNEST(ARRAY[" + strings.Join(trino, ", ") + "]) AS u(name, value)")
	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("Trino reads %q", line)
		}
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("psql prints %q", line)
		}
	}
}

// TestAnHourlyUpsertFromPostgres loads changed rows by cursor, the last version of each key, without those that an expectation sets aside, into a table
// that has a row per key; a second job adds the rows of an hour to a log.
func TestAnHourlyUpsertFromPostgres(t *testing.T) {
	p := newPlatform(t)
	dsn := p.env.Postgres.FreshDatabase(t)
	p.env.Postgres.Exec(t, dsn, `create table changes (seq bigserial primary key, id bigint, total numeric(10,2), at timestamptz);
insert into changes (id, total, at) values (1, 10, '2026-01-01 00:10:00+00'), (2, 20, '2026-01-01 00:20:00+00'), (1, 11, '2026-01-01 00:30:00+00'), (3, -1, '2026-01-01 00:40:00+00');`)
	upsert := fmt.Sprintf(`job: orders
source: {kind: postgres, dsn: %q, table: changes, cursor: {column: seq}}
transform:
  - expect: [{name: not_negative, check: "total >= 0", on_fail: quarantine}]
  - dedupe: {key: [id], order: [seq DESC]}
  - sql: "SELECT id, total, at FROM input"
quarantine: {max_share: 50%%}
target: {table: NS.orders, mode: upsert, key: [id], partition: ["bucket(4, id)"]}
`, dsn)
	log := fmt.Sprintf("job: log\nsource: {kind: postgres, dsn: %q, table: changes, interval: {column: at}}\ntarget: {table: NS.log}\n", dsn)
	hour := func(h int) *Report {
		start := time.Date(2026, 1, 1, h, 0, 0, 0, time.UTC)
		return p.run(log, BindOptions{Interval: &batch.Interval{Start: start, End: start.Add(time.Hour)}})
	}
	r := p.run(upsert, BindOptions{})
	if r.Rows.Read != 4 || r.Rows.Written != 2 || r.Rows.Quarantined != 1 || r.Rows.Deduplicated != 1 {
		t.Errorf("the first run: %+v", r.Rows)
	}
	hour(0)
	p.env.Postgres.Exec(t, dsn, `insert into changes (id, total, at) values (2, 21, '2026-01-01 01:10:00+00'), (4, 40, '2026-01-01 01:20:00+00'), (4, 41, '2026-01-01 01:30:00+00');`)
	p.run(upsert, BindOptions{})
	hour(1)
	if r := hour(0); r.Outcome != "already_committed" {
		t.Errorf("an hour again is %s", r.Outcome)
	}
	want := []string{"1|11.00|2026-01-01 00:30:00.000000 UTC", "2|21.00|2026-01-01 01:10:00.000000 UTC", "4|41.00|2026-01-01 01:30:00.000000 UTC"}
	if got := p.trinoLines("SELECT * FROM orders"); !slices.Equal(got, want) {
		t.Errorf("Trino reads %v", got)
	}
	if got := p.trinoLines("SELECT rule, count(*) FROM orders_quarantine GROUP BY rule"); !slices.Equal(got, []string{"not_negative|1"}) {
		t.Errorf("set aside: %v", got)
	}
	if got := p.trinoLines("SELECT count(*), count(DISTINCT seq), sum(total) FROM log"); !slices.Equal(got, []string{"7|7|142.00"}) {
		t.Errorf("the log: %v", got)
	}
}
