package catalog

import (
	"context"
	"fmt"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/storage/parquet"
)

// Scan reads the rows of a snapshot, or of main's head when snapshot is 0, in the table's current schema. Batches are the
// receiver's to release.
func (t *Table) Scan(ctx context.Context, snapshot int64, alloc memory.Allocator) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		files, err := t.dataFiles(ctx, snapshot)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, location := range files {
			if !t.scanFile(ctx, location, alloc, yield) {
				return
			}
		}
	}
}

func (t *Table) scanFile(ctx context.Context, location string, alloc memory.Allocator, yield func(arrow.RecordBatch, error) bool) bool {
	o, err := t.lake.Store.Open(ctx, location)
	if err != nil {
		return yield(nil, err)
	}
	defer o.Close()
	for rec, err := range parquet.Read(ctx, o, o.Size(), t.Schema, alloc) {
		if err != nil {
			err = fault.Wrap(fault.ClassOf(err), err, "%s", location)
		}
		if !yield(rec, err) || err != nil {
			return false
		}
	}
	return true
}

// dataFiles lists the data files of a snapshot. Delete files are not applied yet, so that a table with some is refused
// rather than read wrongly.
func (t *Table) dataFiles(ctx context.Context, snapshot int64) ([]string, error) {
	s := t.md.CurrentSnapshot()
	if snapshot != 0 {
		if s = t.md.SnapshotByID(snapshot); s == nil {
			return nil, fault.New(fault.NoInput, "%s has no snapshot %d", t.Ident, snapshot).Hint("firn show %s lists its snapshots", t.Ident)
		}
	}
	if s == nil {
		return nil, nil
	}
	fs := readOnly{ctx, t.lake.Store}
	manifests, err := s.Manifests(fs)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, m := range manifests {
		for e, err := range m.Entries(fs, true) {
			if err != nil {
				return nil, fmt.Errorf("read manifest %s: %w", m.FilePath(), err)
			}
			if e.DataFile().ContentType() != iceberg.EntryContentData {
				return nil, fault.New(fault.Config, "%s has delete files, which firn read does not apply yet", t.Ident).Hint("read it with Trino or Spark")
			}
			out = append(out, e.DataFile().FilePath())
		}
	}
	return out, nil
}
