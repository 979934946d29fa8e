package job

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/secret"
	"github.com/firn-data/firn/sources"
	"github.com/firn-data/firn/sources/csv"
	"github.com/firn-data/firn/sources/postgres"
)

func kinds() []func() sources.Config {
	return []func() sources.Config{func() sources.Config { return &csv.Config{} }, func() sources.Config { return &postgres.Config{} }}
}

func load(text string) (*Job, error) {
	vars := map[string]string{"DSN": "postgres://u:hunter22@h/db", "SIZE": "lots", "file:/run/secret": "from a file"}
	return Load(strings.NewReader(text), Options{File: "job.yaml", Sources: kinds(), Lookup: func(n string) (string, bool) { v, ok := vars[n]; return v, ok }})
}

func TestAWholeJob(t *testing.T) {
	j, err := load(`job: orders
source:
  kind: postgres
  dsn: ${DSN}
  table: ${TABLE:-public.orders}
  cursor: updated_at
params: {region: EU, share: 0.5, price: $$5}
transform:
  - sql: "SELECT '$$5' AS x FROM input"
    on_error: quarantine
  - dedupe: {key: id, order: [updated_at DESC]}
quarantine: {max_share: 2.5%}
target: {table: sales.orders, partition: days(at), file_size: 1GiB}
resources: {memory: 64MiB}
`)
	if err != nil {
		t.Fatal(err)
	}
	pg := j.Sources[0].Config.(*postgres.Config)
	switch {
	case pg.DSN.Reveal() != "postgres://u:hunter22@h/db" || pg.Table != "public.orders" || pg.Connections != 4:
		t.Errorf("source %+v", pg)
	case j.Sources[0].Cursor.Column != "updated_at" || j.Sources[0].Cursor.Lag != "0":
		t.Errorf("the short form of a cursor: %+v", j.Sources[0].Cursor)
	case j.Params["region"] != "EU" || j.Params["share"] != 0.5 || j.Params["price"] != "$5":
		t.Errorf("params %v", j.Params)
	case j.Transform[0].SQL != "SELECT '$$5' AS x FROM input":
		t.Errorf("SQL was interpolated: %s", j.Transform[0].SQL)
	case j.Transform[1].Dedupe.Key[0] != "id" || j.Transform[1].OnError != "fail":
		t.Errorf("dedupe %+v", j.Transform[1])
	case j.Quarantine.MaxShare != 0.025 || j.Quarantine.MaxRows != 1000 || j.Target.FileSize != 1<<30 || j.Target.Mode != "append" || j.Target.Partition[0] != "days(at)" || j.Resources.Memory != 64<<20:
		t.Errorf("defaults and sizes: %+v %+v %+v", j.Quarantine, j.Target, j.Resources)
	}
	if p := j.Place("transform[0].sql"); p.Line != 9 || p.Column != 11 {
		t.Errorf("the SQL starts at %v", p)
	}
}

func TestWhereBlockTextStarts(t *testing.T) {
	j, err := load("job: a\nsource: {kind: csv, path: x}\ntransform:\n  - sql: |\n      SELECT 1\n        AS x FROM input\ntarget: {table: a.b}\n")
	if err != nil {
		t.Fatal(err)
	}
	if p := j.Place("transform[0].sql"); p.Line != 5 || p.Column != 7 {
		t.Errorf("the SQL starts at %v", p)
	}
}

