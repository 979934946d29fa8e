package catalog

import (
	"context"
	"fmt"
	"testing"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/firn-data/firn/storage"
)

// Reachable lists every file that the table's metadata name, and how many manifests its head has.
func (t *Table) Reachable(tt *testing.T) (files map[string]bool, manifests int) {
	tt.Helper()
	files = map[string]bool{t.pointer.Location: true}
	for e := range t.md.PreviousFiles() {
		files[e.MetadataFile] = true
	}
	fs := readOnly{context.Background(), t.lake.Store}
	for _, s := range t.md.Snapshots() {
		files[s.ManifestList] = true
		if st, err := decodeState(s.Summary.Properties["firn.state"]); err == nil && st.File != "" {
			files[st.File] = true
		}
		list, err := s.Manifests(fs)
		if err != nil {
			tt.Fatal(err)
		}
		manifests = len(list)
		for _, m := range list {
			files[m.FilePath()] = true
			for e, err := range m.Entries(fs, false) {
				if err != nil {
					tt.Fatal(err)
				}
				files[e.DataFile().FilePath()] = true
			}
		}
	}
	return files, manifests
}

// Deletes describes a delete file that a test commits as another engine would.
type Deletes struct {
	Location   string
	Body       []byte
	Rows       int64
	Equality   []int  // field ids; nil: position deletes
	Referenced string // the only data file of position deletes; empty: not said
}

// CommitDeletes commits delete files in one snapshot.
func (l *Lake) CommitDeletes(ctx context.Context, id Ident, deletes ...Deletes) error {
	return l.change(ctx, id, "", fmt.Sprintf("d%x", snapshotID()), func(ctx context.Context, t *Table, b *table.MetadataBuilder, d *draft) error {
		var entries []iceberg.ManifestEntry
		spec := t.md.PartitionSpec()
		for _, x := range deletes {
			if err := storage.Put(ctx, l.Store, x.Location, x.Body, true); err != nil {
				return err
			}
			content := iceberg.EntryContentPosDeletes
			if x.Equality != nil {
				content = iceberg.EntryContentEqDeletes
			}
			f, err := iceberg.NewDataFileBuilder(spec, content, x.Location, iceberg.ParquetFile, nil, nil, nil, x.Rows, int64(len(x.Body)))
			if err != nil {
				return err
			}
			if x.Equality != nil {
				f.EqualityFieldIDs(x.Equality)
			}
			if x.Referenced != "" {
				f.LowerBoundValues(map[int][]byte{deletePathID: []byte(x.Referenced)}).UpperBoundValues(map[int][]byte{deletePathID: []byte(x.Referenced)})
			}
			entries = append(entries, iceberg.NewManifestEntry(iceberg.EntryStatusADDED, &d.id, nil, nil, f.Build()))
			d.added.add(f.Build())
		}
		if err := d.addManifest(ctx, spec.ID(), iceberg.ManifestContentDeletes, entries); err != nil {
			return err
		}
		return d.commitEmpty(ctx, b)
	})
}

// Expire removes snapshots from the metadata, as an engine's expiry does.
func (l *Lake) Expire(ctx context.Context, id Ident, snapshots ...int64) error {
	return l.change(ctx, id, "", fmt.Sprintf("e%x", snapshotID()), func(_ context.Context, _ *Table, b *table.MetadataBuilder, _ *draft) error {
		return b.RemoveSnapshots(snapshots, false)
	})
}

// Unset removes properties of a table, as another engine might.
func (l *Lake) Unset(ctx context.Context, id Ident, keys ...string) error {
	return l.change(ctx, id, "", fmt.Sprintf("u%x", snapshotID()), func(_ context.Context, _ *Table, b *table.MetadataBuilder, _ *draft) error {
		return b.RemoveProperties(keys)
	})
}
