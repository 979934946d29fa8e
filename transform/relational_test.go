package transform

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/internal/batch"
	firnmem "github.com/firn-data/firn/internal/memory"
)

var customers = arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, {Name: "name", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "since", Type: arrow.FixedWidthTypes.Date32, Nullable: true}}, nil)

func compile(t *testing.T, steps ...Step) *Program {
	t.Helper()
	inputs := []Input{{"orders", orders}}
	if strings.Contains(steps[0].SQL, "customers") {
		inputs = append(inputs, Input{"customers", customers})
	}
	p, err := Compile(steps, inputs, nil, time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestExplainShowsTheTree(t *testing.T) {
	for _, c := range []struct{ sql, want string }{
		{"SELECT id, upper(name) AS n FROM orders WHERE total > 1", `
Project id, n STRING
  Filter total > 1
    Read orders: 3 columns
`},
		{"SELECT name, count(*) AS n, sum(total) AS s FROM orders WHERE id > 1 GROUP BY name HAVING sum(total) > 5 ORDER BY n DESC, name LIMIT 3", `
Top 3 by n DESC, name
  Project name, count(*) AS n, sum(total) AS s
    Filter sum(total) > 5
      Aggregate by name: count(*), sum(total)
        Filter id > 1
          Read orders: 3 columns
`},
		{"SELECT c.name, o.total FROM orders o LEFT JOIN customers c ON o.id = c.id AND o.total > 1 WHERE o.name = 'x' AND c.since IS NULL", `
Project name, total
  Filter c.since IS NULL
    LeftJoin on o.id = c.id AND o.total > 1
      Filter o.name = 'x'
        Read orders: 3 columns
      Read customers: 3 columns
`},
		{"SELECT id FROM (SELECT *, row_number() OVER (PARTITION BY id ORDER BY total DESC) AS rn FROM orders) WHERE rn = 1", `
Project id
  Filter rn = 1
    Project id, row_number AS rn
      Number row_number by id in order of total DESC
        Read orders: 3 columns
`},
		{"WITH x AS (SELECT DISTINCT id FROM orders) SELECT id FROM x UNION ALL SELECT 7", `
Union of 2
  Project id
    Distinct by id
      Project id
        Read orders: 1 columns
  Project _ BIGINT
    Project _ INT
      OneRow
`},
	} {
		if got := "\n" + compile(t, Step{SQL: c.sql}).Explain(); got != c.want {
			t.Errorf("%s\ngot%swant%s", c.sql, got, c.want)
		}
	}
}

func TestOnlyColumnsThatAreUsedAreRead(t *testing.T) {
	for sql, want := range map[string]string{
		"SELECT * FROM orders":                                                                                     "[]",
		"SELECT id FROM orders":                                                                                    "[id]",
		"SELECT count(*) AS n FROM orders":                                                                         "[id]",
		"SELECT 1 AS one FROM orders WHERE name = 'x'":                                                             "[name]",
		"SELECT id FROM (SELECT * FROM orders ORDER BY total)":                                                     "[id total]",
		"SELECT name FROM orders GROUP BY name HAVING min(id) > 1":                                                 "[id name]",
		"SELECT a.id FROM orders a JOIN orders b ON a.id = b.id WHERE b.total > 1":                                 "[id total]",
		"SELECT x FROM (SELECT id AS x, name AS y FROM orders UNION ALL SELECT id, 'a' FROM orders)":               "[id]",
		"SELECT id FROM (SELECT id, count(*) AS n, max(total) AS m FROM orders GROUP BY id)":                       "[id]",
		"SELECT o.id, c.name FROM orders o JOIN customers c ON o.id = c.id":                                        "[id]",
		"SELECT id FROM (SELECT id, row_number() OVER (ORDER BY total) AS rn FROM orders)":                         "[]",
		"SELECT id FROM (SELECT id, row_number() OVER (ORDER BY total) AS rn FROM (SELECT id, total FROM orders))": "[id total]",
		"SELECT DISTINCT id FROM orders WHERE id > 1 ORDER BY id":                                                  "[id]",
	} {
		if got := fmt.Sprint(compile(t, Step{SQL: sql}).Columns("orders")); got != want {
			t.Errorf("%s reads %s, want %s", sql, got, want)
		}
	}
	p := compile(t, Step{SQL: "SELECT id FROM orders", OnError: Quarantine})
	if got := p.Columns("orders"); got != nil {
		t.Errorf("a row that is set aside would have only %v", got)
	}
}

func TestBuildSidesAreFedFirst(t *testing.T) {
	for sql, want := range map[string]string{
		"SELECT o.id FROM orders o JOIN customers c ON o.id = c.id":                                                   "[[customers] [orders]]",
		"SELECT o.id FROM customers c JOIN orders o ON o.id = c.id":                                                   "[[orders] [customers]]",
		"SELECT o.id FROM orders o JOIN (SELECT c.id FROM customers c JOIN orders p ON c.id = p.id) x ON o.id = x.id": "[[orders] [customers]]",
		"SELECT id FROM orders UNION ALL SELECT id FROM customers":                                                    "[[customers] [orders]]",
	} {
		if got := fmt.Sprint(compile(t, Step{SQL: sql}).Phases()); got != want {
			t.Errorf("%s feeds %s, want %s", sql, got, want)
		}
	}
}

func TestWhatTheInputDoesNotDetermineIsAWarning(t *testing.T) {
	for sql, want := range map[string]string{
		"SELECT id FROM orders LIMIT 3":                                                                                           "LIMIT without ORDER BY",
		"SELECT id, name FROM orders ORDER BY id LIMIT 3":                                                                         "the LIMIT keeps is open",
		"SELECT id FROM orders ORDER BY id LIMIT 3":                                                                               "",
		"SELECT id FROM orders ORDER BY id":                                                                                       "",
		"SELECT id, count(*) AS n FROM orders GROUP BY id ORDER BY n, id LIMIT 3":                                                 "",
		"SELECT id, count(*) AS n FROM orders GROUP BY id ORDER BY n LIMIT 3":                                                     "the LIMIT keeps is open",
		"SELECT row_number() OVER (PARTITION BY id ORDER BY total) AS rn FROM orders":                                             "row_number numbers rows that are equal",
		"SELECT row_number() OVER (PARTITION BY id ORDER BY total, name) AS rn FROM orders":                                       "",
		"SELECT id, row_number() OVER (PARTITION BY n ORDER BY id) AS rn FROM (SELECT id, count(*) AS n FROM orders GROUP BY id)": "",
	} {
		var got []string
		for _, w := range compile(t, Step{SQL: sql}).Warnings() {
			got = append(got, w.Text)
		}
		if all := strings.Join(got, "; "); want == "" && all != "" || !strings.Contains(all, want) {
			t.Errorf("%s warns %q, want %q", sql, all, want)
		}
	}
}

// TestRowErrorsFollowOnErrorWhileTheRowIsKnown: a row that fails before it is merged is set aside; a group that fails, fails the
// run.
func TestRowErrorsFollowOnErrorWhileTheRowIsKnown(t *testing.T) {
	for sql, want := range map[string]string{
		"SELECT id, sum(10 / total) AS s FROM orders GROUP BY id":                                 "false",
		"SELECT id, row_number() OVER (ORDER BY 10 / total) AS rn FROM orders":                    "false",
		"SELECT id FROM orders ORDER BY 10 / total":                                               "false",
		"SELECT a.id FROM orders a JOIN orders b ON 10 / a.total = b.total":                       "true",
		"SELECT id, 10 / (n - 2) AS x FROM (SELECT id, count(*) AS n FROM orders GROUP BY id)":    "true",
		"SELECT id, 10 / count(*) - 10 / (count(*) - 2) AS n FROM orders GROUP BY id":             "true",
		"SELECT id, 10 / total AS x FROM orders UNION ALL SELECT id, 1 FROM orders":               "true",
		"SELECT id, 10 / total AS x FROM (SELECT id, total FROM orders ORDER BY id) WHERE id > 0": "false",
	} {
		p := compile(t, Step{SQL: sql, OnError: Quarantine})
		rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, orders, strings.NewReader(rows))
		if err != nil {
			t.Fatal(err)
		}
		out := &collected{}
		e, err := p.Start(Env{Alloc: memory.DefaultAllocator}, out)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Batch(context.Background(), "orders", batch.Batch{Record: rec, Origin: batch.Origin{Split: "s", Row: 1}}); err != nil {
			t.Fatal(err)
		}
		if err := e.Done(context.Background(), "orders"); err != nil {
			t.Fatal(err)
		}
		e.Close()
		if len(out.bad) == 0 {
			t.Errorf("%s: no row was refused", sql)
		}
		for _, b := range out.bad {
			if fmt.Sprint(b.Fails) != want || b.Code != "DIVIDE_BY_ZERO" {
				t.Errorf("%s: %+v, want fails %s", sql, b, want)
			}
		}
	}
}

func TestCountsBalance(t *testing.T) {
	for sql, want := range map[string]string{
		"SELECT DISTINCT id FROM orders WHERE total > 0": "filtered 3, deduplicated 2",
		"SELECT id FROM orders ORDER BY id LIMIT 2":      "filtered 5, deduplicated 0",
		"SELECT id FROM orders LIMIT 2":                  "filtered 5, deduplicated 0",
		"SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY id ORDER BY total) AS rn FROM orders WHERE id = 1) WHERE rn = 1": "filtered 6, deduplicated 0",
	} {
		for size := 1; size <= 8; size++ {
			out, counts := runSteps(t, size, Step{SQL: sql})
			var filtered, deduplicated int64
			for _, c := range counts {
				filtered, deduplicated = filtered+c.Filtered, deduplicated+c.Deduplicated
			}
			if got := fmt.Sprintf("filtered %d, deduplicated %d", filtered, deduplicated); got != want || int64(len(out.rows))+filtered+deduplicated != 7 {
				t.Errorf("%s: %s, %d rows, want %s of 7", sql, got, len(out.rows), want)
			}
		}
	}
}

// TestSumsOfDoublesAreExact compares sums in many orders with one in arithmetic of any precision.
func TestSumsOfDoublesAreExact(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for n := range 400 {
		values := make([]float64, 1+r.IntN(60))
		want := new(big.Float).SetPrec(3000)
		for i := range values {
			switch f := math.Ldexp(r.Float64()-0.5, r.IntN([]int{10, 300, 2040}[n%3])-[]int{5, 150, 1020}[n%3]); {
			case i > 0 && r.IntN(3) == 0:
				values[i] = -values[r.IntN(i)]
			default:
				values[i] = f
			}
			want.Add(want, new(big.Float).SetFloat64(values[i]))
		}
		exact, _ := want.Float64()
		for range 4 {
			r.Shuffle(len(values), func(i, j int) { values[i], values[j] = values[j], values[i] })
			var a, b exactSum
			cut := r.IntN(len(values) + 1)
			for _, v := range values[:cut] {
				a.add(v)
			}
			for _, v := range values[cut:] {
				b.add(v)
			}
			if rest := a.merge(b.encode(nil)); len(rest) != 0 {
				t.Fatalf("%d bytes are left", len(rest))
			}
			if got := a.value(); got != exact || a.n != int64(len(values)) {
				t.Fatalf("%v: %v of %d, want %v", values, got, a.n, exact)
			}
		}
	}
	for _, c := range []struct {
		values []float64
		want   float64
	}{{[]float64{1e308, 1e308, -1e308}, 1e308}, {[]float64{1e308, 1e308}, math.Inf(1)}, {[]float64{math.Inf(1), 1}, math.Inf(1)}, {[]float64{math.Inf(1), math.Inf(-1)}, math.NaN()}, {[]float64{1e16, 0.1, -1e16}, 0.1}, {[]float64{math.Copysign(0, -1)}, 0}} {
		var s exactSum
		for _, v := range c.values {
			s.add(v)
		}
		if got := s.value(); math.Float64bits(got) != math.Float64bits(c.want) && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("the sum of %v is %v, want %v", c.values, got, c.want)
		}
	}
}

