package transform

import (
	"sync"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/firn-data/firn/internal/memory"
)

// holding is what one operator has reserved from the budget (I8). It is safe for concurrent use.
type holding struct {
	budget *memory.Budget // nil: no bound
	mu     sync.Mutex
	bytes  int64
}

// try reserves n more bytes, and reports whether they were free. A quarter of the budget is left to those who read and write,
// who need memory as long as rows come.
func (h *holding) try(n int64) bool {
	if h.budget == nil || n <= 0 {
		return true
	}
	if limit := h.budget.Limit(); h.budget.Used()+n > limit-limit/4 || !h.budget.TryReserve(n) {
		return false
	}
	h.mu.Lock()
	h.bytes += n
	h.mu.Unlock()
	return true
}

// force takes n more bytes: the minimum without which the operator cannot go on.
func (h *holding) force(n int64) {
	if h.budget == nil || n <= 0 {
		return
	}
	h.budget.Force(n)
	h.mu.Lock()
	h.bytes += n
	h.mu.Unlock()
}

// release gives n bytes back.
func (h *holding) release(n int64) {
	if h.budget == nil || n <= 0 {
		return
	}
	h.mu.Lock()
	h.bytes -= n
	h.mu.Unlock()
	h.budget.Release(n)
}

// free gives everything back.
func (h *holding) free() {
	h.mu.Lock()
	n := h.bytes
	h.bytes = 0
	h.mu.Unlock()
	if h.budget != nil && n > 0 {
		h.budget.Release(n)
	}
}

// recordBytes is the memory of a record batch's values; what slices share counts for each.
func recordBytes(rec arrow.RecordBatch) (n int64) {
	for _, c := range rec.Columns() {
		n += arrayBytes(c.Data())
	}
	return n
}

// arrayBytes counts the part of each buffer that the array's rows take.
func arrayBytes(d arrow.ArrayData) (n int64) {
	n = int64(d.Len()+7) / 8
	switch t := d.DataType().(type) {
	case *arrow.StringType, *arrow.BinaryType:
		n += 4 * int64(d.Len()+1)
		if b := d.Buffers(); d.Len() > 0 && b[1] != nil {
			o := arrow.GetData[int32](b[1].Bytes())[d.Offset():]
			n += int64(o[d.Len()] - o[0])
		}
	case arrow.FixedWidthDataType:
		n += int64(t.BitWidth()) * int64(d.Len()) / 8
	default:
		n = int64(d.SizeInBytes())
	}
	return n
}
