package transform

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
	firnmem "github.com/firn-data/firn/internal/memory"
	"github.com/firn-data/firn/transform/expr"
)

// corpusQuery is a query with Spark's answer.
type corpusQuery struct {
	SQL     string      `json:"sql"`
	Ordered bool        `json:"ordered"`
	Columns [][2]string `json:"columns"`
	Rows    [][]*string `json:"rows"`
	Error   string      `json:"error"`
}

func corpusQueries(t testing.TB) (out []corpusQuery) {
	t.Helper()
	f, err := os.Open("testdata/corpus/queries.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var q corpusQuery
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			t.Fatal(err)
		}
		out = append(out, q)
	}
	asked, err := os.ReadFile("testdata/corpus/queries.sql")
	if err != nil {
		t.Fatal(err)
	}
	for i, sql := range strings.Split(strings.TrimSpace(string(asked)), "\n") {
		if i >= len(out) || out[i].SQL != strings.TrimPrefix(sql, "! ") {
			t.Fatalf("query %d has no answer of Spark's: make corpus CORPUS=queries asks for it: %s", i+1, sql)
		}
	}
	return out
}

// corpusTables makes the tables of the corpus by casting the text of their values, as the maker of Spark's answers does.
func corpusTables(t testing.TB) map[string]arrow.RecordBatch {
	t.Helper()
	body, err := os.ReadFile("testdata/corpus/tables.json")
	if err != nil {
		t.Fatal(err)
	}
	var tables map[string]struct {
		Columns [][2]string
		Rows    [][]*string
	}
	if err := json.Unmarshal(body, &tables); err != nil {
		t.Fatal(err)
	}
	out := map[string]arrow.RecordBatch{}
	for name, tab := range tables {
		var fields []arrow.Field
		var casts []string
		for _, c := range tab.Columns {
			fields = append(fields, arrow.Field{Name: c[0], Type: arrow.BinaryTypes.String, Nullable: true})
			casts = append(casts, fmt.Sprintf("CAST(%s AS %s) AS %s", c[0], c[1], c[0]))
		}
		text := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
		for _, row := range tab.Rows {
			for i, v := range row {
				if v == nil {
					text.Field(i).AppendNull()
				} else {
					text.Field(i).(*array.StringBuilder).Append(*v)
				}
			}
		}
		rec := text.NewRecordBatch()
		in := map[string]arrow.RecordBatch{"text": rec}
		got, err := corpusRun{inputs: in, alloc: memory.DefaultAllocator, size: 1 << 20, workers: 1}.run(t, Step{SQL: "SELECT " + strings.Join(casts, ", ") + " FROM text"})
		if err != nil {
			t.Fatal(err)
		}
		switch len(got.recs) {
		case 0:
			b := array.NewRecordBuilder(memory.DefaultAllocator, got.schema)
			out[name] = b.NewRecordBatch()
		case 1:
			out[name] = got.recs[0]
		default:
			t.Fatalf("%s came in %d batches", name, len(got.recs))
		}
	}
	return out
}

// corpusRun is how steps are run over inputs.
type corpusRun struct {
	inputs  map[string]arrow.RecordBatch
	alloc   memory.Allocator
	size    int // rows in a batch
	workers int
	budget  int64 // 0: none
	temp    *firnmem.Dir
}

// collected is what came out.
type collected struct {
	mu     sync.Mutex
	schema *arrow.Schema
	recs   []arrow.RecordBatch
	bad    []batch.BadRow
	counts []Count
}

func (c *collected) Batch(b batch.Batch) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recs = append(c.recs, b.Record)
	return nil
}

func (c *collected) BadRow(r batch.BadRow) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bad = append(c.bad, r)
	return nil
}

func (c *collected) release() {
	for _, r := range c.recs {
		r.Release()
	}
}

