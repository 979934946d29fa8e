package transform

import (
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"
)

// FuzzQuery compiles any text, and runs what compiles over a few rows: hostile SQL may be refused, never panic.
func FuzzQuery(f *testing.F) {
	for _, q := range corpusQueries(f) {
		f.Add(q.SQL)
	}
	tables := corpusTables(f)
	for name, rec := range tables {
		tables[name] = rec.NewSlice(0, min(3, rec.NumRows()))
	}
	f.Fuzz(func(t *testing.T, sql string) {
		if len(sql) > 2000 || strings.Count(strings.ToUpper(sql), "JOIN") > 3 || strings.Contains(sql, "pad(") || strings.Contains(sql, "repeat") {
			return // too much to run
		}
		var ins []Input
		for _, name := range []string{"t", "u", "e", "big", "words"} {
			if _, err := Compile([]Step{{SQL: sql}}, []Input{{Name: name, Schema: tables[name].Schema()}}, nil, time.Unix(0, 0)); err == nil {
				ins = append(ins, Input{Name: name, Schema: tables[name].Schema()})
			}
		}
		for _, in := range ins {
			p, err := Compile([]Step{{SQL: sql}}, []Input{in}, nil, time.Unix(0, 0))
			if err != nil {
				t.Fatal(err)
			}
			p.Explain()
			alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
			got, err := corpusRun{inputs: tables, alloc: alloc, size: 2, workers: 1}.execute(t, p)
			if err != nil {
				return // a row failed where no row can
			}
			got.release()
			alloc.AssertSize(t, 0)
		}
	})
}
