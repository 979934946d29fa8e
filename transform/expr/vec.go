// Package expr binds expressions to columns and evaluates them over Arrow batches, with Spark SQL's types, NULLs and
// errors under ANSI mode.
//
// An expression is evaluated on the selected rows only, and a row that Spark would fail on gives a row error, a value
// among others, instead of ending the evaluation. AND, OR, CASE, IF and COALESCE narrow the selection from left to right,
// so that what they guard is never evaluated on the rows they keep from it.
package expr

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// Kind is a Spark SQL type without parameters.
type Kind uint8

const (
	Null Kind = iota // of the literal NULL
	Boolean
	TinyInt
	SmallInt
	Int
	BigInt
	Float
	Double
	Decimal
	String
	Binary
	Date
	Timestamp
	TimestampNTZ
	Opaque // a column that can be passed through by name and tested for NULL, nothing else
	Array  // of strings, which only split makes
)

// Type is a Spark SQL type.
type Type struct {
	Kind  Kind
	P, S  int            // of decimals
	Arrow arrow.DataType // of a column as it came; set for Opaque, and kept for pass-through
}

var kindNames = [...]string{"VOID", "BOOLEAN", "TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL", "STRING", "BINARY", "DATE", "TIMESTAMP", "TIMESTAMP_NTZ", "OPAQUE", "ARRAY<STRING>"}

// String is the type as Spark's error messages spell it.
func (t Type) String() string {
	switch t.Kind {
	case Decimal:
		return fmt.Sprintf("DECIMAL(%d,%d)", t.P, t.S)
	case Opaque:
		return t.Arrow.String()
	}
	return kindNames[t.Kind]
}

func (t Type) integral() bool { return t.Kind >= TinyInt && t.Kind <= BigInt }
func (t Type) numeric() bool  { return t.Kind >= TinyInt && t.Kind <= Decimal }
func (t Type) same(o Type) bool {
	return t.Kind == o.Kind && t.P == o.P && t.S == o.S
}

// dec is a decimal type, with Spark's rule for what exceeds 38 digits: scale gives way to whole digits, down to 6.
func dec(p, s int) Type {
	if p > 38 {
		whole := p - s
		s = max(38-whole, min(s, 6))
		p = 38
	}
	return Type{Kind: Decimal, P: p, S: s}
}

// Vec is a column of values, one for each selected row. Which slice holds them depends on the type: I for booleans (0, 1),
// integers, dates (days) and timestamps (µs); F for floats; D for decimals (unscaled); S for strings, binaries and
// arrays of strings (each with the length of its items before them).
type Vec struct {
	Type  Type
	N     int
	Valid []bool // nil: no NULLs
	I     []int64
	F     []float64
	D     []decimal128.Num
	S     []string
	A     arrow.Array // of Opaque, all rows
	sel   []int32     // which rows of A
	mem   *scratch
}

func (v *Vec) null(i int) bool { return v.Valid != nil && !v.Valid[i] }

// setNull makes value i NULL.
func (v *Vec) setNull(i int) {
	if v.Valid == nil {
		v.Valid = v.mem.bools(v.N)
		fill(v.Valid, true)
	}
	v.Valid[i] = false
}

// copyFrom sets value i to value k of another vector of the same type.
func (v *Vec) copyFrom(i int, o *Vec, k int) {
	switch {
	case o.null(k):
		v.setNull(i)
	case v.F != nil:
		v.F[i] = o.F[k]
	case v.D != nil:
		v.D[i] = o.D[k]
	case v.S != nil:
		v.S[i] = o.S[k]
	default:
		v.I[i] = o.I[k]
	}
}

// RowError is what Spark would have failed with on one row.
type RowError struct {
	Row  int32  // 0-based row of the batch
	Code string // Spark's error class
	Msg  string
}

// Batch is the input of an evaluation: columns and the rows' count, with what was made of them so far. It is used by one
// goroutine.
type Batch struct {
	Columns []arrow.Array
	N       int
	cache   []cachedColumn
	results map[*shared]cachedResult
	mem     *scratch
}

// NewBatch wraps a record batch's columns; they stay the caller's.
func NewBatch(rec arrow.RecordBatch) *Batch {
	return &Batch{Columns: rec.Columns(), N: int(rec.NumRows()), cache: make([]cachedColumn, rec.NumCols()), mem: scratchPool.Get().(*scratch).fit(int(rec.NumRows()))}
}

// Release gives the memory of all vectors that were made over the batch, and of the selections that Passes and Truths gave,
// back for the next batch: none of them may be used after it. Arrays that Vec.Array made stay. A batch that is never released
// is left to the garbage collector, so that its vectors may be kept.
func (b *Batch) Release() {
	if b.mem != nil {
		b.mem.reset()
		scratchPool.Put(b.mem)
	}
	b.mem, b.cache, b.results, b.Columns = nil, nil, nil, nil
}

// Bytes is the memory that the batch's vectors hold.
func (b *Batch) Bytes() int64 { return b.mem.bytes() }

// Expr is a bound expression.
type Expr interface {
	Type() Type
	// Eval evaluates on the rows sel of b, all of them when sel is nil, in order. A row with an error is NULL in the result.
	// Results are kept by selection: sel must not be changed while b is in use, nor may the result.
	Eval(b *Batch, sel []int32) (*Vec, []RowError)
}

// count is the number of selected rows.
func count(b *Batch, sel []int32) int {
	if sel == nil {
		return b.N
	}
	return len(sel)
}

// rowOf is the batch's row of the k-th selected one.
func rowOf(sel []int32, k int) int32 {
	if sel == nil {
		return int32(k)
	}
	return sel[k]
}

// Truths are the rows of a BOOLEAN over all rows that are TRUE.
func (v *Vec) Truths() []int32 { return v.Passes(nil) }

// Passes are the rows, among the selected ones that v was evaluated on, for which it is TRUE.
func (v *Vec) Passes(sel []int32) []int32 {
	out := v.mem.rows(v.N)
	n := 0
	for k, x := range v.I { // without branches: the next row overwrites one that does not pass
		out[n] = int32(k)
		if v.Valid != nil {
			x &= bit(v.Valid[k])
		}
		n += int(x)
	}
	out = out[:n]
	if sel != nil {
		for k, i := range out {
			out[k] = sel[i]
		}
	}
	return out
}
