package transform

import (
	"context"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/memory"
)

// BenchmarkRelational runs queries that hold rows over 16 batches of 32 Ki rows of lineitem, on one core; ns/row is per row read.
func BenchmarkRelational(b *testing.B) {
	for _, c := range []struct{ name, sql string }{
		{"q1", `SELECT l_returnflag, l_linestatus, sum(l_quantity) AS q, sum(l_extendedprice) AS p, sum(l_extendedprice * (1 - l_discount)) AS d, avg(l_quantity) AS aq, avg(l_discount) AS ad, count(*) AS n
			FROM input WHERE l_shipdate <= DATE '1998-09-02' GROUP BY l_returnflag, l_linestatus`},
		{"groups", "SELECT l_orderkey, count(*) AS n, sum(l_quantity) AS q FROM input GROUP BY l_orderkey"},
		{"distinct", "SELECT DISTINCT l_shipmode, l_shipdate FROM input"},
		{"sort", "SELECT l_orderkey, l_partkey, l_comment FROM input ORDER BY l_orderkey, l_partkey"},
		{"top", "SELECT l_orderkey, l_extendedprice FROM input ORDER BY l_extendedprice DESC, l_orderkey LIMIT 100"},
		{"number", "SELECT l_orderkey, l_comment FROM (SELECT *, row_number() OVER (PARTITION BY l_suppkey ORDER BY l_shipdate) AS rn FROM input) WHERE rn = 1"},
		{"join", "SELECT a.l_orderkey, b.p FROM input a JOIN (SELECT l_suppkey, max(l_partkey) AS p FROM input WHERE l_linenumber = 1 GROUP BY l_suppkey) b ON a.l_suppkey = b.l_suppkey"},
	} {
		b.Run(c.name, func(b *testing.B) {
			const rows, batches = 32 << 10, 16
			alloc := memory.NewAllocator(512 << 20)
			rec := lineitem(alloc, rows*batches)
			defer rec.Release()
			p, err := Compile([]Step{{SQL: c.sql}}, []Input{{Name: "input", Schema: rec.Schema()}}, nil, time.Unix(0, 0))
			if err != nil {
				b.Fatal(err)
			}
			columns := p.Columns("input")
			b.ReportAllocs()
			for b.Loop() {
				e, err := p.Start(Env{Alloc: alloc, Budget: memory.NewBudget(4 << 30)}, &discard{})
				if err != nil {
					b.Fatal(err)
				}
				for i := range int64(batches) {
					slice := arrow.RecordBatch(rec.NewSlice(i*rows, (i+1)*rows))
					if columns != nil {
						slice = onlyColumns(slice, columns)
					}
					if err := e.Batch(context.Background(), "input", batch.Batch{Record: slice}); err != nil {
						b.Fatal(err)
					}
				}
				if err := e.Done(context.Background(), "input"); err != nil {
					b.Fatal(err)
				}
				e.Close()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows*batches), "ns/row")
		})
	}
}
