package layout

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	firnmem "github.com/firn-data/firn/internal/memory"
	"github.com/firn-data/firn/internal/partition"
	"github.com/firn-data/firn/storage/mem"
	"github.com/firn-data/firn/storage/parquet"
)

// BenchmarkLayout writes 2 million rows of five columns with two workers: as they come, by 84 and by 10,000 partitions, and
// sorted in memory and through temp files.
func BenchmarkLayout(b *testing.B) {
	byName := partition.SortOrder{ID: 1, Fields: []partition.SortField{{SourceID: 3}, {SourceID: 1}}}
	for _, c := range []struct {
		name   string
		spec   partition.Spec
		order  partition.SortOrder
		parts  int
		budget int64
	}{
		{"as they come", partition.Spec{}, partition.SortOrder{}, 1, 512 << 20},
		{"84 partitions", byPart, partition.SortOrder{}, 84, 512 << 20},
		{"10000 partitions", byPart, partition.SortOrder{}, 10_000, 64 << 20},
		{"sorted in memory", partition.Spec{}, byName, 1, 1 << 30},
		{"sorted with spill", partition.Spec{}, byName, 1, 32 << 20},
	} {
		b.Run(c.name, func(b *testing.B) {
			f := &fixture{cfg: Config{}, rows: 20_000, part: func(i int) any { return i * 7919 % 104_729 % c.parts }}
			alloc := firnmem.NewAllocator(256 << 20)
			f.cfg = Config{Schema: table, Spec: c.spec, Sort: c.order, Data: "mem://data", Run: "r", Attempt: "a", Workers: 2, Alloc: alloc}
			var batches []arrow.RecordBatch
			for n := range 100 {
				batches = append(batches, f.batch(n))
			}
			b.ResetTimer()
			for range b.N {
				f.cfg.Store, f.cfg.Budget, f.cfg.Temp = mem.New(), firnmem.NewBudget(c.budget), firnmem.NewDir(b.TempDir(), "a")
				f.cfg.Parquet = parquet.Options{Alloc: alloc, Budget: f.cfg.Budget}
				files, err := f.writeAll(batches)
				if err != nil {
					b.Fatal(err)
				}
				rows := int64(0)
				for _, file := range files {
					rows += file.Records
				}
				if rows != 2_000_000 {
					b.Fatalf("%d rows are written", rows)
				}
				b.ReportMetric(float64(len(files)), "files")
				b.ReportMetric(float64(f.cfg.Budget.Peak()>>20), "peak-MiB")
			}
			b.ReportMetric(2e6*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
}

// writeAll writes given batches, which stay the caller's.
func (f *fixture) writeAll(batches []arrow.RecordBatch) ([]File, error) {
	w, err := New(f.cfg)
	if err != nil {
		return nil, err
	}
	var wg sync.WaitGroup
	errs := make(chan error, f.cfg.Workers)
	for k := range f.cfg.Workers {
		worker := w.Worker()
		wg.Add(1)
		go func() {
			defer wg.Done()
			for n := k; n < len(batches); n += f.cfg.Workers {
				batches[n].Retain()
				if err := worker.Write(context.Background(), batches[n]); err != nil {
					errs <- fmt.Errorf("batch %d: %w", n, err)
					return
				}
			}
		}()
	}
	wg.Wait()
	select {
	case err := <-errs:
		return nil, err
	default:
	}
	return w.Close(context.Background())
}
