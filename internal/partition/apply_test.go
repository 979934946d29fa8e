package partition

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/internal/schema"
)

// The hash values are those of the Iceberg spec, Appendix B.
func TestBucketHashIsTheSpecs(t *testing.T) {
	for _, c := range []struct {
		typ, value string
		want       int32
	}{
		{"int", "34", 2017239379}, {"long", "34", 2017239379}, {"decimal(9, 2)", `"14.20"`, -500754589},
		{"date", `"2017-11-16"`, -653330422}, {"time", `"22:31:08"`, -662762989}, {"timestamp_ntz", `"2017-11-16T22:31:08"`, -2047944441},
		{"timestamptz", `"2017-11-16T22:31:08.000001Z"`, -1207196810}, {"string", `"iceberg"`, 1210000089},
		{"uuid", `"f79c3e09-677c-4bbd-a479-3f349cb785e7"`, 1488055340}, {"binary", `"AAECAw=="`, -188683207}, {"fixed[4]", `"AAECAw=="`, -188683207},
	} {
		col := column(t, c.typ, "["+c.value+"]")
		value, err := source(col)
		if err != nil {
			t.Fatal(err)
		}
		if got := int32(hash(value(0))); got != c.want {
			t.Errorf("%s %s: got %d, want %d", c.typ, c.value, got, c.want)
		}
		col.Release()
	}
}

func column(t *testing.T, typ, json string) arrow.Array {
	t.Helper()
	st, err := schema.Parse(typ)
	if err != nil {
		t.Fatal(err)
	}
	a, _, err := array.FromJSON(memory.NewGoAllocator(), st.Arrow(), strings.NewReader(json))
	if err != nil {
		t.Fatalf("%s: %v", typ, err)
	}
	return a
}

func TestTransformsFloorAndKeepNulls(t *testing.T) {
	for _, c := range []struct{ transform, typ, in, want string }{
		{"year", "date", `["1969-12-31", "1970-01-01", null, "2024-02-29"]`, "[-1 0 <nil> 54]"},
		{"month", "date", `["1969-12-31", "1970-01-01", "2017-11-16"]`, "[-1 0 574]"},
		{"day", "timestamp_ntz", `["1969-12-31T23:59:59.999999", "1970-01-01T00:00:00"]`, "[-1 0]"},
		{"hour", "timestamptz", `["1969-12-31T23:59:59.999999Z", "1970-01-01T01:00:00Z"]`, "[-1 1]"},
		{"truncate[10]", "int", `[1, -1, 11, -11, null]`, "[0 -10 10 -20 <nil>]"},
		{"truncate[50]", "decimal(9, 2)", `["10.65", "-0.01"]`, "[{1050 0} {18446744073709551566 -1}]"},
		{"truncate[3]", "string", `["ice", "i🧊€x"]`, "[ice i🧊€]"},
		{"void", "int", `[1]`, "[<nil>]"},
		{"identity", "string", `["a", null]`, "[a <nil>]"},
	} {
		tr, err := ParseTransform(c.transform)
		if err != nil {
			t.Fatal(err)
		}
		col := column(t, c.typ, c.in)
		value, err := Values(tr, col)
		if err != nil {
			t.Fatal(err)
		}
		var got []any
		for i := range col.Len() {
			got = append(got, value(i))
		}
		if s := fmt.Sprint(got); s != c.want {
			t.Errorf("%s of %s %s: got %s, want %s", c.transform, c.typ, c.in, s, c.want)
		}
		col.Release()
	}
}

func TestKeysTellTuplesApart(t *testing.T) {
	tuples := []Tuple{{nil}, {""}, {"a", "b"}, {"ab", ""}, {int32(1)}, {int32(12), int32(3)}, {int32(1), int32(23)}, {[]byte{0}}}
	seen := map[string]int{}
	for i, tu := range tuples {
		if k, dup := seen[Key(tu)]; dup {
			t.Errorf("%v and %v have one key", tuples[k], tu)
		}
		seen[Key(tu)] = i
	}
}
