package jsonarrow

import (
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

func TestAppendRow(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer alloc.AssertSize(t, 0)
	s := arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, {Name: "t", Type: &arrow.Decimal128Type{Precision: 9, Scale: 2}, Nullable: true},
		{Name: "l", Type: arrow.ListOf(arrow.BinaryTypes.String), Nullable: true}}, nil)
	rec, _, err := array.RecordFromJSON(alloc, s, strings.NewReader(`[{"id": 1}, {"id": 9007199254740993, "t": "1.20", "l": ["a\"b", null]}]`))
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Release()
	if got, want := string(AppendRow([]byte("> "), rec, 1)), `> {"id":9007199254740993,"t":1.20,"l":["a\"b",null]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
