package parquet

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/metadata"

	"github.com/firn-data/firn/internal/schema"
)

// boundLength is how many code points, or bytes of a binary, of a bound a manifest keeps: Iceberg's truncate(16).
const boundLength = 16

// describe reads a finished file's metadata as a manifest wants it.
func describe(md *metadata.FileMetaData, s schema.Schema) (File, error) {
	f := File{Records: md.NumRows, Columns: map[int]ColumnMetric{}}
	types := map[int]schema.Type{}
	leaves(s.Fields, types)
	ranges := map[int]*bounds{}
	for i := range md.NumRowGroups() {
		rg := md.RowGroup(i)
		first := int64(math.MaxInt64)
		for c := range rg.NumColumns() {
			chunk, err := rg.ColumnChunk(c)
			if err != nil {
				return f, err
			}
			start := chunk.DataPageOffset()
			if chunk.HasDictionaryPage() {
				start = min(start, chunk.DictionaryPageOffset())
			}
			first = min(first, start)
			id := int(md.Schema.Column(c).SchemaNode().FieldID())
			m := f.Columns[id]
			m.Bytes += chunk.TotalCompressedSize()
			m.Values += chunk.NumValues()
			stats, err := chunk.Statistics()
			if err != nil {
				return f, err
			}
			b := ranges[id]
			if b == nil {
				b = &bounds{typ: types[id], known: true, repeated: md.Schema.Column(c).MaxRepetitionLevel() > 0}
				ranges[id] = b
			}
			if stats != nil {
				m.Nulls += stats.NullCount()
			}
			b.add(stats)
			f.Columns[id] = m
		}
		f.SplitOffsets = append(f.SplitOffsets, first)
	}
	for id, b := range ranges {
		m := f.Columns[id]
		if b.known && b.lower != nil && !b.repeated {
			m.Lower, m.Upper = b.truncated()
		}
		f.Columns[id] = m
	}
	return f, nil
}

// leaves collects the types of leaf fields by id.
func leaves(fields []schema.Field, out map[int]schema.Type) {
	for _, f := range fields {
		if f.Type.Nested() {
			leaves(f.Type.Fields, out)
			continue
		}
		out[f.ID] = f.Type
	}
}

// bounds joins the statistics of a column's chunks, in Iceberg's single-value serialization.
type bounds struct {
	typ          schema.Type
	lower, upper []byte
	known        bool // every chunk with values has statistics
	repeated     bool // inside a list or map: manifests hold no bounds
}

func (b *bounds) add(stats metadata.TypedStatistics) {
	if stats == nil {
		b.known = false
		return
	}
	if !stats.HasMinMax() {
		if stats.NumValues() > 0 {
			b.known = false
		}
		return
	}
	lo, hi := b.serialize(stats.EncodeMin(), stats.Type()), b.serialize(stats.EncodeMax(), stats.Type())
	if b.lower == nil || b.compare(lo, b.lower) < 0 {
		b.lower = lo
	}
	if b.upper == nil || b.compare(hi, b.upper) > 0 {
		b.upper = hi
	}
}

// serialize turns a Parquet statistic into Iceberg's form: decimals are the shortest big-endian two's complement.
func (b *bounds) serialize(v []byte, physical parquet.Type) []byte {
	v = bytes.Clone(v)
	if v == nil {
		v = []byte{}
	}
	if b.typ.Kind != schema.Decimal {
		return v
	}
	if physical != parquet.Types.FixedLenByteArray {
		slices.Reverse(v)
	}
	for len(v) > 1 && (v[0] == 0 && v[1] < 0x80 || v[0] == 0xff && v[1] >= 0x80) {
		v = v[1:]
	}
	return v
}

// compare orders serialized values as the column's type does.
func (b *bounds) compare(x, y []byte) int {
	switch b.typ.Kind {
	case schema.Int, schema.Date:
		return cmp(int32(binary.LittleEndian.Uint32(x)), int32(binary.LittleEndian.Uint32(y)))
	case schema.Long, schema.Time, schema.Timestamp, schema.TimestampTZ, schema.TimestampNS, schema.TimestampTZNS:
		return cmp(int64(binary.LittleEndian.Uint64(x)), int64(binary.LittleEndian.Uint64(y)))
	case schema.Float:
		return cmp(math.Float32frombits(binary.LittleEndian.Uint32(x)), math.Float32frombits(binary.LittleEndian.Uint32(y)))
	case schema.Double:
		return cmp(math.Float64frombits(binary.LittleEndian.Uint64(x)), math.Float64frombits(binary.LittleEndian.Uint64(y)))
	case schema.Decimal:
		return bytes.Compare(extend(x), extend(y))
	}
	return bytes.Compare(x, y)
}

func cmp[T int32 | int64 | float32 | float64](x, y T) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// extend sign-extends a two's complement to 16 bytes that compare as unsigned.
func extend(v []byte) []byte {
	var out [16]byte
	if len(v) > 0 && v[0] >= 0x80 {
		for i := range out {
			out[i] = 0xff
		}
	}
	copy(out[16-len(v):], v)
	out[0] ^= 0x80
	return out[:]
}

// truncated shortens string and binary bounds: the lower is a prefix, the upper a prefix with its last unit raised, or
// none when no unit can be.
func (b *bounds) truncated() (lower, upper []byte) {
	switch b.typ.Kind {
	case schema.String:
		return truncateString(b.lower), raiseString(b.upper)
	case schema.Binary, schema.Fixed:
		return b.lower[:min(len(b.lower), boundLength)], raiseBytes(b.upper)
	}
	return b.lower, b.upper
}

func truncateString(s []byte) []byte {
	n := 0
	for i := range string(s) {
		if n == boundLength {
			return s[:i]
		}
		n++
	}
	return s
}

func raiseString(s []byte) []byte {
	cut := truncateString(s)
	if len(cut) == len(s) {
		return s
	}
	cut = bytes.Clone(cut)
	for len(cut) > 0 {
		r, size := utf8.DecodeLastRune(cut)
		cut = cut[:len(cut)-size]
		if r == utf8.MaxRune {
			continue
		}
		r++
		if r == 0xD800 { // surrogates are not characters
			r = 0xE000
		}
		return utf8.AppendRune(cut, r)
	}
	return nil
}

func raiseBytes(s []byte) []byte {
	if len(s) <= boundLength {
		return s
	}
	cut := bytes.Clone(s[:boundLength])
	for len(cut) > 0 {
		if cut[len(cut)-1] != 0xff {
			cut[len(cut)-1]++
			return cut
		}
		cut = cut[:len(cut)-1]
	}
	return nil
}
