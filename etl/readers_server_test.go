//go:build server

package etl

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/internal/partition"
	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/internal/stacktest"
	"github.com/firn-data/firn/storage"
	"github.com/firn-data/firn/storage/parquet"
)

// formulas are columns of every type that table format 2 has; Trino computes the values of row r for itself.
var formulas = []struct{ name, typ, trino string }{
	{"b", "boolean", "r % 3 = 0"},
	{"i", "int", "CAST(r * 31 % 1000 - 500 AS integer)"},
	{"l", "long", "r * 1000003"},
	{"f", "float", "CAST(r AS real) / 4"},
	{"d", "double", "r / 8e0"},
	{"small", "decimal(9, 2)", "CAST(r % 1000 AS decimal(9, 2)) + DECIMAL '0.25'"},
	{"medium", "decimal(18, 3)", "-(CAST(r * 1000003 AS decimal(18, 3)) + DECIMAL '0.125')"},
	{"large", "decimal(38, 4)", "-(CAST(r * 1000003 AS decimal(38, 4)) + DECIMAL '0.5')"},
	{"day", "date", "date_add('day', r % 20000, DATE '1960-01-01')"},
	{"t", "time", "date_add('second', r % 86400, TIME '00:00:00.000001')"},
	{"ntz", "timestamp_ntz", "date_add('second', r * 1001, TIMESTAMP '1960-01-01 00:00:00.000001')"},
	{"tz", "timestamptz", "date_add('second', r * 1001, TIMESTAMP '1960-01-01 00:00:00.000001 UTC')"},
	{"s", "string", "IF(r % 11 = 0, NULL, 'row ' || CAST(r * 7919 AS varchar))"},
	{"k", "string", "'k' || CAST(r % 7 AS varchar)"},
	{"u", "uuid", "CAST('00000000-0000-4000-8000-' || lpad(CAST(r AS varchar), 12, '0') AS uuid)"},
	{"bin", "binary", "to_utf8('b' || CAST(r AS varchar))"},
	{"fix", "fixed[4]", "to_utf8(lpad(CAST(r % 10000 AS varchar), 4, '0'))"},
	{"list", "list<int>", "IF(r % 5 = 0, NULL, transform(sequence(0, r % 4), x -> CAST(x AS integer)))"},
	{"map", "map<string, long>", "IF(r % 6 = 0, map(), map(ARRAY['a', 'b'], ARRAY[r, NULL]))"},
	{"deep", "struct<x: int, y: list<struct<z: string>>>", "IF(r % 9 = 0, NULL, CAST(ROW(r % 2, IF(r % 4 = 0, ARRAY[], ARRAY[ROW('z'), NULL, ROW(CAST(r AS varchar))])) AS ROW(x integer, y array(ROW(z varchar)))))"},
}

// formulaRow is row r as JSON.
func formulaRow(r int) string {
	at := func(seconds int) string {
		days := seconds / 86400
		t := arrow.Date32(days - 3653).ToTime() // 1960-01-01
		return fmt.Sprintf("%sT%02d:%02d:%02d.000001Z", t.Format("2006-01-02"), seconds/3600%24, seconds/60%60, seconds%60)
	}
	opt := func(null bool, s string) string {
		if null {
			return "null"
		}
		return s
	}
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	deep := fmt.Sprintf(`{"x":%d,"y":[{"z":"z"},null,{"z":"%d"}]}`, r%2, r)
	if r%4 == 0 {
		deep = fmt.Sprintf(`{"x":%d,"y":[]}`, r%2)
	}
	return fmt.Sprintf(`{"r":%d,"b":%t,"i":%d,"l":%d,"f":%v,"d":%v,"small":"%d.25","medium":"-%d.125","large":"-%d.5000","day":"%s","t":"%02d:%02d:%02d.000001","ntz":"%s","tz":"%s","s":%s,"k":"k%d","u":"00000000-0000-4000-8000-%012d","bin":"%s","fix":"%s","list":%s,"map":%s,"deep":%s}`,
		r, r%3 == 0, r*31%1000-500, r*1000003, float64(r)/4, float64(r)/8, r%1000, r*1000003, r*1000003, arrow.Date32(r%20000-3653).ToTime().Format("2006-01-02"),
		r%86400/3600, r%3600/60, r%60, strings.TrimSuffix(at(r*1001), "Z"), at(r*1001), opt(r%11 == 0, fmt.Sprintf(`"row %d"`, r*7919)), r%7, r, b64(fmt.Sprint("b", r)), b64(fmt.Sprintf("%04d", r%10000)),
		opt(r%5 == 0, "["+strings.Join([]string{"0", "1", "2", "3"}[:r%4+1], ",")+"]"), opt(false, map[bool]string{true: "[]", false: fmt.Sprintf(`[{"key":"a","value":%d},{"key":"b","value":null}]`, r)}[r%6 == 0]), opt(r%9 == 0, deep))
}

