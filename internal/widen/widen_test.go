package widen

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/internal/schema"
)

func fromJSON(t *testing.T, alloc memory.Allocator, dt arrow.DataType, text string) arrow.Array {
	t.Helper()
	a, _, err := array.FromJSON(alloc, dt, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestArrayKeepsValues(t *testing.T) {
	us := func(tz string) arrow.DataType { return &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: tz} }
	st := func(f arrow.DataType) arrow.DataType {
		return arrow.StructOf(arrow.Field{Name: "a", Type: f, Nullable: true}, arrow.Field{Name: "l", Type: arrow.ListOf(f), Nullable: true})
	}
	for _, c := range []struct {
		from, to arrow.DataType
		in, want string
	}{
		{arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Int32, `[1, null, -128]`, `[1,null,-128]`},
		{arrow.PrimitiveTypes.Uint16, arrow.PrimitiveTypes.Int64, `[65535, null]`, `[65535,null]`},
		{arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64, `[7]`, `[7]`},
		{arrow.PrimitiveTypes.Float32, arrow.PrimitiveTypes.Float64, `[1.5, null]`, `[1.5,null]`},
		{arrow.PrimitiveTypes.Uint64, &arrow.Decimal128Type{Precision: 20}, `[18446744073709551615]`, `["18446744073709551615"]`},
		{&arrow.Decimal128Type{Precision: 9, Scale: 2}, &arrow.Decimal128Type{Precision: 18, Scale: 2}, `["-1.25", null]`, `["-1.25",null]`},
		{&arrow.Decimal256Type{Precision: 30, Scale: 2}, &arrow.Decimal128Type{Precision: 30, Scale: 2}, `["-1234567890123456789012345.25"]`, `["-1234567890123456789012345.25"]`},
		{&arrow.TimestampType{Unit: arrow.Second, TimeZone: "Europe/Berlin"}, us("UTC"), `["2024-02-29 12:00:00Z", null]`, `["2024-02-29T12:00:00Z",null]`},
		{arrow.FixedWidthTypes.Time32s, arrow.FixedWidthTypes.Time64us, `["12:00:01"]`, `["12:00:01"]`},
		{arrow.BinaryTypes.LargeString, arrow.BinaryTypes.String, `["a", null, ""]`, `["a",null,""]`},
		{arrow.BinaryTypes.StringView, arrow.BinaryTypes.String, `["a_long_enough_string", null]`, `["a_long_enough_string",null]`},
		{st(arrow.PrimitiveTypes.Int16), st(arrow.PrimitiveTypes.Int32), `[{"a": 1, "l": [1, null]}, null, {"a": null, "l": []}]`, `[{"a":1,"l":[1,null]},null,{"a":null,"l":[]}]`},
		{arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Int32), arrow.ListOf(arrow.PrimitiveTypes.Int64), `[[1, 2], null, [3, 4]]`, `[[1,2],null,[3,4]]`},
		{&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}, arrow.BinaryTypes.String, `["x", null, "y", "x"]`, `["x",null,"y","x"]`},
	} {
		alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
		a := fromJSON(t, alloc, c.from, c.in)
		for _, sliced := range []bool{false, true} {
			in := a
			in.Retain()
			want := c.want
			if sliced { // the last row alone
				in.Release()
				in = array.NewSlice(a, int64(a.Len()-1), int64(a.Len()))
			}
			got, err := Array(alloc, in, c.to)
			if err != nil {
				t.Errorf("%s to %s: %v", c.from, c.to, err)
				in.Release()
				continue
			}
			if !arrow.TypeEqual(got.DataType(), c.to) {
				t.Errorf("type %s", got.DataType())
			}
			text, _ := got.MarshalJSON()
			if s := strings.Join(strings.Fields(string(text)), ""); !sliced && s != want || sliced && !strings.HasSuffix(want, strings.TrimPrefix(s, "[")) {
				t.Errorf("%s to %s (sliced %v): got %s, want %s", c.from, c.to, sliced, s, want)
			}
			got.Release()
			in.Release()
		}
		a.Release()
		alloc.AssertSize(t, 0)
	}
}

func TestArrayRefusesWhatMayChangeAValue(t *testing.T) {
	alloc := memory.NewGoAllocator()
	for _, c := range []struct {
		from, to arrow.DataType
		in       string
	}{
		{arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Int32, `[1]`},
		{arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int32, `["1"]`},
		{&arrow.TimestampType{Unit: arrow.Nanosecond}, &arrow.TimestampType{Unit: arrow.Microsecond}, `["2024-01-01"]`},
		{&arrow.TimestampType{Unit: arrow.Microsecond}, &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, `["2024-01-01"]`},
		{&arrow.TimestampType{Unit: arrow.Second}, &arrow.TimestampType{Unit: arrow.Microsecond}, `[9223372036854775807]`},
		{&arrow.Decimal128Type{Precision: 9, Scale: 2}, &arrow.Decimal128Type{Precision: 9, Scale: 3}, `["1.00"]`},
	} {
		a := fromJSON(t, alloc, c.from, c.in)
		if got, err := Array(alloc, a, c.to); err == nil {
			t.Errorf("%s became %s: %s", c.from, c.to, got)
		}
	}
}

func TestRecordFillsMissingColumnsWithNulls(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer alloc.AssertSize(t, 0)
	a := fromJSON(t, alloc, arrow.PrimitiveTypes.Int32, `[1, 2]`)
	defer a.Release()
	rec := array.NewRecordBatch(arrow.NewSchema([]arrow.Field{{Name: "n", Type: a.DataType(), Nullable: true}}, nil), []arrow.Array{a}, 2)
	defer rec.Release()
	to := schema.Schema{Fields: []schema.Field{{ID: 1, Name: "gone", Type: schema.Type{Kind: schema.String}}, {ID: 2, Name: "n", Type: schema.Type{Kind: schema.Long}}}}
	out, err := Record(alloc, rec, to.Arrow(), []int{-1, 0})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Release()
	if out.Column(0).NullN() != 2 || out.Column(1).ValueStr(1) != "2" {
		t.Errorf("got %v", out)
	}
}

func TestStructFieldsAreFoundByName(t *testing.T) {
	from := arrow.StructOf(arrow.Field{Name: "B", Type: arrow.PrimitiveTypes.Int32, Nullable: true}, arrow.Field{Name: "a", Type: arrow.BinaryTypes.String, Nullable: true})
	to := arrow.StructOf(arrow.Field{Name: "a", Type: arrow.BinaryTypes.String, Nullable: true}, arrow.Field{Name: "b", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		arrow.Field{Name: "c", Type: arrow.PrimitiveTypes.Int64, Nullable: true})
	b := array.NewStructBuilder(memory.DefaultAllocator, from)
	defer b.Release()
	for i, s := range []string{"x", "y", "z"} {
		if i == 1 {
			b.AppendNull()
			continue
		}
		b.Append(true)
		b.FieldBuilder(0).(*array.Int32Builder).Append(int32(i))
		b.FieldBuilder(1).(*array.StringBuilder).Append(s)
	}
	in := array.NewSlice(b.NewArray(), 1, 3)
	out, err := Array(memory.DefaultAllocator, in, to)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(out.IsNull(0)) + out.ValueStr(1); got != `true{"a":"z","b":2,"c":null}` {
		t.Errorf("got %s", got)
	}
	if _, err := Array(memory.DefaultAllocator, in, arrow.StructOf(to.Fields()[0])); err == nil {
		t.Error("a field was dropped silently")
	}
}
