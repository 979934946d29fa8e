package native

import (
	"context"
	"fmt"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/etl/plan"
	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/storage/layout"
)

// marks holds, for files of a head, which of their rows go: one bit a row, for files that have such a row. Rows are counted after
// delete files were applied.
type marks struct {
	r        *replacer
	head     *catalog.Table
	files    []*fileMarks
	reserved int64
}

type fileMarks struct {
	*catalog.File
	bits []uint64 // nil: none goes
	rows int64    // rows read, known after the first pass
	gone int64
}

func (r *replacer) newMarks(head *catalog.Table) *marks { return &marks{r: r, head: head} }

func (m *marks) add(f *catalog.File) { m.files = append(m.files, &fileMarks{File: f}) }

// release gives the memory of the bits back.
func (m *marks) release() {
	m.r.env.Budget.Release(m.reserved)
	m.reserved = 0
}

// mark reads columns of all files and marks the rows that goes picks of each batch, beside those marked before.
func (m *marks) mark(ctx context.Context, columns []string, goes func(arrow.RecordBatch) (func(i int) bool, error)) error {
	byFile := map[*catalog.File]*fileMarks{}
	var files []*catalog.File
	for _, f := range m.files {
		// Memory for the bits of a file is taken before it is read: one bit a row (I8).
		if f.bits == nil {
			n := (f.Records + 63) / 64
			if !m.r.env.Budget.TryReserve(8 * n) {
				return fault.New(fault.Unavailable, "marking rows of %d files of %s needs more than the memory budget of %d MiB", len(m.files), m.head.Ident, m.r.env.Budget.Limit()>>20).
					Hint("raise resources.memory")
			}
			m.reserved += 8 * n
			f.bits = make([]uint64, n)
		}
		byFile[f.File] = f
		files = append(files, f.File)
	}
	return m.r.forEach(ctx, files, func(ctx context.Context, f *catalog.File) error {
		return byFile[f].mark(ctx, m, columns, goes)
	})
}

func (f *fileMarks) mark(ctx context.Context, m *marks, columns []string, goes func(arrow.RecordBatch) (func(i int) bool, error)) error {
	row := int64(0)
	for rec, err := range m.head.Read(ctx, []*catalog.File{f.File}, m.r.read(columns)) {
		if err != nil {
			return err
		}
		pick, err := goes(rec)
		for i := 0; err == nil && i < int(rec.NumRows()); i++ {
			if pick(i) {
				f.bits[(row+int64(i))/64] |= 1 << ((row + int64(i)) % 64)
			}
		}
		row += rec.NumRows()
		rec.Release()
		if err != nil {
			return err
		}
	}
	f.rows, f.gone = row, 0
	for _, b := range f.bits {
		f.gone += int64(bits.OnesCount64(b))
	}
	return nil
}

func (r *replacer) read(columns []string) catalog.ReadOptions {
	return catalog.ReadOptions{Columns: columns, Alloc: r.env.Alloc, Budget: r.env.Budget}
}

// rewrite puts the files that lose a row into out, and writes the rows that they keep into new files. Files that lose none stay
// as they are. The new files have the head's schema, partition spec and sort order.
func (r *replacer) rewrite(ctx context.Context, head *catalog.Table, m *marks, out *catalog.Replacement) error {
	target := r.target(head)
	var writer *layout.Writer
	workers := make(chan *layout.Worker, max(r.env.Workers, 1))
	var partly []*catalog.File
	byFile := map[*catalog.File]*fileMarks{}
	for _, f := range m.files {
		if f.gone == 0 {
			continue
		}
		out.Remove = append(out.Remove, f.File)
		if f.gone < f.rows {
			partly = append(partly, f.File)
			byFile[f.File] = f
		}
	}
	if len(partly) == 0 {
		return nil
	}
	writer, err := r.engine.layout(target, r.plan, r.env, fmt.Sprintf("r%d", r.heads))
	if err != nil {
		return err
	}
	for range cap(workers) {
		workers <- writer.Worker()
	}
	err = r.forEach(ctx, partly, func(ctx context.Context, f *catalog.File) error {
		w := <-workers
		defer func() { workers <- w }()
		return r.copyRest(ctx, head, byFile[f], w)
	})
	if err == nil {
		out.Files, err = r.engine.finish(ctx, writer, target)
	}
	if err != nil {
		writer.Abort()
	}
	return err
}

// copyRest writes the rows of a file that are not marked.
func (r *replacer) copyRest(ctx context.Context, head *catalog.Table, f *fileMarks, w *layout.Worker) error {
	row := int64(0)
	for rec, err := range head.Read(ctx, []*catalog.File{f.File}, r.read(nil)) {
		if err != nil {
			return err
		}
		keep := make([]int32, 0, rec.NumRows())
		for i := range rec.NumRows() {
			if f.bits[(row+i)/64]&(1<<((row+i)%64)) == 0 {
				keep = append(keep, int32(i))
			}
		}
		row += rec.NumRows()
		if len(keep) < int(rec.NumRows()) {
			taken, err := batch.TakeRecord(ctx, r.env.Alloc, rec, keep)
			rec.Release()
			if err != nil {
				return err
			}
			rec = taken
		}
		if rec.NumRows() == 0 {
			rec.Release()
			continue
		}
		if err := w.Write(ctx, rec); err != nil {
			return err
		}
	}
	return nil
}

// target describes the head as a target of rewritten files.
func (r *replacer) target(head *catalog.Table) *plan.Target {
	return &plan.Target{Ident: head.Ident, Mode: r.plan.Target.Mode, Exists: true, Schema: head.Schema, Spec: head.Spec, Sort: head.Sort,
		Location: head.Location, FileBytes: r.plan.Target.FileBytes, Properties: head.Properties()}
}
