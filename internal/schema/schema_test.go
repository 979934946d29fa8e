package schema

import (
	"math/big"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
)

func example(r Row) Type {
	switch r.Kind {
	case Decimal:
		return DecimalOf(20, 3)
	case Fixed:
		return Type{Kind: Fixed, Length: 7}
	case Struct:
		return StructOf(Field{Name: "a", Type: Type{Kind: Long}})
	case List:
		return ListOf(Type{Kind: String})
	case Map:
		return MapOf(Type{Kind: String}, Type{Kind: Double})
	}
	return Type{Kind: r.Kind}
}

func TestEveryRowGoesThroughArrowAndBack(t *testing.T) {
	for i, r := range Rows() {
		if int(r.Kind) != i+1 {
			t.Fatalf("row %d is of kind %d", i, r.Kind)
		}
		want := example(r)
		got, fid, err := FromArrow(want.Arrow())
		if err != nil || fid != Exact || !got.Equal(want) {
			t.Errorf("%s: got %s, %s, %v", want, got, fid, err)
		}
	}
}

func TestEveryNameParses(t *testing.T) {
	for _, r := range Rows() {
		if r.Kind == TimestampNS || r.Kind == TimestampTZNS {
			continue // format 3: no one may ask for them
		}
		want := example(r)
		for _, text := range []string{want.String(), want.SparkSQL()} {
			got, err := Parse(text)
			switch {
			case err != nil && (r.Kind == Timestamp || !r.Spark):
			case err != nil:
				t.Errorf("%s: %v", text, err)
			case text == "timestamp":
				if got.Kind != TimestampTZ {
					t.Errorf("timestamp is Spark's: got %s", got)
				}
			case text == want.String() && !got.Equal(want):
				t.Errorf("%s parsed as %s", text, got)
			}
		}
	}
	for _, bad := range []string{"", "decimal(39, 2)", "decimal(3, 4)", "list<int", "struct<a int>", "fixed[0]", "int x", "map<int>"} {
		if got, err := Parse(bad); err == nil {
			t.Errorf("%q parsed as %s", bad, got)
		}
	}
}

func TestDecimalBytesHoldsEveryPrecision(t *testing.T) {
	for p := 1; p <= 38; p++ {
		limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(p)), nil)
		want := limit.Sub(limit, big.NewInt(1)).BitLen()/8 + 1
		if got := decimalBytes(p); got != want {
			t.Errorf("precision %d: got %d bytes, want %d", p, got, want)
		}
	}
}

func TestBetweenAllowsOnlyIcebergsPromotions(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     Fidelity
	}{
		{"int", "long", Widened}, {"long", "int", Lossy}, {"float", "double", Widened}, {"int", "double", Lossy},
		{"decimal(9, 2)", "decimal(18, 2)", Widened}, {"decimal(9, 2)", "decimal(18, 3)", Lossy},
		{"list<int>", "list<long>", Widened}, {"struct<a: int>", "struct<b: int>", Lossy}, {"date", "timestamp_ntz", Lossy},
		{"string", "string", Exact}, {"fixed[3]", "fixed[4]", Lossy},
	} {
		from, _ := Parse(c.from)
		to, _ := Parse(c.to)
		if got := Between(from, to); got != c.want {
			t.Errorf("%s to %s: got %s, want %s", from, to, got, c.want)
		}
	}
}

func TestArrowTypesThatWiden(t *testing.T) {
	for _, c := range []struct {
		in   arrow.DataType
		want string
	}{
		{arrow.PrimitiveTypes.Uint64, "decimal(20, 0)"}, {arrow.PrimitiveTypes.Int8, "int"}, {arrow.BinaryTypes.LargeString, "string"},
		{&arrow.TimestampType{Unit: arrow.Second, TimeZone: "Europe/Berlin"}, "timestamptz"},
	} {
		got, fid, err := FromArrow(c.in)
		if err != nil || fid != Widened || got.String() != c.want {
			t.Errorf("%s: got %s, %s, %v", c.in, got, fid, err)
		}
	}
	if _, _, err := FromArrow(arrow.Null); err == nil {
		t.Error("null has no Iceberg type")
	}
}
