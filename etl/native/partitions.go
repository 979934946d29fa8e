package native

import (
	"context"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/partition"
	"github.com/firn-data/firn/internal/predicate"
	"github.com/firn-data/firn/internal/schema"
)

// partitions replaces the partitions that occur in the new rows. Files of the new rows' spec go by their partition; files of other
// specs are read, and lose the rows that would be in those partitions.
func (r *replacer) partitions(ctx context.Context, head *catalog.Table) (*catalog.Replacement, error) {
	out := &catalog.Replacement{}
	if len(r.added) == 0 {
		return out, nil
	}
	spec, err := head.SpecByID(r.added[0].SpecID)
	if err != nil {
		return nil, fault.Wrap(fault.Retry, err, "replace partitions").Hint("run again")
	}
	replaced := map[string]bool{}
	for _, f := range r.added {
		replaced[catalog.PartitionKey(spec.ID, f.Partition)] = true
	}
	files, err := head.Files(ctx, 0, predicate.True())
	if err != nil {
		return nil, err
	}
	m := r.newMarks(head)
	defer m.release()
	for _, f := range files {
		switch {
		case f.SpecID != spec.ID:
			m.add(f)
		case replaced[catalog.PartitionKey(spec.ID, f.Partition)]:
			out.Remove = append(out.Remove, f)
		}
	}
	columns, err := sourceColumns(spec, head.Schema)
	if err != nil {
		return nil, err
	}
	err = m.mark(ctx, columns, func(rec arrow.RecordBatch) (func(int) bool, error) {
		values := make([]func(int) any, len(spec.Fields))
		for i, f := range spec.Fields {
			col := slices.IndexFunc(head.Schema.Fields, func(c schema.Field) bool { return c.ID == f.SourceID })
			at := slices.Index(columns, head.Schema.Fields[col].Name)
			var err error
			if values[i], err = partition.Values(f.Transform, rec.Column(at)); err != nil {
				return nil, err
			}
		}
		tuple := make(partition.Tuple, len(values))
		return func(i int) bool {
			for k, value := range values {
				tuple[k] = value(i)
			}
			return replaced[catalog.PartitionKey(spec.ID, tuple)]
		}, nil
	})
	if err != nil {
		return nil, err
	}
	return out, r.rewrite(ctx, head, m, out)
}

// sourceColumns are the columns that a spec is made from, each once.
func sourceColumns(spec partition.Spec, s schema.Schema) ([]string, error) {
	var out []string
	for _, f := range spec.Fields {
		i := slices.IndexFunc(s.Fields, func(c schema.Field) bool { return c.ID == f.SourceID })
		if i < 0 {
			return nil, fault.New(fault.Config, "partition field %s is made from a nested or dropped column, which overwrite_partitions does not handle", f.Name)
		}
		if !slices.Contains(out, s.Fields[i].Name) {
			out = append(out, s.Fields[i].Name)
		}
	}
	return out, nil
}
