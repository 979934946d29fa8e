package parquet

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/firn-data/firn/internal/schema"
)

const (
	// footerLength is how many bytes of a string or binary bound the footer and the page index keep.
	footerLength = 64
	// boundLength is how many code points, or bytes of a binary, of a bound a manifest keeps: Iceberg's truncate(16).
	boundLength = 16
	// keptLength is how much of a value an extent keeps. One byte more than footerLength tells a value that goes on from one
	// that ends there, and 16 code points are no longer than 64 bytes. Prefixes keep the order of what they are cut from.
	keptLength = footerLength + 1
)

// order is how a column's values compare.
type order uint8

const (
	byInt   order = iota // signed integers; booleans as 0 and 1
	byFloat              // IEEE 754; NaN is in no extent
	byBytes              // unsigned bytes; decimals as big-endian two's complement with the sign bit flipped
)

// extent is the smallest and the largest of some values.
type extent struct {
	order    order
	set      bool
	lo, hi   int64
	flo, fhi float64
	blo, bhi []byte // at most keptLength bytes
	nans     int64
}

func (e *extent) reset() {
	e.set, e.nans = false, 0
	e.blo, e.bhi = e.blo[:0], e.bhi[:0]
}

func (e *extent) addInts(v []int64) {
	if len(v) == 0 {
		return
	}
	lo, hi := v[0], v[0]
	for _, x := range v[1:] {
		lo = min(lo, x)
		hi = max(hi, x)
	}
	e.widenInts(lo, hi)
}

func (e *extent) widenInts(lo, hi int64) {
	if e.set {
		lo, hi = min(lo, e.lo), max(hi, e.hi)
	}
	e.lo, e.hi, e.set = lo, hi, true
}

// addFloats takes the bits of float64 values, or of float32 ones in the low half.
func (e *extent) addFloats(v []int64, narrow bool) {
	lo, hi := math.Inf(1), math.Inf(-1)
	nans := 0
	for _, bits := range v {
		x := math.Float64frombits(uint64(bits))
		if narrow {
			x = float64(math.Float32frombits(uint32(bits)))
		}
		if x != x {
			nans++
			continue
		}
		if x < lo {
			lo = x
		}
		if x > hi {
			hi = x
		}
	}
	e.nans += int64(nans)
	if nans < len(v) {
		e.widenFloats(lo, hi)
	}
}

func (e *extent) widenFloats(lo, hi float64) {
	if e.set {
		lo, hi = min(lo, e.flo), max(hi, e.fhi)
	}
	e.flo, e.fhi, e.set = lo, hi, true
}

func (e *extent) addBytes(s []byte) {
	if !e.set {
		s = s[:min(len(s), keptLength)]
		e.blo, e.bhi, e.set = append(e.blo[:0], s...), append(e.bhi[:0], s...), true
		return
	}
	if s := s[:min(len(s), keptLength)]; bytes.Compare(s, e.blo) < 0 {
		e.blo = append(e.blo[:0], s...)
	} else if bytes.Compare(s, e.bhi) > 0 {
		e.bhi = append(e.bhi[:0], s...)
	}
}

// merge widens e by o.
func (e *extent) merge(o *extent) {
	e.nans += o.nans
	switch {
	case !o.set:
	case e.order == byInt:
		e.widenInts(o.lo, o.hi)
	case e.order == byFloat:
		e.widenFloats(o.flo, o.fhi)
	default:
		e.addBytes(o.blo)
		e.addBytes(o.bhi)
	}
}

// steps says whether, from e to o, both bounds do not fall, and do not rise.
func (e *extent) steps(o *extent) (up, down bool) {
	var lo, hi int
	switch e.order {
	case byInt:
		lo, hi = compare(e.lo, o.lo), compare(e.hi, o.hi)
	case byFloat:
		lo, hi = compare(e.flo, o.flo), compare(e.fhi, o.fhi)
	default:
		lo, hi = bytes.Compare(e.blo, o.blo), bytes.Compare(e.bhi, o.bhi)
	}
	return lo <= 0 && hi <= 0, lo >= 0 && hi >= 0
}

