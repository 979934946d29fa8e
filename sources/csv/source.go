package csv

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/sources"
	"github.com/firn-data/firn/sources/files"
)

const (
	sampleBytes = 1 << 20
	sampleRows  = 10_000
	chunkBytes  = 1 << 20 // what is read of a file at a time
)

// source is the files of a config. The listing is fixed when it is first asked for.
type source struct {
	cfg    Config
	env    sources.Env
	files  []string
	d      dialect
	header bool     // the first row holds names
	cols   []column // of the header, in file order
	notes  []sources.Note
	chunk  int // bytes read at a time; chunkBytes but in tests

	mu     sync.Mutex
	closed bool
	open   map[io.Closer]bool
}

// column is one column of the files.
type column struct {
	name     string
	typ      schema.Type
	format   string // how its text is written; empty: as in ISO 8601
	inferred bool
}

// paths is what the job names.
func (s *source) paths() files.Paths {
	return files.Paths{Stores: s.env.Stores, Path: s.cfg.Path, OnNoFiles: s.cfg.OnNoFiles}
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
			return nil, nil, fault.New(fault.Config, "there is no column %q in %s", n, s.files[0]).At(fault.Place{Path: "columns"}).Hint("it has %s", strings.Join(have, ", "))
		}
		cols, at = append(cols, s.cols[i]), append(at, i)
	}
	return cols, at, nil
}

// describe reads a sample of the first file and settles dialect, names and types.
func (s *source) describe(ctx context.Context) error {
	s.d = dialect{quote: '"', trim: s.cfg.Trim, maxRow: int(s.cfg.MaxRow)}
	if s.d.maxRow == 0 {
		s.d.maxRow = 16 << 20
	}
	if s.cfg.Quote != nil {
		s.d.quote = 0
		if *s.cfg.Quote != "" {
			s.d.quote = (*s.cfg.Quote)[0]
		}
	}
	s.d.escape = s.d.quote
	if s.cfg.Escape == "\\" {
		s.d.escape = '\\'
	}
	if s.cfg.Comment != "" {
		s.d.comment = s.cfg.Comment[0]
	}
	if len(s.files) == 0 {
		return s.withoutFiles()
	}
	f, err := s.openFile(ctx, s.files[0])
	if err != nil {
		return err
	}
	defer f.Close()
	buf := make([]byte, sampleBytes)
	if s.cfg.Infer == "full" {
		return fault.New(fault.Config, "infer: full is not built in yet").At(fault.Place{Path: "infer"}).Hint("list the columns in schema")
	}
	n, err := io.ReadFull(f.r, buf)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fault.Wrap(fault.Data, err, "read %s", s.files[0])
	}
	buf = buf[:n]
	s.d.delimiter = ','
	if s.cfg.Delimiter != nil {
		s.d.delimiter = (*s.cfg.Delimiter)[0]
	} else {
		s.d.delimiter = sniffDelimiter(buf, s.d)
	}
	return s.typeColumns(buf, n < sampleBytes)
}

// withoutFiles takes the schema from the job alone.
func (s *source) withoutFiles() error {
	for _, c := range s.cfg.Schema {
		t, err := schema.Parse(c.Type)
		if err != nil {
			return err
		}
		s.cols = append(s.cols, column{name: c.Name, typ: t, format: c.Format})
	}
	if len(s.cols) == 0 {
		return fault.New(fault.NoInput, "no file matches %s, and the job lists no schema", strings.Join(s.cfg.Path, ", "))
	}
	return nil
}

// typeColumns names the columns by the sample's first row and types them. A row that the sample's end may have cut is left out.
func (s *source) typeColumns(buf []byte, whole bool) error {
	if len(buf) == 0 {
		return fault.New(fault.Data, "%s is empty", s.files[0]).At(fault.Place{File: s.files[0], Line: 1}).Hint("a file needs at least a header line")
	}
	sample := s.sampleRows(buf, whole)
	s.header = s.cfg.Header == nil || *s.cfg.Header
	var names []string
	for i, c := range sample[0] {
		name := fmt.Sprintf("c%d", i+1)
		if s.header {
			name = strings.TrimSpace(string(c.text))
		} else if i < len(s.cfg.Schema) {
			name = s.cfg.Schema[i].Name
		}
		names = append(names, unique(name, i, names))
	}
	if s.header {
		sample = sample[1:]
	}
	guesses := make([]*guess, len(names))
	for i := range guesses {
		guesses[i] = newGuess()
	}
	for _, row := range sample {
		if len(row) == len(names) {
			s.guess(guesses, row)
		}
	}
	return s.settle(names, guesses)
}

// sampled is one cell of the sample.
type sampled struct {
	text   []byte
	quoted bool
}

// sampleRows cuts the sample into rows, at least one, without comments and blank lines.
func (s *source) sampleRows(buf []byte, whole bool) (out [][]sampled) {
	var ends []uint32
	for pos := 0; pos < len(buf) && len(out) <= sampleRows; {
		from := pos
		var complete bool
		ends, pos, _, complete = s.d.bounded(buf, pos, ends[:0], whole)
		if !complete && len(out) > 0 {
			break
		}
		if s.d.comment != 0 && buf[from] == s.d.comment || len(out) > 0 && len(ends) == 1 && len(out[0]) > 1 && blank(buf[from:pos]) {
			continue
		}
		out = append(out, s.cells(buf, from, ends))
	}
	if len(out) == 0 {
		out = append(out, nil)
	}
	return out
}

