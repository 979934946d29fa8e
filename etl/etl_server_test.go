//go:build server

package etl

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/internal/jsonarrow"
	"github.com/firn-data/firn/internal/stacktest"
)

// everyType is a file with a column of each type that CSV can hold: values, extremes and nulls.
const everyType = `b,i,l,f,d,small,large,day,t,ntz,tz,s,u
true,-2147483648,9223372036854775807,1.5,-0.1,1.25,-1234567890123456789012345678.12,1969-12-31,23:59:59.999999,1969-12-31 23:59:59.999999,2024-02-29T10:00:00.123456+02:00,héllo,00000000-0000-0000-0000-0000000000ff
,,,,,,,,,,,,
false,7,-1,0,1e300,-99.99,0.01,2024-02-29,00:00:00,2024-02-29 12:00:00,1969-12-31T23:59:59Z,"",ffffffff-ffff-ffff-ffff-ffffffffffff
`

const everySchema = `[{name: b, type: boolean}, {name: i, type: int}, {name: l, type: bigint}, {name: f, type: float}, {name: d, type: double}, {name: small, type: "decimal(4,2)"},
  {name: large, type: "decimal(38,2)"}, {name: day, type: date}, {name: t, type: time}, {name: ntz, type: timestamp_ntz}, {name: tz, type: timestamp}, {name: s, type: string}, {name: u, type: uuid}]`

