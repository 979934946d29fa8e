package batch

import (
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Span is rows [From, From+Rows) of the record batch with index Batch in a list.
type Span struct {
	Batch, From, Rows int32
}

// Gather copies spans of several record batches of one schema into one, in the order of the spans. Columns have canonical
// types (internal/schema). The batches stay the caller's, and so is the result.
func Gather(alloc memory.Allocator, schema *arrow.Schema, from []arrow.RecordBatch, spans []Span) (arrow.RecordBatch, error) {
	rows := spanRows(spans)
	cols := make([]arrow.Array, 0, schema.NumFields())
	defer func() {
		for _, c := range cols {
			c.Release()
		}
	}()
	in := make([]arrow.Array, len(from))
	for i, f := range schema.Fields() {
		for k, rec := range from {
			in[k] = rec.Column(i)
		}
		c, err := gather(alloc, f.Type, in, spans, rows)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		cols = append(cols, c)
	}
	return array.NewRecordBatch(schema, cols, int64(rows)), nil
}

func spanRows(spans []Span) (n int) {
	for _, s := range spans {
		n += int(s.Rows)
	}
	return n
}

func gather(alloc memory.Allocator, dt arrow.DataType, in []arrow.Array, spans []Span, rows int) (arrow.Array, error) {
	if ext, ok := dt.(arrow.ExtensionType); ok {
		storage := make([]arrow.Array, len(in))
		for i, a := range in {
			storage[i] = a.(array.ExtensionArray).Storage()
		}
		s, err := gather(alloc, ext.StorageType(), storage, spans, rows)
		if err != nil {
			return nil, err
		}
		defer s.Release()
		return array.NewExtensionArrayWithStorage(ext, s), nil
	}
	valid, nulls := gatherValidity(alloc, in, spans, rows)
	if valid != nil {
		defer valid.Release()
	}
	build := func(children []arrow.ArrayData, buffers ...*memory.Buffer) arrow.Array {
		data := array.NewData(dt, rows, append([]*memory.Buffer{valid}, buffers...), children, nulls, 0)
		defer data.Release()
		return array.MakeFromData(data)
	}
	switch t := dt.(type) {
	case *arrow.BooleanType:
		buf := gatherBits(alloc, in, spans, rows)
		defer buf.Release()
		return build(nil, buf), nil
	case arrow.FixedWidthDataType:
		buf := gatherFixed(alloc, t.Bytes(), in, spans, rows)
		defer buf.Release()
		return build(nil, buf), nil
	case *arrow.StringType, *arrow.BinaryType:
		offsets, values, err := gatherBytes(alloc, dt, in, spans, rows)
		if err != nil {
			return nil, err
		}
		defer offsets.Release()
		defer values.Release()
		return build(nil, offsets, values), nil
	case *arrow.StructType:
		children := make([]arrow.ArrayData, t.NumFields())
		fields := make([]arrow.Array, len(in))
		for i, f := range t.Fields() {
			for k, a := range in {
				fields[k] = a.(*array.Struct).Field(i)
			}
			c, err := gather(alloc, f.Type, fields, spans, rows)
			if err != nil {
				return nil, err
			}
			defer c.Release()
			children[i] = c.Data()
		}
		return build(children), nil
	case *arrow.ListType, *arrow.MapType:
		offsets, child, err := gatherLists(alloc, in, spans, rows)
		if err != nil {
			return nil, err
		}
		defer offsets.Release()
		defer child.Release()
		return build([]arrow.ArrayData{child.Data()}, offsets), nil
	}
	return nil, fmt.Errorf("%s is not a canonical type", dt)
}

func zeroed(alloc memory.Allocator, n int) *memory.Buffer {
	buf := memory.NewResizableBuffer(alloc)
	buf.Resize(n)
	clear(buf.Bytes())
	return buf
}

// gatherValidity is nil when no column has a null.
func gatherValidity(alloc memory.Allocator, in []arrow.Array, spans []Span, rows int) (*memory.Buffer, int) {
	some := false
	for _, a := range in {
		some = some || a.NullN() > 0
	}
	if !some {
		return nil, 0
	}
	buf := zeroed(alloc, int(bitutil.BytesForBits(int64(rows))))
	out, at := buf.Bytes(), 0
	for _, s := range spans {
		a := in[s.Batch]
		n := int(s.Rows)
		bits := a.NullBitmapBytes()
		switch {
		case a.NullN() == 0:
			bitutil.SetBitsTo(out, int64(at), int64(n), true)
		case n == 1:
			if bitutil.BitIsSet(bits, a.Data().Offset()+int(s.From)) {
				bitutil.SetBit(out, at)
			}
		default:
			bitutil.CopyBitmap(bits, a.Data().Offset()+int(s.From), n, out, at)
		}
		at += n
	}
	return buf, rows - bitutil.CountSetBits(out, 0, rows)
}

func gatherBits(alloc memory.Allocator, in []arrow.Array, spans []Span, rows int) *memory.Buffer {
	buf := zeroed(alloc, int(bitutil.BytesForBits(int64(rows))))
	out, at := buf.Bytes(), 0
	for _, s := range spans {
		data := in[s.Batch].Data()
		if b := data.Buffers()[1]; b != nil {
			bitutil.CopyBitmap(b.Bytes(), data.Offset()+int(s.From), int(s.Rows), out, at)
		}
		at += int(s.Rows)
	}
	return buf
}

// gatherFixed copies values of a fixed width. Loops over single rows of the common widths move words.
func gatherFixed(alloc memory.Allocator, width int, in []arrow.Array, spans []Span, rows int) *memory.Buffer {
	buf := memory.NewResizableBuffer(alloc)
	buf.Resize(rows * width)
	values := make([][]byte, len(in))
	for i, a := range in {
		if b := a.Data().Buffers()[1]; b != nil && a.Len() > 0 {
			values[i] = b.Bytes()[a.Data().Offset()*width:]
		}
	}
	if len(spans) == rows {
		switch width {
		case 4:
			singles[uint32](buf.Bytes(), values, spans)
			return buf
		case 8:
			singles[uint64](buf.Bytes(), values, spans)
			return buf
		case 16:
			singles[[2]uint64](buf.Bytes(), values, spans)
			return buf
		}
	}
	out := buf.Bytes()
	for _, s := range spans {
		n := int(s.Rows) * width
		if v := values[s.Batch]; v != nil {
			copy(out[:n], v[int(s.From)*width:])
		} else {
			clear(out[:n])
		}
		out = out[n:]
	}
	return buf
}

// gatherBytes copies strings or binaries.
func gatherBytes(alloc memory.Allocator, dt arrow.DataType, in []arrow.Array, spans []Span, rows int) (offsets, values *memory.Buffer, err error) {
	froms, bodies := make([][]int32, len(in)), make([][]byte, len(in))
	for i, a := range in {
		data := a.Data()
		if a.Len() == 0 {
			continue
		}
		froms[i] = arrow.Int32Traits.CastFromBytes(data.Buffers()[1].Bytes())[data.Offset():]
		if b := data.Buffers()[2]; b != nil {
			bodies[i] = b.Bytes()
		}
	}
	total := int64(0)
	for _, s := range spans {
		o := froms[s.Batch]
		if s.Rows > 0 {
			total += int64(o[s.From+s.Rows] - o[s.From])
		}
	}
	if total > math.MaxInt32 {
		return nil, nil, fmt.Errorf("a batch would hold more than 2 GiB in one %s column", dt)
	}
	offsets, values = memory.NewResizableBuffer(alloc), memory.NewResizableBuffer(alloc)
	offsets.Resize(4 * (rows + 1))
	values.Resize(int(total))
	out, body := arrow.Int32Traits.CastFromBytes(offsets.Bytes()), values.Bytes()
	out[0] = 0
	at, pos := 0, int32(0)
	for _, s := range spans {
		if s.Rows == 0 {
			continue
		}
		o := froms[s.Batch][s.From : s.From+s.Rows+1]
		copy(body[pos:], bodies[s.Batch][o[0]:o[s.Rows]])
		for _, end := range o[1:] {
			at++
			out[at] = pos + end - o[0]
		}
		pos += o[s.Rows] - o[0]
	}
	return offsets, values, nil
}

// gatherLists copies lists or maps: their values are spans of the children.
func gatherLists(alloc memory.Allocator, in []arrow.Array, spans []Span, rows int) (*memory.Buffer, arrow.Array, error) {
	children := make([]arrow.Array, len(in))
	for i, a := range in {
		children[i] = a.(array.ListLike).ListValues()
	}
	offsets := memory.NewResizableBuffer(alloc)
	offsets.Resize(4 * (rows + 1))
	out := arrow.Int32Traits.CastFromBytes(offsets.Bytes())
	out[0] = 0
	at, pos := 0, int64(0)
	var inner []Span
	for _, s := range spans {
		l := in[s.Batch].(array.ListLike)
		for row := int(s.From); row < int(s.From+s.Rows); row++ {
			start, end := l.ValueOffsets(row)
			if in[s.Batch].IsNull(row) {
				end = start
			}
			if end > start {
				inner = append(inner, Span{s.Batch, int32(start), int32(end - start)})
			}
			pos += end - start
			if pos > math.MaxInt32 {
				offsets.Release()
				return nil, nil, fmt.Errorf("a batch would hold more than 2^31 values in one list column")
			}
			at++
			out[at] = int32(pos)
		}
	}
	var childType arrow.DataType
	switch t := in[0].DataType().(type) {
	case *arrow.ListType:
		childType = t.Elem()
	case *arrow.MapType:
		childType = t.Elem()
	}
	child, err := gather(alloc, childType, children, inner, int(pos))
	if err != nil {
		offsets.Release()
		return nil, nil, err
	}
	return offsets, child, nil
}
