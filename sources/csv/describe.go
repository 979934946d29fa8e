package csv

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/sources"
)

// describe settles dialect, names and types: from the job, else from a sample of the first file that has anything in it.
func (s *source) describe(ctx context.Context) error {
	s.d = dialect{delimiter: ',', quote: '"', trim: s.cfg.Trim, maxRow: s.cfg.maxRow()}
	if s.cfg.Delimiter != nil {
		s.d.delimiter = (*s.cfg.Delimiter)[0]
	}
	if s.cfg.Quote != nil {
		s.d.quote = 0
		if *s.cfg.Quote != "" {
			s.d.quote = (*s.cfg.Quote)[0]
		}
	}
	s.d.escape = s.d.quote
	if s.cfg.Escape != nil && *s.cfg.Escape == `\` {
		s.d.escape = '\\'
	}
	if s.cfg.Comment != "" {
		s.d.comment = s.cfg.Comment[0]
	}
	if len(s.files) == 0 {
		return s.withoutFiles()
	}
	buf, whole, err := s.sample(ctx)
	if err != nil {
		return err
	}
	if len(buf) == 0 && s.cfg.OnNoFiles == "empty" {
		return s.withoutFiles()
	}
	if len(buf) == 0 {
		return fault.New(fault.Data, "%s is empty", s.first).At(fault.Place{File: s.first, Line: 1}).Hint("a file needs at least a header line")
	}
	if bytes.IndexByte(buf, '\n') < 0 && bytes.IndexByte(bytes.TrimRight(buf, "\r"), '\r') >= 0 {
		return fault.New(fault.Data, "the lines of %s end in a carriage return alone", s.first).At(fault.Place{File: s.first, Line: 1}).Hint("write them with line feeds")
	}
	s.sniff(buf, whole)
	s.chunk = s.chunkSize(buf)
	return s.typeColumns(ctx, s.sampleRows(buf, whole, sampleRows))
}

// chunkSize is how much to read at a time so that a batch has rows enough for what comes behind, and all workers' chunks are a small
// part of the budget (I8).
func (s *source) chunkSize(sample []byte) int {
	rows := bytes.Count(sample, []byte{'\n'}) + 1
	want := min(max(chunkBytes, len(sample)/rows*batchRows), chunkMost)
	return max(64<<10, min(want, int(s.env.Budget.Limit()/int64(24*max(1, s.env.Workers)))))
}

// sample reads the beginning of the first file that is not empty. whole says that it is all of it.
func (s *source) sample(ctx context.Context) (buf []byte, whole bool, err error) {
	for _, s.first = range s.files {
		if buf, whole, err = s.beginning(ctx, s.first); err != nil || len(buf) > 0 {
			return buf, whole, err
		}
	}
	return nil, true, nil
}

// beginning reads the beginning of a file.
func (s *source) beginning(ctx context.Context, name string) ([]byte, bool, error) {
	f, err := s.openFile(ctx, name)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	buf, err := io.ReadAll(io.LimitReader(f.r, sampleBytes))
	if err != nil {
		return nil, false, unreadable(err, name)
	}
	return buf, len(buf) < sampleBytes, nil
}

// withoutFiles takes the schema from the job alone.
func (s *source) withoutFiles() error {
	for _, c := range s.cfg.Schema {
		col, err := c.column()
		if err != nil {
			return err
		}
		s.cols = append(s.cols, col)
	}
	if len(s.cols) == 0 {
		return fault.New(fault.NoInput, "no file matches %s, and the job lists no schema", strings.Join(s.cfg.Path, ", "))
	}
	return nil
}

// typeColumns names the columns by the sample's first row and types them by the others.
func (s *source) typeColumns(ctx context.Context, sample []sampleRow) error {
	if len(sample) == 0 {
		return fault.New(fault.Data, "%s has no rows", s.first).At(fault.Place{File: s.first, Line: 1}).Hint("a file needs at least a header line")
	}
	head := sample[0]
	if head.bad != nil {
		return fault.New(fault.Data, "read the first row: %s", head.bad.reason).At(fault.Place{File: s.first}).Hint("set delimiter, quote and escape to what the file uses")
	}
	names := make([]string, 0, len(head.cells))
	for i, c := range head.cells {
		name := fmt.Sprintf("c%d", i+1)
		if s.header {
			name = strings.TrimSpace(string(c.text))
			if err := s.readableName(name, i); err != nil {
				return err
			}
		} else if i < len(s.cfg.Schema) {
			name = s.cfg.Schema[i].Name
		}
		own := unique(name, i, names)
		if name != "" && own != name {
			s.notes = append(s.notes, sources.Note{Column: own, Text: fmt.Sprintf("is the second column of the name %s", name)})
		}
		names = append(names, own)
	}
	if s.header {
		sample = sample[1:]
	}
	found := s.guesses(sample, len(names))
	if s.cfg.Infer == "full" && slices.ContainsFunc(names, s.infers) {
		var err error
		if found, err = s.guessAll(ctx, names); err != nil {
			return err
		}
	}
	return s.settle(names, found)
}

// infers reports whether nothing but its values tells a column's type.
func (s *source) infers(name string) bool {
	_, known := s.known(name)
	return !known && s.cfg.Infer != "none" && !slices.ContainsFunc(s.cfg.Schema, func(c ColumnSpec) bool { return strings.EqualFold(c.Name, name) })
}

// guesses narrow the type of each column by the rows that are as wide as the header.
func (s *source) guesses(sample []sampleRow, width int) []*guess {
	out := newGuesses(width)
	for _, row := range sample {
		if row.bad != nil || len(row.cells) != width {
			continue
		}
		for i, c := range row.cells {
			s.guess(out[i], c)
		}
	}
	return out
}

// guess takes one cell into account.
func (s *source) guess(g *guess, c sampleCell) {
	switch {
	case c.quoted && len(c.text) == 0:
		g.add(nil)
	case c.quoted || !s.isNull(c.text):
		g.add(c.text)
	}
}

// sampleRow is one row of the sample.
type sampleRow struct {
	cells []sampleCell
	bad   *flaw
}

// sampleCell is one cell of the sample.
type sampleCell struct {
	text   []byte
	quoted bool
}

// sampleRows cuts the sample into rows, at most n, without comments and blank lines. A row that the sample's end cuts is left out.
func (s *source) sampleRows(buf []byte, whole bool, n int) (out []sampleRow) {
	var ends []uint32
	for pos := 0; pos < len(buf) && len(out) < n; {
		from, width := pos, 0
		var bad *flaw
		var complete bool
		ends, pos, bad, complete = s.d.row(buf, pos, ends[:0], whole)
		if !complete && len(out) > 0 {
			break
		}
		if len(out) > 0 {
			width = len(out[0].cells)
		}
		if !s.d.aside(buf, from, pos, width) {
			out = append(out, sampleRow{s.cells(buf, from, ends), bad})
		}
	}
	return out
}

// cells are the cells of one row.
func (s *source) cells(buf []byte, from int, ends []uint32) []sampleCell {
	row := make([]sampleCell, len(ends))
	for i, e := range ends {
		raw := buf[from:max(int(e), from)]
		if i == len(ends)-1 {
			raw = bytes.TrimSuffix(raw, []byte{'\r'})
		}
		row[i].text, row[i].quoted = s.d.cell(raw, nil)
		from = int(e) + 1
	}
	return row
}

// readableName refuses a header cell that is no text: the file has another encoding, or is none of text.
func (s *source) readableName(name string, i int) error {
	if utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsControl) {
		return nil
	}
	return fault.New(fault.Data, "the name of column %d, %q, is no text", i+1, name).At(fault.Place{File: s.first, Line: int64(1 + s.cfg.SkipLines)}).
		Hint("set encoding to what the file is written in; a file without names wants header: false")
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
			listed, err := s.cfg.Schema[at].column()
			if err != nil {
				return err
			}
			c, c.name = listed, n
		} else if k, ok := s.known(n); ok {
			c.typ = k
		} else if s.infers(n) {
			c.typ, c.inferred = guesses[i].result(), true
			if !guesses[i].seen {
				where := "sample"
				if s.cfg.Infer == "full" {
					where = "files"
				}
				s.notes = append(s.notes, sources.Note{Column: n, Text: "has no value in the " + where + ", so it is read as string", Warning: true})
			}
		}
		if err := readable(c.typ); err != nil {
			return fault.New(fault.Config, "column %s: %s", n, err)
		}
		s.cols = append(s.cols, c)
	}
	for i, x := range s.cfg.Schema {
		if !used[x.Name] {
			return fault.New(fault.Config, "schema lists column %q, which %s does not have", x.Name, s.first).At(fault.Place{Path: fmt.Sprintf("schema[%d].name", i)}).
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