// TestTrinoAndPyIcebergReadEveryType commits a file of every type, with nested ones, and lets Trino and PyIceberg read the table by its
// metadata file.
func TestTrinoAndPyIcebergReadEveryType(t *testing.T) {
	ctx := context.Background()
	env := stacktest.Env(t)
	bucket, dir := env.S3.FreshBucket(t).Bucket, t.TempDir()
	lakes, err := LoadLakes(strings.NewReader(fmt.Sprintf("lakes:\n  test:\n    catalog: {kind: sqlite, path: %s/catalog.db}\n    warehouse: s3://%s/warehouse\n    store: {s3: {endpoint: \"%s\", region: %s, access_key: \"%s\", secret_key: \"%s\"}}\n",
		dir, bucket, env.S3.Endpoint, env.S3.Region, env.S3.AccessKey, env.S3.SecretKey)), Options{File: "lakes.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	lake, err := OpenLake(ctx, lakes, "test", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { CloseLake(lake) })
	const rows = 30_000 // some pages of each column
	location := commitFormulas(t, lake, "s3://"+bucket+"/warehouse/raw.db/every", filepath.Join(dir, "every.arrow"), rows)

	trino := stacktest.Trino(t)
	namespace := stacktest.Name(t)
	trino.Query(fmt.Sprintf("CREATE SCHEMA hive.%s WITH (location = 's3://%s/trino')", namespace, bucket))
	t.Cleanup(func() { trino.Query("DROP SCHEMA hive." + namespace) })
	trino.Query(fmt.Sprintf("CALL hive.system.register_table('%s', 'every', 's3://%s/warehouse/raw.db/every')", namespace, bucket))
	t.Cleanup(func() { trino.Query(fmt.Sprintf("CALL hive.system.unregister_table('%s', 'every')", namespace)) })
	from := fmt.Sprintf(" FROM hive.%s.every", namespace)
	if got := trino.Query("SELECT count(*), count(DISTINCT r), sum(r)" + from); fmt.Sprint(got) != fmt.Sprintf("[[%d %d %d]]", rows, rows, rows*(rows-1)/2) {
		t.Errorf("Trino reads %v rows", got)
	}
	for _, c := range formulas {
		if got := trino.Query(fmt.Sprintf("SELECT r, %s%s WHERE %s IS DISTINCT FROM (%s) ORDER BY r LIMIT 2", c.name, from, c.name, c.trino)); len(got) > 0 {
			t.Errorf("Trino reads other values of %s %s: %v", c.name, c.typ, got)
		}
	}
	// Filters go through the manifest's bounds, the footer and the page index.
	for _, where := range []string{"l = 12345 * BIGINT '1000003'", "s = 'row 97760055'", "large = DECIMAL '-12345037035.5'", "u = UUID '00000000-0000-4000-8000-000000012345'", "tz = date_add('second', 12345 * 1001, TIMESTAMP '1960-01-01 00:00:00.000001 UTC')"} {
		if got := trino.Query("SELECT r" + from + " WHERE " + where); fmt.Sprint(got) != "[[12345]]" {
			t.Errorf("Trino finds %v where %s", got, where)
		}
	}

	out, err := exec.Command(env.Python, "-c", `
import sys, pyarrow as pa
from pyiceberg.table import StaticTable
t = StaticTable.from_metadata(sys.argv[1], {"s3.endpoint": sys.argv[3], "s3.region": sys.argv[4], "s3.access-key-id": sys.argv[5], "s3.secret-access-key": sys.argv[6]})
got, want = t.scan().to_arrow().sort_by("r"), pa.ipc.open_file(sys.argv[2]).read_all()
for name in want.schema.names:
    g, w = got.column(name).to_pylist(), want.column(name).to_pylist()
    if g != w:
        i = next(i for i in range(len(w)) if i >= len(g) or g[i] != w[i])
        print(name, want.schema.field(name).type, "row", i, "of", len(g), "got", g[i:i+1], "want", w[i:i+1])
for where in ("l = 12345037035", "s = 'row 97760055'", "k = 'k4' and r = 12345", "ntz >= '1960-05-23T00:34:05.000001' and r <= 12345"):
    found = t.scan(row_filter=where).to_arrow().column("r").to_pylist()
    if found != [12345]:
        print(where, "finds", len(found), found[:5])
`, location, filepath.Join(dir, "every.arrow"), env.S3.Endpoint, env.S3.Region, env.S3.AccessKey, env.S3.SecretKey).CombinedOutput()
	if err != nil || len(bytes.TrimSpace(out)) > 0 {
		t.Errorf("PyIceberg: %v\n%s", err, out)
	}
}

// formulaRows are the rows [from, to) and their schema.
func formulaRows(t *testing.T, from, to int) (schema.Schema, arrow.RecordBatch) {
	t.Helper()
	s := schema.Schema{Fields: []schema.Field{{Name: "r", Type: schema.Type{Kind: schema.Long}}}}
	for _, c := range formulas {
		typ, err := schema.Parse(c.typ)
		if err != nil {
			t.Fatal(err)
		}
		s.Fields = append(s.Fields, schema.Field{Name: c.name, Type: typ})
	}
	schema.AssignIDs(&s, 0)
	var lines strings.Builder
	for r := from; r < to; r++ {
		lines.WriteString(formulaRow(r) + "\n")
	}
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, s.Arrow(), strings.NewReader(lines.String()), array.WithMultipleDocs())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(rec.Release)
	return s, rec
}

// writeRows writes a Parquet file of the rows.
func writeRows(t *testing.T, store storage.Store, location string, s schema.Schema, rec arrow.RecordBatch) parquet.File {
	t.Helper()
	up, err := store.Create(context.Background(), location, true)
	if err != nil {
		t.Fatal(err)
	}
	w, err := parquet.NewWriter(up, s, parquet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	rec.Retain()
	if err := w.Write(rec); err != nil {
		t.Fatal(err)
	}
	file, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	if err := up.Commit(); err != nil {
		t.Fatal(err)
	}
	return file
}

// commitFormulas writes the rows to a new table, and as an Arrow file for comparison. It returns the location of the metadata.
func commitFormulas(t *testing.T, lake *catalog.Lake, location, arrowFile string, rows int) string {
	t.Helper()
	ctx := context.Background()
	s, rec := formulaRows(t, 0, rows)
	f, err := os.Create(arrowFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	reference, err := ipc.NewFileWriter(f, ipc.WithSchema(rec.Schema()))
	if err == nil {
		err = reference.Write(rec)
	}
	if err == nil {
		err = reference.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	request := catalog.Request{Ident: catalog.Ident{Namespace: "raw", Table: "every"}, Job: "every", RunID: "1", Mode: catalog.Append, Fingerprint: map[string]string{"source": "every"}}
	session, err := lake.Begin(ctx, request)
	if err != nil {
		t.Fatal(err)
	}
	file := writeRows(t, lake.Store, location+"/data/every.parquet", s, rec)
	data := catalog.DataFile{File: file, Location: location + "/data/every.parquet", Partition: partition.Tuple{}}
	if _, err := lake.Commit(ctx, catalog.Commit{Request: request, Attempt: "a", Session: session, Planned: s, Files: []catalog.DataFile{data},
		Create: &catalog.NewTable{Schema: s, Location: location, Properties: map[string]string{}}}); err != nil {
		t.Fatal(err)
	}
	tab, err := lake.Load(ctx, request.Ident)
	if err != nil {
		t.Fatal(err)
	}
	return tab.MetadataLocation()
}
