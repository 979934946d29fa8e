// Package layout turns batches into data files, each rolled at its target size: a file for each worker where the table has
// neither partitions nor a sort order; files by partition where it has partitions; sorted files, through temp files where
// the rows do not fit into memory, where it has a sort order. Memory and open files are bounded for any number of partitions.
package layout

import (
	"context"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"golang.org/x/sync/errgroup"

	"github.com/firn-data/firn/internal/event"
	"github.com/firn-data/firn/internal/fault"
	firnmem "github.com/firn-data/firn/internal/memory"
	"github.com/firn-data/firn/internal/partition"
	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/storage"
	"github.com/firn-data/firn/storage/parquet"
)

// Config is what a Writer needs.
type Config struct {
	Schema    schema.Schema // of the table, with field ids
	Spec      partition.Spec
	Sort      partition.SortOrder
	Store     storage.Store
	Data      string // location of the table's data folder, without a slash at the end
	Run       string // run id
	Attempt   string // attempt id
	FileBytes int64  // encoded size at which a file is closed and the next begun; 0: 256 MiB
	Parquet   parquet.Options
	Budget    *firnmem.Budget // nil: as if it were 1 GiB, without reservations
	Temp      *firnmem.Dir    // where rows are spilled; needed with a sort order or many partitions
	Alloc     memory.Allocator
	Workers   int
	Events    *event.Events // may be nil
}

// File is a finished data file.
type File struct {
	parquet.File
	Location    string
	Partition   partition.Tuple
	SortOrderID int
}

// Writer makes the data files of one run. Its Workers may be used at the same time, each by one goroutine at a time.
type Writer struct {
	cfg       Config
	schema    *arrow.Schema
	runSchema *arrow.Schema
	source    []int // column index of each field of the spec
	sort      []sortField
	plan

	parts partitions
	fan   fan

	mu      sync.Mutex
	workers []*Worker
	runs    []*run
	files   []File
	started []string // locations of all uploads begun, finished or not
	n       int
}

// plan divides the budget: three eighths for rows that wait in workers, or for the chunks of runs that are merged; three
// eighths for open row groups; the rest is the sources', the transform's and the uploads'.
type plan struct {
	share       int64 // rows that wait in one worker
	slotReserve int64 // row group of a worker's own file
	fileReserve int64 // row groups of all files of partitions, or of all mergers, together
	chunkBytes  int64 // size of a chunk of a run
	fanIn       int   // runs that are merged at a time
	mergerRows  int64 // rows that are worth a merger of their own
}

const (
	// leastFile is what an open file is planned to need; more open files than the budget has room for would make tiny row groups.
	leastFile = 4 << 20
	// mostFiles bounds the open files also in a large budget.
	mostFiles = 256
	// mostRuns bounds the temp files that are open in all mergers together.
	mostRuns = 512
	// mostShare bounds what waits in a worker: more makes later drains no better.
	mostShare = 128 << 20
	// mostSorted bounds a worker's run, whose keys are counted in 32 bits.
	mostSorted = 512 << 20
)

func divide(limit int64, workers int, sorted bool) plan {
	w := int64(max(workers, 1))
	most := int64(mostShare)
	if sorted {
		most = mostSorted
	}
	p := plan{share: min(limit*3/8/w, most), slotReserve: limit / (2 * w), fileReserve: limit * 3 / 8, mergerRows: 256 << 10}
	p.chunkBytes = min(max(limit/256, 64<<10), 1<<20)
	p.fanIn = int(max(min(limit/4/p.chunkBytes, mostRuns)/w, 4))
	return p
}

