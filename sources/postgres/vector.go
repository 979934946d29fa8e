package postgres

import (
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// vector gathers the values of one column in Arrow's layout. Rows are set in order from 0; the last one may be set again,
// which is how a bad row is taken back. A *badValue says that the row is at fault; any other error, that the bytes are not
// what the server's type promises.
type vector interface {
	set(i int, src []byte) error
	null(i int)
	// take gives the first n rows away and starts anew.
	take(n int) arrow.Array
	release()
}

// badValue is a value that the column's Iceberg type cannot hold.
type badValue struct{ text, why string }

func (e *badValue) Error() string { return fmt.Sprintf("%s %s", e.text, e.why) }

var errShort = errors.New("the server sent a value of the wrong length")

// validity is a bitmap that exists from the first null on.
type validity struct {
	alloc memory.Allocator
	bits  *memory.Buffer
}

func (v *validity) grow(n int) {
	have := v.bits.Len()
	if want := int(bitutil.BytesForBits(int64(n))); want > have {
		v.bits.ResizeNoShrink(max(want, 2*have, 1<<10))
		memory.Set(v.bits.Bytes()[have:], 0xff)
	}
}

func (v *validity) valid(i int) {
	if v.bits != nil && i < 8*v.bits.Len() {
		bitutil.SetBit(v.bits.Bytes(), i)
	}
}

func (v *validity) clear(i int) {
	if v.bits == nil {
		v.bits = memory.NewResizableBuffer(v.alloc)
	}
	v.grow(i + 1)
	bitutil.ClearBit(v.bits.Bytes(), i)
}

// take gives the bitmap of n rows away, nil when none is null.
func (v *validity) take(n int) (bits *memory.Buffer, nulls int) {
	if v.bits == nil {
		return nil, 0
	}
	v.grow(n)
	bits, v.bits = v.bits, nil
	if nulls = n - bitutil.CountSetBits(bits.Bytes(), 0, n); nulls == 0 {
		bits.Release()
		return nil, 0
	}
	return bits, nulls
}

func (v *validity) release() {
	if v.bits != nil {
		v.bits.Release()
	}
}

// fixed is a vector of values of one width.
type fixed[T arrow.FixedWidthType] struct {
	validity
	typ  arrow.DataType
	rows int // to begin with
	data *memory.Buffer
	vals []T
}

func newFixed[T arrow.FixedWidthType](alloc memory.Allocator, typ arrow.DataType, rows int) fixed[T] {
	return fixed[T]{validity: validity{alloc: alloc}, typ: typ, rows: rows}
}

func (f *fixed[T]) put(i int, v T) {
	if i >= len(f.vals) {
		f.more(i + 1)
	}
	f.vals[i] = v
	f.valid(i)
}

func (f *fixed[T]) more(n int) {
	if f.data == nil {
		f.data = memory.NewResizableBuffer(f.alloc)
	}
	n = max(n, 2*len(f.vals), f.rows)
	var width T
	f.data.ResizeNoShrink(n * len(arrow.GetBytes([]T{width})))
	f.vals = arrow.GetData[T](f.data.Bytes())
}

func (f *fixed[T]) null(i int) {
	var zero T
	f.put(i, zero)
	f.clear(i)
}

func (f *fixed[T]) take(n int) arrow.Array {
	if n > len(f.vals) || f.data == nil {
		f.more(n)
	}
	data := f.data
	f.data, f.vals = nil, nil
	bits, nulls := f.validity.take(n)
	return assemble(f.typ, n, nulls, nil, bits, data)
}

func (f *fixed[T]) release() {
	f.validity.release()
	if f.data != nil {
		f.data.Release()
	}
}

// assemble makes an array of buffers, which it takes over.
func assemble(typ arrow.DataType, n, nulls int, children []arrow.ArrayData, buffers ...*memory.Buffer) arrow.Array {
	d := array.NewData(typ, n, buffers, children, nulls, 0)
	defer d.Release()
	for _, b := range buffers {
		if b != nil {
			b.Release()
		}
	}
	return array.MakeFromData(d)
}

// offsets are where the rows of a variable column begin; offset i+1 is where row i ends.
type offsets struct {
	validity
	rows int
	data *memory.Buffer
	at   []int32
}

func (o *offsets) end(i int, at int32) {
	o.room(i)
	o.at[i+1] = at
}

// room makes room for row i, and says where it begins.
func (o *offsets) room(i int) int32 {
	if i+1 >= len(o.at) {
		first := o.data == nil
		if first {
			o.data = memory.NewResizableBuffer(o.alloc)
		}
		o.data.ResizeNoShrink(arrow.Int32SizeBytes * max(i+2, 2*len(o.at), o.rows+1))
		o.at = arrow.GetData[int32](o.data.Bytes())
		if first {
			o.at[0] = 0
		}
	}
	return o.at[i]
}

// take gives the offsets of n rows away.
func (o *offsets) take(n int) (data *memory.Buffer, end int32) {
	if o.data == nil {
		o.room(n)
	}
	data, end = o.data, o.at[n]
	if n == 0 {
		end = 0
	}
	o.data, o.at = nil, nil
	return data, end
}

func (o *offsets) release() {
	o.validity.release()
	if o.data != nil {
		o.data.Release()
	}
}

// varbytes is a vector of texts or binaries.
type varbytes struct {
	offsets
	typ   arrow.DataType
	check func([]byte) error // nil: anything goes
	heap  *memory.Buffer
	buf   []byte // all of heap
	size  int    // that the last heap came to
}

func newVarbytes(alloc memory.Allocator, typ arrow.DataType, rows int, check func([]byte) error) *varbytes {
	return &varbytes{offsets: offsets{validity: validity{alloc: alloc}, rows: rows}, typ: typ, check: check}
}

func (b *varbytes) set(i int, src []byte) error {
	if b.check != nil {
		if err := b.check(src); err != nil {
			return err
		}
	}
	start := int(b.room(i))
	end := start + len(src)
	if end > len(b.buf) {
		b.more(end)
	}
	copy(b.buf[start:], src)
	b.at[i+1] = int32(end)
	b.valid(i)
	return nil
}

func (b *varbytes) more(n int) {
	if b.heap == nil {
		b.heap = memory.NewResizableBuffer(b.alloc)
	}
	b.heap.ResizeNoShrink(max(n, 2*len(b.buf), b.size, 64))
	b.buf = b.heap.Bytes()
}

func (b *varbytes) null(i int) {
	b.end(i, b.room(i))
	b.clear(i)
}

func (b *varbytes) take(n int) arrow.Array {
	bits, nulls := b.validity.take(n)
	at, end := b.offsets.take(n)
	if b.heap == nil {
		b.more(0)
	}
	heap := b.heap
	b.size = int(end) + int(end)/8
	b.heap, b.buf = nil, nil
	return assemble(b.typ, n, nulls, nil, bits, at, heap)
}

func (b *varbytes) release() {
	b.offsets.release()
	if b.heap != nil {
		b.heap.Release()
	}
}

// list is a vector of lists.
type list struct {
	offsets
	typ   arrow.DataType
	child vector
	parse func(src []byte, elem func(k int, v []byte) error) (n int, err error) // nil values are null
}

func newList(alloc memory.Allocator, typ arrow.DataType, rows int, child vector, parse func([]byte, func(int, []byte) error) (int, error)) *list {
	return &list{offsets: offsets{validity: validity{alloc: alloc}, rows: rows}, typ: typ, child: child, parse: parse}
}

func (l *list) set(i int, src []byte) error {
	start := int(l.room(i))
	n, err := l.parse(src, func(k int, v []byte) error {
		if v == nil {
			l.child.null(start + k)
			return nil
		}
		return l.child.set(start+k, v)
	})
	if err != nil {
		return err
	}
	l.at[i+1] = int32(start + n)
	l.valid(i)
	return nil
}

func (l *list) null(i int) {
	l.end(i, l.room(i))
	l.clear(i)
}

func (l *list) take(n int) arrow.Array {
	bits, nulls := l.validity.take(n)
	at, end := l.offsets.take(n)
	child := l.child.take(int(end))
	defer child.Release()
	return assemble(l.typ, n, nulls, []arrow.ArrayData{child.Data()}, bits, at)
}

func (l *list) release() {
	l.offsets.release()
	l.child.release()
}
