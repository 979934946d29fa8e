package csv

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

//go:noescape
func masksAVX2(p *byte, blocks int, delimiter, newline, quote byte, out *uint64)

// masks is masksGo, or the vector unit's way where the processor has one.
var masks = func() func([]byte, byte, byte, []uint64) {
	if cpu.X86.HasAVX2 {
		return masksVector
	}
	return masksGo
}()

func masksVector(text []byte, delimiter, quote byte, out []uint64) {
	if len(out) > 0 {
		masksAVX2(unsafe.SliceData(text), len(out)/3, delimiter, '\n', quote, &out[0])
	}
}
