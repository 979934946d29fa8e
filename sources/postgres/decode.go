package postgres

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/extensions"
)

// decoder appends one value, in the server's binary format, to a builder of the column's Arrow type. An error of type
// *badValue is the row's fault; any other error says that the bytes are not what the server's type promises.
//
// The formats are those of the send functions in PostgreSQL's src/backend/utils/adt.
type decoder func(b array.Builder, src []byte) error

// badValue is a value that the column's Iceberg type cannot hold.
type badValue struct{ text, why string }

func (e *badValue) Error() string { return fmt.Sprintf("%s %s", e.text, e.why) }

var errShort = errors.New("the server sent a value of the wrong length")

const (
	epochDays   = 10957                     // 2000-01-01 in days since 1970-01-01
	epochMicros = epochDays * 86_400_000000 // the same in µs
	dayMicros   = 86_400_000000
)

func decodeBool(b array.Builder, src []byte) error {
	if len(src) != 1 {
		return errShort
	}
	b.(*array.BooleanBuilder).Append(src[0] != 0)
	return nil
}

func decodeInt2(b array.Builder, src []byte) error {
	if len(src) != 2 {
		return errShort
	}
	b.(*array.Int32Builder).Append(int32(int16(binary.BigEndian.Uint16(src))))
	return nil
}

func decodeInt4(b array.Builder, src []byte) error {
	if len(src) != 4 {
		return errShort
	}
	b.(*array.Int32Builder).Append(int32(binary.BigEndian.Uint32(src)))
	return nil
}

func decodeInt8(b array.Builder, src []byte) error {
	if len(src) != 8 {
		return errShort
	}
	b.(*array.Int64Builder).Append(int64(binary.BigEndian.Uint64(src)))
	return nil
}

func decodeOID(b array.Builder, src []byte) error {
	if len(src) != 4 {
		return errShort
	}
	b.(*array.Int64Builder).Append(int64(binary.BigEndian.Uint32(src)))
	return nil
}

func decodeFloat4(b array.Builder, src []byte) error {
	if len(src) != 4 {
		return errShort
	}
	b.(*array.Float32Builder).Append(math.Float32frombits(binary.BigEndian.Uint32(src)))
	return nil
}

func decodeFloat8(b array.Builder, src []byte) error {
	if len(src) != 8 {
		return errShort
	}
	b.(*array.Float64Builder).Append(math.Float64frombits(binary.BigEndian.Uint64(src)))
	return nil
}

// decodeText takes text as it is. A database in the encoding SQL_ASCII may send anything, which a string cannot hold.
func decodeText(b array.Builder, src []byte) error {
	if !utf8.Valid(src) {
		return &badValue{fmt.Sprintf("%q", src), "is not UTF-8"}
	}
	b.(*array.StringBuilder).BinaryBuilder.Append(src)
	return nil
}

func decodeBytes(b array.Builder, src []byte) error {
	b.(*array.BinaryBuilder).Append(src)
	return nil
}

func decodeDate(b array.Builder, src []byte) error {
	if len(src) != 4 {
		return errShort
	}
	d := int32(binary.BigEndian.Uint32(src))
	if d == math.MaxInt32 || d == math.MinInt32 {
		return infinite(d > 0, "date")
	}
	b.(*array.Date32Builder).Append(arrow.Date32(d + epochDays))
	return nil
}

func infinite(positive bool, typ string) error {
	if positive {
		return &badValue{"infinity", "is not a " + typ}
	}
	return &badValue{"-infinity", "is not a " + typ}
}

func decodeTime(b array.Builder, src []byte) error {
	if len(src) != 8 {
		return errShort
	}
	t := int64(binary.BigEndian.Uint64(src))
	if t >= dayMicros {
		return &badValue{"24:00:00", "is not a time of day"}
	}
	b.(*array.Time64Builder).Append(arrow.Time64(t))
	return nil
}

func decodeTimestamp(b array.Builder, src []byte) error {
	if len(src) != 8 {
		return errShort
	}
	t := int64(binary.BigEndian.Uint64(src))
	switch {
	case t == math.MaxInt64 || t == math.MinInt64:
		return infinite(t > 0, "timestamp")
	case t > math.MaxInt64-epochMicros:
		return &badValue{"a time after the year 294246", "is not a timestamp"}
	}
	b.(*array.TimestampBuilder).Append(arrow.Timestamp(t + epochMicros))
	return nil
}

func decodeUUID(b array.Builder, src []byte) error {
	if len(src) != 16 {
		return errShort
	}
	b.(*extensions.UUIDBuilder).AppendBytes([16]byte(src))
	return nil
}

