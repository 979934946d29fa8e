package transform

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	arrowmem "github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/memory"
)

// spillFile is a temp file that is written once and then read from its start, any number of times. It is removed by close (I6).
type spillFile struct {
	f *os.File
	w *bufio.Writer
	n int64 // entries or rows in it
}

const spillBuffer = 32 << 10

func newSpillFile(dir *memory.Dir, kind string) (*spillFile, error) {
	if dir == nil {
		return nil, fault.New(fault.Unavailable, "the memory budget is used up and there is no folder for spill files").Hint("raise resources.memory")
	}
	f, err := dir.Create(kind)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "create a spill file")
	}
	return &spillFile{f: f, w: bufio.NewWriterSize(f, spillBuffer)}, nil
}

func (s *spillFile) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	if err != nil {
		return n, fault.Wrap(fault.Unavailable, err, "write a spill file")
	}
	return n, nil
}

// open begins to read, after the last write.
func (s *spillFile) open() (*bufio.Reader, error) {
	if s.w != nil {
		if err := s.w.Flush(); err != nil {
			return nil, fault.Wrap(fault.Unavailable, err, "write a spill file")
		}
		s.w = nil
	}
	if _, err := s.f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return bufio.NewReaderSize(s.f, spillBuffer), nil
}

func (s *spillFile) close() {
	if s == nil || s.f == nil {
		return
	}
	s.f.Close()
	os.Remove(s.f.Name())
	s.f = nil
}

// recordFile is a spill file of record batches.
type recordFile struct {
	*spillFile
	schema *arrow.Schema
	w      *ipc.Writer
	alloc  arrowmem.Allocator
}

func newRecordFile(dir *memory.Dir, kind string, schema *arrow.Schema, alloc arrowmem.Allocator) (*recordFile, error) {
	s, err := newSpillFile(dir, kind)
	if err != nil {
		return nil, err
	}
	schema = nullable(schema)
	return &recordFile{s, schema, ipc.NewWriter(s, ipc.WithSchema(schema), ipc.WithAllocator(alloc)), alloc}, nil
}

// add writes a record batch, which stays the caller's.
func (r *recordFile) add(rec arrow.RecordBatch) error {
	r.n += rec.NumRows()
	same := array.NewRecordBatch(r.schema, rec.Columns(), rec.NumRows()) // but for what may be NULL
	defer same.Release()
	if err := r.w.Write(same); err != nil {
		return fmt.Errorf("write a spill file: %w", err)
	}
	return nil
}

// read begins at the first record batch. The reader must be released.
func (r *recordFile) read() (*ipc.Reader, error) {
	if r.w != nil {
		if err := r.w.Close(); err != nil {
			return nil, fmt.Errorf("write a spill file: %w", err)
		}
		r.w = nil
	}
	in, err := r.open()
	if err != nil {
		return nil, err
	}
	return ipc.NewReader(in, ipc.WithSchema(r.schema), ipc.WithAllocator(r.alloc))
}

// each calls f with every record batch, which f owns.
func (r *recordFile) each(f func(arrow.RecordBatch) error) error {
	in, err := r.read()
	if err != nil {
		return err
	}
	defer in.Release()
	for {
		rec, err := nextRecord(in)
		if err != nil || rec == nil {
			return err
		}
		if err := f(rec); err != nil {
			return err
		}
	}
}

// nextRecord gives the next record batch to the caller, or nil at the end.
func nextRecord(in *ipc.Reader) (arrow.RecordBatch, error) {
	if !in.Next() {
		if err := in.Err(); err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("read a spill file: %w", err)
		}
		return nil, nil
	}
	rec := in.RecordBatch()
	rec.Retain()
	return rec, nil
}

func (r *recordFile) close() {
	if r == nil {
		return
	}
	if r.w != nil {
		r.w.Close()
		r.w = nil
	}
	r.spillFile.close()
}
