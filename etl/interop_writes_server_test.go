//go:build server

package etl

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/internal/fault"
)

// foreign is what another engine does to a table between two runs of firn.
type foreign struct {
	name  string
	trino string
	spark []string
	rows  func(rows map[int]string) // what becomes of the rows: the cells after id, by id
	job   string                    // from here on the job selects these columns, and the one before is refused
	nulls int                       // and the table has so many columns more, which the job does not give
}

// set writes cells to rows.
func set(cells string, ids ...int) func(map[int]string) {
	return func(rows map[int]string) {
		for _, id := range ids {
			rows[id] = cells
		}
	}
}

// drop takes rows away.
func drop(ids ...int) func(map[int]string) {
	return func(rows map[int]string) {
		for _, id := range ids {
			delete(rows, id)
		}
	}
}

// both does one after the other.
func both(a, b func(map[int]string)) func(map[int]string) {
	return func(rows map[int]string) { a(rows); b(rows) }
}

// extend adds to each row's cells.
func extend(cells string) func(map[int]string) {
	return func(rows map[int]string) {
		for id := range rows {
			rows[id] += cells
		}
	}
}

// cut takes the last cell of each row away.
func cut(rows map[int]string) {
	for id, cells := range rows {
		rows[id] = cells[:strings.LastIndexByte(cells, '|')]
	}
}

const mode = "ALTER TABLE NS.t SET TBLPROPERTIES ('write.delete.mode'='%[1]s', 'write.update.mode'='%[1]s', 'write.merge.mode'='%[1]s')"

const merge = `MERGE INTO NS.t USING (SELECT * FROM VALUES (CAST(%d AS BIGINT), 7, 'merged'), (CAST(%d AS BIGINT), 8, 'new') AS s(id, n, w)) s ON t.id = s.id
WHEN MATCHED THEN UPDATE SET n = s.n, w = s.w WHEN NOT MATCHED THEN INSERT (id, n, w) VALUES (s.id, s.n, s.w)`

// foreigners are tried in turn on one table. Before and after each, firn adds a row: 1, 2, 3 … with n = 10 × id and v = firn.
var foreigners = []foreign{
	{name: "INSERT", trino: "INSERT INTO t VALUES (100, 1, 'trino'), (101, NULL, NULL)", rows: both(set("1|trino", 100), set("NULL|NULL", 101))},
	{name: "DELETE", trino: "DELETE FROM t WHERE id IN (1, 100)", rows: drop(1, 100)},
	{name: "UPDATE", trino: "UPDATE t SET v = 'changed' WHERE id = 2", rows: set("20|changed", 2)},
	{name: "MERGE", trino: "MERGE INTO t USING (VALUES (BIGINT '3', 'merged'), (102, 'new')) AS s(id, v) ON t.id = s.id WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT VALUES (s.id, 2, s.v)",
		rows: both(set("30|merged", 3), set("2|new", 102))},
	{name: "OPTIMIZE", trino: "ALTER TABLE t EXECUTE optimize", rows: drop()},
	{name: "ADD COLUMN", trino: "ALTER TABLE t ADD COLUMN extra varchar", rows: extend("|NULL"), nulls: 1},
	{name: "RENAME COLUMN", trino: "ALTER TABLE t RENAME COLUMN v TO w", rows: drop(), job: "id, n, v AS w", nulls: 1},
	{name: "DROP COLUMN", trino: "ALTER TABLE t DROP COLUMN extra", rows: cut},
	{name: "SET PROPERTIES partitioning", trino: "ALTER TABLE t SET PROPERTIES partitioning = ARRAY['w']", rows: drop()},
	{name: "INSERT", spark: []string{"INSERT INTO NS.t VALUES (200, 1, 'spark'), (201, NULL, NULL)"}, rows: both(set("1|spark", 200), set("NULL|NULL", 201))},
	{name: "copy-on-write DELETE and MERGE", spark: []string{fmt.Sprintf(mode, "copy-on-write"), "DELETE FROM NS.t WHERE id IN (2, 200)", fmt.Sprintf(merge, 3, 202)}, rows: both(drop(2, 200), both(set("7|merged", 3), set("8|new", 202)))},
	{name: "merge-on-read DELETE and MERGE", spark: []string{fmt.Sprintf(mode, "merge-on-read"), "DELETE FROM NS.t WHERE id IN (4, 201)", fmt.Sprintf(merge, 5, 203)}, rows: both(drop(4, 201), both(set("7|merged", 5), set("8|new", 203)))},
	{name: "UPDATE", spark: []string{"UPDATE NS.t SET w = 'changed' WHERE id IN (6, 203)"}, rows: both(set("60|changed", 6), set("8|changed", 203))},
	{name: "TYPE bigint", spark: []string{"ALTER TABLE NS.t ALTER COLUMN n TYPE bigint"}, rows: drop()},
	{name: "rewrite_data_files and rewrite_manifests", spark: []string{"CALL hive.system.rewrite_data_files(table => 'NS.t', options => map('rewrite-all', 'true'))", "CALL hive.system.rewrite_manifests('NS.t')"}, rows: drop()},
}

