package parquet

import (
	"encoding/binary"
	"slices"
	"sort"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/schema"
)

// byteValues are BYTE_ARRAY and FIXED_LEN_BYTE_ARRAY values.
type byteValues struct {
	width     int // of a fixed array; 0: lengths differ
	text      bool
	precision int32 // decimals: most digits; else 0
	data      []byte
	lens      []int64
	idx       []uint32 // instead of data and lens while mode is byDictionary
	dict      byteDict
	checked   int    // entries of the dictionary that are known to be valid text
	marks     []bool // entries of the dictionary that the pending page has
	used      bool   // a page refers to the dictionary
	mode      mode
	peeked    bool // the dictionary had its peek
	tried     bool // and its trial
	seen      int  // values of the chunk before that
	ext       extent
}

func newByteValues(t schema.Type, width int) *byteValues {
	v := &byteValues{width: width, text: t.Kind == schema.String, ext: extent{order: byBytes}}
	if t.Kind == schema.Decimal {
		v.precision = int32(t.Precision)
	}
	return v
}

// offsetsOf are the offsets of n slots from off, and what they point into.
func offsetsOf(a arrow.Array, off, n int) (offsets []int32, data []byte, ok bool) {
	switch x := a.(type) {
	case *array.String:
		offsets = x.ValueOffsets()
	case *array.Binary:
		offsets = x.ValueOffsets()
	default:
		return nil, nil, false
	}
	if len(offsets) == 0 { // an array without slots may have no offsets
		return make([]int32, 1), nil, true
	}
	if b := a.Data().Buffers()[2]; b != nil {
		data = b.Bytes()
	}
	return offsets[off : off+n+1], data, true
}

func (v *byteValues) fit(a arrow.Array, off, n, room int) int {
	if v.width > 0 {
		return max(1, min(n, room/v.width))
	}
	offsets, _, ok := offsetsOf(a, off, n)
	if !ok || int(offsets[n]-offsets[0])+4*n <= room {
		return n
	}
	return max(1, sort.Search(n, func(i int) bool { return int(offsets[i+1]-offsets[0])+4*(i+1) > room }))
}

func (v *byteValues) pending() (n, bytes int) {
	if v.mode == byDictionary {
		return len(v.idx), len(v.idx) * int(indexWidth(len(v.dict.vals))) / 8
	}
	if v.width > 0 {
		return len(v.data) / v.width, len(v.data)
	}
	return len(v.lens), len(v.data) + 4*len(v.lens)
}

func (v *byteValues) gather(a arrow.Array, off, n int, valid bitmap) error {
	var err error
	switch x := a.(type) {
	case *array.FixedSizeBinary:
		data := x.Data().Buffers()[1].Bytes()[(x.Data().Offset()+off)*v.width:]
		v.gatherFixed(data[:n*v.width], n, valid)
	case *array.Decimal128:
		err = v.gatherDecimals(x.Values()[off:off+n], valid)
	default:
		offsets, data, ok := offsetsOf(a, off, n)
		if !ok {
			return fault.New(fault.Bug, "write %s as bytes", a.DataType())
		}
		v.gatherVariable(offsets, data, valid)
	}
	switch {
	case err != nil || v.mode != byDictionary:
	case v.seen >= dictTrial && !v.tried:
		v.tried = true
		v.try()
	case v.seen >= dictPeek && !v.peeked:
		v.peeked = true
		v.try()
	}
	return err
}

func (v *byteValues) full() bool {
	return v.mode == byDictionary && (len(v.dict.vals) > dictValues || len(v.dict.data) > dictBytes)
}

func (v *byteValues) gatherVariable(offsets []int32, data []byte, valid bitmap) {
	n := len(offsets) - 1
	if v.mode == byDictionary {
		for i := range n {
			if valid.bits == nil || valid.get(i) == 1 {
				v.idx = append(v.idx, v.dict.number(data[offsets[i]:offsets[i+1]]))
			}
		}
		v.seen += valid.count(n)
		return
	}
	at := len(v.lens)
	v.lens = grow(v.lens, n)
	lens := v.lens[at:]
	if valid.bits == nil {
		for i := range lens {
			lens[i] = int64(offsets[i+1] - offsets[i])
		}
		v.data = append(v.data, data[offsets[0]:offsets[n]]...)
		return
	}
	k := 0
	for i := range n {
		if valid.get(i) == 1 {
			lens[k] = int64(offsets[i+1] - offsets[i])
			v.data = append(v.data, data[offsets[i]:offsets[i+1]]...)
			k++
		}
	}
	v.lens = v.lens[:at+k]
}

func (v *byteValues) gatherFixed(data []byte, n int, valid bitmap) {
	if v.mode != byDictionary && valid.bits == nil {
		v.data = append(v.data, data...)
		return
	}
	for i := range n {
		if valid.bits == nil || valid.get(i) == 1 {
			v.addFixed(data[i*v.width : (i+1)*v.width])
		}
	}
}

func (v *byteValues) addFixed(s []byte) {
	if v.mode == byDictionary {
		v.idx = append(v.idx, v.dict.number(s))
		v.seen++
		return
	}
	v.data = append(v.data, s...)
}

func (v *byteValues) gatherDecimals(vals []decimal128.Num, valid bitmap) error {
	var b [16]byte
	for i, x := range vals {
		if valid.bits != nil && valid.get(i) == 0 {
			continue
		}
		if !x.FitsInPrecision(v.precision) {
			return fault.New(fault.Data, "a decimal has more digits than its column").Hint("cast it, or widen the column")
		}
		binary.BigEndian.PutUint64(b[:8], uint64(x.HighBits()))
		binary.BigEndian.PutUint64(b[8:], x.LowBits())
		v.addFixed(b[16-v.width:])
	}
	return nil
}

