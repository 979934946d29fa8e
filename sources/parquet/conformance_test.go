package parquet

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"go.uber.org/goleak"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/predicate"
	"github.com/firn-data/firn/sources"
	"github.com/firn-data/firn/sources/sourcetest"
	"github.com/firn-data/firn/storage"
)

func TestConformance(t *testing.T) {
	l := newLake(t)
	var rows []string
	for f := range 3 {
		var groups []string
		for g := range 4 {
			var part []string
			for i := range 10 {
				part = append(part, fmt.Sprintf(`{"id":%d,"name":"n%d"}`, 100*f+10*g+i, i))
			}
			rows, groups = append(rows, part...), append(groups, "["+strings.Join(part, ",")+"]")
		}
		l.put(fmt.Sprintf("%d.parquet", f), nullable(arrow.Field{Name: "id", Type: arrow.PrimitiveTypes.Int64}, arrow.Field{Name: "name", Type: arrow.BinaryTypes.String}), pqarrow.DefaultWriterProps(), groups...)
	}
	if err := storage.Put(context.Background(), l, "mem://broken.bin", []byte("PAR1 and no more"), false); err != nil {
		t.Fatal(err)
	}
	id := func(op predicate.Op, v int64) predicate.Predicate {
		return predicate.Predicate{Op: op, Column: "id", Values: []any{v}}
	}
	sourcetest.Run(t, sourcetest.Suite{
		Config: &Config{Path: []string{"mem://*.parquet"}},
		Env:    sources.Env{Stores: func(string, string) (storage.Store, error) { return l, nil }},
		Rows:   rows,
		Where: []sourcetest.Condition{
			{Where: id(predicate.Lt, 100), Rows: 40},
			{Where: predicate.All(id(predicate.GtEq, 105), id(predicate.Lt, 115)), Rows: 10},
			{Where: id(predicate.Eq, -1), Rows: 0},
		},
		Errors: []sourcetest.ErrorCase{
			{Name: "no file", Config: &Config{Path: []string{"mem://none"}, OnNoFiles: "fail"}, Class: fault.NoInput},
			{Name: "no parquet", Config: &Config{Path: []string{"mem://broken.bin"}}, Class: fault.Data},
			{Name: "no column", Config: &Config{Path: []string{"mem://0.parquet"}, Columns: []string{"nope"}}, Class: fault.Config},
		},
		Leaks: []goleak.Option{goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop")},
	})
}
