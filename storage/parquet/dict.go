package parquet

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// hashFactor spreads keys over the high bits: 2^64 divided by the golden ratio.
const hashFactor = 0x9E3779B97F4A7C15

const firstSlots = 1 << 9

// wordDict numbers distinct 64-bit values in order of appearance. Its table is open-addressed and at most half full.
type wordDict struct {
	slots []int32 // number + 1; 0 is free
	vals  []int64
	shift uint
}

func (d *wordDict) reset() {
	clear(d.slots)
	d.vals = d.vals[:0]
}

func (d *wordDict) rehash() {
	n := max(firstSlots, 2*len(d.slots))
	d.slots = make([]int32, n)
	d.shift = uint(64 - bits.Len(uint(n-1)))
	for i, v := range d.vals {
		h := uint64(v) * hashFactor >> d.shift
		for d.slots[h] != 0 {
			h = (h + 1) & uint64(n-1)
		}
		d.slots[h] = int32(i + 1)
	}
}

// number fills out with the numbers of v.
func (d *wordDict) number(out []uint32, v []int64) {
	if len(d.slots) == 0 {
		d.rehash()
	}
	slots, shift := d.slots, d.shift
	out = out[:len(v)]
	for i, x := range v {
		h := uint64(x) * hashFactor >> shift
		for {
			k := slots[h&uint64(len(slots)-1)]
			if k != 0 && d.vals[k-1] == x {
				out[i] = uint32(k - 1)
				break
			}
			if k == 0 {
				d.vals = append(d.vals, x)
				out[i] = uint32(len(d.vals) - 1)
				slots[h&uint64(len(slots)-1)] = int32(len(d.vals))
				if 2*len(d.vals) > len(slots) {
					d.rehash()
					slots, shift = d.slots, d.shift
				}
				break
			}
			h++
		}
	}
}

func (d *wordDict) held() int64 { return int64(4*cap(d.slots) + 8*cap(d.vals)) }

// byteDict numbers distinct byte strings in order of appearance.
type byteDict struct {
	slots []int32
	vals  []dictEntry
	data  []byte
	shift uint
}

type dictEntry struct {
	key    uint64
	off, n uint32
}

func (d *byteDict) reset() {
	clear(d.slots)
	d.vals = d.vals[:0]
	d.data = d.data[:0]
}

func (d *byteDict) value(i uint32) []byte {
	e := &d.vals[i]
	return d.data[e.off : e.off+e.n]
}

// keyOf mixes the ends of s. Strings of up to eight bytes with equal length and key are equal.
func keyOf(s []byte) uint64 {
	n := len(s)
	switch {
	case n > 8:
		k := binary.LittleEndian.Uint64(s) ^ bits.RotateLeft64(binary.LittleEndian.Uint64(s[n-8:])*hashFactor, 31)
		if n > 24 { // what differs may be in the middle
			k ^= bits.RotateLeft64(binary.LittleEndian.Uint64(s[n/2-4:])*hashFactor, 17)
		}
		return k
	case n == 8:
		return binary.LittleEndian.Uint64(s)
	case n >= 4:
		return uint64(binary.LittleEndian.Uint32(s)) | uint64(binary.LittleEndian.Uint32(s[n-4:]))<<32
	case n == 0:
		return 0
	}
	return uint64(s[0]) | uint64(s[n>>1])<<8 | uint64(s[n-1])<<16
}

func (d *byteDict) rehash() {
	n := max(firstSlots, 2*len(d.slots))
	d.slots = make([]int32, n)
	d.shift = uint(64 - bits.Len(uint(n-1)))
	for i, e := range d.vals {
		h := (e.key + uint64(e.n)) * hashFactor >> d.shift
		for d.slots[h] != 0 {
			h = (h + 1) & uint64(n-1)
		}
		d.slots[h] = int32(i + 1)
	}
}

// number is the number of s.
func (d *byteDict) number(s []byte) uint32 {
	if 2*len(d.vals) >= len(d.slots) {
		d.rehash()
	}
	key := keyOf(s)
	mask := uint64(len(d.slots) - 1)
	h := (key + uint64(len(s))) * hashFactor >> d.shift
	for ; ; h++ {
		i := d.slots[h&mask]
		if i == 0 {
			break
		}
		e := &d.vals[i-1]
		if e.key == key && int(e.n) == len(s) && (len(s) <= 8 || bytes.Equal(d.data[e.off:e.off+e.n], s)) {
			return uint32(i - 1)
		}
	}
	d.vals = append(d.vals, dictEntry{key, uint32(len(d.data)), uint32(len(s))})
	d.data = append(d.data, s...)
	d.slots[h&mask] = int32(len(d.vals))
	return uint32(len(d.vals) - 1)
}

func (d *byteDict) held() int64 { return int64(4*cap(d.slots) + 16*cap(d.vals) + cap(d.data)) }
