package parquet

import (
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/bitutil"

	"github.com/firn-data/firn/internal/schema"
)

// values are the non-null values of a column's pending page, and the dictionary of its open chunk. There is one
// implementation for each way of holding values: words, byteValues, bools.
type values interface {
	// fit is how many of the n slots of a from off take no more than room bytes in the page, at least one.
	fit(a arrow.Array, off, n, room int) int
	// gather appends the valid ones of n slots of a from off.
	gather(a arrow.Array, off, n int, valid bitmap) error
	// pending is how many values wait, and about how many bytes they take in a page; full asks to seal now.
	pending() (n, bytes int)
	full() bool
	// seal appends the pending values to the page dst and forgets them; the extent is theirs until the next gather.
	seal(dst []byte) (page []byte, enc encoding, ext *extent, err error)
	// dictionary appends the dictionary page to dst; n is its number of values, 0 if no page refers to it.
	dictionary(dst []byte) (page []byte, n int)
	// estimate is about how many bytes the pending values and the dictionary take in the file, before compression.
	estimate() int
	// reset forgets dictionary and encoding: the next chunk begins.
	reset()
	// shrink gives back the memory of pending values; there must be none.
	shrink()
	// held is the memory in use, in bytes.
	held() int64
}

func newValues(t schema.Type) values {
	switch p, length := t.Physical(); p {
	case schema.ParquetBoolean:
		return &bools{}
	case schema.ParquetInt32, schema.ParquetInt64:
		return newWords(t, p == schema.ParquetInt32, byInt)
	case schema.ParquetFloat, schema.ParquetDouble:
		return newWords(t, p == schema.ParquetFloat, byFloat)
	default:
		return newByteValues(t, length)
	}
}

// bitmap is the validity of slots; without bits all are valid.
type bitmap struct {
	bits []byte
	off  int
}

func (b bitmap) get(i int) int {
	i += b.off
	return int(b.bits[i>>3]>>(i&7)) & 1
}

func (b bitmap) at(i int) bitmap {
	b.off += i
	return b
}

// count is how many of the first n slots are valid.
func (b bitmap) count(n int) int {
	if b.bits == nil {
		return n
	}
	return bitutil.CountSetBits(b.bits, b.off, n)
}

// validity is that of a, without bits if a has no null.
func validity(a arrow.Array) bitmap {
	if a.NullN() == 0 {
		return bitmap{}
	}
	return bitmap{a.NullBitmapBytes(), a.Data().Offset()}
}

// mode is how the pages of a chunk encode their values. Every chunk begins with a dictionary; it is given up once it does not
// pay, for the pages from there on.
type mode uint8

const (
	byDictionary mode = iota
	undecided         // not a dictionary: the next page shows what is best
	byDelta           // DELTA_BINARY_PACKED, or DELTA_LENGTH_BYTE_ARRAY
	byPlain
)

const (
	dictPeek   = 2 << 10  // values after which a dictionary is given up if it clearly does not pay
	dictTrial  = 16 << 10 // values after which a dictionary must have proved its worth
	dictValues = 1 << 16  // most values of a dictionary
	dictBytes  = 1 << 20  // most bytes of one
)

// manyDistinct says whether the values that a dictionary has seen are too many different ones: at the trial more than a third, at the
// peek more than nine tenths, from which values drawn at random would not come down to a third.
func manyDistinct(distinct, n int, trial bool) bool {
	if !trial {
		return 10*distinct > 9*n
	}
	return 3*distinct > max(n, 3)
}

// dictShare is the part of a dictionary's bytes that n values must pay for: a chunk that goes on past the trial has many more.
func dictShare(bytes, n int) int {
	if n >= dictTrial {
		return bytes / 8
	}
	return bytes
}

// indexWidth is the number of bits of an index into n values. One value takes a bit, too: some readers do not know widths of 0.
func indexWidth(n int) uint { return uint(max(1, bits.Len(uint(n-1)))) }

func appendIndices(dst []byte, idx []uint32, n int) []byte {
	w := indexWidth(n)
	return appendHybrid(append(dst, byte(w)), idx, w)
}