// run feeds the inputs that the steps name, phase by phase, from as many goroutines as there are workers.
func (r corpusRun) run(t testing.TB, steps ...Step) (*collected, error) {
	t.Helper()
	var names []string
	for n := range r.inputs {
		if len(r.inputs) == 1 || strings.Contains(" "+strings.NewReplacer("(", " ", ")", " ").Replace(steps[0].SQL)+" ", " "+n+" ") {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	var p *Program
	for {
		var ins []Input
		for _, n := range names {
			ins = append(ins, Input{Name: n, Schema: r.inputs[n].Schema()})
		}
		if len(ins) == 0 {
			ins = append(ins, Input{Name: "e", Schema: r.inputs["e"].Schema()})
		}
		var err error
		if p, err = Compile(steps, ins, Params{}, time.Unix(0, 0)); err == nil {
			break
		}
		// A name that stands for an alias or a CTE only is no input.
		_, after, unused := strings.Cut(err.Error(), "the first step does not read the source ")
		if !unused {
			return nil, err
		}
		name := strings.TrimRight(strings.Fields(after)[0], ":;,.")
		if len(names) <= 1 {
			return r.constant(t, steps)
		}
		names = slices.DeleteFunc(names, func(n string) bool { return n == name })
	}
	return r.execute(t, p)
}

// constant runs a query that reads nothing, which no job has, with an input beside it that nobody reads.
func (r corpusRun) constant(t testing.TB, steps []Step) (*collected, error) {
	t.Helper()
	named := tables{}
	for n, rec := range r.inputs {
		named = named.with(n, newRead(Input{Name: n, Schema: rec.Schema()}))
	}
	root, _, err := compileSQL(&steps[0], named, Params{}, time.Unix(0, 0), "sql[0]")
	if err != nil {
		return nil, err
	}
	read := newRead(Input{Name: "none", Schema: arrow.NewSchema(nil, nil)})
	p := &Program{root: root, plan: arrange(root), reads: map[string]int{}}
	p.plan.mark()
	p.plan.prune()
	p.plan.nodes, p.plan.consumers, p.plan.ports = append(p.plan.nodes, read), append(p.plan.consumers, nil), append(p.plan.ports, 0)
	p.reads["none"] = len(p.plan.nodes) - 1
	return r.execute(t, p)
}

func (r corpusRun) execute(t testing.TB, p *Program) (*collected, error) {
	t.Helper()
	ctx := context.Background()
	out := &collected{schema: p.Schema()}
	env := Env{Alloc: r.alloc, Workers: r.workers, Temp: r.temp}
	if r.budget > 0 {
		env.Budget = firnmem.NewBudget(r.budget)
	}
	e, err := p.Start(env, out)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		e.Close()
		if env.Budget != nil && env.Budget.Used() != 0 {
			t.Errorf("%d bytes are still reserved", env.Budget.Used())
		}
	}()
	phases := p.Phases()
	if _, none := p.reads["none"]; none {
		return out, e.Done(ctx, "none")
	}
	for _, phase := range phases {
		for _, name := range phase {
			if err := r.feed(ctx, e, p, name); err != nil {
				return out, err
			}
			if err := e.Done(ctx, name); err != nil {
				return out, err
			}
		}
	}
	out.counts = e.Counts()
	return out, nil
}

// feed pushes an input's batches, with the columns that the program reads.
func (r corpusRun) feed(ctx context.Context, e *Execution, p *Program, name string) error {
	rec := r.inputs[name]
	work := make(chan batch.Batch)
	errs := make(chan error, r.workers)
	for range r.workers {
		go func() {
			var first error
			for b := range work {
				if first != nil {
					b.Release()
				} else {
					first = e.Batch(ctx, name, b)
				}
			}
			errs <- first
		}()
	}
	columns := p.Columns(name)
	for from := 0; from < int(rec.NumRows()); from += r.size {
		slice := rec.NewSlice(int64(from), min(int64(from+r.size), rec.NumRows()))
		if columns != nil {
			slice = onlyColumns(slice, columns)
		}
		work <- batch.Batch{Record: slice, Origin: batch.Origin{Source: name, Split: "s", Row: int64(from) + 1}}
	}
	close(work)
	var all []error
	for range r.workers {
		all = append(all, <-errs)
	}
	return errors.Join(all...)
}

func onlyColumns(rec arrow.RecordBatch, names []string) arrow.RecordBatch {
	defer rec.Release()
	var fields []arrow.Field
	var cols []arrow.Array
	for _, n := range names {
		i := rec.Schema().FieldIndices(n)[0]
		fields, cols = append(fields, rec.Schema().Field(i)), append(cols, rec.Column(i))
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), cols, rec.NumRows())
}