func compare[T int64 | float64](x, y T) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// plainBounds are the bounds in Parquet's PLAIN encoding, as statistics hold them. Strings and binaries are cut to footerLength: exact
// says which bound is a value. A bound is nil where there is none: no values, a value that can't be cut, or a NaN among the values. The format
// asks readers to expect NaNs outside the bounds, but Spark, whose largest value is NaN, would skip them; parquet-java writes no bounds either.
func (e *extent) plainBounds(t schema.Type) (lo, hi []byte, exactLo, exactHi bool) {
	if !e.set || e.nans > 0 {
		return nil, nil, false, false
	}
	physical, length := t.Physical()
	switch {
	case physical == schema.ParquetBoolean:
		return []byte{byte(e.lo)}, []byte{byte(e.hi)}, true, true
	case physical == schema.ParquetInt32:
		return binary.LittleEndian.AppendUint32(nil, uint32(e.lo)), binary.LittleEndian.AppendUint32(nil, uint32(e.hi)), true, true
	case physical == schema.ParquetInt64:
		return binary.LittleEndian.AppendUint64(nil, uint64(e.lo)), binary.LittleEndian.AppendUint64(nil, uint64(e.hi)), true, true
	case e.order == byFloat:
		lo, hi = e.floatBounds(physical == schema.ParquetFloat)
		return lo, hi, true, true
	case t.Kind == schema.Decimal:
		return flipSign(e.blo), flipSign(e.bhi), true, true
	case physical == schema.ParquetFixed && length > footerLength:
		return nil, nil, false, false
	}
	lo, hi = notNil(e.blo), notNil(e.bhi)
	if len(lo) > footerLength {
		lo = cutBytes(lo, footerLength, t.Kind == schema.String)
	}
	if len(hi) > footerLength {
		hi = raised(cutBytes(hi, footerLength, t.Kind == schema.String), t.Kind == schema.String)
	}
	return bytes.Clone(lo), bytes.Clone(hi), len(e.blo) <= footerLength, len(e.bhi) <= footerLength
}

// icebergBounds are the bounds in Iceberg's single-value serialization, cut as a manifest wants them: the lower is a prefix, the
// upper a prefix with its last unit raised, or nil when no unit can be.
func (e *extent) icebergBounds(t schema.Type) (lo, hi []byte) {
	if !e.set {
		return nil, nil
	}
	switch {
	case t.Kind == schema.Decimal && e.order == byInt:
		lo, hi = binary.BigEndian.AppendUint64(nil, uint64(e.lo)), binary.BigEndian.AppendUint64(nil, uint64(e.hi))
		return shortest(lo), shortest(hi)
	case t.Kind == schema.Decimal:
		return shortest(flipSign(e.blo)), shortest(flipSign(e.bhi))
	case t.Kind == schema.String:
		lo, hi = cutRunes(notNil(e.blo), boundLength), cutRunes(notNil(e.bhi), boundLength)
		if len(hi) < len(e.bhi) {
			hi = raised(hi, true)
		}
		return bytes.Clone(lo), bytes.Clone(hi)
	case t.Kind == schema.Binary, t.Kind == schema.Fixed:
		lo, hi = notNil(e.blo)[:min(len(e.blo), boundLength)], notNil(e.bhi)
		if len(hi) > boundLength {
			hi = raised(hi[:boundLength], false)
		}
		return bytes.Clone(lo), bytes.Clone(hi)
	}
	if e.order == byFloat {
		return e.floatBounds(t.Kind == schema.Float)
	}
	lo, hi, _, _ = e.plainBounds(t)
	return lo, hi
}

func notNil(s []byte) []byte {
	if s == nil {
		return []byte{}
	}
	return s
}

// floatBounds widens zeros to both of their signs, since readers may take −0.0 for less than 0.0.
func (e *extent) floatBounds(narrow bool) (lo, hi []byte) {
	flo, fhi := e.flo, e.fhi
	if flo == 0 {
		flo = math.Copysign(0, -1)
	}
	if fhi == 0 {
		fhi = 0
	}
	if narrow {
		return binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(flo))), binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(fhi)))
	}
	return binary.LittleEndian.AppendUint64(nil, math.Float64bits(flo)), binary.LittleEndian.AppendUint64(nil, math.Float64bits(fhi))
}

func flipSign(s []byte) []byte {
	s = bytes.Clone(s)
	s[0] ^= 0x80
	return s
}

// shortest drops the sign bytes that a big-endian two's complement does not need.
func shortest(v []byte) []byte {
	for len(v) > 1 && (v[0] == 0 && v[1] < 0x80 || v[0] == 0xff && v[1] >= 0x80) {
		v = v[1:]
	}
	return v
}

// cutBytes cuts s to at most n bytes, a text between two code points.
func cutBytes(s []byte, n int, text bool) []byte {
	for text && n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// cutRunes cuts s to at most n code points.
func cutRunes(s []byte, n int) []byte {
	for i := range string(s) {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// raised is the least string of s's length or less that is above all strings that begin with s; nil if there is none.
func raised(s []byte, text bool) []byte {
	s = slices.Clone(s)
	for len(s) > 0 {
		last, size := rune(s[len(s)-1]), 1
		if text {
			last, size = utf8.DecodeLastRune(s)
		}
		s = s[:len(s)-size]
		switch {
		case text && last == utf8.MaxRune, !text && last == 0xff:
			continue
		case !text:
			return append(s, byte(last+1))
		case last == 0xD7FF: // surrogates are not characters
			return utf8.AppendRune(s, 0xE000)
		}
		return utf8.AppendRune(s, last+1)
	}
	return nil
}
