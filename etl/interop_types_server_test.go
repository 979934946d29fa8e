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
)

// layouts are partition specs that together have every transform on every type it applies to, and sort orders.
var layouts = []struct {
	partition []string
	sort      []string
	time      bool // uses the column t, which Spark lacks
}{
	{},
	{partition: []string{"b", "i", "small"}, sort: []string{"s DESC NULLS FIRST", "l"}},
	{partition: []string{"l", "f", "medium"}},
	{partition: []string{"d", "large", "day"}},
	{partition: []string{"ntz", "s"}, sort: []string{"bucket(4, i)", "d DESC"}},
	{partition: []string{"tz", "u", "bin"}},
	{partition: []string{"fix", "k", "truncate(3, s)"}},
	{partition: []string{"bucket(4, i)", "bucket(3, l)", "truncate(7, bin)"}},
	{partition: []string{"bucket(2, small)", "bucket(3, medium)", "bucket(4, large)"}},
	{partition: []string{"bucket(4, day)", "bucket(4, ntz)", "bucket(4, tz)"}},
	{partition: []string{"bucket(3, s)", "bucket(3, u)", "bucket(3, bin)", "bucket(2, fix)"}},
	{partition: []string{"truncate(100, i)", "truncate(1000003, l)", "truncate(50, small)"}, sort: []string{"r DESC"}},
	{partition: []string{"truncate(1000, medium)", "truncate(999999, large)"}},
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
	for i, l := range layouts {
		table, except := fmt.Sprintf("every_%d", i), "SELECT * EXCEPT (t) FROM input"
		if l.time {
			except = "SELECT * FROM input"
		}
		quoted := func(exprs []string) string {
			var out []string
			for _, e := range exprs {
				out = append(out, strconv.Quote(e))
			}
			return "[" + strings.Join(out, ", ") + "]"
		}
		p.run(fmt.Sprintf("job: every\nsource: {kind: parquet, path: %q}\ntransform: [{sql: %q}]\ntarget: {table: NS.%s, partition: %s, sort: %s}\n", from, except, table, quoted(l.partition), quoted(l.sort)), BindOptions{})
		var sources []string
		for _, e := range l.partition {
			sources = append(sources, strings.TrimSuffix(columnOf.FindString(e), ")"))
		}
		p.trinoReadsFormulas(table, rows, some, sources, l.time)
		if !l.time {
			p.sparkReadsFormulas(table, want, some, sources)
		}
		if order := p.trinoLines(fmt.Sprintf(`SELECT DISTINCT sort_order_id FROM "%s$files"`, table)); !slices.Equal(order, []string{strconv.Itoa(min(len(l.sort), 1))}) {
			t.Errorf("%v: Trino sees files of sort orders %v", l.sort, order)
		}
	}
	_, err := p.spark.Try(fmt.Sprintf("SELECT * FROM hive.%s.every_%d", p.namespace, len(layouts)-1))
	if err == nil || !strings.Contains(err.Error(), "time") {
		t.Errorf("Spark reads a table with a column of type time: %v", err)
	}
}

// trinoReadsFormulas compares a table with the values that Trino computes for itself.
func (p *platform) trinoReadsFormulas(table string, rows, some int, sources []string, time bool) {
	p.t.Helper()
	answer, err := p.trino.Try(context.Background(), "SELECT * FROM "+table+" LIMIT 0")
	if err != nil {
		p.t.Fatal(err)
	}
	var types, differ, found, finds []string
	for _, c := range answer.Columns {
		types = append(types, c.Type)
	}
	want := []string{"bigint", "boolean", "integer", "bigint", "real", "double", "decimal(9,2)", "decimal(18,3)", "decimal(38,4)", "date", "time(6)", "timestamp(6)", "timestamp(6) with time zone", "varchar", "varchar", "uuid",
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
	}
	if got := p.trinoLines(fmt.Sprintf("SELECT r, concat_ws('', %s) FROM %s WHERE concat_ws('', %[1]s) <> ''", strings.Join(differ, ", "), table)); len(got) > 0 {
		p.t.Errorf("%s: Trino reads other values: %v", table, got)
	}
	if got := p.trinoLines("SELECT count(*), count(DISTINCT r), sum(r) FROM " + table); got[0] != fmt.Sprintf("%d|%d|%d", rows, rows, rows*(rows-1)/2) {
		p.t.Errorf("%s: Trino reads %s rows", table, got)
	}
	for _, c := range sources {
		i := slices.IndexFunc(formulas, func(f struct{ name, typ, trino string }) bool { return f.name == c })
		at := regexp.MustCompile(`\br\b`).ReplaceAllString(formulas[i].trino, "BIGINT '"+strconv.Itoa(some)+"'")
		finds = append(finds, fmt.Sprintf("SELECT '%s', count_if(r = %d) FROM %s WHERE %s = (%s)", c, some, table, c, at))
		found = append(found, c+"|1")
	}
	if len(finds) > 0 {
		slices.Sort(found)
		if got := p.trinoLines(strings.Join(finds, " UNION ALL ")); !slices.Equal(got, found) {
			p.t.Errorf("%s: Trino finds %v by the partitions' columns", table, got)
		}
	}
}

// sparkReadsFormulas compares a table with a file of JSON lines that Spark reads by the table's types.
func (p *platform) sparkReadsFormulas(table, file string, some int, sources []string) {
	p.t.Helper()
	var got struct {
		Types  string
		Rows   int
		Differ []string
		Found  []string
	}
	p.spark.Python(p.t, fmt.Sprintf(`
from pyspark.sql import functions as F
from pyspark.sql import types as T
got = spark.table("hive.%s.%s").cache()
fields = [T.StructField("map", T.ArrayType(T.StructType([T.StructField("key", T.StringType()), T.StructField("value", T.LongType())]))) if f.name == "map" else f for f in got.schema.fields]
want = spark.read.schema(T.StructType(fields)).json("file://%s", mode="FAILFAST")
both = got.withColumn("map", F.map_entries("map")).alias("g").join(want.alias("w"), F.col("g.r") == F.col("w.r"), "full")
differ = [F.when(~F.col("g." + f.name).eqNullSafe(F.col("w." + f.name)), F.lit(f.name)) for f in fields]
row = got.where("r = %d").collect()[0]
table = spark.table("hive.%[1]s.%[2]s")
found = {c: table.where(F.col(c) == F.lit(row[c]).cast(table.schema[c].dataType)).where("r = %[4]d").count() for c in "%[5]s".split()}
result = {"Types": " ".join(f.dataType.simpleString() for f in got.schema), "Rows": both.count(),
          "Differ": [str(r[0]) + " " + r[1] for r in both.select("g.r", F.concat_ws(" ", *differ).alias("d")).where("d <> ''").collect()],
          "Found": [c for c, n in found.items() if n != 1]}
got.unpersist()
`, p.namespace, table, file, some, strings.Join(sources, " ")), &got)
	types := "bigint boolean int bigint float double decimal(9,2) decimal(18,3) decimal(38,4) date timestamp_ntz timestamp string string string binary binary array<int> map<string,bigint> struct<x:int,y:array<struct<z:string>>>"
	if got.Types != types || got.Rows != 24 || len(got.Differ) > 0 || len(got.Found) > 0 {
		p.t.Errorf("%s: Spark reads %d rows of %s; other values: %v; does not find its row by %v", table, got.Rows, got.Types, got.Differ, got.Found)
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

// TestTrinoReadsOnlyWhatAFilterNeeds counts the rows and splits that Trino reads of files which firn wrote in three runs, in seven days.
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
		{"u = UUID '00000000-0000-4000-8000-000000000123'", 1, 86},
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