// cells are the cells of one row.
func (s *source) cells(buf []byte, from int, ends []uint32) []sampled {
	row := make([]sampled, len(ends))
	for i, e := range ends {
		raw := buf[from:e]
		if i == len(ends)-1 {
			raw = bytes.TrimSuffix(raw, []byte{'\r'})
		}
		row[i].text, row[i].quoted = s.d.cell(raw, nil)
		from = int(e) + 1
	}
	return row
}

// guess takes one row of the sample into account.
func (s *source) guess(guesses []*guess, row []sampled) {
	for i, c := range row {
		switch {
		case c.quoted && len(c.text) == 0:
			guesses[i].add([]byte{'"'}) // an empty string is of no other type
		case len(c.text) > 0 && (c.quoted || !s.isNull(c.text)):
			guesses[i].add(c.text)
		}
	}
}

// unique gives a column without a name, or with another's, a name of its own: ID and id become ID and id_2.
func unique(name string, i int, taken []string) string {
	if name == "" {
		name = fmt.Sprintf("c%d", i+1)
	}
	try := name
	for n := 2; slices.ContainsFunc(taken, func(t string) bool { return strings.EqualFold(t, try) }); n++ {
		try = fmt.Sprintf("%s_%d", name, n)
	}
	return try
}

// settle gives each column its type: from the job, else from its last run, else the inferred one.
func (s *source) settle(names []string, guesses []*guess) error {
	used := map[string]bool{}
	for i, n := range names {
		c := column{name: n, typ: schema.Type{Kind: schema.String}}
		if at := slices.IndexFunc(s.cfg.Schema, func(x ColumnSpec) bool { return strings.EqualFold(x.Name, n) }); at >= 0 {
			used[s.cfg.Schema[at].Name] = true
			t, err := schema.Parse(s.cfg.Schema[at].Type)
			if err != nil {
				return err
			}
			c.typ = t
		} else if k, ok := s.known(n); ok {
			c.typ = k
		} else if s.cfg.Infer != "none" {
			c.typ, c.inferred = guesses[i].result(), true
			if !guesses[i].seen {
				s.notes = append(s.notes, sources.Note{Column: n, Text: "has no value in the sample, so it is read as string"})
			}
		}
		if err := readable(c.typ); err != nil {
			return fault.New(fault.Config, "column %s: %s", n, err)
		}
		s.cols = append(s.cols, c)
	}
	for i, x := range s.cfg.Schema {
		if !used[x.Name] {
			return fault.New(fault.Config, "schema lists column %q, which %s does not have", x.Name, s.files[0]).At(fault.Place{Path: fmt.Sprintf("schema[%d].name", i)}).
				Hint("it has %s", strings.Join(names, ", "))
		}
	}
	return nil
}

func (s *source) known(name string) (schema.Type, bool) {
	if s.env.Known == nil {
		return schema.Type{}, false
	}
	i, ok := s.env.Known.Lookup(name)
	if !ok {
		return schema.Type{}, false
	}
	return s.env.Known.Fields[i].Type, true
}

// isNull reports whether an unquoted cell stands for NULL: it is one of null_values.
func (s *source) isNull(text []byte) bool {
	if len(s.cfg.NullValues) == 0 {
		return len(text) == 0
	}
	for _, v := range s.cfg.NullValues {
		if string(text) == v {
			return true
		}
	}
	return false
}

// Bound implements sources.Source: the listing is the bound, and files have no positions.
func (s *source) Bound(ctx context.Context, _ string, from sources.Position) (sources.Position, error) {
	return from, s.list(ctx)
}

// Size implements sources.Sizer.
func (s *source) Size(ctx context.Context, _ sources.Request) (int64, error) {
	return s.paths().Size(ctx, s.files)
}

// textFile is an opened file: its text, decompressed and without a byte order mark.
type textFile struct {
	r      io.Reader
	closes []io.Closer
	src    *source
}

func (f *textFile) Close() error {
	f.src.mu.Lock()
	delete(f.src.open, f)
	f.src.mu.Unlock()
	var errs []error
	for i := len(f.closes) - 1; i >= 0; i-- {
		errs = append(errs, f.closes[i].Close())
	}
	f.closes = nil
	return errors.Join(errs...)
}

type closeFunc func()

func (c closeFunc) Close() error { c(); return nil }

func (s *source) openFile(ctx context.Context, name string) (*textFile, error) {
	o, err := s.paths().Open(ctx, name)
	if err != nil {
		return nil, err
	}
	f := &textFile{src: s, closes: []io.Closer{o}}
	r, err := o.Reader(ctx, 0, -1)
	if err != nil {
		f.Close()
		return nil, err
	}
	f.closes = append(f.closes, r)
	br := bufio.NewReaderSize(r, 256<<10)
	head, _ := br.Peek(4)
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(br)
		if err != nil {
			f.Close()
			return nil, fault.Wrap(fault.Data, err, "decompress %s", name)
		}
		f.closes = append(f.closes, z)
		br = bufio.NewReaderSize(z, 256<<10)
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(br, zstd.WithDecoderConcurrency(1))
		if err != nil {
			f.Close()
			return nil, fault.Wrap(fault.Data, err, "decompress %s", name)
		}
		f.closes = append(f.closes, closeFunc(z.Close))
		br = bufio.NewReaderSize(z, 256<<10)
	}
	if bom, _ := br.Peek(3); bytes.Equal(bom, []byte{0xef, 0xbb, 0xbf}) {
		br.Discard(3)
	}
	for range s.cfg.SkipLines {
		if _, err := br.ReadSlice('\n'); err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			break
		}
	}
	f.r = br
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[io.Closer]bool{}
	}
	s.open[f] = true
	return f, nil
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
