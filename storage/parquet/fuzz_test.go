package parquet

import "testing"

// FuzzWriter writes random tables of random schemas under random options and reads them back with two readers.
func FuzzWriter(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed, uint16(100*seed), uint8(seed), uint32(1000))
	}
	f.Fuzz(func(t *testing.T, seed uint64, rows uint16, depth uint8, groupRows uint32) {
		g := newGenerator(seed)
		tab := g.table(g.schema(1+g.IntN(5), int(depth%4)), 1+int(rows)%3000)
		codec := pick(g, "zstd", "snappy", "gzip", "uncompressed")
		data, file := write(t, g, tab, Options{Codec: codec, RowGroupRows: 1 + int64(groupRows), RowGroupBytes: pick[int64](g, 0, 1000, 100_000)})
		sameByArrow(t, data, tab)
		sameByParquetGo(t, data, tab)
		checkFile(t, file, tab.leafColumns())
	})
}

// FuzzHybrid and FuzzDelta check the encoders against decoders that are written for clarity alone.
func FuzzHybrid(f *testing.F) {
	f.Add([]byte{1, 1, 1, 2}, uint8(3))
	f.Add(make([]byte, 100), uint8(1))
	f.Fuzz(func(t *testing.T, data []byte, width uint8) {
		w := uint(1 + width%17)
		var v []uint32
		for i, b := range data {
			for range 1 + int(b>>3) { // runs, so that RLE has work
				v = append(v, (uint32(b)*2654435761+uint32(i/40))&(1<<w-1))
			}
		}
		got := decodeHybrid(t, appendHybrid(nil, v, w), w, len(v))
		for i := range v {
			if got[i] != v[i] {
				t.Fatalf("width %d: value %d of %d is %d, want %d", w, i, len(v), got[i], v[i])
			}
		}
	})
}

func FuzzDelta(f *testing.F) {
	f.Add(uint64(1), uint16(300), uint8(64), true)
	f.Add(uint64(2), uint16(129), uint8(63), false)
	f.Fuzz(func(t *testing.T, seed uint64, n uint16, bits uint8, narrow bool) {
		g := newGenerator(seed)
		v := make([]int64, n)
		for i := range v {
			v[i] = int64(g.Uint64()) >> (bits % 64)
			if narrow {
				v[i] = int64(int32(v[i]))
			}
		}
		data := appendDelta(nil, v, narrow)
		if size := deltaSize(v, narrow); n > 0 && (len(data) > size+9 || len(data) < size-24) {
			t.Errorf("%d bytes, estimated %d", len(data), size)
		}
		got := decodeDelta(t, data, narrow)
		if len(got) != len(v) {
			t.Fatalf("%d values, want %d", len(got), len(v))
		}
		for i := range v {
			if got[i] != v[i] {
				t.Fatalf("value %d is %d, want %d", i, got[i], v[i])
			}
		}
	})
}
