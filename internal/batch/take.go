package batch

import (
	"context"
	"fmt"
	"math"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Indices makes the Arrow array of row indices that TakeColumn wants; the caller releases it.
func Indices(alloc memory.Allocator, rows []int32) *array.Int32 {
	b := array.NewInt32Builder(alloc)
	defer b.Release()
	b.AppendValues(rows, nil)
	return b.NewInt32Array()
}

// TakeColumn copies the values of col at the given indices. The result is the caller's to release. Flat types have kernels
// of their own here, which in BenchmarkTake take a third of compute.Take's time; nested ones go through that.
func TakeColumn(ctx context.Context, alloc memory.Allocator, col arrow.Array, rows *array.Int32) (arrow.Array, error) {
	if rows.NullN() == 0 {
		out, done, err := takeFlat(alloc, col, rows.Int32Values())
		if done || err != nil {
			return out, err
		}
	}
	return compute.TakeArray(compute.WithAllocator(ctx, alloc), col, rows)
}

// TakeRecord copies the rows at the given indices. rec stays the caller's, and so is the result.
func TakeRecord(ctx context.Context, alloc memory.Allocator, rec arrow.RecordBatch, rows []int32) (arrow.RecordBatch, error) {
	idx := Indices(alloc, rows)
	defer idx.Release()
	cols := make([]arrow.Array, rec.NumCols())
	defer func() {
		for _, c := range cols {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i, c := range rec.Columns() {
		var err error
		if cols[i], err = TakeColumn(ctx, alloc, c, idx); err != nil {
			return nil, err
		}
	}
	return array.NewRecordBatch(rec.Schema(), cols, int64(len(rows))), nil
}

// takeFlat copies from a column of fixed width, of text or of bytes; done is false for any other.
func takeFlat(alloc memory.Allocator, col arrow.Array, rows []int32) (out arrow.Array, done bool, err error) {
	if x, ok := col.(array.ExtensionArray); ok {
		storage, done, err := takeFlat(alloc, x.Storage(), rows)
		if !done || err != nil {
			return nil, done, err
		}
		defer storage.Release()
		return array.NewExtensionArrayWithStorage(x.ExtensionType(), storage), true, nil
	}
	data := col.Data()
	if data.Len() == 0 || len(data.Buffers()) < 2 || data.Buffers()[1] == nil {
		return nil, false, nil
	}
	var buffers []*memory.Buffer
	switch dt := col.DataType().(type) {
	case *arrow.StringType, *arrow.BinaryType:
		if data.Buffers()[2] == nil {
			return nil, false, nil
		}
		if buffers, err = takeText(alloc, data, rows); err != nil {
			return nil, false, err
		}
	case *arrow.BooleanType:
		buffers = []*memory.Buffer{nil, takeBits(alloc, data.Buffers()[1].Bytes(), data.Offset(), rows)}
	case arrow.FixedWidthDataType:
		width := dt.BitWidth() / 8
		if dt.BitWidth()%8 != 0 || width == 0 || dt.ID() == arrow.DICTIONARY {
			return nil, false, nil
		}
		buffers = []*memory.Buffer{nil, takeFixed(alloc, data.Buffers()[1].Bytes()[data.Offset()*width:], width, rows)}
	default:
		return nil, false, nil
	}
	nulls := 0
	if col.NullN() > 0 {
		buffers[0] = takeBits(alloc, data.Buffers()[0].Bytes(), data.Offset(), rows)
		nulls = array.UnknownNullCount
	}
	d := array.NewData(col.DataType(), len(rows), buffers, nil, nulls, 0)
	for _, b := range buffers {
		if b != nil {
			b.Release()
		}
	}
	defer d.Release()
	return array.MakeFromData(d), true, nil
}

func newBuffer(alloc memory.Allocator, size int) *memory.Buffer {
	b := memory.NewResizableBuffer(alloc)
	b.Resize(size)
	return b
}

func takeFixed(alloc memory.Allocator, in []byte, width int, rows []int32) *memory.Buffer {
	out := newBuffer(alloc, len(rows)*width)
	switch width {
	case 1:
		pick(out.Bytes(), in, rows)
	case 2:
		pick(arrow.GetData[uint16](out.Bytes()), arrow.GetData[uint16](in), rows)
	case 4:
		pick(arrow.GetData[uint32](out.Bytes()), arrow.GetData[uint32](in), rows)
	case 8:
		pick(arrow.GetData[uint64](out.Bytes()), arrow.GetData[uint64](in), rows)
	case 16:
		pick(wide(out.Bytes()), wide(in), rows)
	default:
		to := out.Bytes()
		for k, r := range rows {
			copy(to[k*width:(k+1)*width], in[int(r)*width:])
		}
	}
	return out
}

// wide views bytes as values of 16 bytes.
func wide(b []byte) [][2]uint64 {
	return unsafe.Slice((*[2]uint64)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/16)
}

func pick[T any](out, in []T, rows []int32) {
	out = out[:len(rows)]
	for k, r := range rows {
		out[k] = in[r]
	}
}

// takeBits copies bits; the result begins at bit 0.
func takeBits(alloc memory.Allocator, in []byte, offset int, rows []int32) *memory.Buffer {
	out := newBuffer(alloc, (len(rows)+7)/8)
	to := out.Bytes()
	var word byte
	for k, r := range rows {
		i := uint(int(r) + offset)
		word |= (in[i>>3] >> (i & 7) & 1) << (k & 7)
		if k&7 == 7 {
			to[k>>3] = word
			word = 0
		}
	}
	if len(rows)&7 != 0 {
		to[len(rows)>>3] = word
	}
	return out
}

// takeText copies texts: first their offsets, then runs of rows that follow each other at once.
func takeText(alloc memory.Allocator, data arrow.ArrayData, rows []int32) ([]*memory.Buffer, error) {
	from := arrow.GetData[int32](data.Buffers()[1].Bytes())[data.Offset():]
	text := data.Buffers()[2].Bytes()
	offsets := newBuffer(alloc, 4*(len(rows)+1))
	to := arrow.GetData[int32](offsets.Bytes())[:len(rows)+1]
	total := int64(0)
	to[0] = 0
	for k, r := range rows {
		total += int64(from[r+1] - from[r])
		to[k+1] = int32(total)
	}
	if total > math.MaxInt32 {
		offsets.Release()
		return nil, fmt.Errorf("take %d rows: %d bytes of text do not fit into one column", len(rows), total)
	}
	out := newBuffer(alloc, int(total))
	bytes := out.Bytes()
	for k := 0; k < len(rows); {
		n := 1
		for k+n < len(rows) && rows[k+n] == rows[k]+int32(n) {
			n++
		}
		copy(bytes[to[k]:to[k+n]], text[from[rows[k]]:from[rows[k+n-1]+1]])
		k += n
	}
	return []*memory.Buffer{nil, offsets, out}, nil
}
