package catalog

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/firn-data/firn/internal/partition"
	"github.com/firn-data/firn/internal/predicate"
	"github.com/firn-data/firn/internal/schema"
)

// Sharing lists the files of main's head that may hold a row which is equal in some columns to a row of the added files, by the
// bounds of the columns and by the partition fields that are made from them.
func (t *Table) Sharing(ctx context.Context, added []DataFile, columns []string) ([]*File, error) {
	if len(added) == 0 {
		return nil, nil
	}
	var within []predicate.Predicate
	var fields []schema.Field
	for _, name := range columns {
		c, ok := t.field(name)
		if !ok {
			continue
		}
		fields = append(fields, c)
		if lo, hi := addedRange(added, c); lo != nil && hi != nil {
			within = append(within, predicate.Predicate{Op: predicate.GtEq, Column: name, Values: []any{lo}},
				predicate.Predicate{Op: predicate.LtEq, Column: name, Values: []any{hi}})
		}
	}
	files, err := t.Files(ctx, 0, predicate.All(within...))
	if err != nil {
		return nil, err
	}
	may, err := t.sharedPartitions(added, fields)
	if err != nil {
		return nil, err
	}
	out := files[:0]
	for _, f := range files {
		if may(f) {
			out = append(out, f)
		}
	}
	return out, nil
}

// addedRange is the least range of values of a column that holds those of all added files; nil where it is not known.
func addedRange(added []DataFile, c schema.Field) (lower, upper any) {
	if c.Type.Kind == schema.Float || c.Type.Kind == schema.Double {
		return nil, nil // NaN is in no bound
	}
	for i, f := range added {
		b, ok := f.Columns[c.ID]
		if !ok || b.Lower == nil || b.Upper == nil || b.Nulls > 0 {
			return nil, nil
		}
		lo, hi := decodeBound(c.Type, b.Lower), decodeBound(c.Type, b.Upper)
		if i == 0 {
			lower, upper = lo, hi
			continue
		}
		below, ok1 := compareNormal(lo, lower)
		above, ok2 := compareNormal(hi, upper)
		if !ok1 || !ok2 {
			return nil, nil
		}
		if below < 0 {
			lower = lo
		}
		if above > 0 {
			upper = hi
		}
	}
	return constantOf(c.Type, lower), constantOf(c.Type, upper)
}

// constantOf turns a normal value into a predicate's constant of a type; nil where there is none.
func constantOf(t schema.Type, v any) any {
	switch x := v.(type) {
	case int64:
		switch t.Kind {
		case schema.Boolean:
			return x != 0
		case schema.Int:
			return int32(x)
		case schema.Long:
			return x
		case schema.Date:
			return arrow.Date32(x)
		case schema.Time:
			return arrow.Time64(x)
		case schema.Timestamp, schema.TimestampTZ:
			return arrow.Timestamp(x)
		}
		return nil
	case string:
		if t.Kind == schema.String {
			return x
		}
		return nil // partitions of binary values are not compared by range
	case nil:
		return nil
	}
	return v
}

// sharedPartitions gives a function that reports whether a file's partition allows for a row that an added file has too: each
// partition field that is made from one of the columns has a value that some added file has.
func (t *Table) sharedPartitions(added []DataFile, columns []schema.Field) (func(*File) bool, error) {
	spec, err := t.SpecByID(added[0].SpecID)
	if err != nil {
		return nil, err
	}
	var fields []int
	for i, f := range spec.Fields {
		for _, c := range columns {
			if f.SourceID == c.ID {
				fields = append(fields, i)
			}
		}
	}
	pick := func(all partition.Tuple) string {
		var some partition.Tuple
		for _, i := range fields {
			some = append(some, all[i])
		}
		return PartitionKey(spec.ID, some)
	}
	have := map[string]bool{}
	for _, f := range added {
		if f.SpecID != spec.ID {
			return func(*File) bool { return true }, nil
		}
		have[pick(f.Partition)] = true
	}
	return func(f *File) bool { return f.SpecID != spec.ID || have[pick(f.Partition)] }, nil
}