// runJob runs a job over lakes given as YAML and returns its report and the loaded table.
func runJob(t *testing.T, lakes, job string) (*Report, *catalog.Table) {
	t.Helper()
	ctx := context.Background()
	l, err := LoadLakes(strings.NewReader(lakes), Options{File: "lakes.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	j, err := Load(strings.NewReader(job), Options{File: "job.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	p, err := Bind(ctx, j, BindOptions{Lakes: l, TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	r, err := p.Run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	lake, err := OpenLake(ctx, l, j.Lake, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { CloseLake(lake) })
	tab, err := lake.Load(ctx, p.Target.Ident)
	if err != nil {
		t.Fatal(err)
	}
	return r, tab
}

func scan(t *testing.T, tab *catalog.Table) (rows []string) {
	t.Helper()
	for rec, err := range tab.Scan(context.Background(), catalog.ReadOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range int(rec.NumRows()) {
			rows = append(rows, string(jsonarrow.AppendRow(nil, rec, i)))
		}
		rec.Release()
	}
	slices.Sort(rows)
	return rows
}

func TestALakeOnMinIO(t *testing.T) {
	env := stacktest.Env(t).S3
	bucket := env.FreshBucket(t).Bucket
	dir := t.TempDir()
	stacktest.S3{Endpoint: env.Endpoint, AccessKey: env.AccessKey, SecretKey: env.SecretKey, Bucket: bucket, Region: env.Region}.Put(t, "raw/every.csv", everyType)
	lakes := fmt.Sprintf(`lakes:
  test:
    catalog: {kind: sqlite, path: %s/catalog.db}
    warehouse: s3://%s/warehouse
    store: {s3: {endpoint: "%s", region: %s, access_key: "%s", secret_key: "%s"}}
`, dir, bucket, env.Endpoint, env.Region, env.AccessKey, env.SecretKey)
	job := fmt.Sprintf("job: every\nlake: test\nsource: {kind: csv, path: \"s3://%s/raw/*.csv\", schema: %s}\ntarget: {table: raw.every, partition: [\"days(ntz)\", \"bucket(4, l)\"]}\n", bucket, everySchema)
	r, tab := runJob(t, lakes, job)
	if r.Rows.Written != 3 || !r.Balanced() || !strings.HasPrefix(tab.MetadataLocation(), "s3://"+bucket+"/warehouse/raw.db/every-") {
		t.Errorf("report %+v, metadata at %s", r.Rows, tab.MetadataLocation())
	}
	if rows := scan(t, tab); len(rows) != 3 || !strings.Contains(rows[2], `"large":-1234567890123456789012345678.12`) {
		t.Errorf("rows %s", strings.Join(rows, "\n"))
	}
}

// TestSparkReadsEveryTypeAndTransform lets a real Spark read what firn wrote, by its metadata file: rows, types and nulls,
// and, through the transforms' filters, the partition values. Spark has no time, so that column stays out.
func TestSparkReadsEveryTypeAndTransform(t *testing.T) {
	spark := stacktest.Spark(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "every.csv"), []byte(everyType), 0o644); err != nil {
		t.Fatal(err)
	}
	for i, partition := range []string{"", "b", "i", "l", "small", "day", "ntz", "s", "u", "bucket(4, i)", "bucket(4, l)", "bucket(4, large)", "bucket(4, day)", "bucket(4, tz)", "bucket(4, s)", "bucket(4, u)",
		"truncate(10, i)", "truncate(10, l)", "truncate(50, small)", "truncate(2, s)", "years(day)", "months(day)", "days(day)", "years(ntz)", "months(tz)", "days(tz)", "hours(ntz)", "hours(tz)"} {
		lakes := fmt.Sprintf("lakes:\n  local:\n    catalog: {kind: sqlite, path: %s/%d/catalog.db}\n    warehouse: %s/%d/warehouse\n", dir, i, dir, i)
		job := fmt.Sprintf("job: every\nsource: {kind: csv, path: %s/every.csv, schema: %s}\ntransform: [{sql: \"SELECT * EXCEPT (t) FROM input\"}]\ntarget: {table: raw.every, partition: [%q]}\n", dir, everySchema, partition)
		if partition == "" {
			job = strings.Replace(job, `, partition: [""]`, "", 1)
		}
		_, tab := runJob(t, lakes, job)
		var got struct {
			Types []string
			Rows  [][]*string
			Found []int
		}
		spark.Python(t, fmt.Sprintf(`
df = spark.read.format("iceberg").load("file://%s")
cols = ["CAST(" + c + " AS STRING)" for c in df.columns]
result = {"Types": [f.dataType.simpleString() for f in df.schema],
          "Rows": sorted([list(r) for r in df.selectExpr(*cols).collect()], key=lambda r: r[1] or ""),
          "Found": [df.where(c).count() for c in ["l = -1", "day = DATE'2024-02-29'", "ntz < TIMESTAMP_NTZ'1970-01-01'", "tz = TIMESTAMP'2024-02-29 08:00:00.123456'", "s = ''", "small < 0", "b IS NULL"]]}
`, tab.MetadataLocation()), &got)
		var rows []string
		for _, r := range got.Rows {
			var cells []string
			for _, c := range r {
				if c == nil {
					cells = append(cells, "NULL")
				} else {
					cells = append(cells, *c)
				}
			}
			rows = append(rows, strings.Join(cells, "|"))
		}
		want := []string{"NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL",
			"true|-2147483648|9223372036854775807|1.5|-0.1|1.25|-1234567890123456789012345678.12|1969-12-31|1969-12-31 23:59:59.999999|2024-02-29 08:00:00.123456|héllo|00000000-0000-0000-0000-0000000000ff",
			"false|7|-1|0.0|1.0E300|-99.99|0.01|2024-02-29|2024-02-29 12:00:00|1969-12-31 23:59:59||ffffffff-ffff-ffff-ffff-ffffffffffff"}
		types := "boolean int bigint float double decimal(4,2) decimal(38,2) date timestamp_ntz timestamp string string"
		if !slices.Equal(rows, want) || strings.Join(got.Types, " ") != types {
			t.Errorf("partition %q: Spark reads\n%s\n%s", partition, strings.Join(got.Types, " "), strings.Join(rows, "\n"))
		}
		if fmt.Sprint(got.Found) != "[1 1 1 1 1 1 1]" {
			t.Errorf("partition %q: Spark's filters find %v rows", partition, got.Found)
		}
	}
}
