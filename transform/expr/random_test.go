package expr

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/internal/datepattern"
	"github.com/firn-data/firn/transform/parse"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// grammar makes random expressions over randomSchema, by type.
type grammar struct {
	*rand.Rand
}

var randomSchema = arrow.NewSchema([]arrow.Field{
	{Name: "i", Type: arrow.PrimitiveTypes.Int32, Nullable: true}, {Name: "l", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "d", Type: &arrow.Decimal128Type{Precision: 15, Scale: 2}, Nullable: true}, {Name: "w", Type: &arrow.Decimal128Type{Precision: 38, Scale: 6}, Nullable: true},
	{Name: "f", Type: arrow.PrimitiveTypes.Float64, Nullable: true}, {Name: "s", Type: arrow.BinaryTypes.String, Nullable: true}, {Name: "u", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "t", Type: arrow.FixedWidthTypes.Date32, Nullable: true}, {Name: "m", Type: arrow.FixedWidthTypes.Timestamp_us, Nullable: true}, {Name: "b", Type: arrow.FixedWidthTypes.Boolean, Nullable: true}}, nil)

func (g grammar) of(options ...string) string { return options[g.IntN(len(options))] }

func (g grammar) number(depth int) string {
	if depth <= 0 {
		return g.of("i", "l", "d", "w", "f", "0", "1", "-1", "7", "0.5", "2.50", "1e3", "NULL", "2147483647", "9223372036854775807L", "99999999999999999999.99")
	}
	n := func() string { return g.number(depth - 1) }
	switch g.IntN(11) {
	case 10: // twice the same: evaluated once
		x := n()
		return "(" + x + g.of(" + ", " - ", " * ") + x + ")"
	case 0, 1, 2, 3:
		return "(" + n() + g.of(" + ", " - ", " * ", " / ", " % ", " DIV ") + n() + ")"
	case 4:
		return g.of("abs", "ceil", "floor", "round", "bround", "sign", "-", "sqrt", "ln", "hash", "xxhash64", "unix_timestamp") + "(" + n() + ")"
	case 5:
		return g.of("length", "instr", "") + "(" + g.text(depth-1) + ")"
	case 6:
		return g.of("year", "month", "day", "quarter", "dayofweek", "hour", "second") + "(" + g.time(depth-1) + ")"
	case 7:
		return g.of("greatest", "least", "coalesce", "nullif", "pmod", "power", "nvl") + "(" + n() + ", " + n() + ")"
	case 8:
		return "CASE WHEN " + g.condition(depth-1) + " THEN " + n() + " WHEN " + g.condition(depth-1) + " THEN " + n() + g.of(" ELSE "+n(), "") + " END"
	}
	return g.of("CAST(", "TRY_CAST(") + g.of(n(), g.text(depth-1)) + " AS " + g.of("INT", "BIGINT", "TINYINT", "DOUBLE", "DECIMAL(10,2)", "DECIMAL(38,10)", "FLOAT") + ")"
}

func (g grammar) text(depth int) string {
	if depth <= 0 {
		return g.of("s", "u", "''", "'a'", "'héllo'", "'2024-02-29'", "'12'", "NULL", "'a,b'")
	}
	x := func() string { return g.text(depth - 1) }
	switch g.IntN(8) {
	case 0:
		return g.of("upper", "lower", "trim", "ltrim", "rtrim", "initcap", "md5") + "(" + x() + ")"
	case 1:
		return g.of("concat", "coalesce", "nullif", "greatest", "least") + "(" + x() + ", " + x() + ")"
	case 2:
		return "substring(" + x() + ", " + g.of("1", "-2", "i", "0") + g.of("", ", 2", ", i") + ")"
	case 3:
		return g.of("replace", "translate") + "(" + x() + ", " + x() + ", " + x() + ")"
	case 4:
		return "regexp_replace(" + x() + ", '" + g.of("[a-c]+", "(a)|b", "^h", "o$", "é") + "', '" + g.of("x", "<$0>") + "')"
	case 5:
		return "split(" + x() + ", ',')[" + g.of("0", "1", "i % 2") + "]"
	case 6:
		return "date_format(" + g.time(depth-1) + ", '" + g.of("yyyy-MM-dd", "D EEE", "hh:mm a") + "')"
	}
	return "CAST(" + g.of(g.number(depth-1), g.time(depth-1), g.condition(depth-1)) + " AS STRING)"
}

