package catalog

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/partition"
	"github.com/firn-data/firn/internal/rowkey"
	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/storage/parquet"
)

// Columns of position delete files (Iceberg spec, "Reserved Field IDs").
const (
	deletePathID     = 2147483546
	deletePositionID = 2147483545
)

var positionColumns = schema.Schema{Fields: []schema.Field{
	{ID: deletePathID, Name: "file_path", Type: schema.Type{Kind: schema.String}, Required: true},
	{ID: deletePositionID, Name: "pos", Type: schema.Type{Kind: schema.Long}, Required: true}}}

// deleteFile is a position or equality delete file of a snapshot.
type deleteFile struct {
	data     iceberg.DataFile
	manifest string
	seq      int64
	path     string // the only data file it speaks of; empty: several
}

func (d *deleteFile) equality() bool {
	return d.data.ContentType() == iceberg.EntryContentEqDeletes
}

// deleteIndex finds the delete files that apply to a data file (Iceberg spec, "Scan Planning"): position deletes of the same
// partition, or that name the file, which are not older than it; equality deletes of the same partition, or of a spec without
// partitions, that are newer.
type deleteIndex struct {
	byPath      map[string][]*deleteFile
	byPartition map[string][]*deleteFile
	everywhere  []*deleteFile // equality deletes without partition
}

func newDeleteIndex() *deleteIndex {
	return &deleteIndex{byPath: map[string][]*deleteFile{}, byPartition: map[string][]*deleteFile{}}
}

func (x *deleteIndex) read(ctx context.Context, t *Table, m iceberg.ManifestFile, spec partition.Spec) error {
	for e, err := range m.Entries(readOnly{ctx, t.lake.Store}, true) {
		if err != nil {
			return fmt.Errorf("read manifest %s: %w", m.FilePath(), err)
		}
		df := e.DataFile()
		d := &deleteFile{data: df, manifest: m.FilePath(), seq: e.SequenceNum(), path: onlyPath(df)}
		key := PartitionKey(spec.ID, tupleOf(spec, df))
		switch {
		case d.path != "":
			x.byPath[d.path] = append(x.byPath[d.path], d)
		case d.equality() && len(spec.Fields) == 0:
			x.everywhere = append(x.everywhere, d)
		default:
			x.byPartition[key] = append(x.byPartition[key], d)
		}
	}
	return nil
}

// onlyPath is the data file that all position deletes of a file speak of, where its record says so.
func onlyPath(f iceberg.DataFile) string {
	if f.ContentType() != iceberg.EntryContentPosDeletes {
		return ""
	}
	if p := f.ReferencedDataFile(); p != nil {
		return *p
	}
	// Bounds of paths are cut by default, so that only equal and long ones are whole: a cut upper bound is raised and differs.
	lo, up := f.LowerBoundValues()[deletePathID], f.UpperBoundValues()[deletePathID]
	if len(lo) > 0 && string(lo) == string(up) {
		return string(lo)
	}
	return ""
}

func (x *deleteIndex) of(f *File) (out []*deleteFile) {
	for _, d := range slices.Concat(x.byPath[f.Location], x.byPartition[PartitionKey(f.SpecID, f.Partition)], x.everywhere) {
		if d.seq > f.seq || d.seq == f.seq && !d.equality() {
			out = append(out, d)
		}
	}
	return out
}

// deleted holds what delete files delete, each read once for all data files of a scan. It is for one goroutine.
type deleted struct {
	table     *Table
	opt       ReadOptions
	positions map[*deleteFile]map[string][]int64 // by data file
	keys      map[*deleteFile]*rowkey.Set
	reserved  int64
}

func newDeleted(t *Table, o ReadOptions) *deleted {
	return &deleted{table: t, opt: o, positions: map[*deleteFile]map[string][]int64{}, keys: map[*deleteFile]*rowkey.Set{}}
}

// close gives the memory back.
func (d *deleted) close() {
	if d.opt.Budget != nil {
		d.opt.Budget.Release(d.reserved)
	}
}

