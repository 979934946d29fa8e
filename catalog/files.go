package catalog

import (
	"context"
	"fmt"
	"strconv"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/partition"
	"github.com/firn-data/firn/internal/predicate"
	"github.com/firn-data/firn/internal/schema"
)

// File is a data file of a snapshot, with the delete files that apply to it.
type File struct {
	Location  string
	Records   int64 // those that delete files delete included
	Bytes     int64
	SpecID    int
	Partition partition.Tuple

	table    *Table
	data     iceberg.DataFile
	manifest string
	seq      int64
	deletes  []*deleteFile
}

// Files lists the data files of a snapshot, or of main's head when snapshot is 0, that may hold a row for which where is TRUE.
// Manifests are left out by their partition summaries, files by their partition and by the bounds of their columns.
func (t *Table) Files(ctx context.Context, snapshot int64, where predicate.Predicate) ([]*File, error) {
	s, err := t.snapshot(snapshot)
	if s == nil || err != nil {
		return nil, err
	}
	manifests, err := s.Manifests(readOnly{ctx, t.lake.Store})
	if err != nil {
		return nil, fmt.Errorf("read the manifest list of snapshot %d: %w", s.SnapshotID, err)
	}
	specs, err := t.specs()
	if err != nil {
		return nil, err
	}
	var out []*File
	deletes := newDeleteIndex()
	for _, m := range manifests {
		spec, ok := specs[int(m.PartitionSpecID())]
		if !ok {
			return nil, fault.New(fault.Config, "manifest %s has partition spec %d, which %s does not have", m.FilePath(), m.PartitionSpecID(), t.Ident)
		}
		if m.ManifestContent() == iceberg.ManifestContentDeletes {
			if err := deletes.read(ctx, t, m, spec); err != nil {
				return nil, err
			}
			continue
		}
		if !t.manifestMay(m, spec, where) {
			continue
		}
		if out, err = t.manifestFiles(ctx, m, spec, where, out); err != nil {
			return nil, err
		}
	}
	for _, f := range out {
		f.deletes = deletes.of(f)
	}
	return out, nil
}

// snapshot finds a snapshot, main's head for 0; nil for a table without snapshots.
func (t *Table) snapshot(id int64) (*table.Snapshot, error) {
	if id == 0 {
		return t.md.CurrentSnapshot(), nil
	}
	s := t.md.SnapshotByID(id)
	if s == nil {
		return nil, fault.New(fault.NoInput, "%s has no snapshot %d", t.Ident, id).Hint("firn show %s lists its snapshots", t.Ident)
	}
	return s, nil
}

// readSpecs reads the table's partition specs by id.
func (t *Table) readSpecs() (map[int]partition.Spec, error) {
	out := map[int]partition.Spec{}
	for _, s := range t.md.PartitionSpecs() {
		spec, err := specFromIceberg(s)
		if err != nil {
			return nil, fault.Wrap(fault.Config, err, "read partition spec %d of %s", s.ID(), t.Ident)
		}
		out[spec.ID] = spec
	}
	return out, nil
}

// SpecByID is one of the table's partition specs.
func (t *Table) SpecByID(id int) (partition.Spec, error) {
	specs, err := t.specs()
	if err != nil {
		return partition.Spec{}, err
	}
	spec, ok := specs[id]
	if !ok {
		return spec, fault.New(fault.Config, "%s has no partition spec %d", t.Ident, id)
	}
	return spec, nil
}

func (t *Table) manifestFiles(ctx context.Context, m iceberg.ManifestFile, spec partition.Spec, where predicate.Predicate, out []*File) ([]*File, error) {
	for e, err := range m.Entries(readOnly{ctx, t.lake.Store}, true) {
		if err != nil {
			return nil, fmt.Errorf("read manifest %s: %w", m.FilePath(), err)
		}
		df := e.DataFile()
		f := &File{Location: df.FilePath(), Records: df.Count(), Bytes: df.FileSizeBytes(), SpecID: spec.ID, Partition: tupleOf(spec, df),
			table: t, data: df, manifest: m.FilePath(), seq: e.SequenceNum()}
		if f.May(where) {
			out = append(out, f)
		}
	}
	return out, nil
}

