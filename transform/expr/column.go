package expr

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/extensions"
)

// FromArrow is the SQL type of a column. Unsigned integers widen; uuid is STRING and fixed BINARY.
func FromArrow(dt arrow.DataType) Type {
	t := Type{Arrow: dt}
	switch x := dt.(type) {
	case *arrow.BooleanType:
		t.Kind = Boolean
	case *arrow.Int8Type:
		t.Kind = TinyInt
	case *arrow.Int16Type, *arrow.Uint8Type:
		t.Kind = SmallInt
	case *arrow.Int32Type, *arrow.Uint16Type:
		t.Kind = Int
	case *arrow.Int64Type, *arrow.Uint32Type:
		t.Kind = BigInt
	case *arrow.Uint64Type:
		t.Kind, t.P = Decimal, 20
	case *arrow.Float32Type:
		t.Kind = Float
	case *arrow.Float64Type:
		t.Kind = Double
	case *arrow.Decimal128Type:
		t.Kind, t.P, t.S = Decimal, int(x.Precision), int(x.Scale)
	case *arrow.StringType, *extensions.UUIDType:
		t.Kind = String
	case *arrow.BinaryType, *arrow.FixedSizeBinaryType:
		t.Kind = Binary
	case *arrow.Date32Type:
		t.Kind = Date
	case *arrow.TimestampType:
		switch {
		case x.Unit != arrow.Microsecond:
			t.Kind = Opaque
		case x.TimeZone != "":
			t.Kind = Timestamp
		default:
			t.Kind = TimestampNTZ
		}
	default:
		t.Kind = Opaque
	}
	return t
}

// ArrowType is what a computed value of the type is stored as.
func (t Type) ArrowType() arrow.DataType {
	switch t.Kind {
	case Boolean:
		return arrow.FixedWidthTypes.Boolean
	case TinyInt:
		return arrow.PrimitiveTypes.Int8
	case SmallInt:
		return arrow.PrimitiveTypes.Int16
	case Int:
		return arrow.PrimitiveTypes.Int32
	case BigInt:
		return arrow.PrimitiveTypes.Int64
	case Float:
		return arrow.PrimitiveTypes.Float32
	case Double:
		return arrow.PrimitiveTypes.Float64
	case Decimal:
		return &arrow.Decimal128Type{Precision: int32(t.P), Scale: int32(t.S)}
	case Binary:
		return arrow.BinaryTypes.Binary
	case Date:
		return arrow.FixedWidthTypes.Date32
	case Timestamp:
		return &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	case TimestampNTZ:
		return &arrow.TimestampType{Unit: arrow.Microsecond}
	case Array:
		return arrow.ListOf(arrow.BinaryTypes.String)
	case Opaque:
		return t.Arrow
	}
	return arrow.BinaryTypes.String
}

// cachedColumn is what a column was read as: all of it, and the rows of the last selection.
type cachedColumn struct {
	all, taken *Vec
	sel        []int32
}

// sameRows reports whether two selections are one and the same.
func sameRows(a, b []int32) bool {
	return (a == nil) == (b == nil) && len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// Column is a column of the batch.
type Column struct {
	Index int
	Name  string
	typ   Type
}

// Type implements Expr.
func (c *Column) Type() Type { return c.typ }

// Eval implements Expr.
func (c *Column) Eval(b *Batch, sel []int32) (*Vec, []RowError) {
	have := &b.cache[c.Index]
	if sel == nil {
		if have.all == nil {
			have.all = load(b.mem, b.Columns[c.Index], c.typ, nil)
		}
		return have.all, nil
	}
	if have.taken == nil || !sameRows(have.sel, sel) {
		have.taken, have.sel = load(b.mem, b.Columns[c.Index], c.typ, sel), sel
	}
	return have.taken, nil
}
