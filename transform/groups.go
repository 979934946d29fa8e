package transform

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"math/bits"

	"github.com/firn-data/firn/transform/expr"
)

// groupTable numbers distinct keys from 0 on. It is a hash table with open addressing over keys as expr.Vec.AppendKey writes
// them; a key of one value in 64 bits is held as such.
type groupTable struct {
	seed    maphash.Seed
	short   bool     // one key of the form of Vec.I
	slots   []int32  // number + 1; 0: free
	hashes  []uint64 // by number
	arena   []byte   // encoded keys, one after the other
	ends    []int64  // of each key in arena
	ints    []int64  // short: the keys
	nullKey int32    // short: number + 1 of NULL
}

func newGroupTable(seed maphash.Seed, short bool) *groupTable {
	return &groupTable{seed: seed, short: short, slots: make([]int32, 64)}
}

func (t *groupTable) len() int { return len(t.hashes) }

// bytes is the memory that the table holds.
func (t *groupTable) bytes() int64 {
	return int64(cap(t.arena)) + 4*int64(cap(t.slots)) + 8*int64(cap(t.hashes)+cap(t.ends)+cap(t.ints))
}

// mix spreads the bits of an integer key.
func mix(x uint64) uint64 {
	x ^= x >> 32
	x *= 0xd6e8feb86659fd93
	x ^= x >> 32
	x *= 0xd6e8feb86659fd93
	return x ^ x>>32
}

const nullHash = 0x9e3779b97f4a7c15

// key is the encoded key of a number; it is valid until the next key is added.
func (t *groupTable) key(g int, dst []byte) []byte {
	if !t.short {
		from := int64(0)
		if g > 0 {
			from = t.ends[g-1]
		}
		return t.arena[from:t.ends[g]]
	}
	if int32(g)+1 == t.nullKey {
		return append(dst[:0], 0)
	}
	return binary.LittleEndian.AppendUint64(append(dst[:0], 1), uint64(t.ints[g]))
}

// find gives the number of an encoded key, adding it when it is new.
func (t *groupTable) find(key []byte) int32 {
	if t.short {
		if key[0] == 0 {
			return t.findNull()
		}
		return t.findInt(int64(binary.LittleEndian.Uint64(key[1:])))
	}
	h := maphash.Bytes(t.seed, key)
	mask := uint64(len(t.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		s := t.slots[i]
		if s == 0 {
			t.arena = append(t.arena, key...)
			t.ends = append(t.ends, int64(len(t.arena)))
			return t.insert(i, h)
		}
		if t.hashes[s-1] == h && bytes.Equal(t.key(int(s-1), nil), key) {
			return s - 1
		}
	}
}

// peek gives the number of an encoded key of a table that is not short, or -1.
func (t *groupTable) peek(key []byte) int32 {
	h := maphash.Bytes(t.seed, key)
	mask := uint64(len(t.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		s := t.slots[i]
		if s == 0 {
			return -1
		}
		if t.hashes[s-1] == h && bytes.Equal(t.key(int(s-1), nil), key) {
			return s - 1
		}
	}
}

// peekInt is peek for the key of a short table.
func (t *groupTable) peekInt(v int64) int32 {
	h := mix(uint64(v))
	mask := uint64(len(t.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		s := t.slots[i]
		if s == 0 {
			return -1
		}
		if t.ints[s-1] == v && t.hashes[s-1] == h {
			return s - 1
		}
	}
}

func (t *groupTable) findInt(v int64) int32 {
	h := mix(uint64(v))
	mask := uint64(len(t.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		s := t.slots[i]
		if s == 0 {
			t.ints = append(t.ints, v)
			return t.insert(i, h)
		}
		if t.ints[s-1] == v && t.hashes[s-1] == h {
			return s - 1
		}
	}
}

// findNull numbers NULL, which has no slot.
func (t *groupTable) findNull() int32 {
	if t.nullKey == 0 {
		t.ints, t.hashes = append(t.ints, 0), append(t.hashes, nullHash)
		t.nullKey = int32(len(t.hashes))
	}
	return t.nullKey - 1
}

// insert puts the next number into a free slot.
func (t *groupTable) insert(slot, h uint64) int32 {
	t.hashes = append(t.hashes, h)
	g := int32(len(t.hashes))
	t.slots[slot] = g
	if len(t.hashes)*2 > len(t.slots) {
		t.rehash()
	}
	return g - 1
}

func (t *groupTable) rehash() {
	n := 1 << bits.Len(uint(4*len(t.hashes)-1))
	t.slots = make([]int32, n)
	mask := uint64(n - 1)
	for g, h := range t.hashes {
		if int32(g)+1 == t.nullKey {
			continue
		}
		i := h & mask
		for t.slots[i] != 0 {
			i = (i + 1) & mask
		}
		t.slots[i] = int32(g) + 1
	}
}

// number gives the number of each row's key, adding those that are new. scratch is reused.
func (t *groupTable) number(keys []*expr.Vec, n int, out []int32, scratch []byte) ([]int32, []byte) {
	out = grown(out[:0], n)
	if t.short {
		v := keys[0]
		for k := range out {
			if v.Null(k) {
				out[k] = t.findNull()
			} else {
				out[k] = t.findInt(v.I[k])
			}
		}
		return out, scratch
	}
	for k := range out {
		scratch = scratch[:0]
		for _, v := range keys {
			scratch = v.AppendKey(scratch, k)
		}
		out[k] = t.find(scratch)
	}
	return out, scratch
}
