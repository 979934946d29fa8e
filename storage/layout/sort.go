package layout

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"slices"
	"sort"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/firn-data/firn/internal/batch"
)

// sortBuffer holds a worker's rows with their keys until it is full; then they are sorted and become a run.
type sortBuffer struct {
	batches []arrow.RecordBatch
	keys    []byte  // of all rows, one behind the other
	ends    []int64 // of each row's key
	entries []entry
}

// entry is a row to be sorted. prefix is the key's first eight bytes behind the partition number's.
type entry struct {
	prefix     uint64
	number     int32 // of the partition
	batch, row int32
	key        int32 // index into ends
}

const (
	entryBytes = 24 + 8 // what a row takes in a sortBuffer beside its values and its key
	keyBytes   = 16     // what a value of a key is planned to take
)

func (b *sortBuffer) key(e entry) []byte {
	start := int64(0)
	if e.key > 0 {
		start = b.ends[e.key-1]
	}
	return b.keys[start:b.ends[e.key]]
}

// addSorted takes a batch, which it owns, and makes the keys of its rows: the number of the partition, where there are
// partitions, and the sort key.
func (k *Worker) addSorted(rec arrow.RecordBatch) error {
	w := k.w
	var numbers []int32
	var err error
	if len(w.source) > 0 {
		if numbers, err = w.number(rec, k.known); err != nil {
			rec.Release()
			return err
		}
	}
	fields, err := keyer(w.sort, rec)
	if err != nil {
		rec.Release()
		return err
	}
	b, at := &k.sort, int32(len(k.sort.batches))
	for row := range int32(rec.NumRows()) {
		e := entry{batch: at, row: row, key: int32(len(b.ends))}
		if numbers != nil {
			e.number = numbers[row]
			b.keys = binary.BigEndian.AppendUint32(b.keys, uint32(e.number))
		}
		start := len(b.keys)
		for _, f := range fields {
			b.keys = f(b.keys, int(row))
		}
		var prefix [8]byte
		copy(prefix[:], b.keys[start:])
		e.prefix = binary.BigEndian.Uint64(prefix[:])
		b.ends = append(b.ends, int64(len(b.keys)))
		b.entries = append(b.entries, e)
	}
	countNulls(rec)
	b.batches = append(b.batches, rec)
	return nil
}

func (b *sortBuffer) sort() {
	slices.SortFunc(b.entries, func(x, y entry) int {
		if x.number != y.number {
			return cmp.Compare(x.number, y.number)
		}
		if x.prefix != y.prefix {
			return cmp.Compare(x.prefix, y.prefix)
		}
		if c := bytes.Compare(b.key(x), b.key(y)); c != 0 {
			return c
		}
		return cmp.Compare(x.key, y.key)
	})
}

// spillSorted writes the buffered rows as a run.
func (k *Worker) spillSorted(ctx context.Context) error {
	b := &k.sort
	if len(b.entries) == 0 {
		return nil
	}
	b.sort()
	rw, err := k.w.newRun()
	if err != nil {
		return err
	}
	keys := array.NewBinaryBuilder(k.w.cfg.Alloc, arrow.BinaryTypes.Binary)
	defer keys.Release()
	size := int(k.w.sizeOfChunk(k.reserved / int64(len(b.entries))))
	spans := make([]batch.Span, 0, size)
	for chunk := range slices.Chunk(b.entries, size) {
		if ctx.Err() != nil {
			rw.abort()
			return context.Cause(ctx)
		}
		spans = spans[:0]
		for _, e := range chunk {
			spans = append(spans, batch.Span{Batch: e.batch, From: e.row, Rows: 1})
			keys.Append(b.key(e))
		}
		rec, err := k.gatherWithKeys(b.batches, spans, keys)
		if err == nil {
			err = rw.write(rec)
			rec.Release()
		}
		if err != nil {
			rw.abort()
			return err
		}
	}
	if err := k.w.keep(rw); err != nil {
		return err
	}
	k.drop()
	return nil
}

// memoryCursor reads a sorted buffer that was not spilled.
type memoryCursor struct {
	b       *sortBuffer
	entries []entry
}

// openMemory gives the rows of a sorted buffer with keys in [lo, hi).
func (b *sortBuffer) openMemory(lo, hi []byte) cursor {
	at := func(bound []byte, otherwise int) int {
		if bound == nil {
			return otherwise
		}
		return sort.Search(len(b.entries), func(i int) bool { return bytes.Compare(b.key(b.entries[i]), bound) >= 0 })
	}
	from, to := at(lo, 0), at(hi, len(b.entries))
	return &memoryCursor{b, b.entries[from:max(from, to)]}
}

func (c *memoryCursor) valid() bool { return len(c.entries) > 0 }
func (c *memoryCursor) key() []byte { return c.b.key(c.entries[0]) }
func (c *memoryCursor) load() error { return nil }
func (c *memoryCursor) close()      {}

func (c *memoryCursor) at() (arrow.RecordBatch, int32) {
	return c.b.batches[c.entries[0].batch], c.entries[0].row
}

func (c *memoryCursor) step() bool {
	c.entries = c.entries[1:]
	return len(c.entries) > 0
}
