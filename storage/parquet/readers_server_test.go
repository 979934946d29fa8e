//go:build server

package parquet

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/internal/stacktest"
)

// calendar keeps dates and times where every reader's calendar goes: days are within the years 1 to 9999, times within a day.
func calendar(t schema.Type, v any) any {
	within := func(n, low, high int64) int64 { return low + (n%(high-low)+(high-low))%(high-low) }
	const day, first, last = 86_400_000_000, -719_162, 2_932_896
	switch x := v.(type) {
	case int64:
		switch t.Kind {
		case schema.Date:
			return within(x, first, last)
		case schema.Time:
			return within(x, 0, day)
		case schema.Timestamp, schema.TimestampTZ:
			return within(x, first*day, last*day)
		case schema.TimestampNS, schema.TimestampTZNS:
			return within(x, -2e9, 9e9)*1e9 + x&0xfffff
		}
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			f := t.Fields[i%len(t.Fields)]
			out[i] = calendar(f.Type, e)
		}
		return out
	}
	return v
}

// distinctKeys drops what repeats a map's key: readers keep one or refuse.
func distinctKeys(t schema.Type, v any) any {
	x, ok := v.([]any)
	if !ok {
		return v
	}
	var out []any
	seen := map[string]bool{}
	for i, e := range x {
		if t.Kind == schema.Map {
			k := text(x[i&^1])
			if i%2 == 0 && seen[k] || i%2 == 1 && len(out)%2 == 0 {
				continue
			}
			seen[k] = true
		}
		out = append(out, distinctKeys(t.Fields[i%len(t.Fields)].Type, e))
	}
	if out == nil {
		out = []any{}
	}
	return out
}

// readerTables are tables of the given types: with few and with many values, in nested types, and rows enough for several pages
// and row groups.
func readerTables(g *generator, kinds []schema.Type) (out []table) {
	flat, nested := schema.Schema{}, schema.Schema{}
	flat.Fields = append(flat.Fields, g.field("row", schema.Type{Kind: schema.Long}, true))
	nested.Fields = append(nested.Fields, g.field("row", schema.Type{Kind: schema.Long}, true))
	for i, t := range kinds {
		flat.Fields = append(flat.Fields, g.field(fmt.Sprint("o", i), t, false), g.field(fmt.Sprint("r", i), t, true))
		key := schema.Type{Kind: schema.String}
		if t.Kind == schema.Int || t.Kind == schema.Date {
			key = t
		}
		deep := schema.StructOf(schema.Field{Name: "a", Type: t, Required: i%2 == 0}, schema.Field{Name: "b", Type: schema.ListOf(schema.ListOf(t))})
		nested.Fields = append(nested.Fields, g.field(fmt.Sprint("l", i), schema.ListOf(t), i%3 == 0), g.field(fmt.Sprint("m", i), schema.MapOf(key, schema.ListOf(t)), i%3 == 1),
			g.field(fmt.Sprint("s", i), schema.ListOf(deep), i%3 == 2))
	}
	for _, c := range []struct {
		s    schema.Schema
		rows int
	}{{flat, 70_000}, {flat, 300}, {nested, 1_000}} {
		tab := g.table(c.s, c.rows)
		for i, f := range c.s.Fields {
			for row, v := range tab.columns[i] {
				tab.columns[i][row] = distinctKeys(f.Type, calendar(f.Type, v))
				if i == 0 {
					tab.columns[i][row] = int64(row)
				}
			}
		}
		out = append(out, tab)
	}
	return out
}

