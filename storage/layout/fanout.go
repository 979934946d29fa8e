package layout

import (
	"github.com/apache/arrow-go/v18/arrow"

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
