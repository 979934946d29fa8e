package transform

import (
	"context"
	"hash/maphash"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/firn-data/firn/internal/batch"
)

// toDisk moves what is held of the right side to files.
func (r *joinRunner) toDisk(ctx context.Context) error {
	if r.onDisk {
		return nil
	}
	r.onDisk = true
	for len(r.held) > 0 {
		rec := r.held[0]
		r.held = r.held[1:]
		err := r.write(ctx, buildSide, rec)
		r.hold.release(r.footprint(rec))
		rec.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// write puts rows to the files of their keys. rec stays the caller's.
func (r *joinRunner) write(ctx context.Context, side int, rec arrow.RecordBatch) error {
	for part, rows := range r.parts(side, rec) {
		if len(rows) == 0 {
			continue
		}
		f := r.files[side][part]
		if f == nil {
			var err error
			if f, err = newRecordFile(r.e.env.Temp, "join", nullable(r.sideSchema(side)), r.e.env.Alloc); err != nil {
				return err
			}
			r.hold.force(spillBuffer)
			r.files[side][part] = f
		}
		some, err := batch.TakeRecord(ctx, r.e.env.Alloc, rec, rows)
		if err != nil {
			return err
		}
		err = f.add(some)
		some.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// parts are a batch's rows by the file that they go to. Without keys there is one.
func (r *joinRunner) parts(side int, rec arrow.RecordBatch) (out [joinParts][]int32) {
	keys := &r.keys[side]
	eb := keys.wrap(rec)
	defer eb.Release()
	vecs, _ := keys.eval(eb, nil)
	var key []byte
	for k := range int(rec.NumRows()) {
		part := uint64(0)
		if len(vecs) > 0 {
			key = key[:0]
			for _, v := range vecs {
				key = v.AppendKey(key, k)
			}
			part = maphash.Bytes(r.seed, key) % joinParts
		}
		out[part] = append(out[part], int32(k))
	}
	return out
}

// joinFiles joins the rows of one file of each side: as much of the right one at a time as the budget allows, and the left one
// once for each.
func (r *joinRunner) joinFiles(ctx context.Context, build, probe *recordFile) error {
	defer func() {
		for _, f := range []*recordFile{build, probe} {
			if f != nil {
				f.close()
				r.hold.release(spillBuffer)
			}
		}
	}()
	if probe == nil || build == nil && !r.outer {
		return nil
	}
	var in *ipc.Reader
	if build != nil {
		var err error
		if in, err = build.read(); err != nil {
			return err
		}
		defer in.Release()
	}
	b := &blocks{r: r, in: in}
	defer b.close()
	var matched [][]bool // of each batch of the left side
	for {
		t, last, err := b.next()
		if err != nil {
			return err
		}
		k := 0
		err = probe.each(func(rec arrow.RecordBatch) error {
			defer rec.Release()
			if k == len(matched) {
				matched = append(matched, nil)
				if r.outer {
					matched[k] = make([]bool, rec.NumRows())
					r.hold.force(rec.NumRows())
				}
			}
			_, err := r.match(ctx, rec, t, matched[k])
			if err == nil && last && r.outer {
				err = r.lonely(ctx, rec, t, matched[k])
			}
			k++
			return err
		})
		t.release()
		b.drop()
		if err != nil || last {
			for _, m := range matched {
				r.hold.release(int64(len(m)))
			}
			return err
		}
	}
}

// blocks reads the right side's rows block by block.
type blocks struct {
	r     *joinRunner
	in    *ipc.Reader // nil: no rows
	ahead arrow.RecordBatch
	held  int64
}

// next gives a table of the next rows, and whether they are the last.
func (b *blocks) next() (t *joinTable, last bool, err error) {
	var recs []arrow.RecordBatch
	for last = b.in == nil; !last; {
		rec := b.ahead
		b.ahead = nil
		if rec == nil {
			if rec, err = nextRecord(b.in); err != nil {
				break
			}
		}
		if rec == nil {
			last = true
			break
		}
		need := b.r.footprint(rec)
		if !b.r.hold.try(need) {
			if len(recs) > 0 {
				b.ahead = rec
				break
			}
			b.r.hold.force(need) // one batch is the minimum
		}
		b.held += need
		recs = append(recs, rec)
	}
	if err != nil {
		for _, rec := range recs {
			rec.Release()
		}
		return nil, false, err
	}
	t, err = b.r.makeTable(recs)
	return t, last, err
}

func (b *blocks) drop() {
	b.r.hold.release(b.held)
	b.held = 0
}

func (b *blocks) close() {
	b.drop()
	if b.ahead != nil {
		b.ahead.Release()
	}
}
