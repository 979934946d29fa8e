package expr

import (
	"sync"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// scratch is the memory of one batch's vectors. It is handed out piece by piece and taken back at once, when the batch is
// released, so that the next batch of the same expressions needs none. A nil scratch allocates.
type scratch struct {
	i slab[int64]
	f slab[float64]
	d slab[decimal128.Num]
	s slab[string]
	v slab[bool]
	r slab[int32]
	b slab[byte]
}

var scratchPool = sync.Pool{New: func() any { return new(scratch) }}

// slab hands out slices of one type; those after used are free.
type slab[T any] struct {
	slices [][]T
	used   int
}

// get gives n values, which hold whatever was there before.
func (s *slab[T]) get(n int) []T {
	if s.used == len(s.slices) {
		s.slices = append(s.slices, nil)
	}
	if x := s.slices[s.used]; x == nil || cap(x) < n { // never nil: which slice is set says what the values are
		s.slices[s.used] = make([]T, n)
	}
	s.used++
	return s.slices[s.used-1][:n]
}

func (s *slab[T]) size() (values int64) {
	for _, x := range s.slices {
		values += int64(cap(x))
	}
	return values
}

func (m *scratch) reset() {
	for _, x := range m.s.slices[:m.s.used] { // strings point into batches
		clear(x[:cap(x)])
	}
	m.i.used, m.f.used, m.d.used, m.s.used, m.v.used, m.r.used, m.b.used = 0, 0, 0, 0, 0, 0, 0
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
	return m.v.get(n)
}

func (m *scratch) rows(n int) []int32 {
	if m == nil {
		return make([]int32, n)
	}
	return m.r.get(n)
}

func (m *scratch) text(n int) []byte {
	if m == nil {
		return make([]byte, n)
	}
	return m.b.get(n)
}

// raw makes room for n values, which the caller sets all. Those of a string are empty.
func (m *scratch) raw(t Type, n int) *Vec {
	v := &Vec{Type: t, N: n, mem: m}
	if m == nil {
		m = new(scratch)
	}
	switch t.Kind {
	case Float, Double:
		v.F = m.f.get(n)
	case Decimal:
		v.D = m.d.get(n)
	case String, Binary, Array:
		v.S = m.s.get(n)
	default:
		v.I = m.i.get(n)
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