func (g grammar) time(depth int) string {
	if depth <= 0 {
		return g.of("t", "m", "DATE '2024-02-29'", "TIMESTAMP '1969-12-31 23:59:59.5'", "NULL")
	}
	x := g.time(depth - 1)
	return g.of("date_add("+x+", 30)", "date_sub("+x+", i % 100)", "last_day("+x+")", "add_months("+x+", i % 50)", "trunc("+x+", 'month')", "date_trunc('hour', "+x+")", "to_date("+g.text(depth-1)+", 'yyyy-MM-dd')",
		"CAST("+g.text(depth-1)+" AS TIMESTAMP)", "if("+g.condition(depth-1)+", "+x+", t)")
}

func (g grammar) condition(depth int) string {
	if depth <= 0 {
		return g.of("b", "true", "false", "NULL", "i > 0", "s = u", "t < DATE '2000-01-01'", "d <= 0")
	}
	c := func() string { return g.condition(depth - 1) }
	n := func() string { return g.number(depth - 1) }
	switch g.IntN(10) {
	case 9:
		x, y := n(), g.text(depth-1)
		return "(" + x + " < 1 OR " + x + " > " + n() + " AND " + y + " IN (" + y + ", 'a') OR " + y + " IS NULL)"
	case 0, 1:
		return "(" + c() + g.of(" AND ", " OR ") + c() + ")"
	case 2:
		return "(NOT " + c() + ")"
	case 3:
		return "(" + n() + g.of(" = ", " < ", " >= ", " <> ", " <=> ") + n() + ")"
	case 4:
		return "(" + g.text(depth-1) + g.of(" = ", " < ", " <> ", " <=> ") + g.text(depth-1) + ")"
	case 5:
		return "(" + n() + g.of(" IN (", " NOT IN (") + n() + ", " + n() + "))"
	case 6:
		return "(" + g.text(depth-1) + g.of(" LIKE 'a%'", " RLIKE '[a-c]$'", " IS NULL", " IS NOT NULL") + ")"
	case 7:
		return "(" + n() + " BETWEEN " + n() + " AND " + n() + ")"
	}
	return "(" + g.time(depth-1) + g.of(" = ", " < ", " > ") + g.time(depth-1) + ")"
}

func (g grammar) any() string {
	depth := g.IntN(5)
	switch g.IntN(4) {
	case 0:
		return g.text(depth)
	case 1:
		return g.time(depth)
	case 2:
		return g.condition(depth)
	}
	return g.number(depth)
}

// record makes rows of edge values and NULLs.
func (g grammar) record(alloc memory.Allocator, n int) arrow.RecordBatch {
	b := array.NewRecordBuilder(alloc, randomSchema)
	defer b.Release()
	values := [][]string{{"0", "1", "-7", "2147483647", "-2147483648"}, {"0", "5", "9223372036854775807", "-9223372036854775808"}, {"0.00", "10.50", "-0.01", "9999999999999.99"},
		{"0.000000", "1.500000", "-99999999999999999999999999999999.999999", "123456789012345678.000001"}, {"0", "-0", "1.5", "NaN", "+Inf", "1e300"}, {"", "a", "abc", "héllo", " x ", "1,2", "2024-02-29", "42"}, {"", "a", "b", "ABC", "é"},
		{"1970-01-01", "2024-02-29", "0001-01-01", "9999-12-31"}, {"1970-01-01T00:00:00Z", "2024-02-29T13:14:15.123456Z", "1969-12-31T23:59:59.999999Z"}, {"true", "false"}}
	for range n {
		for c, list := range values {
			if g.IntN(5) == 0 {
				b.Field(c).AppendNull()
			} else if err := b.Field(c).AppendValueFromString(g.of(list...)); err != nil {
				panic(err)
			}
		}
	}
	return b.NewRecordBatch()
}

// answer is what an evaluation gave for each selected row: value, NULL or the error's class.
func answer(e Expr, rec arrow.RecordBatch, sel []int32) []string {
	b := NewBatch(rec)
	defer b.Release()
	v, errs := e.Eval(b, sel)
	out := make([]string, v.N)
	failed := map[int32]string{}
	for _, x := range errs {
		if failed[x.Row] == "" {
			failed[x.Row] = x.Code
		}
	}
	for k := range out {
		switch code := failed[rowOf(sel, k)]; {
		case code != "" && !v.null(k):
			out[k] = "an error that is not NULL"
		case code != "":
			out[k] = "error"
		case v.null(k):
			out[k] = "NULL"
		default:
			out[k] = strings.Clone(v.text(k)) // it lies in the batch's memory
		}
	}
	return out
}

