package csv

import (
	"context"
	"errors"
	"io"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/firn-data/firn/internal/datepattern"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/sources"
	"github.com/firn-data/firn/sources/files"
)

const (
	sampleBytes = 1 << 20
	sampleRows  = 10_000
	chunkBytes  = 1 << 20 // what is read of a file at a time, at least
	chunkMost   = 4 << 20
	batchRows   = 16 << 10 // rows that a batch should have where that fits in a chunk

	maxBatchRows = 64 << 10
)

// source is the files of a config. The listing is fixed when it is first asked for.
type source struct {
	cfg    Config
	env    sources.Env
	files  []string
	first  string // the file that the columns are from
	d      dialect
	header bool     // the first row holds names
	cols   []column // of the header, in file order
	notes  []sources.Note
	chunk  int // bytes read at a time

	stdin replay

	mu     sync.Mutex
	closed bool
	open   map[io.Closer]bool
}

// column is one column of the files.
type column struct {
	name     string
	typ      schema.Type
	format   string // how its text is written; empty: as in ISO 8601
	pattern  *datepattern.Pattern
	inferred bool
}

// paths is what the job names.
func (s *source) paths() files.Paths {
	return files.Paths{Stores: s.env.Stores, Store: s.cfg.Store, Path: s.cfg.Path, OnNoFiles: s.cfg.OnNoFiles}
}

// list resolves paths and globs, once.
func (s *source) list(ctx context.Context) (err error) {
	if s.files == nil {
		s.files, err = files.List(ctx, s.paths())
	}
	return err
}

// Streams implements sources.Source: one stream, whose schema comes from the header and a sample of the first file, from
// `schema:`, and from the job's last run.
func (s *source) Streams(ctx context.Context) ([]sources.Stream, error) {
	if err := s.list(ctx); err != nil {
		return nil, err
	}
	if s.cols == nil {
		if err := s.describe(ctx); err != nil {
			return nil, err
		}
	}
	cols, _, err := s.chosen(s.cfg.Columns)
	if err != nil {
		return nil, err
	}
	st := sources.Stream{Name: s.streamName(), Schema: arrowSchema(cols), Mode: sources.Rows, Notes: s.notes}
	for _, c := range cols {
		if c.inferred {
			st.Infer = append(st.Infer, c.name)
		}
	}
	return []sources.Stream{st}, nil
}

func (s *source) streamName() string {
	if s.cfg.Path[0] == standardInput {
		return "stdin"
	}
	base := filepath.Base(s.cfg.Path[0])
	name, _, _ := strings.Cut(base, ".")
	return strings.Trim(name, "*?[]")
}

func arrowSchema(cols []column) *arrow.Schema {
	fields := make([]arrow.Field, len(cols))
	for i, c := range cols {
		fields[i] = arrow.Field{Name: c.name, Type: c.typ.Arrow(), Nullable: true}
	}
	return arrow.NewSchema(fields, nil)
}

// chosen finds columns by name; nil means all. at are their places in the file.
func (s *source) chosen(names []string) (cols []column, at []int, err error) {
	if names == nil {
		for i := range s.cols {
			at = append(at, i)
		}
		return s.cols, at, nil
	}
	for _, n := range names {
		i := slices.IndexFunc(s.cols, func(c column) bool { return strings.EqualFold(c.name, n) })
		if i < 0 {
			var have []string
			for _, c := range s.cols {
				have = append(have, c.name)
			}
			return nil, nil, fault.New(fault.Config, "there is no column %q in %s", n, s.first).At(fault.Place{Path: "columns"}).Hint("it has %s", strings.Join(have, ", "))
		}
		cols, at = append(cols, s.cols[i]), append(at, i)
	}
	return cols, at, nil
}

// Bound implements sources.Source: the listing is the bound, and files have no positions.
func (s *source) Bound(ctx context.Context, _ string, from sources.Position) (sources.Position, error) {
	return from, s.list(ctx)
}

// Size implements sources.Sizer.
func (s *source) Size(ctx context.Context, _ sources.Request) (int64, error) {
	if s.readsStdin() {
		return -1, nil
	}
	return s.paths().Size(ctx, s.files)
}

// Close implements sources.Source.
func (s *source) Close() error {
	s.mu.Lock()
	s.closed = true
	var all []io.Closer
	for c := range s.open {
		all = append(all, c)
	}
	s.mu.Unlock()
	var errs []error
	for _, c := range all {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// Splits implements sources.Source: each split is a chunk of whole rows of about 1 MiB, read from the file when it is pulled.
func (s *source) Splits(ctx context.Context, r sources.Request) iter.Seq2[sources.Split, error] {
	return func(yield func(sources.Split, error) bool) {
		if _, err := s.Streams(ctx); err != nil {
			yield(nil, err)
			return
		}
		if r.Columns == nil {
			r.Columns = s.cfg.Columns
		}
		p, err := s.project(r)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, name := range s.files {
			if !s.chunks(ctx, name, p, yield) {
				return
			}
		}
	}
}
