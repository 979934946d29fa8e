//go:build server

package postgres

import (
	"context"
	"os"
	"testing"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/memory"
	"github.com/firn-data/firn/internal/secret"
	"github.com/firn-data/firn/sources"
)

type discard struct{ rows int }

func (d *discard) Batch(b batch.Batch) error {
	d.rows += b.Rows()
	b.Release()
	return nil
}

func (d *discard) BadRow(batch.BadRow) error { return nil }

// BenchmarkRead reads the table lineitem of benchmarks/setup.sh (BENCH_DSN) over one connection and drops its batches.
func BenchmarkRead(b *testing.B) {
	c := Config{Table: "lineitem", DSN: secret.New(os.Getenv("BENCH_DSN"))}
	for range b.N {
		s, err := c.Open(context.Background(), sources.Env{Alloc: memory.NewAllocator(64 << 20), Budget: memory.NewBudget(1 << 30), Temp: memory.NewDir(b.TempDir(), "b")})
		if err != nil {
			b.Fatal(err)
		}
		out := &discard{}
		for sp, err := range s.Splits(context.Background(), sources.Request{}) {
			if err == nil {
				err = sp.Read(context.Background(), out)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
		s.Close()
		b.ReportMetric(float64(out.rows)/b.Elapsed().Seconds(), "rows/s")
	}
}
