package catalog

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"

	"github.com/apache/iceberg-go/table"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/partition"
	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/storage/parquet"
)

// Table is one state of a table: what its metadata said when it was loaded.
type Table struct {
	Ident    Ident
	UUID     string
	Location string // without a slash at the end
	Schema   schema.Schema
	Spec     partition.Spec
	Sort     partition.SortOrder

	lake    *Lake
	pointer Pointer
	md      table.Metadata
	specs   func() (map[int]partition.Spec, error)
}

// DataFile is a finished data file that a commit adds.
type DataFile struct {
	parquet.File
	Location    string
	SpecID      int
	Partition   partition.Tuple
	SortOrderID int
}

func newTable(l *Lake, id Ident, p Pointer, md table.Metadata) (*Table, error) {
	t := &Table{Ident: id, UUID: md.TableUUID().String(), Location: strings.TrimRight(md.Location(), "/"), lake: l, pointer: p, md: md}
	t.specs = sync.OnceValues(t.readSpecs)
	var err error
	if t.Schema, err = fromIceberg(md.CurrentSchema()); err == nil {
		if t.Spec, err = specFromIceberg(md.PartitionSpec()); err == nil {
			t.Sort, err = sortFromIceberg(md.SortOrder())
		}
	}
	if err != nil {
		return nil, fault.Wrap(fault.Config, err, "read the schema of %s", id)
	}
	return t, nil
}

// MetadataLocation is the table's current metadata file.
func (t *Table) MetadataLocation() string { return t.pointer.Location }

// FormatVersion is the Iceberg format version.
func (t *Table) FormatVersion() int { return t.md.Version() }

// Properties are the table's properties.
func (t *Table) Properties() map[string]string { return t.md.Properties() }

// Data is the folder of the table's data files.
func (t *Table) Data() string {
	if d := t.md.Properties()["write.data.path"]; d != "" {
		return strings.TrimRight(d, "/")
	}
	return t.Location + "/data"
}

// Snapshot is one snapshot of a table.
type Snapshot struct {
	ID        int64
	Parent    int64 // 0: none
	Sequence  int64
	UnixMilli int64
	Operation string
	Summary   map[string]string
	OnMain    bool // an ancestor of main's head, or the head
}

// Snapshots lists the table's snapshots, oldest first.
func (t *Table) Snapshots() []Snapshot {
	main := map[int64]bool{}
	for s := t.md.CurrentSnapshot(); s != nil; s = t.parent(s) {
		main[s.SnapshotID] = true
	}
	var out []Snapshot
	for _, s := range t.md.Snapshots() {
		v := Snapshot{ID: s.SnapshotID, Sequence: s.SequenceNumber, UnixMilli: s.TimestampMs, OnMain: main[s.SnapshotID]}
		if s.ParentSnapshotID != nil {
			v.Parent = *s.ParentSnapshotID
		}
		if s.Summary != nil {
			v.Operation, v.Summary = string(s.Summary.Operation), s.Summary.Properties
		}
		out = append(out, v)
	}
	return out
}

// Head is main's head; ok is false for a table without snapshots.
func (t *Table) Head() (id int64, ok bool) {
	if s := t.md.CurrentSnapshot(); s != nil {
		return s.SnapshotID, true
	}
	return 0, false
}

func (t *Table) parent(s *table.Snapshot) *table.Snapshot {
	if s.ParentSnapshotID == nil {
		return nil
	}
	return t.md.SnapshotByID(*s.ParentSnapshotID)
}

// ancestor reports whether the snapshot is main's head or one of its ancestors, as far as they are retained.
func (t *Table) ancestor(id int64) bool {
	for s := t.md.CurrentSnapshot(); s != nil; s = t.parent(s) {
		if s.SnapshotID == id {
			return true
		}
	}
	return false
}

// Rows is the number of rows at main's head, as its summary says; -1 when it does not.
func (t *Table) Rows() int64 {
	s := t.md.CurrentSnapshot()
	if s == nil {
		return 0
	}
	if s.Summary != nil {
		if n, err := strconv.ParseInt(s.Summary.Properties["total-records"], 10, 64); err == nil {
			return n
		}
	}
	return -1
}

// NewTable plans a table that a commit creates.
type NewTable struct {
	Schema     schema.Schema // with field ids
	Spec       partition.Spec
	Sort       partition.SortOrder
	Location   string
	Properties map[string]string
}

// firnDefaults are the properties of every table that firn creates.
var firnDefaults = map[string]string{
	"write.format.default":                       "parquet",
	"write.parquet.compression-codec":            "zstd",
	"write.metadata.delete-after-commit.enabled": "true",
	"write.metadata.previous-versions-max":       "100",
	"commit.manifest-merge.enabled":              "true",
	"commit.manifest.min-count-to-merge":         "100",
}

// metadata makes the first metadata of a planned table.
func (n *NewTable) metadata() (table.Metadata, error) {
	b, err := table.NewMetadataBuilder(2)
	if err != nil {
		return nil, err
	}
	spec, err := specToIceberg(n.Spec)
	if err != nil {
		return nil, err
	}
	order, err := sortToIceberg(n.Sort)
	if err != nil {
		return nil, err
	}
	steps := []func() error{
		func() error { return b.SetUUID(newUUID()) },
		func() error { return b.SetLoc(n.Location) },
		func() error { return b.AddSchema(toIceberg(n.Schema, 0)) },
		func() error { return b.SetCurrentSchemaID(-1) },
		func() error { return b.AddPartitionSpec(spec, true) },
		func() error { return b.SetDefaultSpecID(-1) },
		func() error { return b.AddSortOrder(&order) },
		func() error { return b.SetDefaultSortOrderID(-1) },
		func() error { return b.SetProperties(n.Properties) },
	}
	for _, s := range steps {
		if err := s(); err != nil {
			return nil, fmt.Errorf("plan the table: %w", err)
		}
	}
	return b.Build()
}

// DefaultProperties are the properties of every table that firn creates; the caller may add to them.
func DefaultProperties() map[string]string { return maps.Clone(firnDefaults) }

// LastColumnID is the highest field id that the table ever had.
func (t *Table) LastColumnID() int { return t.md.LastColumnID() }