// TestManyRunsAreMergedInSteps spills more runs than are merged at a time.
func TestManyRunsAreMergedInSteps(t *testing.T) {
	tables := randomTables(rand.New(rand.NewPCG(3, 3)), 400)
	for _, sql := range []string{"SELECT id FROM t ORDER BY id DESC NULLS FIRST", "SELECT id, i FROM t ORDER BY i, id LIMIT 350"} {
		var want []string
		for _, c := range []corpusRun{{size: 400, workers: 1}, {size: 2, workers: 1, budget: 1}} {
			c.inputs, c.alloc, c.temp = tables, memory.DefaultAllocator, firnmem.NewDir(t.TempDir(), "a")
			got, err := c.run(t, Step{SQL: sql})
			if err != nil {
				t.Fatal(err)
			}
			var have []string
			for _, row := range textRows(t, got) {
				have = append(have, showRow(row))
			}
			if want == nil {
				want = have
			}
			if !slices.Equal(have, want) {
				t.Errorf("%s: %d rows in runs of 2 rows differ from %d at once", sql, len(have), len(want))
			}
		}
	}
}

// TestSumsOverflowOnlyWhenTheirResultDoes: whether a sum fails does not depend on the order of its terms.
func TestSumsOverflowOnlyWhenTheirResultDoes(t *testing.T) {
	tables := corpusTables(t)
	for sql, want := range map[string]string{
		"SELECT sum(l) AS a FROM big":                      `"0"`,
		"SELECT sum(f) AS a FROM t WHERE id IN (7, 9, 10)": `"0.1"`,
		"SELECT sum(f) AS a FROM big":                      `"1.0E308"`,
		"SELECT sum(d) AS a FROM big":                      `"999999999999999999999999999999999999.99"`,
	} {
		got, err := corpusRun{inputs: tables, alloc: memory.DefaultAllocator, size: 1, workers: 1}.run(t, Step{SQL: sql})
		if err != nil || len(got.bad) > 0 {
			t.Fatal(sql, err, got.bad)
		}
		if have := showRow(textRows(t, got)[0]); have != want {
			t.Errorf("%s is %s, want %s", sql, have, want)
		}
	}
}

