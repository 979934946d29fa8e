package csv

import (
	"context"
	"fmt"
	"iter"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/memory"
	"github.com/firn-data/firn/sources"
)

// discard is an Out that counts.
type discard struct {
	rows, bad atomic.Int64
	mu        sync.Mutex
	batches   []int // rows of each
}

func (d *discard) Batch(b batch.Batch) error {
	d.rows.Add(int64(b.Rows()))
	d.mu.Lock()
	d.batches = append(d.batches, b.Rows())
	d.mu.Unlock()
	b.Release()
	return nil
}

func (d *discard) BadRow(batch.BadRow) error { d.bad.Add(1); return nil }

// lineitem is what TPC-H's lineitem looks like.
func lineitem(rows int) string {
	var b strings.Builder
	b.WriteString("l_orderkey,l_partkey,l_suppkey,l_linenumber,l_quantity,l_extendedprice,l_discount,l_tax,l_returnflag,l_linestatus,l_shipdate,l_commitdate,l_receiptdate,l_shipinstruct,l_shipmode,l_comment\n")
	for i := range rows {
		fmt.Fprintf(&b, "%d,%d,%d,%d,%d.00,%d.%02d,0.0%d,0.0%d,N,O,199%d-0%d-1%d,1996-02-12,1996-03-22,DELIVER IN PERSON,TRUCK,egular courts above the no. %d\n",
			i, i*7%200_000, i*13%10_000, i%7, i%50, i*31%90_000, i%100, i%10, i%8, i%8, 1+i%9, i%10, i)
	}
	return b.String()
}

var lineitemSchema = []ColumnSpec{{Name: "l_quantity", Type: "decimal(15,2)"}, {Name: "l_extendedprice", Type: "decimal(15,2)"}, {Name: "l_discount", Type: "decimal(15,2)"}, {Name: "l_tax", Type: "decimal(15,2)"}}

// BenchmarkRead reads lineitem rows into Arrow batches with two workers; FIRN_BENCH_CSV names a file to read instead.
func BenchmarkRead(b *testing.B) {
	path := os.Getenv("FIRN_BENCH_CSV")
	if path == "" {
		path = write(b, "lineitem.csv", lineitem(200_000))
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(info.Size())
	b.ReportAllocs()
	for b.Loop() {
		s := open(b, memory.NewAllocator(64<<20), Config{Path: []string{path}, Schema: lineitemSchema}, nil)
		out := &discard{}
		var mu sync.Mutex
		var wg sync.WaitGroup
		ctx := context.Background()
		next, stop := iter.Pull2(s.Splits(ctx, sources.Request{}))
		for range 2 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for {
					mu.Lock()
					sp, err, ok := next()
					mu.Unlock()
					if !ok || err != nil {
						return
					}
					if err := sp.Read(ctx, out); err != nil {
						b.Error(err)
					}
				}
			}()
		}
		wg.Wait()
		stop()
		if out.bad.Load() > 0 || out.rows.Load() == 0 {
			b.Fatalf("%d rows, %d bad", out.rows.Load(), out.bad.Load())
		}
	}
}
