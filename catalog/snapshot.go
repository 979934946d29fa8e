package catalog

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/storage"
)

func newUUID() uuid.UUID { return uuid.New() }

// snapshotID is 63 random bits, never zero.
func snapshotID() int64 {
	var b [8]byte
	rand.Read(b[:])
	return int64(binary.BigEndian.Uint64(b[:])>>1) | 1
}

// draft is one snapshot being made on top of one metadata: the manifests written for it and the counts for its summary.
type draft struct {
	lake    *Lake
	base    table.Metadata
	attempt string
	try     int // of the attempt: part of the file names
	id      int64
	seq     int64
	made    []string // files written for it, to be removed if it is rejected
	list    []iceberg.ManifestFile
	props   map[string]string

	addedFiles, addedRows, addedBytes       int64
	removedFiles, removedRows, removedBytes int64
	partitions                              map[string]bool
}

func (l *Lake) newDraft(base table.Metadata, attempt string, try int) *draft {
	return &draft{lake: l, base: base, attempt: attempt, try: try, id: snapshotID(), seq: base.LastSequenceNumber() + 1,
		props: map[string]string{}, partitions: map[string]bool{}}
}

func (d *draft) location() string { return trimSlash(d.base.Location()) }

// metadataDir is where manifests and metadata files go.
func (d *draft) metadataDir() string {
	if p := d.base.Properties()["write.metadata.path"]; p != "" {
		return trimSlash(p)
	}
	return d.location() + "/metadata"
}

func trimSlash(s string) string {
	for len(s) > 0 && s[len(s)-1] == '/' {
		s = s[:len(s)-1]
	}
	return s
}

// write stores a file of the draft.
func (d *draft) write(ctx context.Context, name string, body []byte) (string, error) {
	location := d.metadataDir() + "/" + name
	d.made = append(d.made, location)
	return location, storage.Put(ctx, d.lake.Store, location, body, true)
}

// addFiles writes manifests of new data files, one for each partition spec among them.
func (d *draft) addFiles(ctx context.Context, files []DataFile) error {
	bySpec := map[int][]iceberg.ManifestEntry{}
	for _, f := range files {
		spec := d.base.PartitionSpecByID(f.SpecID)
		if spec == nil {
			return fault.New(fault.Retry, "the table no longer has partition spec %d", f.SpecID)
		}
		df, err := dataFile(f, *spec, d.base.CurrentSchema())
		if err != nil {
			return fault.Wrap(fault.Bug, err, "describe %s", f.Location)
		}
		bySpec[f.SpecID] = append(bySpec[f.SpecID], iceberg.NewManifestEntry(iceberg.EntryStatusADDED, &d.id, nil, nil, df))
		d.addedFiles++
		d.addedRows += f.Records
		d.addedBytes += f.Bytes
		d.partitions[fmt.Sprint(f.SpecID, f.Partition)] = true
	}
	for id, entries := range bySpec {
		if err := d.addManifest(ctx, id, entries); err != nil {
			return err
		}
	}
	return nil
}

// addManifest writes one manifest and puts it on the list.
func (d *draft) addManifest(ctx context.Context, spec int, entries []iceberg.ManifestEntry) error {
	var body bytes.Buffer
	name := fmt.Sprintf("%s-%d-m%d.avro", d.attempt, d.try, len(d.made))
	location := d.metadataDir() + "/" + name
	mf, err := iceberg.WriteManifest(location, &body, d.base.Version(), *d.base.PartitionSpecByID(spec), d.base.CurrentSchema(), d.id, entries)
	if err != nil {
		return fault.Wrap(fault.Bug, err, "write a manifest")
	}
	if _, err := d.write(ctx, name, body.Bytes()); err != nil {
		return err
	}
	d.list = append(d.list, keepEmptyBounds(mf))
	return nil
}

// keepEmptyBounds makes the partition bound of an empty string an empty value. iceberg-go serializes it as a nil slice,
// which the manifest list would hold as null: readers take that for a partition without values, and skip its rows.
func keepEmptyBounds(m iceberg.ManifestFile) iceberg.ManifestFile {
	fields, lost := m.Partitions(), false
	for i := range fields {
		for _, b := range []*[]byte{fields[i].LowerBound, fields[i].UpperBound} {
			if b != nil && *b == nil {
				*b, lost = []byte{}, true
			}
		}
	}
	if !lost {
		return m
	}
	return iceberg.NewManifestFile(m.Version(), m.FilePath(), m.Length(), m.PartitionSpecID(), m.SnapshotID()).Content(m.ManifestContent()).
		SequenceNum(m.SequenceNum(), m.MinSequenceNum()).AddedFiles(m.AddedDataFiles()).ExistingFiles(m.ExistingDataFiles()).DeletedFiles(m.DeletedDataFiles()).
		AddedRows(m.AddedRows()).ExistingRows(m.ExistingRows()).DeletedRows(m.DeletedRows()).Partitions(fields).Build()
}

