package expr

import (
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/transform/parse"
)

// TestTextsOfAnySizeAreRowErrors asks for texts that would take all memory.
func TestTextsOfAnySizeAreRowErrors(t *testing.T) {
	for _, sql := range []string{"repeat('abc', 2147483647)", "lpad('a', 2147483647, 'xy')", "rpad('a', 2147483647)"} {
		if got := constantResult(t, sql); got != "TEXT_TOO_LONG" {
			t.Errorf("%s gives %s", sql, got)
		}
	}
}

// TestRefusalsSayWhere checks that what Java's patterns can and RE2 cannot is refused where it stands in the query.
func TestRefusalsSayWhere(t *testing.T) {
	for sql, want := range map[string]string{
		`s RLIKE r'(?=a)'`:                    "lookaround",
		`regexp_replace(s, r'(a)\1', '')`:     `\1`,
		`regexp_replace(s, 'a*', '')`:         "may be empty",
		`regexp_replace(s, 'a', '$1')`:        "without a group",
		`split(s, r'a++')`:                    "possessive",
		`s RLIKE r'\bx'`:                      `\b`,
		`s RLIKE r'\p{L}'`:                    "Unicode property",
		`s RLIKE r'[a&&b]'`:                   "intersection",
		`s RLIKE s`:                           "not a constant",
		`to_date(s, 'VV')`:                    "letter V",
		`date_format(current_timestamp(), s)`: "not a constant",
		`date_trunc(s, current_timestamp())`:  "not a constant",
		`regexp_extract(s, '(a', 1)`:          "( without )",
		`s RLIKE 'a$b'`:                       "$ that is not at the end",
		`s RLIKE '(a|b$)+'`:                   "$ that is not at the end",
	} {
		x, err := parse.ParseExpr(sql)
		if err != nil {
			t.Fatal(err)
		}
		s := &Scope{Functions: Functions(), Fields: []Field{{Name: "s", Type: Type{Kind: String}}}}
		_, err = s.Bind(x)
		e, ok := err.(*Error)
		if !ok || e.Code != "NEEDS_SPARK" || !strings.Contains(e.Msg, want) || e.Pos == 0 && !strings.HasPrefix(sql, "s") {
			t.Errorf("%s: %v does not say %q at a position", sql, err, want)
		}
	}
}

// TestRepeatedExpressionsAreEvaluatedOnce looks at the one vector that two uses of an expression share.
func TestRepeatedExpressionsAreEvaluatedOnce(t *testing.T) {
	a, _, err := array.FromJSON(memory.NewGoAllocator(), arrow.PrimitiveTypes.Int32, strings.NewReader(`[1, 2, null]`))
	if err != nil {
		t.Fatal(err)
	}
	rec := array.NewRecordBatch(arrow.NewSchema([]arrow.Field{{Name: "a", Type: a.DataType(), Nullable: true}}, nil), []arrow.Array{a}, 3)
	s := &Scope{Functions: Functions(), Fields: []Field{{Name: "a", Type: FromArrow(a.DataType())}}}
	bind := func(sql string) Expr {
		x, err := parse.ParseExpr(sql)
		if err != nil {
			t.Fatal(err)
		}
		e, err := s.Bind(x)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	x, y := bind("a * 2 + 1"), bind("a  *  2 + 1")
	b := NewBatch(rec)
	defer b.Release()
	p, _ := x.Eval(b, nil)
	if q, _ := y.Eval(b, nil); p != q {
		t.Error("the second use was evaluated again")
	}
	if q, _ := y.Eval(b, []int32{0, 1}); p == q || q.N != 2 {
		t.Error("a selection got the vector of all rows")
	}
	if b.Bytes() == 0 || Width(x) == 0 {
		t.Error("the vectors take no memory")
	}
}

// TestSteadyStateAllocatesLittle evaluates batch after batch and counts what Go allocates.
func TestSteadyStateAllocatesLittle(t *testing.T) {
	g := grammar{newRand(3)}
	rec := g.record(memory.NewGoAllocator(), 4096)
	s := &Scope{Functions: Functions()}
	for _, f := range randomSchema.Fields() {
		s.Fields = append(s.Fields, Field{Name: f.Name, Type: FromArrow(f.Type)})
	}
	x, err := parse.ParseExpr("trim(s) = u AND d * (1 - d) > 0.5 AND t < DATE '2020-01-01' OR year(t) IN (1970, 2024)")
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.Bind(x)
	if err != nil {
		t.Fatal(err)
	}
	mem := new(scratch)
	run := func() {
		b := NewBatch(rec)
		b.mem = mem // not of the pool, where other tests left theirs
		v, _ := e.Eval(b, nil)
		v.Truths()
		if most := Width(e) * int64(b.N); b.Bytes() > most {
			t.Errorf("the vectors hold %d bytes, more than the %d that Width says", b.Bytes(), most)
		}
		mem.reset()
	}
	if n := testing.AllocsPerRun(50, run); n > 200 {
		t.Errorf("%v allocations for a batch of 4096 rows", n)
	}
}