// textRows are rows with each value cast to STRING by the engine itself; a NULL is nil.
func textRows(t testing.TB, c *collected) (out [][]*string) {
	t.Helper()
	if c.schema.NumFields() == 0 {
		return nil
	}
	casts := make([]string, c.schema.NumFields())
	for i, f := range c.schema.Fields() {
		casts[i] = fmt.Sprintf("CAST(`%s` AS STRING) AS `%s`", f.Name, f.Name)
	}
	p, err := Compile([]Step{{SQL: "SELECT " + strings.Join(casts, ", ") + " FROM input"}}, []Input{{Name: "input", Schema: c.schema}}, nil, time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	texts := &collected{}
	e, err := p.Start(Env{Alloc: memory.DefaultAllocator}, texts)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for _, r := range c.recs {
		r.Retain()
		if err := e.Batch(context.Background(), "input", batch.Batch{Record: r}); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range texts.recs {
		for i := range int(r.NumRows()) {
			row := make([]*string, r.NumCols())
			for k, col := range r.Columns() {
				if col.IsValid(i) {
					s := strings.Clone(col.(*array.String).Value(i))
					row[k] = &s
				}
			}
			out = append(out, row)
		}
		r.Release()
	}
	return out
}

func showRow(row []*string) string {
	parts := make([]string, len(row))
	for i, v := range row {
		if parts[i] = "NULL"; v != nil {
			parts[i] = strconv.Quote(*v)
		}
	}
	return strings.Join(parts, ", ")
}

// sameRow compares values of types; floats to 1e-12 (I7).
func sameRow(types [][2]string, a, b []*string) bool {
	for i := range a {
		if (a[i] == nil) != (b[i] == nil) {
			return false
		}
		if a[i] == nil || *a[i] == *b[i] {
			continue
		}
		if types[i][1] != "double" && types[i][1] != "float" {
			return false
		}
		x, err := strconv.ParseFloat(*a[i], 64)
		y, err2 := strconv.ParseFloat(*b[i], 64)
		if err != nil || err2 != nil || !(x == y || math.Abs(x-y) <= 1e-12*math.Abs(y)) {
			return false
		}
	}
	return true
}

// TestQueriesGiveSparksRows runs every query of the corpus and compares names, types, rows and error classes with what a real
// Spark 4.1 gave (testdata/corpus/generate.py). What the native engine refuses must stay the list in refused-queries.txt; run
// with FIRN_REWRITE=1 after a change to it was meant.
func TestQueriesGiveSparksRows(t *testing.T) {
	tables := corpusTables(t)
	var refused []string
	compared := 0
	for _, q := range corpusQueries(t) {
		got, err := corpusRun{inputs: tables, alloc: memory.DefaultAllocator, size: 3, workers: 1}.run(t, Step{SQL: q.SQL})
		if fault.CodeOf(err) == "NEEDS_SPARK" {
			refused = append(refused, q.SQL)
			continue
		}
		compared++
		if diff := q.differs(t, got, err); diff != "" {
			t.Errorf("%s\n%s", q.SQL, diff)
		}
	}
	if compared < 150 {
		t.Errorf("only %d queries were compared", compared)
	}
	const file = "testdata/corpus/refused-queries.txt"
	text := strings.Join(refused, "\n") + "\n"
	if os.Getenv("FIRN_REWRITE") != "" {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("refused are\n%s%s lists\n%s", text, file, want)
	}
}

// differs says how the native answer is not Spark's.
func (q corpusQuery) differs(t testing.TB, got *collected, err error) string {
	t.Helper()
	family := func(code string) string { f, _, _ := strings.Cut(code, "."); return f }
	code := fault.CodeOf(err)
	if err == nil && len(got.bad) > 0 {
		code = got.bad[0].Code
	}
	if err != nil && code == "" {
		return err.Error()
	}
	if code != "" || q.Error != "" {
		unnamed := code != "" && strings.HasPrefix(q.Error, "_LEGACY_ERROR_TEMP_") // an error that has no class yet
		if family(code) != family(q.Error) && !unnamed {
			return fmt.Sprintf(" native: error %q %v\n  Spark: error %q, %d rows", code, err, q.Error, len(q.Rows))
		}
		return ""
	}
	for i, f := range got.schema.Fields() {
		if typ := strings.ToLower(expr.FromArrow(f.Type).String()); i < len(q.Columns) && q.Columns[i][1] == "void" {
			continue
		} else if i >= len(q.Columns) || f.Name != q.Columns[i][0] || typ != q.Columns[i][1] {
			return fmt.Sprintf(" native: column %d is %s %s\n  Spark: %v", i, f.Name, typ, q.Columns)
		}
	}
	if len(q.Columns) != got.schema.NumFields() {
		return fmt.Sprintf(" native: %v\n  Spark: %v", got.schema, q.Columns)
	}
	have := textRows(t, got)
	return q.compare(have)
}

// compare compares rows in order, or as multisets.
func (q corpusQuery) compare(have [][]*string) string {
	list := func(rows [][]*string) string {
		lines := make([]string, len(rows))
		for i, r := range rows {
			lines[i] = "    " + showRow(r)
		}
		if !q.Ordered {
			slices.Sort(lines)
		}
		return strings.Join(lines, "\n")
	}
	wrong := fmt.Sprintf(" native:\n%s\n  Spark:\n%s", list(have), list(q.Rows))
	if len(have) != len(q.Rows) {
		return wrong
	}
	left := slices.Clone(q.Rows)
	for i, row := range have {
		if q.Ordered {
			if !sameRow(q.Columns, row, q.Rows[i]) {
				return wrong
			}
			continue
		}
		k := slices.IndexFunc(left, func(o []*string) bool { return sameRow(q.Columns, row, o) })
		if k < 0 {
			return wrong
		}
		left = slices.Delete(left, k, k+1)
	}
	return ""
}
