package memory

import (
	"math/bits"
	"sync"
	"unsafe"
)

// Allocator is an arrow/memory.Allocator that keeps freed buffers in power-of-two size classes and hands them out
// again, which saves the page faults and garbage collection of fresh memory. It is safe for concurrent use.
//
// Slices come with cap == len, since Arrow's compute kernels index by length what they reserve by capacity; the class
// is kept in a header before the data. Memory comes zeroed, as Go's does: the kernels set bits of bitmaps that they do not
// clear first.
type Allocator struct {
	mu       [48]sync.Mutex
	free     [48][][]byte
	keep     int64
	keepMu   sync.Mutex
	retained int64
}

// NewAllocator makes an allocator that retains at most keep free bytes for reuse.
func NewAllocator(keep int64) *Allocator { return &Allocator{keep: keep} }

const (
	headerBytes = 64 // keeps data 64-byte aligned
	minClass    = 6
)

func sizeClass(n int) int { return max(minClass, bits.Len(uint(n-1))) }

// Allocate gives n zero bytes, 64-byte aligned.
func (a *Allocator) Allocate(n int) []byte {
	if n <= 0 {
		return nil
	}
	c := sizeClass(n)
	a.mu[c].Lock()
	if k := len(a.free[c]); k > 0 {
		b := a.free[c][k-1]
		a.free[c] = a.free[c][:k-1]
		a.mu[c].Unlock()
		a.keepMu.Lock()
		a.retained -= 1 << c
		a.keepMu.Unlock()
		clear(b[:n])
		return b[:n:n]
	}
	a.mu[c].Unlock()
	raw := make([]byte, (1<<c)+2*headerBytes)
	off := headerBytes + (headerBytes - int(uintptr(unsafe.Pointer(&raw[0]))%headerBytes))
	if off > 2*headerBytes-1 {
		off = headerBytes
	}
	*(*uint64)(unsafe.Pointer(&raw[off-8])) = uint64(c)
	return raw[off : off+n : off+n]
}

// Free gives b back. b must come from this allocator and not be used again.
func (a *Allocator) Free(b []byte) {
	if cap(b) == 0 {
		return
	}
	c := classOf(b)
	a.keepMu.Lock()
	if a.retained+1<<c > a.keep {
		a.keepMu.Unlock()
		return // the garbage collector takes it
	}
	a.retained += 1 << c
	a.keepMu.Unlock()
	full := unsafe.Slice(unsafe.SliceData(b), 1<<c)
	a.mu[c].Lock()
	a.free[c] = append(a.free[c], full)
	a.mu[c].Unlock()
}

// Reallocate resizes b, in place where its class allows.
func (a *Allocator) Reallocate(n int, b []byte) []byte {
	if cap(b) == 0 {
		return a.Allocate(n)
	}
	if c := classOf(b); n > 0 && n <= 1<<c {
		full := unsafe.Slice(unsafe.SliceData(b), 1<<c)
		if n > len(b) {
			clear(full[len(b):n])
		}
		return full[:n:n]
	}
	nb := a.Allocate(n)
	copy(nb, b)
	a.Free(b)
	return nb
}

func classOf(b []byte) int {
	return int(*(*uint64)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), -8)))
}
