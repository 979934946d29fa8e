package native

import (
	"context"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/etl/plan"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/rowkey"
	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/storage/parquet"
)

// maxParts bounds the passes of an upsert over its keys.
const maxParts = 1 << 12

// upsert replaces the rows whose key is among those of the new rows. The new keys are read back from the run's own files, as many
// at a time as half of the budget holds: with n parts, each pass takes every n-th key by its hash and reads the key columns of the
// table's files that may hold them.
func (r *replacer) upsert(ctx context.Context, head *catalog.Table) (*catalog.Replacement, error) {
	out := &catalog.Replacement{}
	names := make([]string, len(r.plan.Target.Key))
	for i, k := range r.plan.Target.Key {
		names[i] = r.plan.Target.Schema.Fields[k].Name
	}
	files, err := head.Sharing(ctx, r.added, names)
	if err != nil {
		return nil, err
	}
	m := r.newMarks(head)
	defer m.release()
	for _, f := range files {
		m.add(f)
	}
	err = r.eachPart(ctx, func(has func([]byte) bool) error {
		if len(files) == 0 {
			return nil
		}
		return m.mark(ctx, names, func(rec arrow.RecordBatch) (func(int) bool, error) {
			key, err := rowkey.Of(rec.Columns()...)
			if err != nil {
				return nil, fault.Wrap(fault.Config, err, "upsert")
			}
			var k []byte
			return func(i int) bool {
				k = key(k[:0], i)
				return has(k)
			}, nil
		})
	})
	if err != nil {
		return nil, err
	}
	return out, r.rewrite(ctx, head, m, out)
}

// CheckKeys fails when a key is twice among the run's rows.
func (e *Engine) CheckKeys(ctx context.Context, p *plan.Plan, env plan.Env, added []catalog.DataFile) error {
	r := &replacer{engine: e, plan: p, env: env, added: added}
	return r.eachPart(ctx, func(func([]byte) bool) error { return nil })
}

// eachPart loads the run's keys, one part after the other, and calls probe with each. It fails when a key is there twice.
func (r *replacer) eachPart(ctx context.Context, probe func(has func([]byte) bool) error) error {
	for part, parts := 0, 1; part < parts; part++ {
		k := &keyPart{r: r, part: part, parts: parts, limit: r.env.Budget.Limit() / 2}
		full, err := k.load(ctx)
		switch {
		case err != nil:
			k.release()
			return err
		case full: // smaller parts, from this one on: part p of n becomes the parts p and p+n of 2n
			k.release()
			if parts *= 2; parts > maxParts {
				return fault.New(fault.Unavailable, "the keys of the run do not fit into the memory budget of %d MiB in %d parts", r.env.Budget.Limit()>>20, maxParts).
					Hint("raise resources.memory")
			}
			part = -1
			continue
		}
		err = probe(k.set.Has)
		k.release()
		if err != nil {
			return err
		}
	}
	return nil
}

// keyPart is one part of the run's keys.
type keyPart struct {
	r           *replacer
	part, parts int
	limit       int64
	set         *rowkey.Set
	reserved    int64
}

func (k *keyPart) release() {
	k.r.env.Budget.Release(k.reserved)
	k.reserved = 0
}

// load reads the part's keys. full says that they do not fit.
func (k *keyPart) load(ctx context.Context) (full bool, err error) {
	k.set = rowkey.NewSet()
	var want schema.Schema
	for _, c := range k.r.plan.Target.Key {
		want.Fields = append(want.Fields, k.r.plan.Target.Schema.Fields[c])
	}
	for _, f := range k.r.added {
		if full, err = k.loadFile(ctx, f.Location, want); full || err != nil {
			return full, err
		}
	}
	return false, nil
}

func (k *keyPart) loadFile(ctx context.Context, location string, want schema.Schema) (full bool, err error) {
	o, err := k.r.engine.Store.Open(ctx, location)
	if err != nil {
		return false, err
	}
	defer o.Close()
	f, err := parquet.Open(o, o.Size())
	if err != nil {
		return false, fault.Wrap(fault.ClassOf(err), err, "%s", location)
	}
	for rec, err := range f.Read(ctx, want, parquet.ReadOptions{Alloc: k.r.env.Alloc, Budget: k.r.env.Budget}) {
		if err != nil {
			return false, fault.Wrap(fault.ClassOf(err), err, "%s", location)
		}
		full, err := k.take(rec)
		rec.Release()
		if full || err != nil {
			return full, err
		}
	}
	return false, nil
}

func (k *keyPart) take(rec arrow.RecordBatch) (full bool, err error) {
	key, err := rowkey.Of(rec.Columns()...)
	if err != nil {
		return false, fault.Wrap(fault.Config, err, "upsert")
	}
	var buf []byte
	for i := range int(rec.NumRows()) {
		buf = key(buf[:0], i)
		if k.parts > 1 && rowkey.Part(buf, k.parts) != k.part {
			continue
		}
		if !k.room(len(buf)) {
			return true, nil
		}
		if !k.set.Add(buf) {
			return false, twice(rec, i)
		}
	}
	return false, nil
}

// room reserves what the set may need for one more key (I8).
func (k *keyPart) room(n int) bool {
	need := k.set.Need(n)
	if need <= k.reserved {
		return true
	}
	if need > k.limit || !k.r.env.Budget.TryReserve(need-k.reserved) {
		return false
	}
	k.reserved = need
	return true
}

// twice is the error about a key that two rows of the run have.
func twice(rec arrow.RecordBatch, row int) error {
	parts := make([]string, rec.NumCols())
	for i, c := range rec.Columns() {
		parts[i] = fmt.Sprintf("%s = %s", rec.ColumnName(i), c.ValueStr(row))
	}
	return fault.New(fault.Data, "the key %s occurs twice in the run", strings.Join(parts, ", ")).WithCode("DUPLICATE_KEY").
		Hint("keep one row of each key with a step dedupe: {key: [%s], order: […]}", strings.Join(names(rec), ", "))
}

func names(rec arrow.RecordBatch) []string {
	out := make([]string, rec.NumCols())
	for i := range out {
		out[i] = rec.ColumnName(i)
	}
	return out
}
