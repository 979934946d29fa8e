package parquet

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/firn-data/firn/internal/fault"
)

// bools are BOOLEAN values, PLAIN: a bit each, which compresses as well as RLE and which every reader knows.
type bools struct {
	vals []byte // 0 or 1
	ext  extent
}

func (v *bools) fit(_ arrow.Array, _, n, room int) int { return max(1, min(n, room)) }
func (v *bools) pending() (n, bytes int)               { return len(v.vals), (len(v.vals) + 7) / 8 }

func (v *bools) gather(a arrow.Array, off, n int, valid bitmap) error {
	x, ok := a.(*array.Boolean)
	if !ok {
		return fault.New(fault.Bug, "write %s as booleans", a.DataType())
	}
	bits := bitmap{x.Data().Buffers()[1].Bytes(), x.Data().Offset() + off}
	for i := range n {
		if valid.bits == nil || valid.get(i) == 1 {
			v.vals = append(v.vals, byte(bits.get(i)))
		}
	}
	return nil
}

func (v *bools) seal(dst []byte) ([]byte, encoding, *extent, error) {
	v.ext.reset()
	if n := len(v.vals); n > 0 {
		at := len(dst)
		dst = grow(dst, (n+7)/8)
		clear(dst[at:])
		trues := 0
		for i, b := range v.vals {
			dst[at+i>>3] |= b << (i & 7)
			trues += int(b)
		}
		v.ext.widenInts(int64(trues/n), int64(min(trues, 1)))
	}
	v.vals = v.vals[:0]
	return dst, plain, &v.ext, nil
}

func (v *bools) full() bool                          { return false }
func (v *bools) dictionary(dst []byte) ([]byte, int) { return dst, 0 }
func (v *bools) estimate() int                       { return (len(v.vals) + 7) / 8 }
func (v *bools) reset()                              { v.vals = v.vals[:0] }
func (v *bools) shrink()                             { v.vals = nil }
func (v *bools) held() int64                         { return int64(cap(v.vals)) }
