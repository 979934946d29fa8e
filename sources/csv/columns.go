package csv

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/internal/textarrow"
)

// builder turns the cells of a chunk into Arrow columns, column by column and in runs of rows that fit in a cache.
type builder struct {
	c       *chunk
	rows    rows
	text    []byte
	easy    bool // nothing is trimmed and no number is NULL: a cell that reads as a number or date is that value
	nulls   int  // bytes of the longest text that is NULL
	utf8    bool // the whole text is valid
	quote   byte // a line feed, which no bare cell has, where there are no quotes
	scratch []byte
	bad     map[int]badRow // by row: the first bad cell of each
	columns []vector
}

// run is how many rows are converted column by column before the next rows are.
const run = 1024

func newBuilder(c *chunk, r rows) *builder {
	b := &builder{c: c, rows: r, text: c.text[:c.end], easy: !c.src.d.trim, bad: map[int]badRow{}}
	if b.quote = c.src.d.quote; b.quote == 0 {
		b.quote = '\n'
	}
	for _, null := range c.src.cfg.NullValues {
		b.nulls = max(b.nulls, len(null))
		b.easy = b.easy && (null == "" || !strings.ContainsRune("0123456789+-.", rune(null[0])))
	}
	b.utf8 = utf8.Valid(b.text)
	b.columns = make([]vector, len(c.cols))
	for i := range c.cols {
		b.columns[i].begin(c.src.env.Alloc, c.cols[i], r.n, b.width(i))
	}
	return b
}

// width is how many bytes the cells of a text column have, at most.
func (b *builder) width(i int) (total int) {
	if k := b.c.cols[i].typ.Kind; k != schema.String {
		return 0
	}
	pos, stride := b.rows.pos, b.rows.stride
	for k, r := b.c.at[i], 0; r < b.rows.n; r, k = r+1, k+stride {
		if n := pos[k+1] - pos[k] - 1; n != absent {
			total += int(n)
		}
	}
	return total
}

// build gives the batch, in which the rows of bad are there but mean nothing, and those rows.
func (b *builder) build() (arrow.RecordBatch, map[int]badRow) {
	for from := 0; from < b.rows.n; from += run {
		to := min(from+run, b.rows.n)
		for i := range b.columns {
			b.convert(i, from, to)
		}
	}
	cols := make([]arrow.Array, len(b.columns))
	for i := range b.columns {
		cols[i] = b.columns[i].finish(b.rows.n)
	}
	schema := b.c.schema
	if b.c.read != nil {
		schema = b.c.read
	}
	rec := array.NewRecordBatch(schema, cols, int64(b.rows.n))
	for _, c := range cols {
		c.Release()
	}
	return rec, b.bad
}

// good lists the rows that are not bad.
func (b *builder) good() []int32 {
	out := make([]int32, 0, b.rows.n)
	for r := range b.rows.n {
		if _, bad := b.bad[r]; !bad {
			out = append(out, int32(r))
		}
	}
	return out
}

// convert reads rows [from, to) of column i.
func (b *builder) convert(i, from, to int) {
	v := &b.columns[i]
	slow := !b.easy || v.format != "" || b.rows.folded != nil && b.c.at[i] == len(b.c.src.cols)-1
	d, pos, stride := b.text, b.rows.pos, b.rows.stride
	k := from*stride + b.c.at[i]
	if slow {
		for r := from; r < to; r, k = r+1, k+stride {
			b.cell(i, r, pos[k]+1, pos[k+1])
		}
		return
	}
	switch v.typ.Kind {
	case schema.Long:
		for r := from; r < to; r, k = r+1, k+stride {
			s, e := pos[k]+1, pos[k+1]
			s1, e1 := b.bare(s, e)
			if x, ok := textarrow.Uint(d, s1, e1); ok {
				v.i64[r] = int64(x)
				continue
			}
			b.cell(i, r, s, e)
		}
	case schema.Int:
		for r := from; r < to; r, k = r+1, k+stride {
			s, e := pos[k]+1, pos[k+1]
			s1, e1 := b.bare(s, e)
			if x, ok := textarrow.Uint(d, s1, e1); ok && x <= math.MaxInt32 {
				v.i32[r] = int32(x)
				continue
			}
			b.cell(i, r, s, e)
		}
	case schema.Decimal:
		b.decimals(i, from, to)
	case schema.Date:
		for r := from; r < to; r, k = r+1, k+stride {
			s, e := pos[k]+1, pos[k+1]
			if s1, e1 := b.bare(s, e); e1-s1 == 10 {
				if x, ok := textarrow.Day(d, s1); ok {
					v.i32[r] = x
					continue
				}
			}
			b.cell(i, r, s, e)
		}
	case schema.Timestamp, schema.TimestampTZ:
		b.timestamps(i, from, to)
	case schema.String:
		b.strings(i, from, to)
	default:
		for r := from; r < to; r, k = r+1, k+stride {
			b.cell(i, r, pos[k]+1, pos[k+1])
		}
	}
}

