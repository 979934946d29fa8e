package transform

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/memory"
)

// lineitem makes rows like those of TPC-H's lineitem, from seed 1.
func lineitem(alloc *memory.Allocator, rows int) arrow.RecordBatch {
	dec := &arrow.Decimal128Type{Precision: 15, Scale: 2}
	date, str, long := arrow.FixedWidthTypes.Date32, arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int64
	s := arrow.NewSchema([]arrow.Field{
		{Name: "l_orderkey", Type: long}, {Name: "l_partkey", Type: long}, {Name: "l_suppkey", Type: long}, {Name: "l_linenumber", Type: arrow.PrimitiveTypes.Int32},
		{Name: "l_quantity", Type: dec}, {Name: "l_extendedprice", Type: dec}, {Name: "l_discount", Type: dec}, {Name: "l_tax", Type: dec}, {Name: "l_returnflag", Type: str}, {Name: "l_linestatus", Type: str},
		{Name: "l_shipdate", Type: date}, {Name: "l_commitdate", Type: date}, {Name: "l_receiptdate", Type: date}, {Name: "l_shipinstruct", Type: str}, {Name: "l_shipmode", Type: str}, {Name: "l_comment", Type: str},
	}, nil)
	b := array.NewRecordBuilder(alloc, s)
	defer b.Release()
	r := rand.New(rand.NewPCG(1, 1))
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	for i := range rows {
		for c := range 3 {
			b.Field(c).(*array.Int64Builder).Append(r.Int64N(6_000_000))
		}
		b.Field(3).(*array.Int32Builder).Append(int32(i%7 + 1))
		for c, most := range []int64{5000, 10_000_000, 11, 9} {
			v := r.Int64N(most)
			if c == 0 {
				v = (v/100 + 1) * 100
			}
			b.Field(4 + c).(*array.Decimal128Builder).Append(decimal128.FromI64(v))
		}
		b.Field(8).(*array.StringBuilder).Append(pick("A", "N", "R"))
		b.Field(9).(*array.StringBuilder).Append(pick("F", "O"))
		ship := 8036 + r.Int32N(2526)
		for c, d := range []int32{ship, ship + r.Int32N(60) - 30, ship + r.Int32N(30)} {
			b.Field(10 + c).(*array.Date32Builder).Append(arrow.Date32(d))
		}
		b.Field(13).(*array.StringBuilder).Append(pick("DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN"))
		b.Field(14).(*array.StringBuilder).Append(pick("REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB"))
		b.Field(15).(*array.StringBuilder).Append(fmt.Sprintf("%.*s", 10+r.IntN(33), "carefully final deposits sleep quickly among the ironic"))
	}
	return b.NewRecordBatch()
}

type discard struct{ rows int }

func (d *discard) Batch(b batch.Batch) error { d.rows += b.Rows(); b.Release(); return nil }

func (d *discard) BadRow(r batch.BadRow) error { return fmt.Errorf("%s", r.Reason) }

// BenchmarkLineitem is the SQL step over lineitem in batches of 32 Ki rows, on one core; ns/row is per row read.
func BenchmarkLineitem(b *testing.B) {
	for _, c := range []struct{ name, sql string }{
		{"filter", "SELECT * FROM input WHERE l_quantity > 10"},
		{"net", "SELECT l_extendedprice * (1 - l_discount) AS net FROM input"},
		{"gross", "SELECT l_extendedprice * (1 - l_discount) * (1 + l_tax) AS gross FROM input"},
		{"lower", "SELECT lower(l_shipmode) AS mode FROM input"},
		{"year", "SELECT year(l_shipdate) AS y FROM input"},
		{"days", "SELECT datediff(l_receiptdate, l_shipdate) AS d, date_add(l_shipdate, 30) AS due FROM input"},
		{"all", `SELECT *, l_extendedprice * (1 - l_discount) AS net, l_extendedprice * (1 - l_discount) * (1 + l_tax) AS gross, lower(l_shipmode) AS mode, year(l_shipdate) AS y,
			datediff(l_receiptdate, l_shipdate) AS d FROM input WHERE l_quantity > 10`},
	} {
		b.Run(c.name, func(b *testing.B) {
			const rows = 32 << 10
			alloc := memory.NewAllocator(256 << 20)
			rec := lineitem(alloc, rows)
			defer rec.Release()
			p, err := Compile([]Step{{SQL: c.sql}}, []Input{{Name: "input", Schema: rec.Schema()}}, nil, time.Unix(0, 0))
			if err != nil {
				b.Fatal(err)
			}
			out := &discard{}
			e, err := p.Start(Env{Alloc: alloc, Budget: memory.NewBudget(1 << 30)}, out)
			if err != nil {
				b.Fatal(err)
			}
			defer e.Close()
			b.ReportAllocs()
			for b.Loop() {
				rec.Retain()
				if err := e.Batch(context.Background(), "input", batch.Batch{Record: rec}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/row")
		})
	}
}
