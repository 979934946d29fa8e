package rowkey

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
)

// Set is a set of keys. Keys stand behind each other in one buffer; the table beside it holds their places. Not safe for
// concurrent changes; Has may be called by several goroutines while nobody changes it.
type Set struct {
	seed  maphash.Seed
	keys  []byte   // uvarint length and bytes of each key
	slots []uint64 // 1 + place of a key in keys, 0: free
	n     int
}

// NewSet makes an empty set.
func NewSet() *Set { return &Set{seed: maphash.MakeSeed(), slots: make([]uint64, 64)} }

// Len is the number of keys.
func (s *Set) Len() int { return s.n }

// Bytes is the memory that the set holds.
func (s *Set) Bytes() int64 { return int64(cap(s.keys)) + 8*int64(len(s.slots)) }

// Need is the memory that the set may hold once a key of n bytes is added: growth doubles a buffer while the old one is there.
func (s *Set) Need(n int) int64 {
	need := s.Bytes()
	if len(s.keys)+n+binary.MaxVarintLen64 > cap(s.keys) {
		need += int64(2*cap(s.keys) + n + binary.MaxVarintLen64)
	}
	if s.full() {
		need += 16 * int64(len(s.slots))
	}
	return need
}

func (s *Set) full() bool { return (s.n+1)*4 > len(s.slots)*3 }

// Add adds a key; false says that it was there.
func (s *Set) Add(key []byte) bool {
	if s.full() {
		s.grow()
	}
	i, found := s.find(key)
	if found {
		return false
	}
	if room := len(s.keys) + len(key) + binary.MaxVarintLen64; room > cap(s.keys) {
		s.keys = append(make([]byte, 0, room+cap(s.keys)), s.keys...)
	}
	s.slots[i] = uint64(len(s.keys)) + 1
	s.keys = append(binary.AppendUvarint(s.keys, uint64(len(key))), key...)
	s.n++
	return true
}

// Has reports whether the key is in the set.
func (s *Set) Has(key []byte) bool {
	_, found := s.find(key)
	return found
}

// find gives the key's slot, or the free one where it belongs.
func (s *Set) find(key []byte) (slot int, found bool) {
	mask := len(s.slots) - 1
	for i := int(maphash.Bytes(s.seed, key)) & mask; ; i = (i + 1) & mask {
		if s.slots[i] == 0 {
			return i, false
		}
		if bytes.Equal(s.at(s.slots[i]-1), key) {
			return i, true
		}
	}
}

func (s *Set) at(place uint64) []byte {
	n, w := binary.Uvarint(s.keys[place:])
	return s.keys[place+uint64(w):][:n]
}

func (s *Set) grow() {
	old := s.slots
	s.slots = make([]uint64, 2*len(old))
	for _, v := range old {
		if v == 0 {
			continue
		}
		i, _ := s.find(s.at(v - 1))
		s.slots[i] = v
	}
}

// Part gives a key one of n parts, the same in every process.
func Part(key []byte, n int) int {
	h := uint64(14695981039346656037)
	for _, b := range key {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return int((h ^ h>>32) % uint64(n))
}