// tupleOf is a file's partition in the order of its spec's fields.
func tupleOf(spec partition.Spec, f iceberg.DataFile) partition.Tuple {
	values := f.Partition()
	out := make(partition.Tuple, len(spec.Fields))
	for i, pf := range spec.Fields {
		out[i] = normal(values[pf.FieldID])
	}
	return out
}

// PartitionKey is the same for equal partitions of one spec, also where one tuple was made from rows and the other read from a
// manifest.
func PartitionKey(spec int, t partition.Tuple) string {
	values := make(partition.Tuple, len(t))
	for i, v := range t {
		values[i] = normal(v)
	}
	return strconv.Itoa(spec) + ":" + partition.Key(values)
}

// May reports whether the file may hold a row for which where is TRUE.
func (f *File) May(where predicate.Predicate) bool {
	return mayMatch(where, func(p predicate.Predicate) bool {
		c, ok := f.table.field(p.Column)
		if !ok {
			return true
		}
		if !fileSpan(f.data, c).may(p, normal, true) {
			return false
		}
		spec, err := f.table.SpecByID(f.SpecID)
		if err != nil {
			return true
		}
		for i, pf := range spec.Fields {
			if pf.SourceID != c.ID {
				continue
			}
			v := f.Partition[i]
			if !projected(p, span{lower: v, upper: v, mayBeNull: v == nil, allNull: v == nil, mayBeNaN: v != v}, pf.Transform, c) {
				return false
			}
		}
		return true
	})
}

// Within reports whether it is known that every row of the file has a value of the column that is neither NULL nor NaN and
// within [from, until), which are values of the column's type.
func (f *File) Within(column string, from, until any) bool {
	c, ok := f.table.field(column)
	if !ok {
		return false
	}
	s := fileSpan(f.data, c)
	lo, ok1 := compareNormal(s.lower, normal(from))
	hi, ok2 := compareNormal(s.upper, normal(until))
	return ok1 && ok2 && lo >= 0 && hi < 0 && !s.mayBeNull && !s.mayBeNaN
}

// field finds a top-level column that is not nested.
func (t *Table) field(name string) (schema.Field, bool) {
	i, ok := t.Schema.Lookup(name)
	if !ok || t.Schema.Fields[i].Type.Nested() {
		return schema.Field{}, false
	}
	return t.Schema.Fields[i], true
}

// manifestMay reports whether a manifest may name a file with a row for which where is TRUE, by its partition summaries.
func (t *Table) manifestMay(m iceberg.ManifestFile, spec partition.Spec, where predicate.Predicate) bool {
	summaries := m.Partitions()
	if len(summaries) != len(spec.Fields) {
		return true
	}
	return mayMatch(where, func(p predicate.Predicate) bool {
		c, ok := t.field(p.Column)
		if !ok {
			return true
		}
		for i, pf := range spec.Fields {
			if pf.SourceID != c.ID {
				continue
			}
			result, err := pf.Transform.ResultType(c.Type)
			if err == nil && !projected(p, summarySpan(summaries[i], result), pf.Transform, c) {
				return false
			}
		}
		return true
	})
}

func summarySpan(f iceberg.FieldSummary, t schema.Type) span {
	s := span{mayBeNull: f.ContainsNull, mayBeNaN: f.ContainsNaN == nil || *f.ContainsNaN}
	if t.Kind != schema.Float && t.Kind != schema.Double {
		s.mayBeNaN = false
	}
	if f.LowerBound != nil {
		s.lower = decodeBound(t, *f.LowerBound)
	}
	if f.UpperBound != nil {
		s.upper = decodeBound(t, *f.UpperBound)
	}
	s.allNull = f.ContainsNull && f.LowerBound == nil && f.UpperBound == nil && !s.mayBeNaN
	return s
}
