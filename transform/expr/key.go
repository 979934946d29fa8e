package expr

import (
	"encoding/binary"
	"math"
	"strings"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// AppendKey appends value k in a form that is equal exactly for values that GROUP BY, DISTINCT and dedupe take as equal:
// NULLs are equal, NaN equals NaN, −0.0 equals 0.0. Values of one column only may be compared.
func (v *Vec) AppendKey(dst []byte, k int) []byte {
	if v.null(k) {
		return append(dst, 0)
	}
	dst = append(dst, 1)
	switch {
	case v.F != nil:
		f := v.F[k]
		switch {
		case math.IsNaN(f):
			f = math.NaN()
		case f == 0:
			f = 0
		}
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(f))
	case v.D != nil:
		return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(dst, v.D[k].LowBits()), uint64(v.D[k].HighBits()))
	case v.S != nil:
		return append(binary.AppendUvarint(dst, uint64(len(v.S[k]))), v.S[k]...)
	}
	return binary.LittleEndian.AppendUint64(dst, uint64(v.I[k]))
}

// Compare orders two values of one type: ascending, or descending, with NULLs at the end that is asked for.
func Compare(x *Vec, i int, y *Vec, k int, descending, nullsLast bool) int {
	xn, yn := x.null(i), y.null(k)
	switch {
	case xn && yn:
		return 0
	case xn != yn:
		if xn != nullsLast {
			return -1
		}
		return 1
	}
	c := order(x, i, y, k)
	if descending {
		return -c
	}
	return c
}

// SetKey sets value i from the start of what AppendKey wrote, and gives what follows. Texts keep pointing into key.
func (v *Vec) SetKey(i int, key []byte) (rest []byte) {
	null := key[0] == 0
	if key = key[1:]; null {
		v.setNull(i)
		return key
	}
	switch {
	case v.F != nil:
		v.F[i] = math.Float64frombits(binary.LittleEndian.Uint64(key))
	case v.D != nil:
		v.D[i] = decimal128.New(int64(binary.LittleEndian.Uint64(key[8:])), binary.LittleEndian.Uint64(key))
		return key[16:]
	case v.S != nil:
		n, w := binary.Uvarint(key)
		text := key[w : w+int(n)]
		v.S[i] = unsafe.String(unsafe.SliceData(text), len(text))
		return key[w+int(n):]
	default:
		v.I[i] = int64(binary.LittleEndian.Uint64(key))
	}
	return key[8:]
}

// AppendSortKey appends value k in a form whose order by bytes is that of Compare. No such form begins another.
func (v *Vec) AppendSortKey(dst []byte, k int, descending, nullsLast bool) []byte {
	if v.null(k) {
		if nullsLast {
			return append(dst, 2)
		}
		return append(dst, 0)
	}
	dst = append(dst, 1)
	from := len(dst)
	switch {
	case v.F != nil:
		dst = binary.BigEndian.AppendUint64(dst, orderedBits(v.F[k]))
	case v.D != nil:
		dst = binary.BigEndian.AppendUint64(dst, uint64(v.D[k].HighBits())^1<<63)
		dst = binary.BigEndian.AppendUint64(dst, v.D[k].LowBits())
	case v.S != nil:
		dst = appendOrderedText(dst, v.S[k])
	default:
		dst = binary.BigEndian.AppendUint64(dst, uint64(v.I[k])^1<<63)
	}
	if descending {
		for i := from; i < len(dst); i++ {
			dst[i] = ^dst[i]
		}
	}
	return dst
}

// orderedBits are larger for larger floats; NaN is the largest, −0.0 equals 0.0.
func orderedBits(f float64) uint64 {
	switch {
	case math.IsNaN(f):
		return math.MaxUint64
	case f == 0:
		f = 0
	}
	b := math.Float64bits(f)
	if b>>63 == 1 {
		return ^b
	}
	return b | 1<<63
}

// appendOrderedText ends the text with two zero bytes; a zero byte in it is followed by 0xff.
func appendOrderedText(dst []byte, s string) []byte {
	for {
		i := strings.IndexByte(s, 0)
		if i < 0 {
			return append(append(dst, s...), 0, 0)
		}
		dst = append(append(dst, s[:i+1]...), 0xff)
		s = s[i+1:]
	}
}