// pythonReaders compares what DuckDB and PyArrow read from our files with the Arrow batches that they were written from, value by value, and
// what filters find through the statistics with a count over the batches.
const pythonReaders = `
import decimal, json, math, sys, uuid
import duckdb, pyarrow as pa, pyarrow.compute as pc, pyarrow.dataset as ds, pyarrow.parquet as pq

def plain(a):
    """The values of an array as Python's, exact: temporal ones as integers, floats as hex, bytes as hex."""
    if isinstance(a, pa.ChunkedArray):
        return [v for c in a.chunks for v in plain(c)]
    t = a.type
    if isinstance(a, pa.ExtensionArray):
        return plain(a.storage)
    if pa.types.is_timestamp(t):
        t = pa.timestamp("us") if t.unit == "s" else t
        scale = 1 if t.unit == "ns" else 1000
        return [None if v is None else v * scale for v in a.view(pa.int64()).to_pylist()]
    if pa.types.is_time(t) or pa.types.is_date64(t):
        return a.view(pa.int64()).to_pylist()
    if pa.types.is_date(t):
        return a.view(pa.int32()).to_pylist()
    if pa.types.is_floating(t):
        return [None if v is None else "nan" if math.isnan(v) else v.hex() for v in a.to_pylist()]
    if pa.types.is_map(t):
        flat = list(zip(plain(a.keys), plain(a.items)))
        start = a.offsets.to_pylist()
        base = start[0] if len(flat) != len(a.keys) else 0
        return [None if not ok else sorted(map(repr, flat[start[i]-base:start[i+1]-base])) for i, ok in enumerate(a.is_valid().to_pylist())]
    if pa.types.is_list(t) or pa.types.is_large_list(t):
        flat, start = plain(a.values), a.offsets.to_pylist()
        return [None if not ok else flat[start[i]:start[i+1]] for i, ok in enumerate(a.is_valid().to_pylist())]
    if pa.types.is_struct(t):
        fields = [plain(a.field(i)) for i in range(t.num_fields)]
        return [None if not ok else [f[i] for f in fields] for i, ok in enumerate(a.is_valid().to_pylist())]
    return [v.hex() if isinstance(v, (bytes, uuid.UUID)) else v for v in a.to_pylist()]

def compare(reader, got, want):
    for name in want.schema.names:
        g, w = plain(got.column(name)), plain(want.column(name))
        if reader == "duckdb" and "uuid" in str(want.schema.field(name).type): # it gives them as text
            g, w = [repr(v).replace("-", "") for v in g], [repr(v).replace("-", "") for v in w]
        if g != w:
            i = next((i for i in range(max(len(g), len(w))) if i >= len(g) or i >= len(w) or g[i] != w[i]), -1)
            problems.append(f"{reader} {name} {want.schema.field(name).type} row {i} of {len(w)}: got {g[i:i+1]}, want {w[i:i+1]}")

problems = []
for parquet, arrow in zip(sys.argv[1::2], sys.argv[2::2]):
    want = pa.ipc.open_file(arrow).read_all()
    compare("pyarrow", pq.read_table(parquet, page_checksum_verification=True), want)
    con = duckdb.connect()
    con.execute("SET TimeZone='UTC'")
    rel = con.sql(f"SELECT * FROM read_parquet('{parquet}') ORDER BY row")
    got = rel.to_arrow_table() if hasattr(rel, "to_arrow_table") else rel.arrow()
    compare("duckdb", got.read_all() if hasattr(got, "read_all") else got, want)
    for name in want.schema.names:
        t = want.schema.field(name).type
        if pa.types.is_nested(t) or isinstance(t, pa.BaseExtensionType) or pa.types.is_binary(t) or pa.types.is_fixed_size_binary(t):
            continue
        some = next((v for v in want.column(name) if v.is_valid and not (pa.types.is_floating(t) and math.isnan(v.as_py()))), None)
        if some is None:
            continue
        count = pc.sum(pc.equal(want.column(name), some)).as_py()
        found = ds.dataset(parquet).to_table(filter=pc.field(name) == some).num_rows
        if found != count:
            problems.append(f"pyarrow finds {found} rows where {name} = {some}, not {count}")
        if pa.types.is_timestamp(t) and t.unit == "ns":
            continue
        found = con.execute(f"SELECT count(*) FROM read_parquet('{parquet}') WHERE {name} = ?::{con.execute(f'SELECT typeof({name}) FROM read_parquet(?) LIMIT 1', [parquet]).fetchone()[0]}", [some.as_py()]).fetchone()[0]
        if found != count:
            problems.append(f"duckdb finds {found} rows where {name} = {some}, not {count}")
print(json.dumps(problems))
`

