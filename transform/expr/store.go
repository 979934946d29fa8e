package expr

import (
	"context"
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/internal/batch"
)

// Array makes an Arrow array of a computed vector; the caller releases it. Values are copied once, into memory of the
// allocator, so that the vector's own can be used for the next batch. It panics when the texts of a batch exceed 2 GiB.
func (v *Vec) Array(alloc memory.Allocator) arrow.Array {
	var buffers []*memory.Buffer
	switch v.Type.Kind {
	case Null:
		return v.nullArray(alloc)
	case Opaque:
		return v.opaqueArray(alloc)
	case Array:
		return v.listArray(alloc)
	case String, Binary:
		buffers = v.textBuffers(alloc)
	default:
		buffers = []*memory.Buffer{nil, v.fixedBuffer(alloc)}
	}
	nulls := 0
	if v.Valid != nil {
		buffers[0], nulls = packBools(alloc, v.Valid)
	}
	d := array.NewData(v.Type.ArrowType(), v.N, buffers, nil, nulls, 0)
	for _, b := range buffers {
		if b != nil {
			b.Release()
		}
	}
	defer d.Release()
	return array.MakeFromData(d)
}

func (v *Vec) nullArray(alloc memory.Allocator) arrow.Array {
	b := array.NewBuilder(alloc, v.Type.ArrowType())
	defer b.Release()
	b.AppendNulls(v.N)
	return b.NewArray()
}

func (v *Vec) opaqueArray(alloc memory.Allocator) arrow.Array {
	if v.sel == nil {
		v.A.Retain()
		return v.A
	}
	rows := batch.Indices(alloc, v.sel)
	defer rows.Release()
	out, err := batch.TakeColumn(context.Background(), alloc, v.A, rows)
	if err != nil { // only of types that Arrow cannot copy, which no source gives
		panic(err)
	}
	return out
}

func (v *Vec) listArray(alloc memory.Allocator) arrow.Array {
	b := array.NewListBuilder(alloc, arrow.BinaryTypes.String)
	defer b.Release()
	items := b.ValueBuilder().(*array.StringBuilder)
	for k, s := range v.S {
		if v.null(k) {
			b.AppendNull()
			continue
		}
		b.Append(true)
		for _, item := range arrayItems(s) {
			items.Append(item)
		}
	}
	return b.NewArray()
}

func newBuffer(alloc memory.Allocator, size int) *memory.Buffer {
	b := memory.NewResizableBuffer(alloc)
	b.Resize(size)
	return b
}

// fixedBuffer holds the values of a type of fixed width.
func (v *Vec) fixedBuffer(alloc memory.Allocator) *memory.Buffer {
	switch v.Type.Kind {
	case Boolean:
		return packInts(alloc, v.I)
	case TinyInt:
		return narrow[int8](alloc, v.I)
	case SmallInt:
		return narrow[int16](alloc, v.I)
	case Int, Date:
		return narrow[int32](alloc, v.I)
	case Float:
		b := newBuffer(alloc, 4*v.N)
		for k, f := range v.F {
			arrow.GetData[float32](b.Bytes())[k] = float32(f)
		}
		return b
	case Double:
		return copied(alloc, v.F)
	case Decimal:
		return copied(alloc, v.D)
	}
	return copied(alloc, v.I)
}

func copied[T int64 | float64 | decimal128.Num](alloc memory.Allocator, in []T) *memory.Buffer {
	var x T
	size := len(in) * int(unsafe.Sizeof(x))
	b := newBuffer(alloc, size)
	if size > 0 {
		copy(b.Bytes(), unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(in))), size))
	}
	return b
}

func narrow[T int8 | int16 | int32](alloc memory.Allocator, in []int64) *memory.Buffer {
	var x T
	b := newBuffer(alloc, len(in)*int(unsafe.Sizeof(x)))
	out := arrow.GetData[T](b.Bytes())[:len(in)]
	for k, x := range in {
		out[k] = T(x)
	}
	return b
}

// packBools makes a bitmap and counts its zeros, eight at a time: the product gathers the lowest bit of each byte.
func packBools(alloc memory.Allocator, in []bool) (b *memory.Buffer, zeros int) {
	b = newBuffer(alloc, (len(in)+7)/8)
	out := b.Bytes()
	raw := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(in))), len(in))
	k := 0
	for ; k+8 <= len(raw); k += 8 {
		out[k/8] = byte(binary.LittleEndian.Uint64(raw[k:]) * 0x0102040810204080 >> 56)
	}
	for ; k < len(raw); k++ {
		out[k/8] |= raw[k] << (k % 8)
	}
	for _, x := range raw {
		zeros += 1 - int(x)
	}
	return b, zeros
}

func packInts(alloc memory.Allocator, in []int64) *memory.Buffer {
	b := newBuffer(alloc, (len(in)+7)/8)
	out := b.Bytes()
	for k, x := range in {
		out[k/8] |= byte(x&1) << (k % 8)
	}
	return b
}

// textBuffers writes all texts into one buffer.
func (v *Vec) textBuffers(alloc memory.Allocator) []*memory.Buffer {
	total := 0
	for k, s := range v.S {
		if !v.null(k) {
			total += len(s)
		}
	}
	if total > math.MaxInt32 {
		panic("expr: the texts of one batch exceed 2 GiB")
	}
	offsets, text := newBuffer(alloc, 4*(v.N+1)), newBuffer(alloc, total)
	to, out := arrow.GetData[int32](offsets.Bytes()), text.Bytes()
	at := 0
	to[0] = 0
	for k, s := range v.S {
		if !v.null(k) {
			at += copy(out[at:], s)
		}
		to[k+1] = int32(at)
	}
	return []*memory.Buffer{nil, offsets, text}
}
