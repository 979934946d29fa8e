package postgres

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// The binary formats are those of the send functions in PostgreSQL's src/backend/utils/adt.

const (
	epochDays   = 10957                     // 2000-01-01 in days since 1970-01-01
	epochMicros = epochDays * 86_400_000000 // the same in µs
	dayMicros   = 86_400_000000
)

type int2s struct{ fixed[int32] }

func (v *int2s) set(i int, src []byte) error {
	if len(src) != 2 {
		return errShort
	}
	v.put(i, int32(int16(binary.BigEndian.Uint16(src))))
	return nil
}

type int4s struct{ fixed[int32] }

func (v *int4s) set(i int, src []byte) error {
	if len(src) != 4 {
		return errShort
	}
	v.put(i, int32(binary.BigEndian.Uint32(src)))
	return nil
}

type int8s struct{ fixed[int64] }

func (v *int8s) set(i int, src []byte) error {
	if len(src) != 8 {
		return errShort
	}
	v.put(i, int64(binary.BigEndian.Uint64(src)))
	return nil
}

type oids struct{ fixed[int64] }

func (v *oids) set(i int, src []byte) error {
	if len(src) != 4 {
		return errShort
	}
	v.put(i, int64(binary.BigEndian.Uint32(src)))
	return nil
}

type float4s struct{ fixed[float32] }

func (v *float4s) set(i int, src []byte) error {
	if len(src) != 4 {
		return errShort
	}
	v.put(i, math.Float32frombits(binary.BigEndian.Uint32(src)))
	return nil
}

type float8s struct{ fixed[float64] }

func (v *float8s) set(i int, src []byte) error {
	if len(src) != 8 {
		return errShort
	}
	v.put(i, math.Float64frombits(binary.BigEndian.Uint64(src)))
	return nil
}

type dates struct{ fixed[int32] }

func (v *dates) set(i int, src []byte) error {
	if len(src) != 4 {
		return errShort
	}
	d := int32(binary.BigEndian.Uint32(src))
	if d == math.MaxInt32 || d == math.MinInt32 {
		return infinite(d > 0, "date")
	}
	v.put(i, d+epochDays)
	return nil
}

func infinite(positive bool, typ string) error {
	if positive {
		return &badValue{"infinity", "is not a " + typ}
	}
	return &badValue{"-infinity", "is not a " + typ}
}

type times struct{ fixed[int64] }

func (v *times) set(i int, src []byte) error {
	if len(src) != 8 {
		return errShort
	}
	t := int64(binary.BigEndian.Uint64(src))
	if t >= dayMicros {
		return &badValue{"24:00:00", "is not a time of day"}
	}
	v.put(i, t)
	return nil
}

type timestamps struct{ fixed[int64] }

func (v *timestamps) set(i int, src []byte) error {
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
	v.put(i, t+epochMicros)
	return nil
}

// uuids are 16 bytes each; data is in the layout of fixed-size binaries.
type uuids struct {
	validity
	typ  arrow.DataType
	rows int
	data *memory.Buffer
}

func (v *uuids) room(i int) []byte {
	if v.data == nil {
		v.data = memory.NewResizableBuffer(v.alloc)
	}
	if have := v.data.Len(); 16*(i+1) > have {
		v.data.ResizeNoShrink(max(16*(i+1), 2*have, 16*v.rows))
	}
	return v.data.Bytes()[16*i : 16*i+16]
}

func (v *uuids) set(i int, src []byte) error {
	if len(src) != 16 {
		return errShort
	}
	copy(v.room(i), src)
	v.valid(i)
	return nil
}

func (v *uuids) null(i int) {
	clear(v.room(i))
	v.validity.clear(i)
}

func (v *uuids) take(n int) arrow.Array {
	v.room(n)
	data := v.data
	v.data = nil
	bits, nulls := v.validity.take(n)
	return assemble(v.typ, n, nulls, nil, bits, data)
}

func (v *uuids) release() {
	v.validity.release()
	if v.data != nil {
		v.data.Release()
	}
}

// bools keep one bit a value.
type bools struct {
	validity
	data *memory.Buffer
}

