package csv

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/google/uuid"

	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/internal/textarrow"
)

// readable reports whether a csv column can be of a type.
func readable(t schema.Type) error {
	switch t.Kind {
	case schema.String, schema.Boolean, schema.Int, schema.Long, schema.Float, schema.Double, schema.Decimal, schema.Date, schema.Time, schema.Timestamp, schema.TimestampTZ, schema.UUID:
		return nil
	}
	return fmt.Errorf("a csv column cannot be %s", t)
}

// set reads a cell's text as the column's type, exactly; false says that it is not of the type (I4).
func (v *vector) set(r int, s []byte) (ok bool) {
	if v.pattern != nil {
		if v.typ.Kind == schema.Date {
			v.i32[r], ok = v.formattedDay(s)
		} else {
			v.i64[r], ok = v.formatted(s)
		}
		return ok
	}
	switch v.typ.Kind {
	case schema.String:
		if !utf8.Valid(s) {
			return false
		}
		v.used += int32(copy(v.bytes[v.used:], s))
		v.i32[r+1] = v.used
		return true
	case schema.Boolean:
		var b bool
		if b, ok = textarrow.Bool(s); ok {
			bitutil.SetBitTo(v.bytes, r, b)
		}
	case schema.Int:
		var x int64
		x, ok = textarrow.Int(s)
		ok = ok && x == int64(int32(x))
		v.i32[r] = int32(x)
	case schema.Long:
		v.i64[r], ok = textarrow.Int(s)
	case schema.Float:
		var x float64
		x, ok = textarrow.Float(s, 32)
		binary.LittleEndian.PutUint32(v.bytes[4*r:], math.Float32bits(float32(x)))
	case schema.Double:
		var x float64
		x, ok = textarrow.Float(s, 64)
		binary.LittleEndian.PutUint64(v.bytes[8*r:], math.Float64bits(x))
	case schema.Decimal:
		x, is := textarrow.Decimal(s, v.typ.Precision, v.typ.Scale)
		v.i64[2*r], v.i64[2*r+1], ok = int64(x.LowBits()), x.HighBits(), is
	case schema.Date:
		var x int64
		x, ok = textarrow.Date(s)
		v.i32[r] = int32(x)
	case schema.Time:
		x, rest, is := textarrow.Clock(s)
		v.i64[r], ok = x, is && len(rest) == 0
	case schema.Timestamp, schema.TimestampTZ:
		x, zoned, is := textarrow.Timestamp(s)
		v.i64[r], ok = x, is && zoned == (v.typ.Kind == schema.TimestampTZ)
	case schema.UUID:
		u, err := uuid.ParseBytes(s)
		ok = err == nil && len(s) == 36
		copy(v.bytes[16*r:], u[:])
	}
	return ok
}
