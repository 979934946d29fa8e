package parquet

import (
	"bytes"
	"math"
	"math/big"
	"strings"
	"testing"
	"unicode/utf8"

	parquetgo "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/firn-data/firn/internal/schema"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// summary is what a naive pass over values says of them.
type summary struct {
	nulls, nans int64
	lo, hi      any // nil: none
}

func summarise(values []any) (s summary) {
	for _, v := range values {
		switch {
		case v == nil:
			s.nulls++
		case isNaN(v):
			s.nans++
		default:
			if s.lo == nil || less(v, s.lo) {
				s.lo = v
			}
			if s.hi == nil || less(s.hi, v) {
				s.hi = v
			}
		}
	}
	return s
}

// singleValue is Iceberg's serialization of a bound.
func singleValue(t schema.Type, v any) []byte {
	d, ok := v.(decimal128.Num)
	if !ok {
		return plainBytes(t, v)
	}
	n := d.BigInt()
	size := n.BitLen()/8 + 1
	if n.Sign() < 0 {
		size = new(big.Int).Not(n).BitLen()/8 + 1
		n = new(big.Int).Add(n, new(big.Int).Lsh(big.NewInt(1), uint(8*size)))
	}
	return n.FillBytes(make([]byte, size))
}

// zeroTo gives a float's zero the sign that widens the bounds.
func zeroTo(v any, sign float64) any {
	switch x := v.(type) {
	case float32:
		if x == 0 {
			return float32(math.Copysign(0, sign))
		}
	case float64:
		if x == 0 {
			return math.Copysign(0, sign)
		}
	}
	return v
}

func (s summary) bounds(t schema.Type, encode func(schema.Type, any) []byte) (lo, hi []byte) {
	if s.lo == nil {
		return nil, nil
	}
	return encode(t, zeroTo(s.lo, -1)), encode(t, zeroTo(s.hi, 1))
}

// plainBounds are those of Parquet's statistics: none where there is a NaN.
func (s summary) plainBounds(t schema.Type) (lo, hi []byte) {
	if s.nans > 0 {
		return nil, nil
	}
	return s.bounds(t, plainBytes)
}

// checkCut holds bounds, which may be cut to some units, against the true ones.
func checkCut(t *testing.T, what string, typ schema.Type, lo, hi, trueLo, trueHi []byte, units int) {
	t.Helper()
	length := func(b []byte) int {
		if typ.Kind == schema.String && units == boundLength {
			return utf8.RuneCount(b)
		}
		return len(b)
	}
	switch typ.Kind {
	case schema.String, schema.Binary, schema.Fixed:
	default:
		if !bytes.Equal(lo, trueLo) || !bytes.Equal(hi, trueHi) {
			t.Errorf("%s of %s: bounds %x %x, want %x %x", what, typ, lo, hi, trueLo, trueHi)
		}
		return
	}
	if trueLo == nil {
		if lo != nil || hi != nil {
			t.Errorf("%s of %s: bounds of nothing: %q %q", what, typ, lo, hi)
		}
		return
	}
	if !bytes.HasPrefix(trueLo, lo) || length(lo) > units || length(trueLo) <= units && len(lo) != len(trueLo) {
		t.Errorf("%s of %s: lower bound %q of %q", what, typ, lo, trueLo)
	}
	switch {
	case hi == nil: // right if no unit of the prefix can be raised
		if length(trueHi) <= units || !strings.HasPrefix(string(trueHi), strings.Repeat("\xff", units)) && !strings.HasPrefix(string(trueHi), strings.Repeat("\U0010ffff", units/4)) {
			t.Errorf("%s of %s: no upper bound of %q", what, typ, trueHi)
		}
	case bytes.Compare(hi, trueHi) < 0 || length(hi) > units || length(trueHi) <= units && !bytes.Equal(hi, trueHi):
		t.Errorf("%s of %s: upper bound %q of %q", what, typ, hi, trueHi)
	case typ.Kind == schema.String && !utf8.Valid(hi):
		t.Errorf("%s: upper bound %q is not text", what, hi)
	}
}

func TestStatisticsEqualANaiveCount(t *testing.T) {
	for seed := range uint64(40) {
		g := newGenerator(seed)
		s := g.schema(1+g.IntN(5), int(seed%3))
		tab := g.table(s, 1+g.IntN(6000))
		data, f := write(t, g, tab, Options{RowGroupRows: 1 + g.Int64N(8000)})
		pf, err := parquetgo.OpenFile(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		leaves := tab.leafColumns()
		checkFile(t, f, leaves)
		if len(f.SplitOffsets) != len(pf.Metadata().RowGroups) {
			t.Errorf("%d split offsets for %d row groups", len(f.SplitOffsets), len(pf.Metadata().RowGroups))
		}
		for i, leaf := range leaves {
			at := 0
			for k, rg := range pf.Metadata().RowGroups {
				md := &rg.Columns[i].MetaData
				n := int(md.NumValues)
				checkChunk(t, leaf, leaf.values[at:at+n], md, rg.Columns[i])
				checkPages(t, leaf, at, pf, k, i)
				at += n
				if f.SplitOffsets[k] != rg.FileOffset || data[rg.FileOffset] == 0 {
					t.Errorf("row group %d begins at %d, split at %d", k, rg.FileOffset, f.SplitOffsets[k])
				}
			}
			if at != len(leaf.values) {
				t.Errorf("column %d: %d of %d slots", i, at, len(leaf.values))
			}
		}
	}
}

func checkFile(t *testing.T, f File, leaves []*leafColumn) {
	t.Helper()
	for _, leaf := range leaves {
		want, got := summarise(leaf.values), f.Columns[leaf.field.ID]
		if got.Values != int64(len(leaf.values)) || got.Nulls != want.nulls || got.NaNs != want.nans || got.Bytes <= 0 {
			t.Errorf("%s: %+v, want %d values, %+v", leaf.field.Type, got, len(leaf.values), want)
		}
		if leaf.repeated {
			if got.Lower != nil || got.Upper != nil {
				t.Errorf("%s in a list has bounds", leaf.field.Type)
			}
			continue
		}
		lo, hi := want.bounds(leaf.field.Type, singleValue)
		checkCut(t, "file", leaf.field.Type, got.Lower, got.Upper, lo, hi, boundLength)
	}
}

func checkChunk(t *testing.T, leaf *leafColumn, values []any, md *format.ColumnMetaData, chunk format.ColumnChunk) {
	t.Helper()
	want := summarise(values)
	if md.Statistics.NullCount != want.nulls {
		t.Errorf("%s: %d nulls, want %d", leaf.field.Type, md.Statistics.NullCount, want.nulls)
	}
	if leaf.field.Type.Length <= footerLength {
		lo, hi := want.plainBounds(leaf.field.Type)
		checkCut(t, "chunk", leaf.field.Type, md.Statistics.MinValue, md.Statistics.MaxValue, lo, hi, footerLength)
	}
	if chunk.OffsetIndexLength == 0 {
		t.Errorf("%s: no offset index", leaf.field.Type)
	}
}

// checkPages checks the page index against the values of each page.
func checkPages(t *testing.T, leaf *leafColumn, at int, pf *parquetgo.File, group, column int) {
	t.Helper()
	offsets := pf.OffsetIndexes()[group*len(pf.Metadata().RowGroups[group].Columns)+column]
	rows := pf.Metadata().RowGroups[group].NumRows
	index := pf.ColumnIndexes()[group*len(pf.Metadata().RowGroups[group].Columns)+column]
	var previous *summary
	for p, loc := range offsets.PageLocations {
		last := rows
		if p+1 < len(offsets.PageLocations) {
			last = offsets.PageLocations[p+1].FirstRowIndex
		}
		n := 0
		for row := loc.FirstRowIndex - 1; at+n < len(leaf.rep); n++ {
			if leaf.rep[at+n] == 0 {
				if row++; row == last {
					break
				}
			}
		}
		want := summarise(leaf.values[at : at+n])
		at += n
		if len(index.NullPages) == 0 {
			continue
		}
		if index.NullPages[p] != (want.nulls == int64(n)) || index.NullCounts[p] != want.nulls {
			t.Errorf("%s page %d: %v %d nulls, want %d of %d", leaf.field.Type, p, index.NullPages[p], index.NullCounts[p], want.nulls, n)
		}
		if index.NullPages[p] {
			continue
		}
		lo, hi := want.plainBounds(leaf.field.Type)
		checkCut(t, "page", leaf.field.Type, index.MinValues[p], index.MaxValues[p], lo, hi, footerLength)
		if previous != nil {
			if index.BoundaryOrder == format.Ascending && (less(want.lo, previous.lo) || less(want.hi, previous.hi)) ||
				index.BoundaryOrder == format.Descending && (less(previous.lo, want.lo) || less(previous.hi, want.hi)) {
				t.Errorf("%s page %d: the bounds are not in order %s", leaf.field.Type, p, index.BoundaryOrder)
			}
		}
		previous = &want
	}
}

func TestBoundsAreCut(t *testing.T) {
	r := strings.Repeat
	for _, c := range []struct {
		typ              string
		value            string
		lo, hi           string // in a manifest; "-" for none
		footLo, footHi   string
		exactLo, exactHi bool
	}{
		{"string", "", "", "", "", "", true, true},
		{"string", r("a", 16), r("a", 16), r("a", 16), r("a", 16), r("a", 16), true, true},
		{"string", r("a", 17), r("a", 16), r("a", 15) + "b", r("a", 17), r("a", 17), true, true},
		{"string", r("a", 64), r("a", 16), r("a", 15) + "b", r("a", 64), r("a", 64), true, true},
		{"string", r("a", 65), r("a", 16), r("a", 15) + "b", r("a", 64), r("a", 63) + "b", false, false},
		{"string", r("漢", 30), r("漢", 16), r("漢", 15) + "漣", r("漢", 21), r("漢", 20) + "漣", false, false},
		{"string", r("🙂", 16), r("🙂", 16), r("🙂", 16), r("🙂", 16), r("🙂", 16), true, true},
		{"string", r("🙂", 17), r("🙂", 16), r("🙂", 15) + "🙃", r("🙂", 16), r("🙂", 15) + "🙃", false, false},
		{"string", "a" + r("\U0010ffff", 20), "a" + r("\U0010ffff", 15), "b", "a" + r("\U0010ffff", 15), "b", false, false},
		{"string", r("\U0010ffff", 17), r("\U0010ffff", 16), "-", r("\U0010ffff", 16), "-", false, false},
		{"string", r("a", 15) + "\ud7ffz", r("a", 15) + "\ud7ff", r("a", 15) + "\ue000", r("a", 15) + "\ud7ffz", r("a", 15) + "\ud7ffz", true, true},
		{"binary", r("\xff", 17), r("\xff", 16), "-", r("\xff", 17), r("\xff", 17), true, true},
		{"binary", "a" + r("\xff", 70), "a" + r("\xff", 15), "b", "a" + r("\xff", 63), "b", false, false},
		{"fixed[20]", r("\x01", 20), r("\x01", 16), r("\x01", 15) + "\x02", r("\x01", 20), r("\x01", 20), true, true},
	} {
		typ, err := schema.Parse(c.typ)
		if err != nil {
			t.Fatal(err)
		}
		e := extent{order: byBytes}
		e.addBytes([]byte(c.value))
		show := func(b []byte) string {
			if b == nil {
				return "-"
			}
			return string(b)
		}
		lo, hi := e.icebergBounds(typ)
		if show(lo) != c.lo || show(hi) != c.hi {
			t.Errorf("%s %q: a manifest gets %q %q", c.typ, c.value, show(lo), show(hi))
		}
		lo, hi, exactLo, exactHi := e.plainBounds(typ)
		if show(lo) != c.footLo || show(hi) != c.footHi || exactLo != c.exactLo || exactHi != c.exactHi {
			t.Errorf("%s %q: the footer gets %q %v, %q %v", c.typ, c.value, show(lo), exactLo, show(hi), exactHi)
		}
	}
}