// New checks the configuration.
func New(cfg Config) (*Writer, error) {
	if cfg.FileBytes == 0 {
		cfg.FileBytes = 256 << 20
	}
	if cfg.Alloc == nil {
		cfg.Alloc = memory.NewGoAllocator()
	}
	cfg.Workers = max(cfg.Workers, 1)
	cfg.Store = storage.WithBudget(cfg.Store, cfg.Budget)
	limit := int64(1 << 30)
	if cfg.Budget != nil {
		limit = cfg.Budget.Limit()
	}
	w := &Writer{cfg: cfg, schema: cfg.Schema.Arrow(), plan: divide(limit, cfg.Workers, len(cfg.Sort.Fields) > 0)}
	w.runSchema = runSchema(w.schema)
	w.fan.limit = int(min(max(w.fileReserve/leastFile, 4), mostFiles))
	w.parts.byKey = map[string]int32{}
	for _, f := range cfg.Spec.Fields {
		i := columnOf(cfg.Schema, f.SourceID)
		if i < 0 {
			return nil, fault.New(fault.Config, "partition field %s is made from a column that the table lacks", f.Name)
		}
		if _, err := f.Transform.ResultType(cfg.Schema.Fields[i].Type); err != nil {
			return nil, fault.Wrap(fault.Config, err, "partition field %s", f.Name)
		}
		w.source = append(w.source, i)
	}
	var err error
	w.sort, err = bindSort(cfg.Sort, cfg.Schema)
	return w, err
}

func columnOf(s schema.Schema, id int) int {
	for i, f := range s.Fields {
		if f.ID == id {
			return i
		}
	}
	return -1
}

// fanReserve is what the row group of a partition's file may reserve.
func (w *Writer) fanReserve() int64 {
	return w.fileReserve / int64(min(max(w.parts.len(), 4), w.fan.limit))
}

// Close writes what is still buffered, finishes all files and gives their descriptions. No Worker may be in use. After an
// error, Abort removes what was written.
func (w *Writer) Close(ctx context.Context) ([]File, error) {
	w.mu.Lock()
	workers, spilled := w.workers, len(w.runs) > 0
	w.mu.Unlock()
	g, gctx := errgroup.WithContext(ctx)
	for _, k := range workers {
		g.Go(func() (err error) {
			defer fault.Recover(&err)
			return k.last(gctx, spilled)
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if err := w.finishParts(ctx, workers); err != nil {
		return nil, err
	}
	var buffers []*sortBuffer
	for _, k := range workers {
		if len(k.sort.entries) > 0 {
			buffers = append(buffers, &k.sort)
		}
	}
	if len(w.runs)+len(buffers) > 0 {
		if err := w.mergeFiles(ctx, buffers); err != nil {
			return nil, err
		}
	}
	for _, k := range workers {
		k.drop()
	}
	return w.files, nil
}

// last ends a worker's own file. Rows that wait by partition or to be sorted stay in memory when nothing had to be spilled, else
// they are spilled too, so that merging has the memory.
func (k *Worker) last(ctx context.Context, spilled bool) error {
	if err := k.slot.finish(); err != nil {
		return err
	}
	if spilled {
		return k.drain(ctx)
	}
	k.sort.sort()
	return nil
}

// Abort ends what is open and removes every file that this Writer made, finished or not.
func (w *Writer) Abort() {
	w.mu.Lock()
	workers, started := w.workers, w.started
	w.workers, w.started, w.files = nil, nil, nil
	w.mu.Unlock()
	for _, k := range workers {
		k.slot.abort()
		k.drop()
	}
	for _, p := range w.parts.list {
		p.abort()
	}
	w.removeRuns()
	for _, location := range started {
		if err := w.cfg.Store.Delete(context.Background(), location); err != nil {
			w.cfg.Events.OnWarn("a data file that no table names is left: " + location + ": " + err.Error())
		}
	}
}

func (w *Writer) tryReserve(n int64) bool { return w.cfg.Budget == nil || w.cfg.Budget.TryReserve(n) }

func (w *Writer) force(n int64) {
	if w.cfg.Budget != nil {
		w.cfg.Budget.Force(n)
	}
}

func (w *Writer) release(n int64) {
	if w.cfg.Budget != nil && n > 0 {
		w.cfg.Budget.Release(n)
	}
}
