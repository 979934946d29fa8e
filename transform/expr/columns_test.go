package expr

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/transform/parse"
)

// columnized is an expression whose constants became columns of three equal rows.
type columnized struct {
	scope  *Scope
	arrays []arrow.Array
	err    error
}

// columnize puts a column in the place of every constant but NULL.
func (c *columnized) columnize(x parse.Expr) parse.Expr {
	lit, ok := x.(*parse.Literal)
	if !ok {
		c.walk(reflect.ValueOf(x).Elem())
		return x
	}
	if lit.Kind == parse.Null {
		return x
	}
	e, err := c.scope.Bind(lit)
	if err != nil {
		c.err = err
		return x
	}
	v, _ := e.Eval(&Batch{N: 3}, nil)
	a := v.Array(memory.DefaultAllocator)
	name := fmt.Sprintf("c%d", len(c.arrays))
	c.arrays = append(c.arrays, a)
	c.scope.Fields = append(c.scope.Fields, Field{Name: name, Type: FromArrow(a.DataType())})
	return &parse.Column{Node: lit.Node, Parts: []string{name}}
}

func (c *columnized) walk(v reflect.Value) {
	switch v.Kind() {
	case reflect.Interface:
		if x, ok := v.Interface().(parse.Expr); ok {
			v.Set(reflect.ValueOf(c.columnize(x)))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			c.walk(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			c.walk(v.Index(i))
		}
	}
}

// overColumns is the engine's answer over columns, "" when it wants a constant or types an operand otherwise.
func overColumns(t *testing.T, sql string) string {
	x, err := parse.ParseExpr(sql)
	if err != nil {
		return ""
	}
	c := &columnized{scope: &Scope{Functions: Functions(), Now: time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)}}
	x = c.columnize(x)
	if c.err != nil || len(c.arrays) == 0 {
		return ""
	}
	e, err := c.scope.Bind(x)
	var be *Error
	if errors.As(err, &be) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	fields := make([]arrow.Field, len(c.arrays))
	for i, a := range c.arrays {
		fields[i] = arrow.Field{Name: c.scope.Fields[i].Name, Type: a.DataType(), Nullable: true}
	}
	rec := array.NewRecordBatch(arrow.NewSchema(fields, nil), c.arrays, 3)
	b := NewBatch(rec)
	defer b.Release()
	answers := map[string]bool{}
	for _, sel := range [][]int32{nil, {0, 2}} {
		v, errs := e.Eval(b, sel)
		for k := range v.N {
			answers[cell(e, v, errs, sel, k)] = true
		}
	}
	if len(answers) != 1 {
		t.Errorf("%s: equal rows give %v", sql, answers)
	}
	for a := range answers {
		return a
	}
	return ""
}

func cell(e Expr, v *Vec, errs []RowError, sel []int32, k int) string {
	typ := strings.ToLower(e.Type().String())
	for _, x := range errs {
		if x.Row == rowOf(sel, k) {
			return "error " + family(x.Code)
		}
	}
	if v.null(k) {
		return typ + " NULL"
	}
	return typ + " " + strings.ToValidUTF8(v.text(k), "\ufffd")
}

// TestCorpusOverColumns evaluates the corpus with a column in the place of every constant, so that the kernels over columns
// and selections are compared with Spark too. An answer of another type is left out: a constant counts by its own digits.
func TestCorpusOverColumns(t *testing.T) {
	body, err := os.ReadFile("../testdata/corpus/expressions.tsv")
	if err != nil {
		t.Fatal(err)
	}
	compared, wrong := 0, 0
	for _, line := range strings.Split(strings.TrimSpace(string(body)), "\n") {
		part := strings.Split(line, "\t")
		got := overColumns(t, part[0])
		typ, _, _ := strings.Cut(got, " ")
		if got == "" || typ != part[1] {
			continue
		}
		compared++
		if want := expected(part[1], part[2]); got != want && !sameFloat(got, want) {
			if wrong++; wrong <= 40 {
				t.Errorf("%s:\n columns %s\n   Spark %s", part[0], got, want)
			}
		}
	}
	if compared < 3500 {
		t.Errorf("only %d expressions were compared", compared)
	}
	t.Logf("%d expressions compared", compared)
}
