package parquet

import (
	"io"

	"github.com/apache/arrow-go/v18/arrow/memory"
)

const (
	minBlock = 4 << 10
	maxBlock = 256 << 10
)

// spool keeps the pages of an open column chunk, which follow its dictionary and so can't be written before the row
// group ends. Its blocks double up to maxBlock: a file with little in it holds little, and no byte is moved twice.
type spool struct {
	alloc  memory.Allocator
	blocks [][]byte
	used   int   // of the last block
	n      int64 // bytes kept
	held   int64 // bytes of the blocks
}

func (s *spool) write(b []byte) {
	s.n += int64(len(b))
	for len(b) > 0 {
		last := len(s.blocks) - 1
		if last < 0 || s.used == len(s.blocks[last]) {
			size := min(maxBlock, max(minBlock, int(s.held)))
			s.blocks = append(s.blocks, s.alloc.Allocate(size))
			s.held += int64(size)
			s.used = 0
			last++
		}
		k := copy(s.blocks[last][s.used:], b)
		s.used += k
		b = b[k:]
	}
}

// drain writes what is kept to w and frees it, also after an error.
func (s *spool) drain(w io.Writer) error {
	defer s.free()
	for i, b := range s.blocks {
		if i == len(s.blocks)-1 {
			b = b[:s.used]
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

func (s *spool) free() {
	for _, b := range s.blocks {
		s.alloc.Free(b)
	}
	clear(s.blocks)
	s.blocks, s.used, s.n, s.held = s.blocks[:0], 0, 0, 0
}
