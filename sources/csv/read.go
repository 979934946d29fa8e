package csv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/sources"
)

// chunks cuts one file into splits; false says that no more are wanted.
func (s *source) chunks(ctx context.Context, name string, cols []column, at []int, yield func(sources.Split, error) bool) bool {
	f, err := s.openFile(ctx, name)
	if err != nil {
		return yield(nil, err)
	}
	defer f.Close()
	schema := arrowSchema(cols)
	line, row := int64(1+s.cfg.SkipLines), int64(1)
	first := s.cfg.Header == nil || *s.cfg.Header
	var rest []byte
	for n := 0; ; n++ {
		if ctx.Err() != nil {
			return yield(nil, context.Cause(ctx))
		}
		buf, end, inner, eof, err := s.fill(f.r, rest)
		if err != nil {
			return yield(nil, fault.Wrap(fault.Data, err, "read %s", name).At(fault.Place{File: name, Line: line}))
		}
		if len(buf) == 0 {
			return true
		}
		text := buf[:end]
		c := &chunk{src: s, file: name, n: n, text: text, line: line, row: row, cols: cols, at: at, schema: schema}
		ends := int64(bytes.Count(text, []byte{'\n'}))
		line += ends
		row += ends - int64(inner)
		if first {
			if c.header(); len(c.text) == 0 && eof {
				return true
			}
			first = false
			row--
		}
		rest = append([]byte{}, buf[end:]...)
		s.env.Budget.Force(c.bytes()) // I8: a worker's minimum; each holds one chunk
		if !yield(c, nil) {
			return false
		}
		if eof {
			return true
		}
	}
}

// fill reads on until the buffer holds a whole row, and about a chunk. end is where its last whole row ends.
func (s *source) fill(r io.Reader, rest []byte) (buf []byte, end, inner int, eof bool, err error) {
	buf = rest
	for size := s.chunk; ; size *= 2 {
		grown := make([]byte, max(size, len(buf)+s.chunk))
		n := copy(grown, buf)
		m, err := io.ReadFull(r, grown[n:])
		buf = grown[:n+m]
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			eof, err = true, nil
		}
		if err != nil {
			return nil, 0, 0, false, err
		}
		if end, inner = s.d.lastRowEnd(buf, eof); end > 0 || eof {
			return buf, end, inner, eof, nil
		}
		if int64(len(buf)) > s.maxRow() {
			// The row is too long: it is given out as it is, and found to be bad.
			return buf, len(buf), 0, eof, nil
		}
	}
}

func (s *source) maxRow() int64 {
	if s.cfg.MaxRow > 0 {
		return s.cfg.MaxRow
	}
	return 16 << 20
}

// chunk is a run of whole rows of one file.
type chunk struct {
	src    *source
	file   string
	n      int
	text   []byte
	line   int64 // of the first row
	row    int64 // ordinal of the first row in the file
	cols   []column
	at     []int // places of cols in the file
	schema *arrow.Schema
}

// header takes the first row off.
func (c *chunk) header() {
	_, next, _, _ := c.src.d.row(c.text, 0, nil)
	c.line += int64(bytes.Count(c.text[:next], []byte{'\n'}))
	c.text = c.text[next:]
}

// bytes is what the chunk and the batch made of it take.
func (c *chunk) bytes() int64 { return 3 * int64(len(c.text)) }

// ID implements sources.Split.
func (c *chunk) ID() string { return fmt.Sprintf("%s#%d", c.file, c.n) }

// Read implements sources.Split. A chunk gives one batch.
func (c *chunk) Read(ctx context.Context, out sources.Out) error {
	defer c.src.env.Budget.Release(c.bytes())
	c.src.env.Events.OnRead(c.src.env.Name, 0, int64(len(c.text)))
	b := newBuilder(c)
	defer b.builder.Release()
	d := c.src.d
	line := c.line
	var cells []cell
	for pos := 0; pos < len(c.text); {
		if len(b.rows)&0xfff == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		start := pos
		var unclosed, junk bool
		cells, pos, unclosed, junk = d.row(c.text, pos, cells[:0])
		raw := c.text[start:pos]
		at := line
		line += int64(bytes.Count(raw, []byte{'\n'}))
		if blank(raw) && len(c.src.cols) > 1 || d.comment != 0 && raw[0] == d.comment {
			b.ordinal++
			continue
		}
		bad := b.add(cells, start, at, unclosed, junk)
		if bad != nil {
			bad.Raw = bytes.Clone(bytes.TrimRight(raw[:min(len(raw), batch.RawLimit)], "\r\n"))
			if err := out.BadRow(*bad); err != nil {
				return err
			}
		}
		b.ordinal++
	}
	return b.flush(out)
}