// try gives the dictionary up if the pending page, the chunk's first, costs more with it before compression. At the peek the dictionary's own
// bytes do not count yet.
func (v *byteValues) try() {
	n, distinct := len(v.idx), len(v.dict.vals)
	perValue := 4
	if v.width > 0 {
		perValue = 0
	}
	cost := perValue * n
	for _, k := range v.idx {
		cost += int(v.dict.vals[k].n)
	}
	dictCost := (n*int(indexWidth(distinct)) + 7) / 8
	if v.tried {
		dictCost += dictShare(len(v.dict.data)+perValue*distinct, n)
	}
	pays := dictCost <= cost && !manyDistinct(distinct, n, v.tried)
	if pays || cost > 4*maxPageBytes { // long values that repeat: without the dictionary they are no page
		return
	}
	v.data = slices.Grow(v.data, cost-perValue*n)
	for _, k := range v.idx {
		s := v.dict.value(k)
		v.data = append(v.data, s...)
		if v.width == 0 {
			v.lens = append(v.lens, int64(len(s)))
		}
	}
	v.idx = v.idx[:0]
	v.abandon()
}

func (v *byteValues) abandon() {
	v.mode = byPlain
	if v.width == 0 {
		v.mode = byDelta
	}
}

func (v *byteValues) seal(dst []byte) ([]byte, encoding, *extent, error) {
	if v.mode == byDictionary && !v.tried {
		v.tried = true
		v.try()
	}
	v.ext.reset()
	if v.mode == byDictionary && len(v.idx) > 0 {
		v.used = true
		if err := v.extentOfIndices(); err != nil {
			return dst, plain, nil, err
		}
		dst = appendIndices(dst, v.idx, len(v.dict.vals))
		v.idx = v.idx[:0]
		if v.full() {
			v.abandon()
		}
		return dst, rleDictionary, &v.ext, nil
	}
	if err := v.extentOfData(); err != nil {
		return dst, plain, nil, err
	}
	enc := plain
	if v.mode == byDelta {
		enc = deltaLength
		dst = appendDelta(dst, v.lens, true)
	}
	dst = append(dst, v.data...)
	v.data, v.lens = v.data[:0], v.lens[:0]
	return dst, enc, &v.ext, nil
}

// extentOfIndices compares each entry of the dictionary that the page has once.
func (v *byteValues) extentOfIndices() error {
	v.marks = grow(v.marks[:0], len(v.dict.vals))
	clear(v.marks)
	for _, k := range v.idx {
		v.marks[k] = true
	}
	for k, in := range v.marks {
		if !in {
			continue
		}
		v.addExtent(v.dict.value(uint32(k)))
	}
	for ; v.text && v.checked < len(v.dict.vals); v.checked++ {
		if !utf8.Valid(v.dict.value(uint32(v.checked))) {
			return errNotText
		}
	}
	return nil
}

var errNotText = fault.New(fault.Data, "a string is not valid UTF-8").Hint("decode it with its real encoding, or store it as binary")

func (v *byteValues) extentOfData() error {
	if v.width > 0 {
		for i := 0; i < len(v.data); i += v.width {
			v.addExtent(v.data[i : i+v.width])
		}
		return nil
	}
	// Valid strings in a row are valid text, and if none begins inside a character each is valid by itself.
	text := !v.text || utf8.Valid(v.data)
	var lo, hi uint64 // first eight bytes of the bounds: most values differ there from both
	i := 0
	for k, n := range v.lens {
		s := v.data[i : i+int(n)]
		i += int(n)
		if v.text && n > 0 && !utf8.RuneStart(s[0]) {
			text = false
		}
		if p := prefix(s); k == 0 || p <= lo || p >= hi {
			v.ext.addBytes(s)
			lo, hi = prefix(v.ext.blo), prefix(v.ext.bhi)
		}
	}
	if !text {
		return errNotText
	}
	return nil
}

// prefix is the first eight bytes of s as a number that orders as they do.
func prefix(s []byte) uint64 {
	if len(s) >= 8 {
		return binary.BigEndian.Uint64(s)
	}
	var b [8]byte
	copy(b[:], s)
	return binary.BigEndian.Uint64(b[:])
}

func (v *byteValues) addExtent(s []byte) {
	if v.precision == 0 {
		v.ext.addBytes(s)
		return
	}
	var b [16]byte
	copy(b[:], s)
	b[0] ^= 0x80
	v.ext.addBytes(b[:len(s)])
}

func (v *byteValues) dictionary(dst []byte) ([]byte, int) {
	if !v.used {
		return dst, 0
	}
	for k := range v.dict.vals {
		s := v.dict.value(uint32(k))
		if v.width == 0 {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(len(s)))
		}
		dst = append(dst, s...)
	}
	return dst, len(v.dict.vals)
}

func (v *byteValues) estimate() int {
	_, bytes := v.pending()
	if v.mode == byDictionary || v.used {
		bytes += len(v.dict.data) + 4*len(v.dict.vals)
	}
	return bytes
}

func (v *byteValues) reset() {
	v.dict.reset()
	v.used, v.peeked, v.tried, v.mode, v.seen, v.checked = false, false, false, byDictionary, 0, 0
	v.data, v.lens, v.idx = v.data[:0], v.lens[:0], v.idx[:0]
}

func (v *byteValues) shrink() { v.data, v.lens, v.idx, v.marks = nil, nil, nil, nil }

func (v *byteValues) held() int64 {
	return int64(cap(v.data)+8*cap(v.lens)+4*cap(v.idx)+cap(v.marks)) + v.dict.held()
}
