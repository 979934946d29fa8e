//go:build server

package etl

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/firn-data/firn/internal/fault"
)

type arrangement struct {
	partition, sort []string
	time            bool // uses the column t, which Spark lacks
}

// layouts are partition specs that together have every transform on every type it applies to, and sort orders.
var layouts = []arrangement{
	{},
	{partition: []string{"b", "i", "small"}, sort: []string{"s DESC NULLS FIRST", "l"}},
	{partition: []string{"l", "f", "medium"}},
	{partition: []string{"d", "large", "day"}},
	{partition: []string{"ntz", "s"}, sort: []string{"bucket(4, i)", "d DESC"}},
	{partition: []string{"tz", "u", "bin"}},
	{partition: []string{"k", "truncate(3, s)"}},
	{partition: []string{"bucket(4, i)", "bucket(3, l)", "truncate(7, bin)"}},
	{partition: []string{"bucket(2, small)", "bucket(3, medium)", "bucket(4, large)"}},
	{partition: []string{"bucket(4, day)", "bucket(4, ntz)", "bucket(4, tz)"}},
	{partition: []string{"bucket(3, s)", "bucket(3, u)", "bucket(3, bin)", "bucket(2, fix)"}},
	{partition: []string{"truncate(100, i)", "truncate(1000003, l)", "truncate(50, small)"}, sort: []string{"r DESC"}},
	{partition: []string{"truncate(1000, medium)"}},
	{partition: []string{"truncate(999999, large)"}},
	{partition: []string{"years(day)", "years(ntz)", "years(tz)"}},
	{partition: []string{"months(day)", "months(ntz)", "months(tz)"}, sort: []string{"days(tz)", "s"}},
	{partition: []string{"days(day)", "days(ntz)", "days(tz)"}},
	{partition: []string{"hours(ntz)", "hours(tz)"}},
	{partition: []string{"t"}, time: true, sort: []string{"t DESC"}},
	{partition: []string{"bucket(4, t)"}, time: true},
}

var columnOf = regexp.MustCompile(`\w+\)?$`)

// TestTrinoAndSparkReadEveryTypeInEveryPartition loads rows of every type, nested ones included, through the Hive Metastore into a table of
// each layout. Trino and Spark each return firn's rows, types and nulls, and find a row by each column that the table is partitioned by: a
// wrong partition value would have them prune its file.
func TestTrinoAndSparkReadEveryTypeInEveryPartition(t *testing.T) {
	const rows, some = 24, 7
	p := newPlatform(t)
	s, rec := formulaRows(t, 0, rows)
	from := "s3://" + p.bucket + "/raw/every.parquet"
	writeRows(t, p.lake.Store, from, s, rec)
	want := p.file("every.json", func() (lines string) {
		for r := range rows {
			lines += formulaRow(r) + "\n"
		}
		return lines
	}())
	var all, forSpark, orders, wantOrders []string
	for i, l := range layouts {
		table, rows := fmt.Sprintf("every_%02d", i), "SELECT * EXCEPT (t) FROM input"
		if l.time {
			rows = "SELECT * FROM input"
		}
		p.run(fmt.Sprintf("job: every\nsource: {kind: parquet, path: %q}\ntransform: [{sql: %q}]\ntarget: {table: NS.%s, partition: %s, sort: %s}\n", from, rows, table, flow(l.partition), flow(l.sort)), BindOptions{})
		all = append(all, table)
		if !l.time {
			forSpark = append(forSpark, table)
		}
		orders = append(orders, fmt.Sprintf(`SELECT DISTINCT '%s', sort_order_id FROM "%[1]s$files"`, table))
		wantOrders = append(wantOrders, table+"|"+map[bool]string{true: "1", false: "NULL"}[len(l.sort) > 0])
	}
	for i, table := range all {
		p.trinoReadsFormulas(table, rows, some, layouts[i].sources(), layouts[i].time)
	}
	if got := p.trinoLines(strings.Join(orders, " UNION ALL ")); !slices.Equal(got, wantOrders) {
		t.Errorf("Trino sees files of sort orders %v", got)
	}
	p.sparkReadsFormulas(forSpark, want, rows, some)
	_, err := p.try(fmt.Sprintf("job: every\nsource: {kind: parquet, path: %q}\ntarget: {table: NS.fix, partition: [fix]}\n", from), BindOptions{})
	p.refused(err, fault.Config, "use bucket(N, fix)") // neither engine could read it
	_, err = p.spark.Try(fmt.Sprintf("SELECT * FROM hive.%s.%s", p.namespace, all[len(all)-1]))
	if err == nil || !strings.Contains(err.Error(), "time") {
		t.Errorf("Spark reads a table with a column of type time: %v", err)
	}
}