// powers of ten up to 10^38, as 128-bit integers.
var pow10 = func() (out [39]decimal128.Num) {
	out[0] = decimal128.FromU64(1)
	for i := 1; i < len(out); i++ {
		out[i] = out[i-1].Mul(decimal128.FromU64(10))
	}
	return out
}()

// decodeNumeric reads base-10000 digits into a decimal(p, s). The column's type modifier bounds digits and scale, so
// nothing is rounded; what does not fit all the same, and NaN and infinity, is refused.
func decodeNumeric(p, s int) decoder {
	return func(b array.Builder, src []byte) error {
		if len(src) < 8 {
			return errShort
		}
		n := int(binary.BigEndian.Uint16(src))
		weight := int(int16(binary.BigEndian.Uint16(src[2:])))
		sign := binary.BigEndian.Uint16(src[4:])
		switch sign {
		case 0xC000:
			return &badValue{"NaN", "is not a decimal"}
		case 0xD000, 0xF000:
			return infinite(sign == 0xD000, "decimal")
		}
		if len(src) != 8+2*n {
			return errShort
		}
		v, ok := numericValue(src[8:], weight, p, s)
		if !ok {
			return &badValue{"a number", fmt.Sprintf("does not fit into decimal(%d, %d)", p, s)}
		}
		if sign == 0x4000 {
			v = v.Negate()
		}
		b.(*array.Decimal128Builder).Append(v)
		return nil
	}
}

// numericValue scales digits (two bytes each, the first worth 10000^weight) by 10^s. The whole and leading fraction
// digits are gathered in 64 bits for as long as they fit.
func numericValue(digits []byte, weight, p, s int) (decimal128.Num, bool) {
	exp := weight*4 + s // power of ten of the first digit in units of 10^-s
	var lo uint64
	var hi decimal128.Num
	wide := false
	for ; len(digits) > 0; digits = digits[2:] {
		d := uint64(binary.BigEndian.Uint16(digits))
		mul, room := uint64(10000), 34 // a value below 10^room may be multiplied by mul
		if exp < 0 {
			// The last digit reaches below 10^-s: what is cut must be zeros.
			div := uint64(1)
			for i := 0; i < -exp && i < 4; i++ {
				div *= 10
				room++
			}
			if exp <= -4 {
				if d != 0 {
					return hi, false
				}
				exp -= 4
				continue
			}
			if d%div != 0 {
				return hi, false
			}
			d, mul = d/div, 10000/div
		}
		if !wide && lo > (math.MaxUint64-9999)/10000 {
			hi, wide = decimal128.FromU64(lo), true
		}
		if wide {
			if hi.Cmp(pow10[min(room, 38)]) >= 0 {
				return hi, false
			}
			hi = hi.Mul(decimal128.FromU64(mul)).Add(decimal128.FromU64(d))
		} else {
			lo = lo*mul + d
		}
		exp -= 4
	}
	if !wide {
		hi = decimal128.FromU64(lo)
	}
	if up := exp + 4; up > 0 { // trailing zeros are not sent
		if up > 38 || hi.Sign() != 0 && !hi.FitsInPrecision(int32(38-up)) {
			return hi, hi.Sign() == 0
		}
		if hi.Sign() != 0 {
			hi = hi.Mul(pow10[up])
		}
	}
	return hi, hi.FitsInPrecision(int32(p))
}

// arrayDecoder reads one-dimensional arrays whose first index is 1; others would lose their shape in a list.
func arrayDecoder(elem decoder) decoder {
	return func(b array.Builder, src []byte) error {
		if len(src) < 12 {
			return errShort
		}
		lb := b.(*array.ListBuilder)
		dims := binary.BigEndian.Uint32(src)
		switch {
		case dims == 0:
			lb.Append(true)
			return nil
		case dims != 1:
			return &badValue{fmt.Sprintf("an array of %d dimensions", dims), "is not a list"}
		case len(src) < 20:
			return errShort
		}
		n, first := binary.BigEndian.Uint32(src[12:]), int32(binary.BigEndian.Uint32(src[16:]))
		if first != 1 {
			return &badValue{fmt.Sprintf("an array that starts at index %d", first), "is not a list"}
		}
		lb.Append(true)
		vb, src := lb.ValueBuilder(), src[20:]
		for range n {
			if len(src) < 4 {
				return errShort
			}
			size := int32(binary.BigEndian.Uint32(src))
			src = src[4:]
			if size < 0 {
				vb.AppendNull()
				continue
			}
			if int(size) > len(src) {
				return errShort
			}
			if err := elem(vb, src[:size]); err != nil {
				return err
			}
			src = src[size:]
		}
		return nil
	}
}
