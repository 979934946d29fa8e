package transform

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	firnmem "github.com/firn-data/firn/internal/memory"
)

// randomTables makes two tables with few distinct keys, and NULLs, NaN, -0.0 and texts of every length among their values.
func randomTables(r *rand.Rand, rows int) map[string]arrow.RecordBatch {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, {Name: "k", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "i", Type: arrow.PrimitiveTypes.Int32, Nullable: true}, {Name: "f", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		{Name: "d", Type: &arrow.Decimal128Type{Precision: 12, Scale: 3}, Nullable: true}, {Name: "b", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
		{Name: "dt", Type: arrow.FixedWidthTypes.Date32, Nullable: true}, {Name: "s", Type: arrow.BinaryTypes.String, Nullable: true}}, nil)
	floats := []float64{0, math.Copysign(0, -1), 1.5, math.NaN(), math.Inf(1), 1e300, -1e300, 1e-300, 0.1, 3}
	texts := []string{"", "a", "b", "A", "é", "a\x00", "longer than a prefix of eight", "longer than a prefix", "日本語"}
	out := map[string]arrow.RecordBatch{}
	for _, name := range []string{"t", "u"} {
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		for row := range rows {
			for c := range schema.NumFields() {
				if r.IntN(12) == 0 {
					b.Field(c).AppendNull()
					continue
				}
				switch f := b.Field(c).(type) {
				case *array.Int64Builder:
					f.Append(int64(row))
				case *array.Int32Builder:
					f.Append(int32(r.IntN(40) - 20))
				case *array.Float64Builder:
					f.Append(floats[r.IntN(len(floats))])
				case *array.Decimal128Builder:
					f.Append(decimal128.FromI64(r.Int64N(2000) - 1000))
				case *array.BooleanBuilder:
					f.Append(r.IntN(2) == 0)
				case *array.Date32Builder:
					f.Append(arrow.Date32(r.IntN(30) - 5))
				case *array.StringBuilder:
					f.Append(texts[r.IntN(len(texts))])
				}
			}
		}
		out[name] = b.NewRecordBatch()
		b.Release()
	}
	return out
}

// randomQuery makes a query whose result its input determines natively.
type randomQuery struct{ *rand.Rand }

func (r randomQuery) of(list ...string) string { return list[r.IntN(len(list))] }

func (r randomQuery) condition(of string) string {
	return fmt.Sprintf(r.of("%[1]si > 3", "%[1]sf >= 0", "%[1]sk <> 'a'", "%[1]sb", "%[1]sd < 0.5", "%[1]sdt IS NOT NULL", "%[1]sid %% 3 = 1", "%[1]ss LIKE '%%a%%' OR %[1]si IS NULL"), of)
}

func (r randomQuery) source() string {
	switch r.IntN(4) {
	case 0:
		return fmt.Sprintf("(SELECT * FROM t WHERE %s)", r.condition(""))
	case 1:
		return "(SELECT * FROM t UNION ALL SELECT * FROM u)"
	}
	return r.of("t", "u")
}

func (r randomQuery) columns(n int) []string {
	all := []string{"id", "k", "i", "f", "d", "b", "dt", "s"}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:n]
}

func (r randomQuery) make() string {
	switch r.IntN(7) {
	case 0:
		return fmt.Sprintf("SELECT DISTINCT %s FROM %s x", strings.Join(r.columns(1+r.IntN(3)), ", "), r.source())
	case 1, 2:
		keys := r.columns(r.IntN(3))
		items := append(slices.Clone(keys), "count(*) AS n")
		for i, a := range []string{"sum(i)", "sum(f)", "avg(f)", "sum(d)", "avg(d)", "min(s)", "max(f)", "min(f)", "count(DISTINCT k)", "count(DISTINCT i, b)", "sum(DISTINCT d)", "count_if(b)", "max(s) FILTER (WHERE i > 0)", "avg(i)", "max(dt)"} {
			if r.IntN(3) == 0 {
				items = append(items, fmt.Sprintf("%s AS a%d", a, i))
			}
		}
		q := fmt.Sprintf("SELECT %s FROM %s x", strings.Join(items, ", "), r.source())
		if len(keys) > 0 {
			q += " GROUP BY " + strings.Join(keys, ", ")
			if r.IntN(3) == 0 {
				q += " HAVING count(*) > 1"
			}
		}
		return q
	case 3:
		c := r.columns(3)
		q := fmt.Sprintf("SELECT * FROM %s x ORDER BY %s %s, %s", r.source(), c[0], r.of("", "DESC", "NULLS LAST"), c[1])
		if r.IntN(2) == 0 {
			q += fmt.Sprintf(" LIMIT %d", r.IntN(50))
		}
		return q
	case 4, 5:
		c := r.columns(1)[0]
		on := r.of("x.k = y.k", "x.i = y.i", "x.f = y.f", "x.d = y.d AND x.b = y.b", "x.k <=> y.k AND x.i = y.i", "x.id = y.i", "x.dt = y.dt AND x.s > y.s", "x.id < y.id AND x.i > y.i + 30", "x.i = y.i AND x.f < y.f")
		return fmt.Sprintf("SELECT x.id AS a, y.id AS b, x.%s AS c, y.%s AS e FROM %s x %s JOIN %s y ON %s WHERE %s", c, c, r.source(), r.of("", "LEFT"), r.source(), on, r.condition("x."))
	}
	c := r.columns(2)
	return fmt.Sprintf("SELECT id, k, rn FROM (SELECT *, row_number() OVER (PARTITION BY %s ORDER BY %s %s) AS rn FROM %s x) WHERE rn %s", c[0], c[1], r.of("", "DESC"), r.source(), r.of("= 1", "< 4", "> 2"))
}