// flow is a list as YAML.
func flow(exprs []string) string {
	out := make([]string, len(exprs))
	for i, e := range exprs {
		out[i] = strconv.Quote(e)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// sources are the columns that a layout's partitions are made of.
func (l arrangement) sources() (out []string) {
	for _, e := range l.partition {
		out = append(out, strings.TrimSuffix(columnOf.FindString(e), ")"))
	}
	return out
}

// trinoReadsFormulas compares a table with the values that Trino computes for itself, and finds a row by the columns of the partitions.
func (p *platform) trinoReadsFormulas(table string, rows, some int, sources []string, time bool) {
	p.t.Helper()
	answer, err := p.trino.Try(context.Background(), "SELECT * FROM "+table+" LIMIT 0")
	if err != nil {
		p.t.Fatal(err)
	}
	var types, differ, found []string
	for _, c := range answer.Columns {
		types = append(types, c.Type)
	}
	want := []string{"bigint", "boolean", "integer", "bigint", "real", "double", "decimal(9, 2)", "decimal(18, 3)", "decimal(38, 4)", "date", "time(6)", "timestamp(6)", "timestamp(6) with time zone", "varchar", "varchar", "uuid",
		"varbinary", "varbinary", "array(integer)", "map(varchar, bigint)", "row(x integer, y array(row(z varchar)))"}
	if !time {
		want = slices.DeleteFunc(want, func(s string) bool { return s == "time(6)" })
	}
	if !slices.Equal(types, want) {
		p.t.Errorf("%s: Trino sees the types %q, want %q", table, types, want)
	}
	for _, c := range formulas {
		if c.name != "t" || time {
			differ = append(differ, fmt.Sprintf("IF(%s IS DISTINCT FROM (%s), '%s ')", c.name, c.trino, c.name))
		}
		if slices.Contains(sources, c.name) {
			found = append(found, fmt.Sprintf("%s = (%s)", c.name, regexp.MustCompile(`\br\b`).ReplaceAllString(c.trino, "BIGINT '"+strconv.Itoa(some)+"'")))
		}
	}
	if got := p.trinoLines(fmt.Sprintf("SELECT count(*), count(DISTINCT r), sum(r), array_join(array_agg(DISTINCT concat_ws('', %s)), '') FROM %s", strings.Join(differ, ", "), table)); got[0] != fmt.Sprintf("%d|%d|%d|", rows, rows, rows*(rows-1)/2) {
		p.t.Errorf("%s: Trino reads other rows, or values of columns: %v", table, got)
	}
	if len(found) > 0 {
		if got := p.trinoLines(fmt.Sprintf("SELECT r FROM %s WHERE r = %d AND %s", table, some, strings.Join(found, " AND "))); !slices.Equal(got, []string{strconv.Itoa(some)}) {
			p.t.Errorf("%s: Trino finds %v by the partitions' columns: %v", table, got, found)
		}
	}
}

// sparkReadsFormulas compares tables with a file of JSON lines that Spark reads by their types, and finds a row by all columns but nested ones.
func (p *platform) sparkReadsFormulas(tables []string, file string, rows, some int) {
	p.t.Helper()
	var got []string
	p.spark.Python(p.t, fmt.Sprintf(`
import traceback
from pyspark.sql import functions as F
from pyspark.sql import types as T
names, want = "%s", []
def problems(name):
    table = spark.table("hive.%s." + name)
    types = " ".join(f.dataType.simpleString() for f in table.schema)
    if types != "bigint boolean int bigint float double decimal(9,2) decimal(18,3) decimal(38,4) date timestamp_ntz timestamp string string string binary binary array<int> map<string,bigint> struct<x:int,y:array<struct<z:string>>>":
        return ["types " + types]
    if not want:
        entries = T.ArrayType(T.StructType([T.StructField("key", T.StringType()), T.StructField("value", T.LongType())]))
        fields = [T.StructField("map", entries) if f.name == "map" else f for f in table.schema.fields]
        want.extend(spark.read.schema(T.StructType(fields)).json("file://%s", mode="FAILFAST").withColumn("map", F.map_from_entries("map")).orderBy("r").collect())
    rows = sorted(table.collect(), key=lambda row: row.r)
    if len(rows) != %d or len(want) != len(rows):
        return [f"{len(rows)} rows of {len(want)}"]
    out = [f"row {w.r}: {c} is {g[c]}, not {w[c]}" for g, w in zip(rows, want) for c in table.columns if g[c] != w[c]]
    row = want[%d]
    for f in table.schema.fields:
        if not isinstance(f.dataType, (T.ArrayType, T.MapType, T.StructType)):
            table = table.where(F.col(f.name) == F.lit(row[f.name]).cast(f.dataType))
    return out if table.count() == 1 else out + ["the row is not found by its values"]
result = []
for name in names.split():
    try:
        result += [name + ": " + text for text in problems(name)]
    except Exception as e:
        result.append(name + ": " + traceback.format_exc()[-3000:])
`, strings.Join(tables, " "), p.namespace, file, rows, some), &got)
	if len(got) > 0 {
		p.t.Errorf("Spark: %s", strings.Join(got[:min(len(got), 20)], "\n"))
	}
}

// TestTrinoAndSparkReadExtremesFromCSV compares both engines' own spelling of the least and greatest values, and of a row of nulls.
func TestTrinoAndSparkReadExtremesFromCSV(t *testing.T) {
	p := newPlatform(t)
	csv := p.file("every.csv", everyType)
	for table, except := range map[string]string{"every": "SELECT * FROM input", "notime": "SELECT * EXCEPT (t) FROM input"} {
		p.run(fmt.Sprintf("job: every\nsource: {kind: csv, path: %q, schema: %s}\ntransform: [{sql: %q}]\ntarget: {table: NS.%s}\n", csv, everySchema, except, table), BindOptions{})
	}
	want := []string{"NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL",
		"false|7|-1|0.0|1.0E300|-99.99|0.01|2024-02-29|00:00:00.000000|2024-02-29 12:00:00.000000|1969-12-31 23:59:59.000000 UTC||ffffffff-ffff-ffff-ffff-ffffffffffff",
		"true|-2147483648|9223372036854775807|1.5|-0.1|1.25|-1234567890123456789012345678.12|1969-12-31|23:59:59.999999|1969-12-31 23:59:59.999999|2024-02-29 08:00:00.123456 UTC|héllo|00000000-0000-0000-0000-0000000000ff"}
	if got := p.trinoLines("SELECT * FROM every"); !slices.Equal(got, want) {
		t.Errorf("Trino reads\n%s", strings.Join(got, "\n"))
	}
	want = []string{"NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL",
		"false|7|-1|0.0|1.0E300|-99.99|0.01|2024-02-29|2024-02-29 12:00:00|1969-12-31 23:59:59||ffffffff-ffff-ffff-ffff-ffffffffffff",
		"true|-2147483648|9223372036854775807|1.5|-0.1|1.25|-1234567890123456789012345678.12|1969-12-31|1969-12-31 23:59:59.999999|2024-02-29 08:00:00.123456|héllo|00000000-0000-0000-0000-0000000000ff"}
	types, got := p.sparkLines("SELECT * FROM NS.notime")
	if !slices.Equal(got, want) || types != "boolean int bigint float double decimal(4,2) decimal(38,2) date timestamp_ntz timestamp string string" {
		t.Errorf("Spark reads %s\n%s", types, strings.Join(got, "\n"))
	}
}

// TestTrinoReadsOnlyWhatAFilterNeeds counts the rows and splits that Trino reads of files which firn wrote in three runs, in seven days. (Trino
// does not prune by UUIDs: it orders them otherwise than Iceberg does.)
func TestTrinoReadsOnlyWhatAFilterNeeds(t *testing.T) {
	const rows, perRun = 600, 200
	p := newPlatform(t)
	from := "s3://" + p.bucket + "/raw/every.parquet"
	for run := range rows / perRun {
		s, rec := formulaRows(t, run*perRun, (run+1)*perRun)
		if run > 0 {
			if err := p.lake.Store.Delete(context.Background(), from); err != nil {
				t.Fatal(err)
			}
		}
		writeRows(t, p.lake.Store, from, s, rec)
		p.run(fmt.Sprintf("job: every\nsource: {kind: parquet, path: %q}\ntarget: {table: NS.every, partition: [days(ntz)]}\n", from), BindOptions{RunID: strconv.Itoa(run)})
	}
	all := p.explained("SELECT * FROM every")
	if all.rows != rows {
		t.Fatalf("without a filter Trino reads %d rows", all.rows)
	}
	for _, c := range []struct {
		where         string
		found, atMost int
	}{
		{"ntz >= TIMESTAMP '1960-01-03 00:00:00' AND ntz < TIMESTAMP '1960-01-04 00:00:00'", 86, 86}, // the partition
		{"CAST(ntz AS date) = DATE '1960-01-03'", 86, 86},                                            // the partition, by a function that Trino unwraps
		{"l = 123 * BIGINT '1000003'", 1, 86},                                                        // least and greatest values of one file
		{"large = DECIMAL '-123000369.5'", 1, 86},
		{"tz = date_add('second', 123 * 1001, TIMESTAMP '1960-01-01 00:00:00.000001 UTC')", 1, 86},
		{"t = TIME '00:02:03.000001'", 1, 86},
		{"d > 74.7", 2, 86},
		{"bin IS NULL", 0, 0}, // null counts
		{"s = 'zebra'", 0, 0}, // outside of all bounds
		{"r < 0", 0, 0},
	} {
		got := p.explained("SELECT * FROM every WHERE " + c.where)
		count := p.trinoLines("SELECT count(*) FROM every WHERE " + c.where)[0]
		if got.rows > c.atMost || got.splits >= all.splits || count != strconv.Itoa(c.found) {
			t.Errorf("where %s: Trino finds %s rows in %d rows of %d splits, want %d in %d; all are %d splits", c.where, count, got.rows, got.splits, c.found, c.atMost, all.splits)
		}
	}
}

type readings struct{ rows, splits int }

// explained is what EXPLAIN ANALYZE says that a query read from the table.
func (p *platform) explained(query string) readings {
	p.t.Helper()
	text := strings.Join(p.trinoLines("EXPLAIN ANALYZE VERBOSE "+query), "\n")
	number := func(pattern string) int {
		m := regexp.MustCompile(pattern).FindStringSubmatch(text)
		if m == nil {
			return 0
		}
		n, err := strconv.Atoi(strings.ReplaceAll(m[1], ",", ""))
		if err != nil {
			p.t.Fatal(err)
		}
		return n
	}
	return readings{number(`Input: ([\d,]+) rows`), number(`Splits: ([\d,]+)`)}
}
