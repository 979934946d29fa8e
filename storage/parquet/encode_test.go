package parquet

import (
	"encoding/binary"
	"testing"
)

// bitsAt reads w bits from bit at, least significant first.
func bitsAt(t *testing.T, data []byte, at, w int) (v uint64) {
	t.Helper()
	for i := range w {
		b := at + i
		if b>>3 >= len(data) {
			t.Fatalf("bit %d of %d bytes", b, len(data))
		}
		v |= uint64(data[b>>3]>>(b&7)&1) << i
	}
	return v
}

func uvarint(t *testing.T, data []byte) (uint64, []byte) {
	t.Helper()
	v, n := binary.Uvarint(data)
	if n <= 0 {
		t.Fatal("no varint")
	}
	return v, data[n:]
}

// decodeHybrid reads n values as the format describes the hybrid of RLE and bit-packing, and wants nothing to be left.
func decodeHybrid(t *testing.T, data []byte, w uint, n int) (out []uint32) {
	t.Helper()
	for len(out) < n {
		header, rest := uvarint(t, data)
		data = rest
		if header&1 == 0 {
			size := int(w+7) / 8
			v := uint32(bitsAt(t, data, 0, 8*size))
			for range header >> 1 {
				out = append(out, v)
			}
			data = data[size:]
			continue
		}
		values := int(header>>1) * 8
		for i := range values {
			out = append(out, uint32(bitsAt(t, data, i*int(w), int(w))))
		}
		data = data[values/8*int(w):]
	}
	if len(data) > 0 || len(out) > n+7 {
		t.Fatalf("%d bytes left, %d values of %d", len(data), len(out), n)
	}
	return out[:n]
}

// decodeDelta reads DELTA_BINARY_PACKED, and wants nothing to be left.
func decodeDelta(t *testing.T, data []byte, narrow bool) (out []int64) {
	t.Helper()
	signed := func() int64 {
		u, rest := uvarint(t, data)
		data = rest
		return int64(u>>1) ^ -int64(u&1)
	}
	var header [3]uint64
	for i := range header {
		header[i], data = uvarint(t, data)
	}
	block, perBlock, n := int(header[0]), int(header[1]), int(header[2])
	last := signed()
	if n > 0 {
		out = append(out, last)
	}
	for len(out) < n {
		lowest := signed()
		widths := data[:perBlock]
		data = data[perBlock:]
		for _, w := range widths {
			if len(out) == n {
				break
			}
			if narrow && w > 32 {
				t.Fatalf("%d bits for a difference of 32-bit values", w)
			}
			for i := range block / perBlock {
				d := bitsAt(t, data, i*int(w), int(w))
				last += lowest + int64(d)
				if narrow {
					last = int64(int32(last))
				}
				if len(out) < n {
					out = append(out, last)
				}
			}
			data = data[block/perBlock*int(w)/8:]
		}
	}
	if len(data) > 0 {
		t.Fatalf("%d bytes left", len(data))
	}
	return out
}

func TestDictionariesTellValuesApart(t *testing.T) {
	g := newGenerator(9)
	var words wordDict
	var strings byteDict
	numbers, texts := map[int64]uint32{}, map[string]uint32{}
	for range 3 {
		for range 20_000 {
			v := []int64{g.int(64), int64(g.IntN(5000))}[g.IntN(2)]
			var got [1]uint32
			words.number(got[:], []int64{v})
			if want, ok := numbers[v]; ok && want != got[0] || !ok && int(got[0]) != len(numbers) {
				t.Fatalf("%d is number %d", v, got[0])
			}
			numbers[v] = got[0]
			s := string(g.bytes(g.IntN(40)))
			k := strings.number([]byte(s))
			if want, ok := texts[s]; ok && want != k || !ok && int(k) != len(texts) || string(strings.value(k)) != s {
				t.Fatalf("%q is number %d", s, k)
			}
			texts[s] = k
		}
		words.reset()
		strings.reset()
		clear(numbers)
		clear(texts)
	}
}