func TestEveryProblemIsReportedWithItsPlace(t *testing.T) {
	for text, want := range map[string]string{
		"job: a\nsorce: {kind: csv}\ntarget: {table: a.b}\n":                                                    `2:1 sorce unknown field "sorce"`,
		"job: a\nsource: {kind: cvs, path: x}\ntarget: {table: a.b}\n":                                          `2:9 source.kind unknown kind of source "cvs"`,
		"job: A\nsource: {kind: csv, path: x}\ntarget: {table: a.b}\n":                                          `1:6 job "A" is not a job's name`,
		"job: a\nsource: {kind: csv, path: x}\ntarget: {table: a.b, mode: apend}\n":                             `3:28 target.mode "apend" is not one of append, overwrite, replace_interval, overwrite_partitions, upsert`,
		"job: a\nsource: {kind: csv, path: x}\ntarget: {table: a.b, mode: upsert}\n":                            "upsert needs target.key: the columns that identify a row",
		"job: a\nsource: {kind: csv, path: x, cursor: c, interval: d}\ntarget: {table: a.b}\n":                  "a source has a cursor or an interval, never both",
		"job: a\nsource: {kind: csv, path: x, cursor: c}\ntarget: {table: a.b, mode: overwrite}\n":              "overwrite replaces everything, so the source can have no cursor and no interval",
		"job: a\nsource: {kind: csv, path: \"${GONE}\"}\ntarget: {table: a.b}\n":                                "2:27 source.path the variable GONE is not set",
		"job: a\nsource: {kind: csv, path: x}\ntarget: {table: a.b, file_size: \"${SIZE}\"}\n":                  "3:33 target.file_size the value of ${SIZE} is not a size such as 256MiB",
		"job: a\nsource: {kind: csv, path: x}\ntarget: {table: a.b, properties: {firn.state.x: y}}\n":           "properties that start with firn. are firn's own: firn.state.x",
		"job: a\nsource: {kind: csv, path: x}\ntransform: [{sql: a, dedupe: {key: b}}]\ntarget: {table: a.b}\n": "a step is one of sql, dedupe and expect",
		"job: a\njob: b\nsource: {kind: csv, path: x}\ntarget: {table: a.b}\n":                                  "job is given twice",
		"job: a\ntarget: {table: a.b}\n":                                                                        "the job has no source",
		"job: a\nsource: {kind: csv, path: x, delimiter: ab}\ntarget: {table: a.b}\n":                           `a delimiter is one byte, not "ab"`,
		"job: a\nengine: spark\nsource: {kind: csv, path: x}\ntarget: {table: a.b}\n":                           "the Spark engine is not built in",
		"- a list\n": "the file is not a mapping of fields",
		"a: [\n":     "did not find",
		"":           "the file is empty",
	} {
		_, err := load(text)
		if err == nil {
			t.Errorf("%q was accepted", text)
			continue
		}
		var f *fault.Error
		if !errors.As(err, &f) || f.Class != fault.Config || f.Place.File != "job.yaml" {
			t.Errorf("%q: %v has no place", text, err)
			continue
		}
		at := strings.TrimPrefix(f.Place.String(), "job.yaml:")
		got := strings.Replace(at, ": ", " ", 1) + " " + f.Msg
		if !strings.Contains(got, want) {
			t.Errorf("%q:\n got %s\nwant %s", text, got, want)
		}
		if strings.Contains(err.Error(), "hunter22") || strings.Contains(err.Error(), "lots") {
			t.Errorf("an interpolated value is shown: %v", err)
		}
	}
}

func TestLakes(t *testing.T) {
	l, err := LoadLakes(strings.NewReader(`lakes:
  prod:
    catalog: {kind: hive, uris: thrift://a:9083, call_timeout: 90s}
    warehouse: s3://lake/w
    store: {s3: {endpoint: "http://m:9000", access_key: k, secret_key: "${file:/run/secret}"}}
    commit: {attempts: 3}
`), Options{File: "lakes.yaml", Lookup: func(n string) (string, bool) { return "s3cr3t-key", n == "file:/run/secret" }})
	if err != nil {
		t.Fatal(err)
	}
	p := l.Lakes["prod"]
	if p.Catalog.URIs[0] != "thrift://a:9083" || p.Catalog.CallTimeout != 90*time.Second || p.Catalog.LockWait != 3*time.Minute || p.Commit.Attempts != 3 || p.Commit.UnknownWait != 10*time.Minute {
		t.Errorf("%+v", p)
	}
	if s := p.Store.S3; s.SecretKey != secret.New("s3cr3t-key") || s.Region != "us-east-1" || !s.PathStyle || s.PartSize != 16<<20 {
		t.Errorf("%+v", s)
	}
	if _, err := l.Find("pord"); fault.HintOf(err) != "did you mean prod?" {
		t.Errorf("%v: %s", err, fault.HintOf(err))
	}
	if d, err := l.Find(""); err != nil || d.Catalog.Kind != "sqlite" {
		t.Errorf("%+v, %v", d, err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("job: a\nsource: {kind: csv, path: x}\ntarget: {table: a.b}\n")
	f.Add("a: &x [*x]\n")
	f.Fuzz(func(t *testing.T, text string) { load(text) })
}