// TestRowsDoNotDependOnBatchesWorkersOrBudget runs random queries over random rows, cut, pushed and bounded in many ways (I5, I6,
// I7, I8). FIRN_SEED repeats a run.
func TestRowsDoNotDependOnBatchesWorkersOrBudget(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("FIRN_SEED"); s != "" {
		fmt.Sscan(s, &seed)
	}
	t.Logf("FIRN_SEED=%d", seed)
	r := randomQuery{rand.New(rand.NewPCG(seed, 1))}
	spilled := 0
	for _, q := range fixedQueries {
		spilled += sameRowsEverywhere(t, r, 150, Step{SQL: q})
	}
	for range 25 {
		spilled += sameRowsEverywhere(t, r, 50+r.IntN(200), Step{SQL: r.make()})
	}
	for _, d := range []Dedupe{{Key: []string{"k"}, Order: []string{"i DESC"}}, {Key: []string{"i", "b"}}} {
		spilled += sameRowsEverywhere(t, r, 400, Step{SQL: "SELECT * FROM t"}, Step{Dedupe: &d})
	}
	if spilled < 20 {
		t.Errorf("only %d runs spilled", spilled)
	}
}

// fixedQueries are run in each test besides the random ones.
var fixedQueries = []string{
	"SELECT k, i, count(*) AS n, sum(f) AS s, min(s) AS m, count(DISTINCT d) AS c FROM t GROUP BY k, i",
	"SELECT id, count(*) AS n, max(s) AS m FROM t GROUP BY id",
	"SELECT DISTINCT f FROM t",
	"SELECT count(DISTINCT id) AS n, sum(DISTINCT d) AS s FROM t",
	"SELECT id, k, i, d, b, dt, s FROM t ORDER BY s DESC, dt, id, k NULLS LAST, i, d DESC, b",
	"SELECT x.id AS a, y.id AS b FROM t x LEFT JOIN u y ON x.f = y.f AND x.i < y.i",
	"SELECT x.id AS a, y.id AS b FROM t x JOIN t y ON x.k = y.k AND x.i = y.i",
	"SELECT x.id AS a, y.n FROM u x JOIN (SELECT k, count(*) AS n FROM t GROUP BY k) y ON x.k <=> y.k",
	"SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY k, i ORDER BY dt DESC) AS rn FROM t) WHERE rn = 1",
	"WITH x AS (SELECT k, i FROM t WHERE b) SELECT a.k, count(*) AS n FROM x a JOIN x c ON a.i = c.i GROUP BY a.k ORDER BY n DESC, k LIMIT 3",
}

// sameRowsEverywhere compares runs of the steps, and counts those that spilled.
func sameRowsEverywhere(t *testing.T, r randomQuery, rows int, steps ...Step) (spilled int) {
	t.Helper()
	tables := randomTables(r.Rand, rows)
	var want []string
	for n, c := range []corpusRun{{size: 1 << 16, workers: 1}, {size: 7, workers: 3}, {size: 64, workers: 4, budget: 1 << 30}, {size: 50, workers: 1, budget: 40 << 10}, {size: 16, workers: 2, budget: 4 << 10}, {size: 33, workers: 4, budget: 1}} {
		alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
		parent := t.TempDir()
		c.inputs, c.alloc, c.temp = tables, alloc, firnmem.NewDir(parent, "a")
		got, err := c.run(t, steps...)
		if err != nil || len(got.bad) > 0 {
			t.Fatalf("%+v: %v %v", steps, err, got)
		}
		var have []string
		for _, row := range textRows(t, got) {
			have = append(have, showRow(row))
		}
		ordered := len(steps) == 1 && steps[0].SQL == fixedQueries[4]
		if !ordered {
			slices.Sort(have)
		}
		got.release()
		alloc.AssertSize(t, 0)
		if n == 0 {
			want = have
		} else if !slices.Equal(have, want) {
			t.Fatalf("%s\nbatches of %d, %d workers, budget %d: %d rows, %d in one batch; first difference:\n%s", steps[0].SQL, c.size, c.workers, c.budget, len(have), len(want), firstDifference(have, want))
		}
		if left, _ := filepath.Glob(filepath.Join(parent, "*", "*")); len(left) > 0 {
			t.Fatalf("%s: spill files are left: %v", steps[0].SQL, left)
		}
		if made, _ := filepath.Glob(filepath.Join(parent, "*")); len(made) > 0 {
			spilled++
		}
		if err := c.temp.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return spilled
}

func firstDifference(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return a[i] + "\n" + b[i]
		}
	}
	return "one is longer"
}