func blank(raw []byte) bool { return len(bytes.TrimRight(raw, "\r\n")) == 0 }

// builder gathers the rows of a chunk.
type builder struct {
	c       *chunk
	builder *array.RecordBuilder
	rows    []int64 // ordinals of the rows in the builders
	lines   []int64
	dropped []int // those among them that are bad
	ordinal int64
}

func newBuilder(c *chunk) *builder {
	b := &builder{c: c, builder: array.NewRecordBuilder(c.src.env.Alloc, c.schema), ordinal: c.row}
	b.builder.Reserve(bytes.Count(c.text, []byte{'\n'}) + 1)
	return b
}

// add appends a row, or says what is wrong with it. A bad row is completed with nulls and left out of the batch.
func (b *builder) add(cells []cell, start int, line int64, unclosed, junk bool) *batch.BadRow {
	c := b.c
	refuse := func(column int, field, code, format string, args ...any) *batch.BadRow {
		return &batch.BadRow{Stage: batch.StageRead, Code: code, Reason: fmt.Sprintf(format, args...),
			Place: fault.Place{File: c.file, Line: line, Column: column, Row: b.ordinal, Field: field}}
	}
	want := len(c.src.cols)
	switch {
	case unclosed:
		return refuse(cells[len(cells)-1].column(start), c.fieldAt(len(cells)-1), "UNCLOSED_QUOTE", "the quote is not closed")
	case junk:
		return refuse(1, "", "TEXT_AFTER_QUOTE", "there is text after a closing quote")
	case len(cells) != want && !(c.src.cfg.OnBadRow == "fill"):
		return refuse(1, "", "WRONG_CELL_COUNT", "the row has %d cells, the header %d", len(cells), want)
	}
	n := len(b.rows)
	var bad *batch.BadRow
	for i, col := range c.cols {
		f := b.builder.Field(i)
		at := c.at[i]
		if at >= len(cells) { // a short row, filled
			f.AppendNull()
			continue
		}
		text := cells[at].text(c.text, c.src.d.quote)
		if at == want-1 && len(cells) > want { // a long row, folded into its last cell
			text = c.text[cells[at].start:cells[len(cells)-1].end]
		}
		if c.src.isNull(cells[at], text) {
			f.AppendNull()
			continue
		}
		if col.parse(f, text) {
			continue
		}
		if f.Len() == n {
			f.AppendNull()
		}
		if bad == nil {
			bad = refuse(cells[at].column(start), col.name, "VALUE_NOT_OF_TYPE", "%s is not %s", show(text), typeName(col))
			b.dropped = append(b.dropped, n)
		}
	}
	b.rows, b.lines = append(b.rows, b.ordinal), append(b.lines, line)
	return bad
}

func (c *chunk) fieldAt(i int) string {
	if i < len(c.src.cols) {
		return c.src.cols[i].name
	}
	return ""
}

// typeName is a column's type as users write it.
func typeName(c column) string { return strings.ToLower(strings.ReplaceAll(c.typ.SparkSQL(), " ", "")) }

// show is a value for a message, cut when long.
func show(text []byte) string {
	if len(text) > 60 {
		return fmt.Sprintf("%q…", text[:60])
	}
	return fmt.Sprintf("%q", text)
}

// flush gives the rows away, in one batch, or in the pieces between bad rows.
func (b *builder) flush(out sources.Out) error {
	if len(b.rows) == 0 {
		return nil
	}
	rec := b.builder.NewRecordBatch()
	defer rec.Release()
	start := 0
	for _, end := range append(b.dropped, len(b.rows)) {
		if end > start {
			o := batch.Origin{Split: b.c.ID(), File: b.c.file, Row: b.rows[start], Rows: b.rows[start:end], Line: b.lines[start], Lines: b.lines[start:end]}
			if err := out.Batch(batch.Batch{Record: rec.NewSlice(int64(start), int64(end)), Origin: o}); err != nil {
				return err
			}
		}
		start = end + 1
	}
	return nil
}
