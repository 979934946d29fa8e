// Package layout turns batches into data files: a file per worker where the table is not partitioned, files by
// partition where it is, each rolled at its target size.
package layout

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/internal/batch"
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
	Budget    *firnmem.Budget
	Temp      *firnmem.Dir
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

// maxOpen bounds the files that a worker keeps open; the fullest is closed to make room.
const maxOpen = 64

// Writer makes the data files of one run. Its Workers may be used at the same time, each by one goroutine at a time.
type Writer struct {
	cfg    Config
	source []int // column index of each field of the spec

	mu      sync.Mutex
	workers []*Worker
	files   []File
	started []string // locations of all uploads begun, finished or not
	n       int
}

// New checks the configuration.
func New(cfg Config) (*Writer, error) {
	if cfg.FileBytes == 0 {
		cfg.FileBytes = 256 << 20
	}
	if cfg.Alloc == nil {
		cfg.Alloc = memory.NewGoAllocator()
	}
	if cfg.Budget != nil && cfg.Parquet.MaxReserve == 0 {
		cfg.Parquet.MaxReserve = cfg.Budget.Limit() / int64(2*max(cfg.Workers, 1))
	}
	w := &Writer{cfg: cfg}
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
	if len(cfg.Sort.Fields) > 0 {
		return nil, fault.New(fault.Config, "writing in a sort order is not built yet").Hint("leave target.sort out")
	}
	return w, nil
}

func columnOf(s schema.Schema, id int) int {
	for i, f := range s.Fields {
		if f.ID == id {
			return i
		}
	}
	return -1
}

// Worker adds a worker.
func (w *Writer) Worker() *Worker {
	w.mu.Lock()
	defer w.mu.Unlock()
	k := &Worker{w: w, open: map[string]*openFile{}}
	w.workers = append(w.workers, k)
	return k
}

// Close finishes all files and gives their descriptions. No Worker may be in use.
func (w *Writer) Close(ctx context.Context) ([]File, error) {
	w.mu.Lock()
	workers := w.workers
	w.workers = nil
	w.mu.Unlock()
	for i, k := range workers {
		if err := k.closeAll(); err != nil {
			for _, rest := range workers[i:] {
				rest.abort()
			}
			return nil, err
		}
	}
	return w.files, nil
}

// Abort ends what is open and removes every file that this Writer made, finished or not.
func (w *Writer) Abort() {
	w.mu.Lock()
	workers, started := w.workers, w.started
	w.workers, w.started, w.files = nil, nil, nil
	w.mu.Unlock()
	for _, k := range workers {
		k.abort()
	}
	for _, location := range started {
		if err := w.cfg.Store.Delete(context.Background(), location); err != nil {
			w.cfg.Events.OnWarn("a data file that no table names is left: " + location + ": " + err.Error())
		}
	}
}

// location names the next file: a spread of two hex digits, then run, attempt and a number. It holds no partition values.
func (w *Writer) location() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.n++
	name := fmt.Sprintf("%s-%s-%05d.parquet", run8(w.cfg.Run), w.cfg.Attempt, w.n)
	sum := sha256.Sum256([]byte(name))
	location := w.cfg.Data + "/" + hex.EncodeToString(sum[:1]) + "/" + name
	w.started = append(w.started, location)
	return location
}

// FileOfRun reports whether a data file was written by a run.
func FileOfRun(location, run string) bool {
	return strings.HasPrefix(location[1+strings.LastIndexByte(location, '/'):], run8(run)+"-")
}

// run8 is eight ASCII characters that stand for the run id in file names.
func run8(run string) string {
	sum := sha256.Sum256([]byte(run))
	return hex.EncodeToString(sum[:4])
}

// openFile is a data file being written.
type openFile struct {
	location string
	upload   storage.Upload
	pq       *parquet.Writer
	tuple    partition.Tuple
	cancel   context.CancelFunc
}

// Worker writes batches into files of its own.
type Worker struct {
	w    *Writer
	open map[string]*openFile
}

// Write writes a batch in the table's schema. It owns rec (I5).
func (k *Worker) Write(ctx context.Context, rec arrow.RecordBatch) error {
	if len(k.w.source) == 0 {
		return k.append(ctx, "", nil, rec)
	}
	groups, err := k.split(rec)
	if err != nil {
		rec.Release()
		return err
	}
	if len(groups) == 1 {
		return k.append(ctx, groups[0].key, groups[0].tuple, rec)
	}
	defer rec.Release()
	for _, g := range groups {
		part, err := batch.TakeRecord(ctx, k.w.cfg.Alloc, rec, g.rows)
		if err != nil {
			return err
		}
		if err := k.append(ctx, g.key, g.tuple, part); err != nil {
			return err
		}
	}
	return nil
}

func (k *Worker) append(ctx context.Context, key string, tuple partition.Tuple, rec arrow.RecordBatch) error {
	f, err := k.file(ctx, key, tuple)
	if err != nil {
		rec.Release()
		return err
	}
	if err := f.pq.Write(rec); err != nil {
		return err
	}
	if f.pq.Buffered() < k.w.cfg.FileBytes {
		return nil
	}
	return k.finish(key)
}

// file is the open file of a partition, begun if need be.
func (k *Worker) file(ctx context.Context, key string, tuple partition.Tuple) (*openFile, error) {
	if f := k.open[key]; f != nil {
		return f, nil
	}
	if len(k.open) >= maxOpen {
		if err := k.finish(k.fullest()); err != nil {
			return nil, err
		}
	}
	// The upload outlives the batch that began it; Close or Abort end it.
	uctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f := &openFile{location: k.w.location(), tuple: tuple, cancel: cancel}
	var err error
	if f.upload, err = k.w.cfg.Store.Create(uctx, f.location, true); err != nil {
		cancel()
		return nil, err
	}
	if f.pq, err = parquet.NewWriter(f.upload, k.w.cfg.Schema, k.w.cfg.Parquet); err != nil {
		f.upload.Abort()
		cancel()
		return nil, err
	}
	k.open[key] = f
	return f, nil
}

func (k *Worker) fullest() (key string) {
	most := int64(-1)
	for name, f := range k.open {
		if n := f.pq.Buffered(); n > most || n == most && strings.Compare(name, key) < 0 {
			key, most = name, n
		}
	}
	return key
}

func (k *Worker) finish(key string) error {
	f := k.open[key]
	delete(k.open, key)
	defer f.cancel()
	desc, err := f.pq.Close()
	if err != nil {
		f.upload.Abort()
		return err
	}
	if err := f.upload.Commit(); err != nil {
		f.upload.Abort()
		return err
	}
	k.w.mu.Lock()
	k.w.files = append(k.w.files, File{File: desc, Location: f.location, Partition: f.tuple, SortOrderID: k.w.cfg.Sort.ID})
	k.w.mu.Unlock()
	k.w.cfg.Events.OnWritten(0, desc.Bytes)
	return nil
}

func (k *Worker) closeAll() error {
	for key := range k.open {
		if err := k.finish(key); err != nil {
			return err
		}
	}
	return nil
}

func (k *Worker) abort() {
	for key, f := range k.open {
		f.pq.Abort()
		f.upload.Abort()
		f.cancel()
		delete(k.open, key)
	}
}
