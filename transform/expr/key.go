package expr

import (
	"encoding/binary"
	"math"
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
