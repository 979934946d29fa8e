package expr

import (
	"math"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/firn-data/firn/transform/parse"
)

// NewColumn is column index of a batch.
func NewColumn(index int, name string, t Type) *Column {
	return &Column{Index: index, Name: name, typ: t}
}

// NewBatchOf wraps columns, of which those that no expression reads may be nil; they stay the caller's. It is released like
// one of NewBatch.
func NewBatchOf(columns []arrow.Array, rows int) *Batch {
	return &Batch{Columns: columns, N: rows, cache: make([]cachedColumn, len(columns)), mem: scratchPool.Get().(*scratch)}
}

// NewVec makes room for n values, all zero. It belongs to no batch.
func NewVec(t Type, n int) *Vec { return (*scratch)(nil).zeroed(t, n) }

// Null reports whether value i is NULL.
func (v *Vec) Null(i int) bool { return v.null(i) }

// SetNull makes value i NULL.
func (v *Vec) SetNull(i int) { v.setNull(i) }

// Columns lists the columns that the expressions read, each index once for each place that names it.
func Columns(exprs ...Expr) (out []*Column) {
	for _, e := range exprs {
		switch e := e.(type) {
		case nil:
		case *Column:
			out = append(out, e)
		default:
			out = append(out, Columns(children(e)...)...)
		}
	}
	return out
}

// IsConstant gives the value of an expression that has no column in it and does not fail.
func IsConstant(e Expr) (*Vec, bool) {
	l, ok := e.(*literal)
	if !ok {
		return nil, false
	}
	return l.v, true
}

// Orderable reports whether values of the type can be compared, and so be keys.
func (t Type) Orderable() bool { return t.Kind != Opaque }

// Numeric reports whether the type is a number.
func (t Type) Numeric() bool { return t.numeric() }

// Integral reports whether the type is an integer.
func (t Type) Integral() bool { return t.integral() }

// Same reports whether two types are one, whatever Arrow type their columns came as.
func (t Type) Same(o Type) bool { return t.same(o) }

// CommonType is the type to which two columns of a UNION, or two sides of a comparison, are cast; ok is false without one.
func CommonType(a, b Type) (t Type, ok bool) { return common(a, b) }

// CastTo is an implicit cast of e, for an error at the place of x.
func CastTo(x parse.Expr, e Expr, to Type) (Expr, error) {
	return (&Scope{}).castTo(x, e, to, false)
}

// Unify casts the two sides of an equality to their common type.
func Unify(at parse.Expr, l, r Expr) (Expr, Expr, error) {
	t, ok := common(l.Type(), r.Type())
	if !ok {
		return nil, nil, refuse(at, "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES", "%s cannot be compared with %s", l.Type(), r.Type())
	}
	l, err := CastTo(at, l, t)
	if err != nil {
		return nil, nil, err
	}
	r, err = CastTo(at, r, t)
	return l, r, err
}

// Text writes a syntax tree without its positions: equal texts are equal expressions. name says what stands for a column.
func Text(x parse.Expr, name func(*parse.Column) string) string {
	return textWith(x, name, math.MaxInt)
}

// And is the conjunction of two conditions.
func And(x, y Expr) Expr { return &logic{false, x, y} }