func (v *bools) put(i int, b bool) {
	if v.data == nil {
		v.data = memory.NewResizableBuffer(v.alloc)
	}
	if have := v.data.Len(); i >= 8*have {
		v.data.ResizeNoShrink(max(2*have, i/8+1, 1<<10))
	}
	bitutil.SetBitTo(v.data.Bytes(), i, b)
}

func (v *bools) set(i int, src []byte) error {
	if len(src) != 1 {
		return errShort
	}
	v.put(i, src[0] != 0)
	v.valid(i)
	return nil
}

func (v *bools) null(i int) {
	v.put(i, false)
	v.clear(i)
}

func (v *bools) take(n int) arrow.Array {
	v.put(n, false)
	data := v.data
	v.data = nil
	bits, nulls := v.validity.take(n)
	return assemble(arrow.FixedWidthTypes.Boolean, n, nulls, nil, bits, data)
}

func (v *bools) release() {
	v.validity.release()
	if v.data != nil {
		v.data.Release()
	}
}

// isUTF8 checks text: a database in the encoding SQL_ASCII may send anything, which a string cannot hold.
func isUTF8(src []byte) error {
	if !utf8.Valid(src) {
		return &badValue{fmt.Sprintf("%q", src), "is not UTF-8"}
	}
	return nil
}

// binaryArray walks an array of one dimension whose first index is 1; others would lose their shape in a list.
func binaryArray(src []byte, elem func(k int, v []byte) error) (int, error) {
	if len(src) < 12 {
		return 0, errShort
	}
	dims := binary.BigEndian.Uint32(src)
	switch {
	case dims == 0:
		return 0, nil
	case dims != 1:
		return 0, &badValue{fmt.Sprintf("an array of %d dimensions", dims), "is not a list"}
	case len(src) < 20:
		return 0, errShort
	}
	n, first := int(binary.BigEndian.Uint32(src[12:])), int32(binary.BigEndian.Uint32(src[16:]))
	if first != 1 {
		return 0, &badValue{fmt.Sprintf("an array that starts at index %d", first), "is not a list"}
	}
	src = src[20:]
	for k := range n {
		if len(src) < 4 {
			return 0, errShort
		}
		size := int(int32(binary.BigEndian.Uint32(src)))
		src = src[4:]
		var v []byte
		if size >= 0 {
			if size > len(src) {
				return 0, errShort
			}
			v, src = src[:size:size], src[size:]
		}
		if err := elem(k, v); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// textArray walks the text of an array, such as {a,"b c",NULL}, as array_out of src/backend/utils/adt/arrayfuncs.c writes it.
// Its elements are the server's text of types that have no other form here.
func textArray(delim byte) func(src []byte, elem func(k int, v []byte) error) (int, error) {
	return func(src []byte, elem func(k int, v []byte) error) (int, error) {
		if len(src) > 0 && src[0] == '[' {
			return 0, &badValue{"an array that starts at another index than 1", "is not a list"}
		}
		if len(src) < 2 || src[0] != '{' || src[len(src)-1] != '}' {
			return 0, errShort
		}
		src = src[1 : len(src)-1]
		n := 0
		for len(src) > 0 {
			if src[0] == '{' {
				return 0, &badValue{"an array of several dimensions", "is not a list"}
			}
			v, rest, err := textElement(src, delim)
			if err != nil {
				return 0, err
			}
			if err := elem(n, v); err != nil {
				return 0, err
			}
			n++
			src = rest
		}
		return n, nil
	}
}

// textElement reads one element, nil for NULL, and skips the delimiter behind it.
func textElement(src []byte, delim byte) (v, rest []byte, err error) {
	quoted := src[0] == '"'
	i := 0
	if quoted {
		i = 1
	}
	v = make([]byte, 0, 16)
	for ; i < len(src); i++ {
		switch c := src[i]; {
		case c == '\\' && i+1 < len(src):
			i++
			v = append(v, src[i])
			continue
		case quoted && c == '"':
			quoted = false
			if i++; i < len(src) && src[i] != delim {
				return nil, nil, errShort
			}
			return v, src[min(i+1, len(src)):], nil
		case !quoted && c == delim:
			return unquoted(v), src[i+1:], nil
		}
		v = append(v, src[i])
	}
	if quoted {
		return nil, nil, errShort
	}
	return unquoted(v), nil, nil
}

func unquoted(v []byte) []byte {
	if string(v) == "NULL" {
		return nil
	}
	return v
}
