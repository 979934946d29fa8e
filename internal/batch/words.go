package batch

import "unsafe"

// singles copies one value a span, as words. values are aligned as Arrow aligns them, or copied by the processor as they
// are; a column without values (all null) gives zeroes.
func singles[W uint32 | uint64 | [2]uint64](out []byte, values [][]byte, spans []Span) {
	var zero W
	width := int(unsafe.Sizeof(zero))
	to := unsafe.Slice((*W)(unsafe.Pointer(unsafe.SliceData(out))), len(out)/width)
	in := make([][]W, len(values))
	for i, v := range values {
		in[i] = unsafe.Slice((*W)(unsafe.Pointer(unsafe.SliceData(v))), len(v)/width)
	}
	for i, s := range spans {
		if v := in[s.Batch]; len(v) > 0 {
			to[i] = v[s.From]
		} else {
			to[i] = zero
		}
	}
}