func TestSourcesLearnOfFiltersThatCannotRaise(t *testing.T) {
	for sql, want := range map[string]string{
		"SELECT id FROM orders WHERE id > 1 AND name = 'x' AND upper(name) = 'X'":                        "id > 1 AND name = 'x'",
		"SELECT id FROM orders WHERE 5 >= id AND name = 'q' OR name IS NULL":                             "id <= 5 AND name = 'q' OR name IS NULL",
		"SELECT id FROM orders WHERE id > 1 AND 10 / total > 1":                                          "TRUE",
		"SELECT id FROM orders WHERE id > NULL":                                                          "TRUE",
		"SELECT name, count(*) AS n FROM orders WHERE name <> 'a' GROUP BY name":                         "name <> 'a'",
		"SELECT o.id FROM orders o LEFT JOIN customers c ON o.id = c.id WHERE o.id < 9 AND c.name = 'x'": "id < 9",
		"SELECT o.id FROM customers c LEFT JOIN orders o ON o.id = c.id WHERE o.id < 9":                  "TRUE",
		"SELECT id FROM orders WHERE id > 1 UNION ALL SELECT id FROM orders":                             "TRUE",
	} {
		if got := compile(t, Step{SQL: sql}).Where("orders").String(); got != want {
			t.Errorf("%s lets the source know %q, want %q", sql, got, want)
		}
	}
	if got := compile(t, Step{SQL: "SELECT id FROM orders WHERE id > 1", OnError: Quarantine}).Where("orders"); !got.IsTrue() {
		t.Errorf("a step that sets rows aside lets the source leave rows out: %s", got)
	}
}