// bare is a cell of a number or date without its quotes. What they hold may be anything: it is a value only if it reads as one.
func (b *builder) bare(s, e uint32) (uint32, uint32) {
	if e-s-3 < 64 && b.text[s] == b.quote && b.text[e-1] == b.quote {
		return s + 1, e - 1
	}
	return s, e
}

func (b *builder) decimals(i, from, to int) {
	v := &b.columns[i]
	d, pos, stride := b.text, b.rows.pos, b.rows.stride
	k := from*stride + b.c.at[i]
	scale := uint32(v.typ.Scale)
	fast := scale <= 8 && v.typ.Precision <= 18
	limit := int64(math.MaxInt64)
	if v.typ.Precision <= 18 {
		limit = int64(math.Pow10(v.typ.Precision))
	}
	for r := from; r < to; r, k = r+1, k+stride {
		s, e := pos[k]+1, pos[k+1]
		if fast {
			s1, e1 := b.bare(s, e)
			x, ok := textarrow.Short(d, s1, e1, scale)
			if !ok && scale > 0 {
				x, ok = textarrow.Fixed(d, s1, e1, scale)
			}
			if ok && x < limit && x > -limit {
				v.i64[2*r], v.i64[2*r+1] = x, x>>63
				continue
			}
		}
		b.cell(i, r, s, e)
	}
}

// timestamps reads those with an offset fast only where it is Z.
func (b *builder) timestamps(i, from, to int) {
	v := &b.columns[i]
	d, pos, stride := b.text, b.rows.pos, b.rows.stride
	zoned := v.typ.Kind == schema.TimestampTZ
	for r, k := from, from*stride+b.c.at[i]; r < to; r, k = r+1, k+stride {
		s, e := pos[k]+1, pos[k+1]
		s1, e1 := b.bare(s, e)
		if zoned && e1-s1-20 < 64 {
			if e1--; d[e1] != 'Z' {
				e1 = s1
			}
		} else if zoned {
			e1 = s1
		}
		if x, ok := textarrow.Micros(d, s1, e1); ok {
			v.i64[r] = x
			continue
		}
		b.cell(i, r, s, e)
	}
}

func (b *builder) strings(i, from, to int) {
	v := &b.columns[i]
	d, pos, stride, quote, escape := b.text, b.rows.pos, b.rows.stride, b.c.src.d.quote, b.c.src.d.escape
	k := from*stride + b.c.at[i]
	for r := from; r < to; r, k = r+1, k+stride {
		s, e := pos[k]+1, pos[k+1]
		n := e - s
		if n-1 >= math.MaxInt32 || !b.utf8 {
			b.cell(i, r, s, e)
			continue
		}
		if quote != 0 && d[s] == quote {
			if n < 2 || bytes.IndexByte(d[s+1:e-1], escape) >= 0 {
				b.cell(i, r, s, e)
				continue
			}
			s, n = s+1, n-2
		} else if int(n) <= b.nulls && b.c.src.isNull(d[s:e]) {
			v.null(r)
			continue
		}
		switch {
		case n <= 16:
			textarrow.Copy16(v.bytes[v.used:], d, s)
		case n <= 48:
			textarrow.Copy48(v.bytes[v.used:], d, s)
		default:
			copy(v.bytes[v.used:], d[s:s+n])
		}
		v.used += int32(n)
		v.i32[r+1] = v.used
	}
}

// cell reads one cell in every way that it may be written, and notes it when it is none of the column's type.
func (b *builder) cell(i, r int, s, e uint32) {
	v := &b.columns[i]
	if e-s == absent {
		v.null(r)
		return
	}
	raw, quoted := b.text[s:e], false
	if b.rows.folded == nil || !b.rows.folded[r] || b.c.at[i] != len(b.c.src.cols)-1 {
		raw, quoted = b.c.src.d.cell(raw, b.scratch)
		if quoted && cap(raw) > cap(b.scratch) && len(raw) > 0 && len(raw) < int(e-s)-2 {
			b.scratch = raw[:0]
		}
	}
	if !quoted && b.c.src.isNull(raw) {
		v.null(r)
		return
	}
	if v.set(r, raw) {
		return
	}
	v.null(r)
	if _, there := b.bad[r]; there {
		return
	}
	b.bad[r] = b.refuse(i, r, s, raw)
}