func TestDuckDBAndPyArrowReadEveryType(t *testing.T) {
	python := stacktest.Env(t).Python
	g := newGenerator(5)
	dir := t.TempDir()
	script := filepath.Join(dir, "readers.py")
	if err := os.WriteFile(script, []byte(pythonReaders), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{script}
	for i, codec := range []string{"zstd", "snappy", "gzip", "uncompressed"} {
		for k, tab := range readerTables(g, leafTypes) {
			if k == 0 && i > 0 {
				continue // the large table takes Python long
			}
			data, _ := write(t, g, tab, Options{Codec: codec, RowGroupRows: 50_000})
			base := filepath.Join(dir, fmt.Sprint(codec, k))
			if err := os.WriteFile(base+".parquet", data, 0o644); err != nil {
				t.Fatal(err)
			}
			writeIPC(t, base+".arrow", tab)
			args = append(args, base+".parquet", base+".arrow")
		}
	}
	out, err := exec.Command(python, args...).Output()
	if err != nil {
		if exit, ok := err.(*exec.ExitError); ok {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var problems []string
	if err := json.Unmarshal(out, &problems); err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
}

func writeIPC(t *testing.T, path string, tab table) {
	t.Helper()
	rec := tab.batch(memory.DefaultAllocator, nil, 0, tab.rows())
	defer rec.Release()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := ipc.NewFileWriter(f, ipc.WithSchema(rec.Schema()))
	if err == nil {
		err = w.Write(rec)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestSparkReadsWhatItReadsFromAnotherWriter lets Spark, vectorized and row by row, read our files and arrow-go's of the same rows.
func TestSparkReadsWhatItReadsFromAnotherWriter(t *testing.T) {
	spark := stacktest.Spark(t)
	g := newGenerator(6)
	dir := t.TempDir()
	var kinds []schema.Type
	for _, k := range leafTypes {
		switch k.Kind {
		case schema.UUID, schema.Time, schema.TimestampNS, schema.TimestampTZNS: // Spark refuses them in any file
		default:
			kinds = append(kinds, k)
		}
	}
	for i, tab := range readerTables(g, kinds) {
		ours, theirs := filepath.Join(dir, fmt.Sprint("ours", i, ".parquet")), filepath.Join(dir, fmt.Sprint("theirs", i, ".parquet"))
		data, _ := write(t, g, tab, Options{RowGroupRows: 50_000})
		if err := os.WriteFile(ours, data, 0o644); err != nil {
			t.Fatal(err)
		}
		writeByArrowGo(t, theirs, tab)
		var got struct {
			Rows     int
			Problems []string
		}
		spark.Python(t, fmt.Sprintf(`
from pyspark.sql import functions as F
problems, rows = [], 0
def texts(path, side):
    df = spark.read.parquet(path)
    as_text = lambda c, t: F.hex(c) if t == "binary" else F.to_json(F.struct(c)) if t.startswith(("array", "map", "struct")) else F.col(c).cast("string")
    return df, df.select("row", *[as_text(c, t).alias(side + c) for c, t in df.dtypes if c != "row"])
for vectorized in ("true", "false"):
    spark.conf.set("spark.sql.parquet.enableVectorizedReader", vectorized)
    (ours, a), (theirs, b) = texts("file://%s", "a_"), texts("file://%s", "b_")
    if ours.dtypes != theirs.dtypes:
        problems.append("types %%s, want %%s" %% (ours.dtypes, theirs.dtypes))
    names = [c for c in ours.columns if c != "row"]
    both = a.join(b, "row", "full").cache()
    rows = both.count()
    wrong = both.select([F.sum((~F.col("a_" + c).eqNullSafe(F.col("b_" + c))).cast("int")).alias(c) for c in names]).first()
    for c in names:
        if wrong[c]:
            r = both.where(~F.col("a_" + c).eqNullSafe(F.col("b_" + c))).select("row", "a_" + c, "b_" + c).first()
            problems.append("vectorized %%s: %%d rows of %%s %%s differ: row %%s is %%r, want %%r" %% (vectorized, wrong[c], c, dict(ours.dtypes)[c], *r))
    both.unpersist()
spark.conf.set("spark.sql.parquet.enableVectorizedReader", "true")
flat = [c for c, t in ours.dtypes if not t.startswith(("array", "map", "struct", "binary"))]
some = theirs.select([F.first(F.col(c).cast("string"), ignorenulls=True).alias(c) for c in flat]).first()
flat = [c for c in flat if some[c] is not None]
same = lambda c: F.col(c) == F.lit(some[c]).cast(dict(theirs.dtypes)[c])
want = theirs.select([F.sum(same(c).cast("int")).alias(c) for c in flat]).first()
for c in flat:
    found = ours.where(same(c)).count()
    if found != want[c]:
        problems.append("a filter %%s = %%r finds %%d rows, not %%d" %% (c, some[c], found, want[c]))
result = {"Rows": rows, "Problems": problems}
`, ours, theirs), &got)
		if got.Rows != tab.rows() || len(got.Problems) > 0 {
			t.Errorf("table %d: %d of %d rows\n%s", i, got.Rows, tab.rows(), strings.Join(got.Problems, "\n"))
		}
	}
}

func writeByArrowGo(t *testing.T, path string, tab table) {
	t.Helper()
	rec := tab.batch(memory.DefaultAllocator, nil, 0, tab.rows())
	defer rec.Release()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := pqarrow.NewFileWriter(rec.Schema(), f, nil, pqarrow.DefaultWriterProps())
	if err == nil {
		err = w.Write(rec)
	}
	if err == nil {
		err = w.Close() // and f
	}
	if err != nil {
		t.Fatal(err)
	}
}