// reserve accounts for n more bytes (I8).
func (d *deleted) reserve(n int64) error {
	if d.opt.Budget == nil || n <= 0 {
		return nil
	}
	if !d.opt.Budget.TryReserve(n) {
		return fault.New(fault.Unavailable, "the delete files of %s need more than the memory budget of %d MiB", d.table.Ident, d.opt.Budget.Limit()>>20).
			Hint("compact the table with Trino or Spark, or raise resources.memory")
	}
	d.reserved += n
	return nil
}

// positionsOf gives the positions of f that position deletes delete.
func (d *deleted) positionsOf(ctx context.Context, f *File) (map[int64]bool, error) {
	out := map[int64]bool{}
	for _, del := range f.deletes {
		if del.equality() {
			continue
		}
		byFile, ok := d.positions[del]
		if !ok {
			var err error
			if byFile, err = d.readPositions(ctx, del); err != nil {
				return nil, err
			}
			d.positions[del] = byFile
		}
		for _, p := range byFile[f.Location] {
			out[p] = true
		}
	}
	return out, nil
}

func (d *deleted) readPositions(ctx context.Context, del *deleteFile) (map[string][]int64, error) {
	out := map[string][]int64{}
	err := d.read(ctx, del, positionColumns, func(rec arrow.RecordBatch) error {
		if err := d.reserve(16 * rec.NumRows()); err != nil {
			return err
		}
		paths, positions := rec.Column(0).(*array.String), rec.Column(1).(*array.Int64)
		for i := range paths.Len() {
			out[paths.Value(i)] = append(out[paths.Value(i)], positions.Value(i))
		}
		return nil
	})
	return out, err
}

// keysOf gives the keys that an equality delete file deletes.
func (d *deleted) keysOf(ctx context.Context, del *deleteFile) (*rowkey.Set, error) {
	if s, ok := d.keys[del]; ok {
		return s, nil
	}
	columns, err := d.table.equalityColumns(del)
	if err != nil {
		return nil, err
	}
	s := rowkey.NewSet()
	err = d.read(ctx, del, schema.Schema{Fields: columns}, func(rec arrow.RecordBatch) error {
		key, err := rowkey.Of(rec.Columns()...)
		if err != nil {
			return fault.Wrap(fault.Config, err, "equality deletes")
		}
		var k []byte
		for i := range int(rec.NumRows()) {
			k = key(k[:0], i)
			had := s.Bytes()
			if err := d.reserve(s.Need(len(k)) - had); err != nil {
				return err
			}
			s.Add(k)
		}
		return nil
	})
	d.keys[del] = s
	return s, err
}

func (d *deleted) read(ctx context.Context, del *deleteFile, want schema.Schema, take func(arrow.RecordBatch) error) error {
	location := del.data.FilePath()
	if del.data.FileFormat() != iceberg.ParquetFile {
		return fault.New(fault.Config, "%s has delete files in the format %s, of which firn reads Parquet only", d.table.Ident, del.data.FileFormat()).
			Hint("compact the table with Trino or Spark")
	}
	o, err := d.table.lake.Store.Open(ctx, location)
	if err != nil {
		return err
	}
	defer o.Close()
	for rec, err := range parquet.Read(ctx, o, o.Size(), want, d.opt.alloc()) {
		if err == nil {
			err = take(rec)
			rec.Release()
		}
		if err != nil {
			return fault.Wrap(fault.ClassOf(err), err, "%s", location)
		}
	}
	return nil
}

// equalityColumns are the columns that an equality delete compares, in the table's schema or in an earlier one.
func (t *Table) equalityColumns(del *deleteFile) ([]schema.Field, error) {
	var out []schema.Field
	for _, id := range del.data.EqualityFieldIDs() {
		f, err := t.fieldByID(id)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

func (t *Table) fieldByID(id int) (schema.Field, error) {
	byID := func(f schema.Field) bool { return f.ID == id }
	if i := slices.IndexFunc(t.Schema.Fields, byID); i >= 0 {
		return t.Schema.Fields[i], nil
	}
	for _, s := range slices.Backward(t.md.Schemas()) {
		old, err := fromIceberg(s)
		if err != nil {
			continue
		}
		if i := slices.IndexFunc(old.Fields, byID); i >= 0 {
			return old.Fields[i], nil
		}
	}
	return schema.Field{}, fault.New(fault.Config, "%s has equality deletes by the nested or unknown field %d, which firn does not read", t.Ident, id).
		Hint("compact the table with Trino or Spark")
}
