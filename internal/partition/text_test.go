package partition

import (
	"slices"
	"testing"

	"github.com/firn-data/firn/internal/schema"
)

func TestExpressionsReadBackAsTheyWereWritten(t *testing.T) {
	in := schema.Schema{Fields: []schema.Field{{ID: 7, Name: "at"}}}
	want := []string{"at", "bucket(16, at)", "truncate(4, at)", "years(at)", "months(at)", "days(at)", "hours(at)", "void(at)"}
	var spec Spec
	for _, text := range want {
		e, err := ParseExpr(text)
		if err != nil {
			t.Fatal(err)
		}
		spec.Fields = append(spec.Fields, Field{SourceID: 7, Transform: e.Transform})
	}
	if got := spec.Expressions(in); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	want = []string{"at", "at DESC", "at NULLS LAST", "at DESC NULLS FIRST", "days(at) DESC"}
	var order SortOrder
	for _, text := range want {
		e, err := ParseSortExpr(text)
		if err != nil {
			t.Fatal(err)
		}
		order.Fields = append(order.Fields, SortField{SourceID: 7, Transform: e.Transform, Descending: e.Descending, NullsLast: e.NullsLast})
	}
	if got := order.Expressions(in); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
