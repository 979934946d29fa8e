//go:build server

package etl

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/etl/plan"
	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
)

// loads are two jobs that fill one table: one by a cursor from PostgreSQL, ids 1, 2, 3 …, and one by the hour from CSV, ids 1000 + hour.
type loads struct {
	*platform
	dsn  string
	last int
}

func newLoads(t *testing.T) *loads {
	t.Helper()
	l := &loads{platform: newPlatform(t)}
	l.dsn = l.env.Postgres.FreshDatabase(t)
	l.env.Postgres.Exec(t, l.dsn, "create table events (id bigint primary key, v text)")
	var csv strings.Builder
	csv.WriteString("id,at,v\n")
	for hour := range 10 {
		fmt.Fprintf(&csv, "%d,2026-01-01 0%d:30:00,hour\n", 1000+hour, hour)
	}
	l.file("hours.csv", csv.String())
	return l
}

// cursor adds rows to the source, if any, and runs the cursor's job. It returns the rows that were written.
func (l *loads) cursor(rows int, table string) int64 {
	l.t.Helper()
	if rows > 0 {
		l.env.Postgres.Exec(l.t, l.dsn, fmt.Sprintf("insert into events select i, 'cursor' from generate_series(%d, %d) i", l.last+1, l.last+rows))
		l.last += rows
	}
	return l.run(l.cursorJob(table), BindOptions{}).Rows.Written
}

func (l *loads) cursorJob(table string) string {
	return fmt.Sprintf("job: by_cursor\nsource: {kind: postgres, dsn: %q, table: events, cursor: {column: id}}\ntarget: {table: NS.%s}\n", l.dsn, table)
}

// hour runs the interval job for an hour.
func (l *loads) hour(hour int, table string) string {
	l.t.Helper()
	start := time.Date(2026, 1, 1, hour, 0, 0, 0, time.UTC)
	job := fmt.Sprintf("job: by_hour\nsource: {kind: csv, path: %q, schema: [{name: id, type: bigint}, {name: at, type: timestamp_ntz}], interval: {column: at}}\ntransform: [{sql: \"SELECT id, v FROM input\"}]\ntarget: {table: NS.%s}\n", l.dir+"/hours.csv", table)
	r := l.run(job, BindOptions{Interval: &batch.Interval{Start: start, End: start.Add(time.Hour)}})
	return string(r.Outcome) + " " + strconv.FormatInt(r.Rows.Written, 10)
}

// holds checks that Trino and firn see each row of the cursor's job, and of the hours before one, once.
func (l *loads) holds(table string, hours int, after string) {
	l.t.Helper()
	var want []string
	for i := range l.last {
		want = append(want, strconv.Itoa(i+1)+"|cursor")
	}
	for i := range hours {
		want = append(want, strconv.Itoa(1000+i)+"|hour")
	}
	slices.Sort(want)
	for engine, got := range map[string][]string{"Trino": l.trinoLines("SELECT * FROM " + table), "firn": l.firnLines(table)} {
		if !slices.Equal(got, want) {
			l.t.Errorf("after %s %s reads %v, want %v", after, engine, got, want)
		}
	}
}

func (l *loads) head(table string) int64 {
	l.t.Helper()
	id, err := strconv.ParseInt(l.trinoLines(fmt.Sprintf(`SELECT snapshot_id FROM "%s$refs" WHERE name = 'main'`, table))[0], 10, 64)
	if err != nil {
		l.t.Fatal(err)
	}
	return id
}

