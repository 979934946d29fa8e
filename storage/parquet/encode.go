package parquet

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// encoding is parquet.thrift's enum.
type encoding int32

const (
	plain             encoding = 0
	rle               encoding = 3
	deltaBinaryPacked encoding = 5
	deltaLength       encoding = 6
	rleDictionary     encoding = 8
	encodings                  = 9
)

// grow lengthens s by n elements, whose values are undefined.
func grow[T any](s []T, n int) []T {
	if cap(s)-len(s) < n {
		t := make([]T, len(s), max(2*cap(s), len(s)+n))
		copy(t, s)
		s = t
	}
	return s[:len(s)+n]
}

// bytesOf is the memory of s: values in the machine's order, which is little-endian as Parquet's on all of Go's targets that
// Arrow supports without swapping.
func bytesOf[T int32 | int64](s []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(*new(T))))
}

// appendHybrid appends v in the RLE and bit-packed hybrid with w bits a value. Runs of at least minRun equal values that
// begin at a multiple of eight become RLE runs; the rest is packed. A packed run that is not the last holds a
// multiple of eight values, since readers take its padding for values.
// Source: https://github.com/apache/parquet-format/blob/master/Encodings.md
func appendHybrid[T uint8 | uint32](dst []byte, v []T, w uint) []byte {
	const minRun = 32
	packed := 0 // start of the values that wait to be packed
	for i := 0; i+minRun <= len(v); {
		x := v[i]
		var diff T
		for _, y := range v[i+1 : i+8] {
			diff |= x ^ y
		}
		if diff != 0 {
			i += 8
			continue
		}
		end := i + 8
		for end < len(v) && v[end] == x {
			end++
		}
		if end-i < minRun {
			i = end &^ 7 // the multiple of eight before the next value that differs
			continue
		}
		if end < len(v) {
			end = i + (end-i)&^7
		}
		dst = appendPackedRun(dst, v[packed:i], w)
		dst = binary.AppendUvarint(dst, uint64(end-i)<<1)
		for k := uint(0); k < w; k += 8 {
			dst = append(dst, byte(x>>k))
		}
		i, packed = end, end
	}
	return appendPackedRun(dst, v[packed:], w)
}

func appendPackedRun[T uint8 | uint32](dst []byte, v []T, w uint) []byte {
	if len(v) == 0 {
		return dst
	}
	dst = binary.AppendUvarint(dst, uint64((len(v)+7)/8)<<1|1)
	if w == 0 {
		return dst
	}
	at := len(dst)
	size := (len(v) + 7) / 8 * int(w)
	dst = grow(dst, size+8)
	p := dst[at:]
	var acc uint64
	var n uint
	k := 0
	for _, x := range v {
		acc |= uint64(x) << n
		n += w
		if n >= 32 {
			binary.LittleEndian.PutUint32(p[k:], uint32(acc))
			k += 4
			acc >>= 32
			n -= 32
		}
	}
	binary.LittleEndian.PutUint64(p[k:], acc)
	if k+8 < size {
		clear(p[k+8 : size])
	}
	return dst[:at+size]
}

const (
	deltaBlock     = 128
	deltaMiniBlock = 32
)

// deltas fills d with the differences of a block's values from the ones before, and gives their minimum. Differences of
// 32-bit values wrap around in 32 bits: readers refuse wider ones.
func deltas(d *[deltaBlock]int64, block []int64, prev int64, narrow bool) (lowest int64) {
	if narrow {
		for j, x := range block {
			d[j] = int64(int32(x - prev))
			prev = x
		}
	} else {
		for j, x := range block {
			d[j] = x - prev
			prev = x
		}
	}
	lowest = d[0]
	for _, x := range d[1:len(block)] {
		lowest = min(lowest, x)
	}
	for j := range d[len(block):] {
		d[len(block)+j] = lowest
	}
	return lowest
}

func deltaWidth(d []int64, lowest int64) uint {
	var or uint64
	for _, x := range d {
		or |= uint64(x - lowest)
	}
	return uint(bits.Len64(or))
}

// deltaSize is about how many bytes appendDelta takes for v.
func deltaSize(v []int64, narrow bool) int {
	var d [deltaBlock]int64
	size := 12
	for i := 1; i < len(v); i += deltaBlock {
		block := v[i:min(i+deltaBlock, len(v))]
		lowest := deltas(&d, block, v[i-1], narrow)
		size += 4 + (bits.Len64(uint64(lowest<<1^lowest>>63))+6)/7
		for m := 0; m < len(block); m += deltaMiniBlock {
			size += deltaMiniBlock / 8 * int(deltaWidth(d[m:m+deltaMiniBlock], lowest))
		}
	}
	return size
}

// appendDelta appends v in DELTA_BINARY_PACKED: blocks of 128 values in miniblocks of 32, the sizes that all readers know.
func appendDelta(dst []byte, v []int64, narrow bool) []byte {
	dst = binary.AppendUvarint(dst, deltaBlock)
	dst = binary.AppendUvarint(dst, deltaBlock/deltaMiniBlock)
	dst = binary.AppendUvarint(dst, uint64(len(v)))
	if len(v) == 0 {
		return binary.AppendVarint(dst, 0)
	}
	dst = binary.AppendVarint(dst, v[0])
	var d [deltaBlock]int64
	for i := 1; i < len(v); i += deltaBlock {
		block := v[i:min(i+deltaBlock, len(v))]
		lowest := deltas(&d, block, v[i-1], narrow)
		dst = binary.AppendVarint(dst, lowest)
		var widths [deltaBlock / deltaMiniBlock]uint
		for m := range widths {
			if m*deltaMiniBlock < len(block) {
				widths[m] = deltaWidth(d[m*deltaMiniBlock:(m+1)*deltaMiniBlock], lowest)
			}
			dst = append(dst, byte(widths[m]))
		}
		for m, w := range widths {
			dst = appendMiniBlock(dst, d[m*deltaMiniBlock:(m+1)*deltaMiniBlock], lowest, w)
		}
	}
	return dst
}

// appendMiniBlock packs 32 differences above lowest with w bits each.
func appendMiniBlock(dst []byte, d []int64, lowest int64, w uint) []byte {
	if w == 0 {
		return dst
	}
	at := len(dst)
	dst = grow(dst, deltaMiniBlock/8*int(w)+16)
	p := dst[at:]
	var acc uint64
	var n uint
	k := 0
	for _, x := range d {
		u := uint64(x - lowest)
		acc |= u << n
		if n+w >= 64 {
			binary.LittleEndian.PutUint64(p[k:], acc)
			k += 8
			acc = u >> (64 - n) // n is 0 only for 64 bits: nothing is left
		}
		n = (n + w) & 63
	}
	binary.LittleEndian.PutUint64(p[k:], acc)
	return dst[:at+deltaMiniBlock/8*int(w)]
}
