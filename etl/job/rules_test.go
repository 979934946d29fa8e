package job

import (
	"strings"
	"testing"
)

func TestRulesBetweenFields(t *testing.T) {
	for text, want := range map[string]string{
		"source: {kind: csv, path: x}\ntarget: {table: orders}":                                                                 `3:17: target.table: "orders" is not a table: write namespace.table`,
		"source: {kind: csv, path: x}\ntarget: {table: a.b, partition: [dayz(x)]}":                                              `unknown transform "dayz"`,
		"source: {kind: csv, path: x}\ntarget: {table: a.b, sort: [x nulls maybe]}":                                             "nulls are FIRST or LAST",
		"source: {kind: csv, path: x}\nquarantine: {table: q}\ntarget: {table: a.b}":                                            "quarantine.table",
		"source: {kind: csv, path: x}\nparams: {run_id: 1}\ntarget: {table: a.b}":                                               "every run has :run_id itself",
		"source: {kind: csv, path: x}\nparams: {a-b: 1}\ntarget: {table: a.b}":                                                  `"a-b" is not a parameter's name`,
		"sources: {a: {kind: csv, path: x, cursor: c}, b: {kind: csv, path: y, interval: d}}\ntarget: {table: a.b}":             "a and b both have a cursor or an interval",
		"sources: {a-b: {kind: csv, path: x}}\ntarget: {table: a.b}":                                                            `"a-b" is not a source's name`,
		"source: {kind: csv, path: x}\nsources: {a: {kind: csv, path: x}}\ntarget: {table: a.b}":                                "give source or sources, not both",
		"source: {kind: csv, path: x, interval: {by: name}}\ntarget: {table: a.b}":                                              `"name" is not one of path`,
		"source: {kind: csv, path: x}\ntransform: [{sql: SELECT id FRM input}]\ntarget: {table: a.b}":                           "3:",
		"source: {kind: csv, path: x}\ntransform: [{expect: [{name: a, check: a >}]}]\ntarget: {table: a.b}":                    "transform[0].expect[0].check",
		"source: {kind: csv, path: x}\ntransform: [{expect: [{name: a, check: a}, {name: a, check: b}]}]\ntarget: {table: a.b}": "two expectations of a step are called a",
		"source: {kind: csv, path: x}\ntransform: [{expect: [{check: a}]}]\ntarget: {table: a.b}":                               "an expectation needs a name",
		"source: {kind: csv, path: \"${file:/nope}\"}\ntarget: {table: a.b}":                                                    "the file /nope cannot be read",
	} {
		if _, err := load("job: a\n" + text + "\n"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n got %v\nwant %s", text, err, want)
		}
	}
}

func TestMappingsLeftOutHaveTheirDefaults(t *testing.T) {
	j, err := load("job: a\nsource: {kind: csv, path: x}\ntarget: {table: a.b}\n")
	if err != nil {
		t.Fatal(err)
	}
	if j.Quarantine.MaxRows != 1000 || j.Quarantine.MaxShare != 0.1 || j.Target.FileSize != 256<<20 {
		t.Errorf("%+v %+v", j.Quarantine, j.Target)
	}
	l, err := LoadLakes(strings.NewReader("lakes: {x: {catalog: {kind: rest, uri: u}, store: {s3: {credentials: vended}}, spark: {master: m}, trino: {url: u}}}\n"), Options{File: "lakes.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	if x := l.Lakes["x"]; x.Commit.Attempts != 20 || x.Catalog.Pool != 4 || x.Spark.Submit != "spark-submit" || x.Trino.User != "firn" || !x.Store.S3.PathStyle {
		t.Errorf("%+v", x)
	}
}

func TestLakesRefuseWhatCannotBeMeant(t *testing.T) {
	for text, want := range map[string]string{
		"warehouse: w": "lake x has no catalog",
		"catalog: {kind: hive, uris: u}, warehouse: w, store: {s3: {credentials: vended}}":                                 "only a rest catalog vends credentials",
		"catalog: {kind: rest}, warehouse: w":                                                                              "a rest catalog needs a uri",
		"catalog: {kind: sqlite, path: p}":                                                                                 "lake x has no warehouse",
		"catalog: {kind: sqlite, path: p}, warehouse: w, spark: {conf: {spark.sql.ansi.enabled: false}}":                   "spark.conf may not set what changes the meaning of SQL: spark.sql.ansi.enabled",
		"catalog: {kind: sqlite, path: p}, warehouse: w, spark: {conf: {spark.sql.session.timeZone: Europe/Berlin}}":       "spark.sql.session.timeZone",
		"catalog: {kind: sqlite, path: p}, warehouse: w, spark: {conf: {spark.sql.parquet.int96RebaseModeInRead: LEGACY}}": "int96RebaseModeInRead",
		"catalog: {kind: sqlite, path: p}, warehouse: w, trino: {uri: x}":                                                  `unknown field "uri"`,
	} {
		_, err := LoadLakes(strings.NewReader("lakes: {x: {"+text+"}}\n"), Options{File: "lakes.yaml"})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
