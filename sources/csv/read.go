package csv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/sources"
)

// chunks cuts one file into splits; false says that no more are wanted.
func (s *source) chunks(ctx context.Context, name string, p projection, yield func(sources.Split, error) bool) bool {
	f, err := s.openFile(ctx, name)
	if err != nil {
		return yield(nil, err)
	}
	defer f.Close()
	q := &sequencer{r: f.r, d: s.d, size: s.chunk, footer: s.cfg.SkipFooter, budget: s.env.Budget}
	line, row := int64(1+s.cfg.SkipLines), int64(1)
	header := s.header
	p.names = s.names()
	for n := 0; ; n++ {
		cut, err := q.next(ctx)
		if errors.Is(err, io.EOF) {
			return true
		}
		if err != nil {
			return yield(nil, unreadable(err, name))
		}
		c := &chunk{cut: cut, src: s, projection: p, file: name, n: n, line: line, row: row, count: cut.rows}
		line += int64(cut.lines)
		if header {
			names, done, err := c.takeHeader()
			if err == nil && done {
				header = false
				p, err = p.arrange(s, name, c.line, names)
				c.projection = p
			}
			if err != nil {
				c.drop()
				return yield(nil, err)
			}
		}
		row = c.row + int64(c.count)
		s.env.Budget.Force(c.bytes()) // I8: a worker's minimum; each holds one chunk
		if !yield(c, nil) {
			return false
		}
	}
}

// projection is the columns that a request wants.
type projection struct {
	cols   []column
	at     []int         // their places in the file
	names  []string      // of all the file's columns
	schema *arrow.Schema // of what is wanted
	read   *arrow.Schema // with the interval's column, where that is not wanted; nil: schema
	window *window       // nil: all rows
}

// chunk is a run of whole rows of one file.
type chunk struct {
	*cut
	projection
	src   *source
	file  string
	n     int
	from  int   // where the first row starts
	line  int64 // of the first row
	row   int64 // ordinal of the first row in the file
	count int   // rows, blank ones and comments counted
}

// bytes is what the chunk and the batch made of it take.
func (c *chunk) bytes() int64 { return 3 * int64(c.end) }

// ID implements sources.Split.
func (c *chunk) ID() string { return fmt.Sprintf("%s#%d", c.file, c.n) }

// Read implements sources.Split.
func (c *chunk) Read(ctx context.Context, out sources.Out) error {
	defer func() {
		c.src.env.Budget.Release(c.bytes())
		c.drop()
	}()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	c.src.env.Events.OnRead(c.src.env.Name, 0, int64(c.end))
	r, bad := c.layout()
	if r.n == 0 {
		return c.refuse(out, bad)
	}
	b := newBuilder(c, r)
	rec, dropped := b.build()
	for _, d := range dropped {
		bad = append(bad, d)
	}
	o := batch.Origin{Split: c.ID(), File: c.file, Row: c.row, Rows: r.ordinals, Line: c.line, Lines: r.lines}
	if len(b.bad) > 0 || c.window != nil {
		var err error
		if rec, o, err = c.kept(ctx, b, rec, o); err != nil {
			return err
		}
	}
	if err := give(out, c.window.without(rec, c.schema), o); err != nil {
		return err
	}
	return c.refuse(out, bad)
}

// kept is rec without its bad rows and those outside the interval. It owns rec.
func (c *chunk) kept(ctx context.Context, b *builder, rec arrow.RecordBatch, o batch.Origin) (arrow.RecordBatch, batch.Origin, error) {
	keep := b.good()
	if c.window != nil {
		keep = c.window.filter(rec, c.src.env.Events, keep)
	}
	if len(keep) == int(rec.NumRows()) {
		return rec, o, nil
	}
	defer rec.Release()
	taken, err := batch.TakeRecord(ctx, c.src.env.Alloc, rec, keep)
	return taken, o.Take(keep), err
}

// give gives rec away, in pieces of a size that what comes behind is made for.
func give(out sources.Out, rec arrow.RecordBatch, o batch.Origin) error {
	n := int(rec.NumRows())
	if 0 < n && n <= maxBatchRows {
		return out.Batch(batch.Batch{Record: rec, Origin: o})
	}
	defer rec.Release()
	pieces := (n + maxBatchRows - 1) / maxBatchRows
	for i := range pieces {
		from, to := n*i/pieces, n*(i+1)/pieces
		if err := out.Batch(batch.Batch{Record: rec.NewSlice(int64(from), int64(to)), Origin: o.Slice(from, to)}); err != nil {
			return err
		}
	}
	return nil
}

// drop gives the chunk's buffer back.
func (c *chunk) drop() { buffers.Put(c.buffer) }

// refuse gives bad rows out, in the order of the file.
func (c *chunk) refuse(out sources.Out, bad []badRow) error {
	slices.SortStableFunc(bad, func(a, b badRow) int { return a.from - b.from })
	for _, b := range bad {
		raw := c.text[b.from:b.to]
		p := fault.Place{File: c.file, Row: b.ordinal, Line: c.line + int64(bytes.Count(c.text[c.from:b.at], []byte{'\n'}))}
		p.Column = b.at - bytes.LastIndexByte(c.text[:b.at], '\n')
		if 0 <= b.column && b.column < len(c.names) {
			p.Field = c.names[b.column]
		}
		p.Value = b.value
		row := batch.BadRow{Stage: batch.StageRead, Code: b.code, Reason: b.reason, Place: p, Raw: bytes.Clone(bytes.TrimRight(raw[:min(len(raw), batch.RawLimit)], "\r\n"))}
		if err := out.BadRow(row); err != nil {
			return err
		}
	}
	return nil
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
