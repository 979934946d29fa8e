package csv

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/predicate"
	"github.com/firn-data/firn/sources"
	"github.com/firn-data/firn/sources/sourcetest"
	"github.com/firn-data/firn/storage"
	"github.com/firn-data/firn/storage/local"
)

func TestConformance(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{"bad.txt": "id,name\n1,a\n2\n3,c\n4,d,e\n"}
	var rows []string
	for f := range 3 {
		text := "id,name\n"
		for i := range 40 {
			text += fmt.Sprintf("%d,\"n\n%d\"\n", 100*f+i, i)
			rows = append(rows, fmt.Sprintf(`{"id":%d,"name":"n\n%d"}`, 100*f+i, i))
		}
		files[fmt.Sprintf("%d.csv", f)] = text
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	open := func(name string) *Config {
		return &Config{Path: []string{filepath.Join(dir, name)}, Infer: "sample", OnNoFiles: "fail", OnBadRow: "quarantine"}
	}
	sourcetest.Run(t, sourcetest.Suite{
		Config: open("*.csv"),
		Env:    sources.Env{Stores: func(string, string) (storage.Store, error) { return local.New(), nil }},
		Rows:   rows,
		Where:  []sourcetest.Condition{{Where: predicate.Predicate{Op: predicate.Lt, Column: "id", Values: []any{int64(100)}}, Rows: 40}},
		Bad: &sourcetest.BadCase{Config: open("bad.txt"), Good: 2,
			Places: strings.Fields(dir + "/bad.txt:3:1 " + dir + "/bad.txt:5:1")},
		Once:         true,
		WholeBatches: true,
		Errors: []sourcetest.ErrorCase{
			{Name: "no file", Config: open("none.csv"), Class: fault.NoInput},
			{Name: "no column", Config: &Config{Path: []string{filepath.Join(dir, "0.csv")}, Columns: []string{"nope"}, Infer: "sample"}, Class: fault.Config},
		},
	})
}
