package layout

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/firn-data/firn/internal/batch"
)

// Worker takes the batches of one goroutine at a time. Without partitions and sort order they go into a file of its own;
// else it gathers rows in its share of the budget and drains them: to files, or to temp files to be merged at the end.
type Worker struct {
	w        *Writer
	id       int
	slot     slot             // of a table without partitions and sort order
	known    map[string]int32 // partitions by key, as Writer.parts numbers them
	fan      fanBuffer
	sort     sortBuffer
	reserved int64
}

// Worker adds a worker.
func (w *Writer) Worker() *Worker {
	w.mu.Lock()
	defer w.mu.Unlock()
	k := &Worker{w: w, id: len(w.workers), slot: slot{w: w, reserve: w.slotReserve}, known: map[string]int32{}}
	k.reset()
	w.workers = append(w.workers, k)
	return k
}

// Write writes a batch in the table's schema. It owns rec (I5).
func (k *Worker) Write(ctx context.Context, rec arrow.RecordBatch) error {
	if rec.NumRows() == 0 {
		rec.Release()
		return nil
	}
	if len(k.w.sort) == 0 && len(k.w.source) == 0 {
		return k.slot.write(ctx, rec)
	}
	size, rows := recordBytes(rec), rec.NumRows()
	if len(k.w.sort) > 0 {
		size += rows * (entryBytes + keyBytes*int64(len(k.w.sort)))
	} else {
		size += rows * spanBytes
	}
	if err := k.makeRoom(ctx, size); err != nil {
		rec.Release()
		return err
	}
	if len(k.w.sort) > 0 {
		before := len(k.sort.keys)
		err := k.addSorted(rec)
		if more := int64(len(k.sort.keys)-before) - rows*keyBytes*int64(len(k.w.sort)); more > 0 {
			k.w.force(more) // keys of long strings
			k.reserved += more
		}
		return err
	}
	return k.addByPartition(rec)
}

// makeRoom reserves size bytes, draining what is buffered where they are not free (I8).
func (k *Worker) makeRoom(ctx context.Context, size int64) error {
	if k.reserved == 0 || k.reserved+size <= k.w.share && k.w.tryReserve(size) {
		if k.reserved == 0 {
			k.w.force(size) // the working minimum: one batch
		}
		k.reserved += size
		return nil
	}
	if err := k.drain(ctx); err != nil {
		return err
	}
	k.w.force(size)
	k.reserved += size
	return nil
}

func (k *Worker) drain(ctx context.Context) error {
	if len(k.w.sort) > 0 {
		return k.spillSorted(ctx)
	}
	return k.drainByPartition(ctx)
}

// drop gives the buffers back.
func (k *Worker) drop() {
	for _, b := range k.fan.batches {
		b.Release()
	}
	for _, b := range k.sort.batches {
		b.Release()
	}
	k.w.release(k.reserved)
	k.reset()
}

func (k *Worker) reset() {
	k.reserved = 0
	k.fan = fanBuffer{spans: map[int32][]batch.Span{}}
	k.sort = sortBuffer{keys: k.sort.keys[:0], ends: k.sort.ends[:0], entries: k.sort.entries[:0]}
}

func recordBytes(rec arrow.RecordBatch) (n int64) {
	for _, c := range rec.Columns() {
		n += int64(c.Data().SizeInBytes())
	}
	return n
}
