package expr

import (
	"math/bits"
	"sync"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// scratch is the memory of one batch's vectors. It is handed out piece by piece and taken back at once, when the batch is
// released, or before, so that the next batch of the same expressions needs none. A nil scratch allocates.
type scratch struct {
	size int // rows of the largest batch: slices have room for as many, so that any serves any selection
	i    slab[int64]
	f    slab[float64]
	d    slab[decimal128.Num]
	s    slab[string]
	v    slab[bool]
	r    slab[int32]
	b    slab[byte]
}

var scratchPool = sync.Pool{New: func() any { return new(scratch) }}

// fit makes the scratch ready for a batch of so many rows; slices that are too small for it go.
func (m *scratch) fit(rows int) *scratch {
	if rows > m.size {
		*m = scratch{size: rows}
	}
	return m
}

// slab hands out slices of one type.
type slab[T any] struct {
	all, free [][]T
}

// get gives n values, which hold whatever was there before, in room for at least so many.
func (s *slab[T]) get(n, room int) []T {
	for i := len(s.free) - 1; i >= 0; i-- {
		if x := s.free[i]; cap(x) >= n {
			s.free[i] = s.free[len(s.free)-1]
			s.free = s.free[:len(s.free)-1]
			return x[:n]
		}
	}
	x := make([]T, n, max(n, room)) // never nil: which slice is set says what the values of a vector are
	s.all = append(s.all, x)
	return x
}

// put takes a slice back before the batch ends.
func (s *slab[T]) put(x []T) {
	if cap(x) > 0 {
		s.free = append(s.free, x)
	}
}

func (s *slab[T]) reset() { s.free = append(s.free[:0], s.all...) }

func (s *slab[T]) size() (values int64) {
	for _, x := range s.all {
		values += int64(cap(x))
	}
	return values
}

func (m *scratch) reset() {
	for _, x := range m.s.all { // strings point into batches
		clear(x[:cap(x)])
	}
	m.i.reset()
	m.f.reset()
	m.d.reset()
	m.s.reset()
	m.v.reset()
	m.r.reset()
	m.b.reset()
}

// free takes the vectors that an expression has used up back, those that belong to nobody else. Selections and the bytes of
// texts stay until the batch ends: others may point at them.
func (m *scratch) free(of []Expr, vecs ...*Vec) {
	if m == nil {
		return
	}
	for i, v := range vecs {
		if !owned(of[i]) {
			continue
		}
		m.i.put(v.I)
		m.f.put(v.F)
		m.d.put(v.D)
		m.v.put(v.Valid)
		clear(v.S)
		m.s.put(v.S)
		v.I, v.F, v.D, v.S, v.Valid = nil, nil, nil, nil, nil
	}
}

// owned reports whether the vector that an expression gives is its caller's alone.
func owned(e Expr) bool {
	switch e := e.(type) {
	case *Column:
		return false
	case *shared:
		return e.uses == 1 && owned(e.Expr)
	}
	return true
}

func (m *scratch) bytes() int64 {
	if m == nil {
		return 0
	}
	return 8*(m.i.size()+m.f.size()) + 16*(m.d.size()+m.s.size()) + 4*m.r.size() + m.v.size() + m.b.size()
}

func (m *scratch) bools(n int) []bool {
	if m == nil {
		return make([]bool, n)
	}
	return m.v.get(n, m.size)
}

func (m *scratch) rows(n int) []int32 {
	if m == nil {
		return make([]int32, n)
	}
	return m.r.get(n, m.size)
}

func (m *scratch) text(n int) []byte {
	if m == nil {
		return make([]byte, n)
	}
	return m.b.get(n, 1<<bits.Len(uint(n))) // their sizes differ from batch to batch
}

// raw makes room for n values, which the caller sets all. Those of a string are empty.
func (m *scratch) raw(t Type, n int) *Vec {
	v := &Vec{Type: t, N: n, mem: m}
	if m == nil {
		m = new(scratch)
	}
	switch t.Kind {
	case Float, Double:
		v.F = m.f.get(n, m.size)
	case Decimal:
		v.D = m.d.get(n, m.size)
	case String, Binary, Array:
		v.S = m.s.get(n, m.size)
	default:
		v.I = m.i.get(n, m.size)
	}
	return v
}

// zeroed makes room for n values, all zero.
func (m *scratch) zeroed(t Type, n int) *Vec {
	v := m.raw(t, n)
	clear(v.I)
	clear(v.F)
	clear(v.D)
	return v
}

// fill sets all values.
func fill[T any](out []T, x T) {
	if len(out) == 0 {
		return
	}
	out[0] = x
	for n := 1; n < len(out); n *= 2 {
		copy(out[n:], out[:n])
	}
}

// bothValid is the validity of a result that is NULL where either operand is.
func (m *scratch) bothValid(x, y *Vec) []bool {
	switch {
	case x.Valid == nil && y.Valid == nil:
		return nil
	case x.Valid == nil:
		return m.copied(y.Valid)
	}
	out := m.copied(x.Valid)
	if y.Valid != nil {
		for i, ok := range y.Valid {
			out[i] = out[i] && ok
		}
	}
	return out
}

func (m *scratch) copied(valid []bool) []bool {
	if valid == nil {
		return nil
	}
	out := m.bools(len(valid))
	copy(out, valid)
	return out
}

// Width is the bytes that evaluating the expressions holds for each row of a batch, at most: what a run reserves for the
// rows of the batches that are being evaluated at a time.
func Width(exprs ...Expr) int64 {
	total := int64(0)
	for _, e := range exprs {
		if e != nil {
			total += width(e.Type()) + Width(children(e)...)
		}
	}
	return total
}

// width is a value, its validity, its place in the selections around it, and for text an assumed 32 bytes of content.
func width(t Type) int64 {
	const around = 1 + 3*4
	switch t.Kind {
	case Decimal:
		return 16 + around
	case String, Binary, Array:
		return 16 + 32 + around
	}
	return 8 + around
}
