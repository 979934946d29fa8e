package partition

import (
	"testing"

	"github.com/firn-data/firn/internal/schema"
)

func TestTransformsParseAsTheyPrint(t *testing.T) {
	for _, text := range []string{"identity", "bucket[16]", "truncate[4]", "year", "month", "day", "hour", "void"} {
		got, err := ParseTransform(text)
		if err != nil || got.String() != text {
			t.Errorf("%s: got %s, %v", text, got, err)
		}
	}
	for _, bad := range []string{"bucket", "bucket[0]", "bucket[x]", "day[3]", "days", ""} {
		if got, err := ParseTransform(bad); err == nil {
			t.Errorf("%q parsed as %s", bad, got)
		}
	}
}

func TestExpr(t *testing.T) {
	for text, want := range map[string]string{
		"region": "identity region region", "days(ordered_at)": "day ordered_at ordered_at_day", "bucket( 16 , id )": "bucket[16] id id_bucket",
		"TRUNCATE(4, s)": "truncate[4] s s_trunc", "hours(t)": "hour t t_hour",
	} {
		e, err := ParseExpr(text)
		if got := e.Transform.String() + " " + e.Column + " " + e.FieldName(); err != nil || got != want {
			t.Errorf("%s: got %s, %v", text, got, err)
		}
	}
	for _, bad := range []string{"", "bucket(id)", "days(3, t)", "foo(x)", "bucket(0, id)", "days("} {
		if e, err := ParseExpr(bad); err == nil {
			t.Errorf("%q parsed as %v", bad, e)
		}
	}
	e, err := ParseSortExpr("days(t) DESC NULLS FIRST")
	if err != nil || !e.Descending || e.NullsLast || e.Column != "t" {
		t.Errorf("got %+v, %v", e, err)
	}
	if e, _ := ParseSortExpr("t desc"); !e.NullsLast {
		t.Error("descending puts nulls last")
	}
}

func TestResultTypeRefusesWhatTheSpecRefuses(t *testing.T) {
	for _, c := range []struct {
		transform, in, want string
	}{
		{"day", "date", "date"}, {"hour", "date", ""}, {"hour", "timestamp_ntz", "int"}, {"bucket[4]", "double", ""}, {"bucket[4]", "uuid", "int"},
		{"truncate[2]", "decimal(9, 2)", "decimal(9, 2)"}, {"truncate[2]", "date", ""}, {"identity", "list<int>", ""}, {"month", "string", ""},
	} {
		tr, _ := ParseTransform(c.transform)
		in, _ := schema.Parse(c.in)
		got, err := tr.ResultType(in)
		if (err != nil) != (c.want == "") || err == nil && got.String() != c.want {
			t.Errorf("%s over %s: got %s, %v", c.transform, c.in, got, err)
		}
	}
}