func TestLargeSortsAreParted(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	refs := make([]sortRef, 5*sortedAlone+7)
	for i := range refs {
		refs[i] = sortRef{prefix: r.Uint64N(1 << 18), row: int32(i)}
	}
	compare := func(a, b sortRef) int { return int(int64(a.prefix) - int64(b.prefix)) }
	want := slices.Clone(refs)
	slices.SortStableFunc(want, compare)
	got := sortHalves(slices.Clone(refs), compare, 3)
	seen := map[int32]bool{}
	for i := range got {
		if seen[got[i].row] = true; got[i].prefix != want[i].prefix {
			t.Fatalf("row %d has key %d, want %d", i, got[i].prefix, want[i].prefix)
		}
	}
	if len(seen) != len(refs) {
		t.Errorf("%d of %d rows are left", len(seen), len(refs))
	}
}

func TestOriginsAreFollowedThroughJoinsAndWindows(t *testing.T) {
	p := compile(t, Step{SQL: "SELECT c.name AS n, o.id, o.id + 1 AS next, rn FROM (SELECT *, row_number() OVER (ORDER BY id, name, total) AS rn FROM orders) o JOIN customers c ON o.id = c.id"})
	for column, want := range map[string]string{"n": "customers 1 true", "id": "orders 0 true", "next": " 0 false", "rn": " 0 false"} {
		input, index, ok := p.Origin(column)
		if got := fmt.Sprint(input, " ", index, " ", ok); got != want {
			t.Errorf("%s comes from %s, want %s", column, got, want)
		}
	}
}