// stored is the answer after the result went through an Arrow array, with errors as NULL.
func stored(alloc memory.Allocator, e Expr, rec arrow.RecordBatch) []string {
	b := NewBatch(rec)
	v, _ := e.Eval(b, nil)
	a := v.Array(alloc)
	defer a.Release()
	t := e.Type()
	b.Release()
	if t.Kind == Array || t.Kind == Null {
		return nil
	}
	back := load(nil, a, t, nil)
	out := make([]string, back.N)
	for k := range out {
		out[k] = "NULL"
		if !back.null(k) {
			out[k] = back.text(k)
		}
	}
	return out
}

// checkRandom makes one expression and rows from a seed, and compares evaluation at once, by selection and row by row.
func checkRandom(t *testing.T, seed uint64) (bound bool) {
	t.Helper()
	g := grammar{newRand(seed)}
	sql := g.any()
	x, err := parse.ParseExpr(sql)
	if err != nil {
		return false
	}
	s := &Scope{Functions: Functions(), Now: time.Unix(1709208000, 0)}
	for _, f := range randomSchema.Fields() {
		s.Fields = append(s.Fields, Field{Name: f.Name, Type: FromArrow(f.Type)})
	}
	e, err := s.Bind(x)
	if err != nil {
		return false
	}
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer alloc.AssertSize(t, 0)
	whole := g.record(alloc, 1+g.IntN(40))
	defer whole.Release()
	rec := whole.NewSlice(int64(g.IntN(2)), whole.NumRows())
	defer rec.Release()
	all := answer(e, rec, nil)
	var sel []int32
	var picked []string
	for r := range int32(rec.NumRows()) {
		if one := answer(e, rec, []int32{r}); one[0] != all[r] {
			t.Fatalf("seed %d: %s: row %d alone gives %s, with all %s", seed, sql, r, one[0], all[r])
		}
		if g.IntN(2) == 0 {
			sel, picked = append(sel, r), append(picked, all[r])
		}
	}
	if len(sel) > 0 {
		if got := answer(e, rec, sel); !slices.Equal(got, picked) {
			t.Fatalf("seed %d: %s: rows %v give %q, with all %q", seed, sql, sel, got, picked)
		}
	}
	kept := stored(alloc, e, rec)
	for k, got := range kept {
		if want := strings.ReplaceAll(all[k], "error", "NULL"); got != want {
			t.Fatalf("seed %d: %s: row %d is stored as %s instead of %s", seed, sql, k, got, want)
		}
	}
	return true
}

func TestAnySelectionGivesTheSameRows(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seeds from %d on", seed)
	const cases = 1500
	bound := 0
	for i := range uint64(cases) {
		if checkRandom(t, seed+i) {
			bound++
		}
	}
	if bound < cases/3 {
		t.Errorf("only %d of %d expressions could be bound", bound, cases)
	}
}

func FuzzEval(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) { checkRandom(t, seed) })
}

// FuzzRegex checks that a translated pattern compiles in each of its forms and never panics.
func FuzzRegex(f *testing.F) {
	for _, p := range []string{`a(b|c)*$`, `^(\d+)-([^x]\s)?$`, `(?i)x{2,3}?\Q.\E`, `[\w&&]`, `((((`, `(a$|b)`, `\x{41}\u0041\0101`} {
		f.Add(p, "abc\r\n")
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		r, err := parseJavaRegex(pattern)
		if err != nil {
			return
		}
		for _, s := range []string{text, text + "\n", text + "\r\n"} {
			if m := r.find(s, 0); (m != nil) != r.matches(s) || m != nil && len(m) != 2*(r.groups+1) {
				t.Errorf("%q in %q: %v, %v", pattern, s, m, r.matches(s))
			}
			r.each(s, func(m []int) { _ = s[m[0]:m[1]] })
		}
	})
}

// FuzzPattern checks that no date pattern panics, and that one which writes all of a time reads it back.
func FuzzPattern(f *testing.F) {
	for _, p := range []string{"yyyy-MM-dd HH:mm:ss.SSSSSS", "d MMM yyyy[ hh:mm a]", "yyyyDDD", "''G''yy", "[[", "HHmmss"} {
		f.Add(p, int64(1709212455123456))
	}
	f.Fuzz(func(t *testing.T, pattern string, micros int64) {
		micros %= 1 << 55 // years 800 to 3100
		for _, p := range []string{pattern, "uuuu", "yyyy-MM-dd HH:mm:ss.SSSSSS"} {
			write, bad := datepattern.New(p, false)
			if bad != nil {
				continue
			}
			text, ok := write.Format(nil, micros)
			read, bad := datepattern.New(p, true)
			if bad != nil || !ok {
				continue
			}
			back, ok := read.Parse(string(text), true)
			if p == "yyyy-MM-dd HH:mm:ss.SSSSSS" && (!ok || back != micros) {
				t.Errorf("%d became %s and %d", micros, text, back)
			}
		}
	})
}
