package layout

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/firn-data/firn/internal/partition"
	"github.com/firn-data/firn/storage"
	"github.com/firn-data/firn/storage/parquet"
)

// openFile is a data file being written, by one goroutine at a time.
type openFile struct {
	location string
	upload   storage.Upload
	pq       *parquet.Writer
	tuple    partition.Tuple
	cancel   context.CancelFunc
}

// begin opens a data file whose open row group reserves at most reserve bytes; 0: what the configuration says.
func (w *Writer) begin(ctx context.Context, tuple partition.Tuple, reserve int64) (*openFile, error) {
	// The upload outlives the batch that began it; Close or Abort end it.
	uctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f := &openFile{location: w.location(), tuple: tuple, cancel: cancel}
	var err error
	if f.upload, err = w.cfg.Store.Create(uctx, f.location, true); err != nil {
		cancel()
		return nil, err
	}
	o := w.cfg.Parquet
	if o.MaxReserve == 0 {
		o.MaxReserve = reserve
	}
	if f.pq, err = parquet.NewWriter(f.upload, w.cfg.Schema, o); err != nil {
		f.upload.Abort()
		cancel()
		return nil, err
	}
	return f, nil
}

// finish ends a data file and notes its description.
func (w *Writer) finish(f *openFile) error {
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
	w.mu.Lock()
	w.files = append(w.files, File{File: desc, Location: f.location, Partition: f.tuple, SortOrderID: w.cfg.Sort.ID})
	w.mu.Unlock()
	w.cfg.Events.OnWritten(0, desc.Bytes)
	return nil
}

func (f *openFile) abort() {
	f.pq.Abort()
	f.upload.Abort()
	f.cancel()
}

// slot is a place for one open file, begun when it is needed and rolled at its target size.
type slot struct {
	w       *Writer
	tuple   partition.Tuple
	reserve int64
	file    *openFile
}

// write appends rec, which it owns.
func (s *slot) write(ctx context.Context, rec arrow.RecordBatch) (err error) {
	if s.file == nil {
		if s.file, err = s.w.begin(ctx, s.tuple, s.reserve); err != nil {
			rec.Release()
			return err
		}
	}
	if err := s.file.pq.Write(rec); err != nil {
		return err
	}
	if s.file.pq.Buffered() < s.w.cfg.FileBytes {
		return nil
	}
	return s.finish()
}

func (s *slot) finish() error {
	f := s.file
	if f == nil {
		return nil
	}
	s.file = nil
	return s.w.finish(f)
}

func (s *slot) abort() {
	if s.file != nil {
		s.file.abort()
		s.file = nil
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
