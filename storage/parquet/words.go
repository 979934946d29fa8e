package parquet

import (
	"math/bits"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/schema"
)

// words are INT32, INT64, FLOAT and DOUBLE values, each in 64 bits: integers by value, floats by their bits.
type words struct {
	narrow bool  // 32 bits in the file
	limit  int64 // decimals: the least that has too many digits; else 0
	vals   []int64
	idx    []uint32 // instead of vals while mode is byDictionary
	dict   wordDict
	used   bool // a page refers to the dictionary
	mode   mode
	peeked bool // the dictionary had its peek
	tried  bool // and its trial
	seen   int  // values of the chunk before that
	ext    extent
	fresh  bool // ext belongs to a sealed page
	plain  []int32
}

func newWords(t schema.Type, narrow bool, o order) *words {
	v := &words{narrow: narrow, ext: extent{order: o}}
	if t.Kind == schema.Decimal {
		v.limit = 1
		for range t.Precision {
			v.limit *= 10
		}
	}
	return v
}

func (v *words) width() int {
	if v.narrow {
		return 4
	}
	return 8
}

func (v *words) fit(_ arrow.Array, _, n, room int) int { return max(1, min(n, room/v.width())) }

func (v *words) pending() (n, bytes int) {
	if v.mode == byDictionary {
		return len(v.idx), len(v.idx) * int(indexWidth(len(v.dict.vals))) / 8
	}
	return len(v.vals), len(v.vals) * v.width()
}

func (v *words) gather(a arrow.Array, off, n int, valid bitmap) error {
	if v.fresh {
		v.ext.reset()
		v.fresh = false
	}
	base := len(v.vals)
	switch x := a.(type) {
	case *array.Int32:
		v.vals = gatherWords(v.vals, x.Int32Values()[off:off+n], valid)
	case *array.Int64:
		v.vals = gatherWords(v.vals, x.Int64Values()[off:off+n], valid)
	case *array.Date32:
		v.vals = gatherWords(v.vals, x.Date32Values()[off:off+n], valid)
	case *array.Time64:
		v.vals = gatherWords(v.vals, x.Time64Values()[off:off+n], valid)
	case *array.Timestamp:
		v.vals = gatherWords(v.vals, x.TimestampValues()[off:off+n], valid)
	case *array.Float32:
		v.vals = gatherWords(v.vals, sliceOf[int32](x.Float32Values()[off:off+n]), valid)
	case *array.Float64:
		v.vals = gatherWords(v.vals, sliceOf[int64](x.Float64Values()[off:off+n]), valid)
	case *array.Decimal128:
		var err error
		if v.vals, err = gatherDecimals(v.vals, x, off, n, valid); err != nil {
			return err
		}
	default:
		return fault.New(fault.Bug, "write %s as words", a.DataType())
	}
	fresh := v.vals[base:]
	if v.ext.order == byFloat {
		v.ext.addFloats(fresh, v.narrow)
	} else {
		v.ext.addInts(fresh)
		if v.limit != 0 && v.ext.set && (v.ext.lo <= -v.limit || v.ext.hi >= v.limit) {
			return fault.New(fault.Data, "a decimal has more digits than its column").Hint("cast it, or widen the column")
		}
	}
	if v.mode == byDictionary {
		at := len(v.idx)
		v.idx = grow(v.idx, len(fresh))
		v.dict.number(v.idx[at:], fresh)
		v.seen += len(fresh)
		v.vals = v.vals[:base]
		switch {
		case v.seen >= dictTrial && !v.tried:
			v.tried = true
			v.try()
		case v.seen >= dictPeek && !v.peeked:
			v.peeked = true
			v.try()
		}
	}
	return nil
}

func (v *words) full() bool {
	return v.mode == byDictionary && len(v.dict.vals) > min(dictValues, dictBytes/8)
}

// sliceOf takes floats for the integers that their bits are.
func sliceOf[T int32 | int64, F float32 | float64](s []F) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(s))), len(s))
}

func gatherWords[T ~int32 | ~int64](dst []int64, v []T, valid bitmap) []int64 {
	at := len(dst)
	dst = grow(dst, len(v))
	d := dst[at:]
	if valid.bits == nil {
		for i, x := range v {
			d[i] = int64(x)
		}
		return dst
	}
	k := 0
	for i, x := range v {
		d[k] = int64(x)
		k += valid.get(i)
	}
	return dst[:at+k]
}