// TestFirnGoesOnAfterWhatTrinoAndSparkDo lets the engines change one table between runs of firn. Each time firn, Trino and Spark read the
// same rows, and firn's next row goes in.
func TestFirnGoesOnAfterWhatTrinoAndSparkDo(t *testing.T) {
	p := newPlatform(t)
	rows, columns := map[int]string{}, "id, n, v"
	nulls, next := 0, 1
	job := func() string {
		p.file("t.csv", fmt.Sprintf("id,n,v\n%d,%d,firn\n", next, 10*next))
		return fmt.Sprintf("job: t\nsource: {kind: csv, path: %q, schema: [{name: id, type: bigint}, {name: n, type: int}, {name: v, type: string}]}\ntransform: [{sql: \"SELECT %s FROM input\"}]\ntarget: {table: NS.t, partition: [\"bucket(2, id)\"], schema_change: add_columns}\n", p.dir+"/t.csv", columns)
	}
	add := func() {
		p.run(job(), BindOptions{})
		rows[next] = fmt.Sprintf("%d|firn", 10*next) + strings.Repeat("|NULL", nulls)
		next++
	}
	check := func(after string) {
		t.Helper()
		want := make([]string, 0, len(rows))
		for _, id := range slices.Sorted(maps.Keys(rows)) {
			want = append(want, strconv.Itoa(id)+"|"+rows[id])
		}
		slices.Sort(want)
		for engine, got := range map[string][]string{"firn": p.firnLines("t"), "Trino": p.trinoLines("SELECT * FROM t"), "Spark": second(p.sparkLines("SELECT * FROM NS.t"))} {
			if !slices.Equal(got, want) {
				t.Fatalf("after %s %s reads\n%s\nwant\n%s", after, engine, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
	add()
	for _, f := range foreigners {
		add()
		if f.trino != "" {
			p.trino.Query(f.trino)
		}
		for _, sql := range f.spark {
			p.spark.SQL(t, strings.ReplaceAll(sql, "NS.", "hive."+p.namespace+"."))
		}
		nulls = f.nulls
		f.rows(rows)
		check(f.name)
		if f.job != "" {
			strict := strings.Replace(job(), "add_columns", "fail", 1)
			_, err := p.try(strict, BindOptions{})
			p.refused(err, fault.Config, "leave it out of the SELECT")
			columns = f.job
		}
		add()
		check("firn after " + f.name)
	}
}

func second[A, B any](_ A, b B) B { return b }

// firnLines are a table's rows as firn reads them: cells parted by "|", rows sorted.
func (p *platform) firnLines(table string) []string {
	p.t.Helper()
	tab, err := p.lake.Load(context.Background(), catalog.Ident{Namespace: p.namespace, Table: table})
	if err != nil {
		p.t.Fatal(err)
	}
	var out []string
	for rec, err := range tab.Scan(context.Background(), catalog.ReadOptions{}) {
		if err != nil {
			p.t.Fatal(err)
		}
		for i := range int(rec.NumRows()) {
			var cells []string
			for _, col := range rec.Columns() {
				if col.IsNull(i) {
					cells = append(cells, "NULL")
				} else {
					cells = append(cells, col.ValueStr(i))
				}
			}
			out = append(out, strings.Join(cells, "|"))
		}
		rec.Release()
	}
	slices.Sort(out)
	return out
}