func (b *builder) refuse(i, r int, s uint32, raw []byte) badRow {
	col := b.c.cols[i]
	code, reason := "VALUE_NOT_OF_TYPE", fmt.Sprintf("%s is not %s", show(raw), typeName(col))
	switch {
	case !utf8.Valid(raw):
		code, reason = "INVALID_UTF8", fmt.Sprintf("%s is not valid UTF-8", show(raw))
	case col.format != "":
		reason += " written as " + col.format
	}
	bad := badRow{flaw: flaw{code: code, reason: reason, at: int(s)}, column: b.c.at[i], ordinal: b.c.row + int64(r), value: string(raw[:min(len(raw), batch.RawLimit)])}
	pos, stride := b.rows.pos, b.rows.stride
	bad.from = int(pos[r*stride] + 1)
	bad.to = lineOrRowEnd(b.text, int(pos[r*stride+len(b.c.src.cols)]))
	if b.rows.ordinals != nil {
		bad.ordinal = b.rows.ordinals[r]
	}
	return bad
}

// lineOrRowEnd is where the row ends whose last cell ends at e.
func lineOrRowEnd(text []byte, e int) int {
	for e < len(text) && text[e] != '\n' {
		e++
	}
	return min(e+1, len(text))
}

// vector is one column being filled.
type vector struct {
	column
	alloc       memory.Allocator
	valid, data *memory.Buffer
	offsets     *memory.Buffer
	nulls       int
	i32         []int32 // of int, date and, as offsets, string
	i64         []int64 // of long, time, timestamps; two a decimal
	bytes       []byte  // of string and the rest
	used        int32   // bytes of string
}

// begin makes room for n rows; text is how many bytes of text they have at most.
func (v *vector) begin(alloc memory.Allocator, c column, n, text int) {
	v.column, v.alloc = c, alloc
	size := map[schema.Kind]int{schema.Int: 4, schema.Date: 4, schema.Float: 4, schema.Long: 8, schema.Double: 8, schema.Time: 8, schema.Timestamp: 8, schema.TimestampTZ: 8, schema.Decimal: 16, schema.UUID: 16}[c.typ.Kind] * n
	switch c.typ.Kind {
	case schema.String:
		size = text + textarrow.Slack
		v.offsets = buffer32(alloc, 4*(n+1))
		v.i32 = arrow.Int32Traits.CastFromBytes(v.offsets.Bytes())
		v.i32[0] = 0
	case schema.Boolean:
		size = int(bitutil.BytesForBits(int64(n)))
	}
	v.data = buffer32(alloc, size)
	v.bytes = v.data.Bytes()
	switch c.typ.Kind {
	case schema.Int, schema.Date:
		v.i32 = arrow.Int32Traits.CastFromBytes(v.bytes)
	case schema.Long, schema.Time, schema.Timestamp, schema.TimestampTZ, schema.Decimal:
		v.i64 = arrow.Int64Traits.CastFromBytes(v.bytes)
	}
}

func buffer32(alloc memory.Allocator, n int) *memory.Buffer {
	b := memory.NewResizableBuffer(alloc)
	b.Resize(n)
	return b
}

// null makes row r NULL.
func (v *vector) null(r int) {
	if v.valid == nil {
		n := v.rows()
		v.valid = buffer32(v.alloc, int(bitutil.BytesForBits(int64(n))))
		bits := v.valid.Bytes()
		for i := range bits {
			bits[i] = 0xff
		}
	}
	bitutil.ClearBit(v.valid.Bytes(), r)
	v.nulls++
	if v.typ.Kind == schema.String {
		v.i32[r+1] = v.used
	}
}

func (v *vector) rows() int {
	switch v.typ.Kind {
	case schema.String:
		return len(v.i32) - 1
	case schema.Boolean:
		return 8 * len(v.bytes)
	case schema.Int, schema.Date, schema.Float:
		return len(v.bytes) / 4
	case schema.Decimal, schema.UUID:
		return len(v.bytes) / 16
	}
	return len(v.bytes) / 8
}

// finish gives the column of n rows.
func (v *vector) finish(n int) arrow.Array {
	if v.typ.Kind == schema.String {
		v.data.Resize(int(v.used))
	}
	bufs := []*memory.Buffer{v.valid, v.data}
	if v.offsets != nil {
		bufs = []*memory.Buffer{v.valid, v.offsets, v.data}
	}
	data := array.NewData(v.typ.Arrow(), n, bufs, nil, v.nulls, 0)
	defer data.Release()
	for _, b := range bufs {
		if b != nil {
			b.Release()
		}
	}
	return array.MakeFromData(data)
}