// parentManifests reads the manifest list of the draft's parent.
func (d *draft) parentManifests(ctx context.Context) ([]iceberg.ManifestFile, error) {
	s := d.base.CurrentSnapshot()
	if s == nil {
		return nil, nil
	}
	list, err := s.Manifests(readOnly{ctx, d.lake.Store})
	if err != nil {
		return nil, fmt.Errorf("read the manifest list of snapshot %d: %w", s.SnapshotID, err)
	}
	return list, nil
}

// keep carries over the parent's manifests. Those with a file for which removed reports true are written anew, with it
// marked as deleted; nil removes nothing.
func (d *draft) keep(ctx context.Context, removed func(iceberg.DataFile) bool) error {
	parents, err := d.parentManifests(ctx)
	if err != nil {
		return err
	}
	for _, m := range parents {
		if removed == nil {
			d.list = append(d.list, m)
			continue
		}
		if err := d.keepManifest(ctx, m, removed); err != nil {
			return err
		}
	}
	return nil
}

func (d *draft) keepManifest(ctx context.Context, m iceberg.ManifestFile, removed func(iceberg.DataFile) bool) error {
	touched := false
	var out []iceberg.ManifestEntry
	for e, err := range m.Entries(readOnly{ctx, d.lake.Store}, true) {
		if err != nil {
			return fmt.Errorf("read manifest %s: %w", m.FilePath(), err)
		}
		status, snapshot, seq, fileSeq := iceberg.EntryStatusEXISTING, e.SnapshotID(), e.SequenceNum(), e.FileSequenceNum()
		if removed(e.DataFile()) {
			status, snapshot, touched = iceberg.EntryStatusDELETED, d.id, true
			d.removedFiles++
			d.removedRows += e.DataFile().Count()
			d.removedBytes += e.DataFile().FileSizeBytes()
			d.partitions[fmt.Sprint(m.PartitionSpecID(), e.DataFile().Partition())] = true
		}
		out = append(out, iceberg.NewManifestEntry(status, &snapshot, &seq, fileSeq, e.DataFile()))
	}
	if !touched {
		d.list = append(d.list, m)
		return nil
	}
	if m.ManifestContent() != iceberg.ManifestContentData {
		return nil // delete files of removed data files have nothing left to delete
	}
	return d.addManifest(ctx, int(m.PartitionSpecID()), out)
}

// finish writes the manifest list and gives the snapshot.
func (d *draft) finish(ctx context.Context, op table.Operation, unixMilli int64) (*table.Snapshot, error) {
	var body bytes.Buffer
	var parent *int64
	var before map[string]string
	if s := d.base.CurrentSnapshot(); s != nil {
		parent = &s.SnapshotID
		if s.Summary != nil {
			before = s.Summary.Properties
		}
	}
	seq := d.seq
	if err := iceberg.WriteManifestList(d.base.Version(), &body, d.id, parent, &seq, 0, d.list); err != nil {
		return nil, fault.Wrap(fault.Bug, err, "write a manifest list")
	}
	location, err := d.write(ctx, fmt.Sprintf("snap-%d-%s-%d.avro", d.id, d.attempt, d.try), body.Bytes())
	if err != nil {
		return nil, err
	}
	d.summarize(before)
	schemaID := d.base.CurrentSchema().ID
	return &table.Snapshot{SnapshotID: d.id, ParentSnapshotID: parent, SequenceNumber: d.seq, TimestampMs: unixMilli,
		ManifestList: location, SchemaID: &schemaID, Summary: &table.Summary{Operation: op, Properties: d.props}}, nil
}

// summarize fills in the counts that engines expect of a summary. Totals go on from the parent's, where it has them.
func (d *draft) summarize(before map[string]string) {
	set := func(key string, n int64) {
		if n != 0 {
			d.props[key] = strconv.FormatInt(n, 10)
		}
	}
	set("added-data-files", d.addedFiles)
	set("added-records", d.addedRows)
	set("added-files-size", d.addedBytes)
	set("deleted-data-files", d.removedFiles)
	set("deleted-records", d.removedRows)
	set("removed-files-size", d.removedBytes)
	d.props["changed-partition-count"] = strconv.Itoa(len(d.partitions))
	total := func(key string, change int64) {
		was := int64(0)
		if before != nil {
			n, err := strconv.ParseInt(before[key], 10, 64)
			if err != nil {
				return
			}
			was = n
		}
		d.props[key] = strconv.FormatInt(was+change, 10)
	}
	total("total-data-files", d.addedFiles-d.removedFiles)
	total("total-records", d.addedRows-d.removedRows)
	total("total-files-size", d.addedBytes-d.removedBytes)
	total("total-delete-files", 0)
	total("total-position-deletes", 0)
	total("total-equality-deletes", 0)
}

// remove deletes the draft's files after a definite rejection.
func (d *draft) remove(ctx context.Context) { d.lake.removeFiles(ctx, d.made) }

// removeFiles deletes files that this process wrote and no table names.
func (l *Lake) removeFiles(ctx context.Context, locations []string) {
	for _, location := range locations {
		if err := l.Store.Delete(context.WithoutCancel(ctx), location); err != nil {
			l.Events.OnWarn(fmt.Sprintf("a file that no table names is left: %s: %v", location, err))
		}
	}
}
