package parquet

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/apache/iceberg-go"
	parquetgo "github.com/parquet-go/parquet-go"

	"github.com/firn-data/firn/internal/schema"
)

func TestTheFooterHoldsTheIcebergSchema(t *testing.T) {
	for seed := range uint64(20) {
		g := newGenerator(seed)
		tab := g.table(g.schema(5, 3), 1)
		data, _ := write(t, g, tab, Options{})
		f, err := parquetgo.OpenFile(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := f.Lookup(icebergSchemaKey)
		var got iceberg.Schema
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var check func(fields []schema.Field)
		check = func(fields []schema.Field) {
			for _, want := range fields {
				f, ok := got.FindFieldByID(want.ID)
				if !ok || f.Name != want.Name || f.Required != want.Required {
					t.Errorf("field %d is %v, want %v", want.ID, f, want)
				} else if !want.Type.Nested() && f.Type.String() != want.Type.String() {
					t.Errorf("field %d is %s, want %s", want.ID, f.Type, want.Type)
				}
				check(want.Type.Fields)
			}
		}
		check(tab.schema.Fields)
	}
}