// TestRowsAreLoadedOnceAfterRollbackAndExpiry rolls a table of two jobs back by each engine, which the jobs' state follows; expiry by either
// engine leaves it alone, and so does the removal of files that no snapshot names.
func TestRowsAreLoadedOnceAfterRollbackAndExpiry(t *testing.T) {
	l := newLoads(t)
	const table = "events"
	l.cursor(3, table)
	l.hour(0, table)
	hours := 1
	for _, by := range []string{"firn", "Trino", "Spark"} {
		to, rows := l.head(table), l.last
		l.cursor(2, table)
		l.hour(hours, table)
		var err error
		switch by {
		case "firn":
			err = l.lake.Rollback(context.Background(), catalog.Ident{Namespace: l.namespace, Table: table}, to, attemptID())
		case "Trino":
			l.trino.Query(fmt.Sprintf("ALTER TABLE %s EXECUTE rollback_to_snapshot(%d)", table, to))
		case "Spark":
			l.spark.SQL(t, fmt.Sprintf("CALL hive.system.rollback_to_snapshot('%s.%s', %d)", l.namespace, table, to))
		}
		if err != nil {
			t.Fatal(err)
		}
		all := l.last
		l.last = rows
		l.holds(table, hours, "rollback by "+by)
		l.last = all
		if got := l.hour(0, table); got != "already_committed 0" {
			t.Errorf("after rollback by %s an hour before it is %s", by, got)
		}
		if got := l.cursor(0, table); got != 2 {
			t.Errorf("after rollback by %s the cursor's job loads %d rows", by, got)
		}
		if got := l.hour(hours, table); got != "committed 1" {
			t.Errorf("after rollback by %s the hour is %s", by, got)
		}
		hours++
		l.holds(table, hours, "rollback by "+by+" and new runs")
	}
	for _, by := range []string{"Trino", "Spark"} {
		switch by {
		case "Trino":
			l.trino.Session = map[string]string{"hive.expire_snapshots_min_retention": "0s", "hive.remove_orphan_files_min_retention": "0s"}
			l.trino.Query("ALTER TABLE " + table + " EXECUTE expire_snapshots(retention_threshold => '0s')")
			l.trino.Query("ALTER TABLE " + table + " EXECUTE remove_orphan_files(retention_threshold => '0s')")
		case "Spark":
			l.spark.SQL(t, fmt.Sprintf("CALL hive.system.expire_snapshots(table => '%s.%s', older_than => TIMESTAMP '2999-01-01 00:00:00', retain_last => 1)", l.namespace, table))
			l.spark.Python(t, fmt.Sprintf(`
jvm = spark._jvm
table = jvm.org.apache.iceberg.spark.Spark3Util.loadIcebergTable(spark._jsparkSession, "hive.%s.%s")
jvm.org.apache.iceberg.spark.actions.SparkActions.get().deleteOrphanFiles(table).usePrefixListing(True).olderThan(jvm.java.lang.System.currentTimeMillis()).execute()
`, l.namespace, table), nil)
		}
		if n := l.trinoLines(fmt.Sprintf(`SELECT count(*) FROM "%s$snapshots"`, table))[0]; n != "1" {
			t.Errorf("%s leaves %s snapshots", by, n)
		}
		l.holds(table, hours, "expiry by "+by)
		if got := l.hour(0, table); got != "already_committed 0" {
			t.Errorf("after expiry by %s an hour before it is %s", by, got)
		}
		if n := l.cursor(0, table); n != 0 {
			t.Errorf("after expiry by %s the cursor's job loads %d rows again", by, n)
		}
		l.cursor(1, table)
		l.hour(hours, table)
		hours++
		l.holds(table, hours, "expiry by "+by+" and new runs")
	}
}

// TestRowsAreLoadedOnceAfterATableWasReplaced: CREATE OR REPLACE by either engine, and a rollback to before the job's first commit, take the rows away. The job
// stops and names the way out, by dropping the state or a full refresh, after which the rows are there once.
func TestRowsAreLoadedOnceAfterATableWasReplaced(t *testing.T) {
	l := newLoads(t)
	l.cursor(3, "t_first")
	for name, replace := range map[string]func(table string, before int64){
		"spark_replace": func(table string, _ int64) {
			l.spark.SQL(t, fmt.Sprintf("CREATE OR REPLACE TABLE hive.%s.%s (id bigint, v string) USING iceberg", l.namespace, table))
		},
		"trino_replace": func(table string, _ int64) {
			l.trino.Query("CREATE OR REPLACE TABLE " + table + " (id bigint, v varchar)")
		},
		"trino_rollback": func(table string, before int64) {
			l.trino.Query(fmt.Sprintf("ALTER TABLE %s EXECUTE rollback_to_snapshot(%d)", table, before))
		},
		"spark_rollback": func(table string, before int64) {
			l.spark.SQL(t, fmt.Sprintf("CALL hive.system.rollback_to_snapshot('%s.%s', %d)", l.namespace, table, before))
		},
	} {
		l.trino.Query("CREATE TABLE " + name + " (id bigint, v varchar)")
		l.trino.Query("INSERT INTO " + name + " VALUES (0, 'before')")
		before := l.head(name)
		if got := l.cursor(0, name); got != 3 {
			t.Errorf("%s: the first run loads %d rows", name, got)
		}
		replace(name, before)
		_, err := l.try(l.cursorJob(name), BindOptions{})
		l.refused(err, fault.Config, "firn state by_cursor drop")
		if fault.CodeOf(err) != "STATE_LOST" {
			t.Errorf("%s: code %s", name, fault.CodeOf(err))
		}
		o := BindOptions{FullRefresh: name == "trino_rollback"}
		if !o.FullRefresh {
			forget := func(*catalog.State) (*catalog.State, error) { return nil, nil }
			if err := l.lake.ChangeState(context.Background(), catalog.Ident{Namespace: l.namespace, Table: name}, "by_cursor", attemptID(), forget); err != nil {
				t.Fatal(err)
			}
		}
		if name == "spark_rollback" { // which kept the row of before
			l.trino.Query("DELETE FROM " + name + " WHERE id = 0")
		}
		r := l.run(l.cursorJob(name), o)
		if r.Outcome != plan.Committed || r.Rows.Written != 3 {
			t.Errorf("%s: the run after is %s with %d rows", name, r.Outcome, r.Rows.Written)
		}
		l.holds(name, 0, name+" and a new beginning")
		if got := l.cursor(0, name); got != 0 {
			t.Errorf("%s: the run after loads %d rows again", name, got)
		}
	}
}