// gatherDecimals takes the low words, and refuses a valid decimal that needs more.
func gatherDecimals(dst []int64, a *array.Decimal128, off, n int, valid bitmap) ([]int64, error) {
	at := len(dst)
	dst = grow(dst, n)
	d := dst[at:]
	v := a.Values()[off : off+n]
	k := 0
	var wide int64
	for i := range v {
		bit := 1
		if valid.bits != nil {
			bit = valid.get(i)
		}
		low := int64(v[i].LowBits())
		wide |= (v[i].HighBits() ^ low>>63) & -int64(bit)
		d[k] = low
		k += bit
	}
	if wide != 0 {
		return nil, fault.New(fault.Data, "a decimal has more digits than its column").Hint("cast it, or widen the column")
	}
	return dst[:at+k], nil
}

// try gives the dictionary up if the pending page, the chunk's first, costs more with it before compression. At the peek the dictionary's own
// bytes do not count yet.
func (v *words) try() {
	n, distinct := len(v.idx), len(v.dict.vals)
	v.vals = grow(v.vals[:0], n)
	for i, k := range v.idx {
		v.vals[i] = v.dict.vals[k]
	}
	other := n * v.width()
	if v.ext.order == byInt {
		other = min(other, deltaSize(v.vals, v.narrow))
	}
	cost := (n*int(indexWidth(distinct)) + 7) / 8
	if v.tried {
		cost += dictShare(distinct*v.width(), n)
	}
	if cost <= other && !manyDistinct(distinct, n, v.tried) {
		v.vals = v.vals[:0]
		return
	}
	v.idx = v.idx[:0]
	v.mode = undecided
}

func (v *words) seal(dst []byte) ([]byte, encoding, *extent, error) {
	if v.fresh {
		v.ext.reset() // the page holds nulls only
	}
	v.fresh = true
	if v.mode == byDictionary && !v.tried {
		v.tried = true
		v.try()
	}
	if v.mode == byDictionary && len(v.idx) > 0 {
		v.used = true
		dst = appendIndices(dst, v.idx, len(v.dict.vals))
		v.idx = v.idx[:0]
		if v.full() {
			v.mode = undecided
		}
		return dst, rleDictionary, &v.ext, nil
	}
	if v.mode == undecided && len(v.vals) > 0 {
		v.mode = byPlain
		if v.ext.order == byInt && deltaSize(v.vals, v.narrow) < len(v.vals)*v.width()*8/10 {
			v.mode = byDelta
		}
	}
	enc := plain
	if v.mode == byDelta {
		enc = deltaBinaryPacked
		dst = appendDelta(dst, v.vals, v.narrow)
	} else {
		dst = v.appendPlain(dst, v.vals)
	}
	v.vals = v.vals[:0]
	return dst, enc, &v.ext, nil
}

func (v *words) appendPlain(dst []byte, vals []int64) []byte {
	if !v.narrow {
		return append(dst, bytesOf(vals)...)
	}
	v.plain = grow(v.plain[:0], len(vals))
	for i, x := range vals {
		v.plain[i] = int32(x)
	}
	return append(dst, bytesOf(v.plain)...)
}

func (v *words) dictionary(dst []byte) ([]byte, int) {
	if !v.used {
		return dst, 0
	}
	return v.appendPlain(dst, v.dict.vals), len(v.dict.vals)
}

// estimate takes deltas for as wide as the range of the values.
func (v *words) estimate() int {
	n, _ := v.pending()
	w := 8 * v.width()
	if v.ext.order == byInt && v.ext.set && !v.fresh {
		w = min(w, bits.Len64(uint64(v.ext.hi-v.ext.lo)))
	}
	other := (n*w + 7) / 8
	distinct := len(v.dict.vals)
	switch dict := distinct * v.width(); {
	case v.mode == byDictionary && v.tried:
		return dict + n*int(indexWidth(distinct))/8
	case v.mode == byDictionary:
		return min(other, dict+n*int(indexWidth(distinct))/8)
	case v.used:
		return dict + other
	}
	return other
}

func (v *words) reset() {
	v.dict.reset()
	v.used, v.peeked, v.tried, v.mode, v.seen = false, false, false, byDictionary, 0
	v.vals, v.idx = v.vals[:0], v.idx[:0]
}

func (v *words) shrink() { v.vals, v.idx, v.plain = nil, nil, nil }

func (v *words) held() int64 {
	return int64(8*cap(v.vals)+4*cap(v.idx)+4*cap(v.plain)) + v.dict.held()
}
