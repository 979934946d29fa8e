package parquet

import (
	"context"
	"errors"
	"iter"
	"path"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/sources"
	"github.com/firn-data/firn/sources/files"
	"github.com/firn-data/firn/storage"
	"github.com/firn-data/firn/storage/parquet"
)

const (
	footersAtOnce = 8        // files whose footers are read at a time
	splitBytes    = 16 << 20 // compressed size that a split has at least, where the file has it
)

// source is the files of a config. The listing and the columns are fixed when they are first asked for.
type source struct {
	cfg   Config
	env   sources.Env
	paths files.Paths
	files []string
	bytes int64
	cols  []column

	mu   sync.Mutex
	open map[*openFile]bool
}

// list resolves paths and globs, once.
func (s *source) list(ctx context.Context) (err error) {
	if s.files == nil {
		s.files, err = files.List(ctx, s.paths)
	}
	return err
}

// describe reads the footers of all files and settles the columns, once.
func (s *source) describe(ctx context.Context) error {
	if s.cols != nil {
		return nil
	}
	if err := s.list(ctx); err != nil {
		return err
	}
	for batch := range slices.Chunk(s.files, footersAtOnce) {
		footers, err := s.footers(ctx, batch)
		if err != nil {
			return err
		}
		for i, f := range footers {
			if err := s.add(batch[i], f); err != nil {
				return err
			}
		}
	}
	return s.settle()
}

func (s *source) footers(ctx context.Context, names []string) ([]*parquet.FileReader, error) {
	out, sizes := make([]*parquet.FileReader, len(names)), make([]int64, len(names))
	g, ctx := errgroup.WithContext(ctx)
	for i, name := range names {
		g.Go(func() (err error) {
			defer fault.Recover(&err)
			o, f, err := s.openFile(ctx, name)
			if err != nil {
				return err
			}
			out[i], sizes[i] = f, o.Size()
			return o.Close()
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for _, n := range sizes {
		s.bytes += n
	}
	return out, nil
}

func (s *source) openFile(ctx context.Context, name string) (storage.Object, *parquet.FileReader, error) {
	o, err := s.paths.Open(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	f, err := parquet.Open(o, o.Size())
	if err != nil {
		o.Close()
		return nil, nil, atFile(err, name)
	}
	return o, f.ByName(), nil
}

// atFile puts a file's name on an error.
func atFile(err error, name string) error {
	return fault.Wrap(fault.ClassOf(err), err, "read %s", name).At(fault.Place{File: name})
}

// Streams implements sources.Source: one stream, whose schema joins those of all files.
func (s *source) Streams(ctx context.Context) ([]sources.Stream, error) {
	if err := s.describe(ctx); err != nil {
		return nil, err
	}
	cols, err := s.chosen(s.cfg.Columns)
	if err != nil {
		return nil, err
	}
	name, _, _ := strings.Cut(path.Base(s.cfg.Path[0]), ".")
	return []sources.Stream{{Name: strings.Trim(name, "*?[]"), Schema: arrowSchema(cols), Mode: sources.Rows}}, nil
}

// chosen finds columns by name; nil means all.
func (s *source) chosen(names []string) ([]column, error) {
	if names == nil {
		return s.cols, nil
	}
	var out []column
	for _, n := range names {
		i := slices.IndexFunc(s.cols, func(c column) bool { return strings.EqualFold(c.name, n) })
		if i < 0 {
			return nil, fault.New(fault.Config, "no file has a column %q", n).At(fault.Place{Path: "columns"}).Hint("the files have %s", s.names())
		}
		out = append(out, s.cols[i])
	}
	return out, nil
}

// Bound implements sources.Source: the listing is the bound, and files have no positions.
func (s *source) Bound(ctx context.Context, _ string, from sources.Position) (sources.Position, error) {
	return from, s.list(ctx)
}

// Size implements sources.Sizer: the files' bytes; what columns and statistics save is not taken off.
func (s *source) Size(ctx context.Context, _ sources.Request) (int64, error) {
	if err := s.describe(ctx); err != nil {
		return -1, err
	}
	return s.bytes, nil
}

// Pushed implements sources.Pushdown: statistics leave whole row groups out, so that no conjunct holds for every row.
func (s *source) Pushed(string, sources.Predicate) []sources.Predicate { return nil }

// Splits implements sources.Source: a split is a row group, or several small ones behind each other. Row groups in which the
// statistics exclude r.Where are left out.
func (s *source) Splits(ctx context.Context, r sources.Request) iter.Seq2[sources.Split, error] {
	return func(yield func(sources.Split, error) bool) {
		p, err := s.project(ctx, r)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, name := range s.files {
			if !s.splitsOf(ctx, name, p, r.Where, yield) {
				return
			}
		}
	}
}

func (s *source) splitsOf(ctx context.Context, name string, p *projection, where sources.Predicate, yield func(sources.Split, error) bool) bool {
	o, f, err := s.openFile(ctx, name)
	if err != nil {
		return yield(nil, err)
	}
	file := &openFile{s: s, name: name, object: o, reader: f}
	file.read, file.narrowed = columnsOf(p.cols, f.Schema())
	all, _ := columnsOf(s.cols, f.Schema())
	s.keep(file)
	var splits []*split
	var cur *split
	row, size := int64(1), int64(0)
	for g, info := range f.Groups() {
		switch {
		case !f.MayMatch(g, all, where):
			cur = nil
		case cur == nil || size >= splitBytes:
			cur, size = &split{file: file, p: p}, 0
			splits = append(splits, cur)
			fallthrough
		default:
			cur.groups, cur.rows = append(cur.groups, g), append(cur.rows, row)
			size += info.Bytes
		}
		row += info.Rows
	}
	if file.left = len(splits); file.left == 0 {
		file.close()
	}
	for _, sp := range splits {
		if !yield(sp, nil) {
			return false
		}
	}
	return true
}

// openFile is shared by the splits of a file; it is closed when the last of them has been read, or with the source.
type openFile struct {
	s      *source
	name   string
	object storage.Object
	reader *parquet.FileReader

	read     schema.Schema
	narrowed []bool // of its columns

	left int // splits not yet read to their end; guarded by s.mu
}

func (s *source) keep(f *openFile) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[*openFile]bool{}
	}
	s.open[f] = true
}

// done tells that one split has been read.
func (f *openFile) done() {
	f.s.mu.Lock()
	f.left--
	last := f.left == 0
	f.s.mu.Unlock()
	if last {
		f.close()
	}
}

func (f *openFile) close() error {
	f.s.mu.Lock()
	open := f.s.open[f]
	delete(f.s.open, f)
	f.s.mu.Unlock()
	if !open {
		return nil
	}
	return f.object.Close()
}

// Close implements sources.Source.
func (s *source) Close() error {
	s.mu.Lock()
	var all []*openFile
	for f := range s.open {
		all = append(all, f)
	}
	s.mu.Unlock()
	var errs []error
	for _, f := range all {
		errs = append(errs, f.close())
	}
	return errors.Join(errs...)
}

var (
	_ sources.Source   = (*source)(nil)
	_ sources.Sizer    = (*source)(nil)
	_ sources.Pushdown = (*source)(nil)
)
