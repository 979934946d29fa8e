package layout

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/internal/partition"
)

// group is the rows of a batch that belong to one partition.
type group struct {
	key   string
	tuple partition.Tuple
	rows  []int32
}

// split groups a batch's rows by partition, in order of first appearance.
func (k *Worker) split(rec arrow.RecordBatch) ([]*group, error) {
	fields := k.w.cfg.Spec.Fields
	values := make([]func(int) any, len(fields))
	for i, f := range fields {
		v, err := partition.Values(f.Transform, rec.Column(k.w.source[i]))
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	var groups []*group
	byKey := map[string]*group{}
	tuple := make(partition.Tuple, len(fields))
	for row := range int(rec.NumRows()) {
		for i, v := range values {
			tuple[i] = v(row)
		}
		key := partition.Key(tuple)
		g := byKey[key]
		if g == nil {
			g = &group{key: key, tuple: partition.Clone(tuple)}
			byKey[key] = g
			groups = append(groups, g)
		}
		g.rows = append(g.rows, int32(row))
	}
	return groups, nil
}

// take copies the rows at the given indices.
func take(ctx context.Context, alloc memory.Allocator, rec arrow.RecordBatch, rows []int32) (arrow.RecordBatch, error) {
	b := array.NewInt32Builder(alloc)
	defer b.Release()
	b.AppendValues(rows, nil)
	idx := b.NewInt32Array()
	defer idx.Release()
	ctx = compute.WithAllocator(ctx, alloc)
	cols := make([]arrow.Array, rec.NumCols())
	defer func() {
		for _, c := range cols {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i, c := range rec.Columns() {
		var err error
		if cols[i], err = compute.TakeArray(ctx, c, idx); err != nil {
			return nil, err
		}
	}
	return array.NewRecordBatch(rec.Schema(), cols, int64(len(rows))), nil
}
