package catalog

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"github.com/firn-data/firn/internal/fault"
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
	schema  *iceberg.Schema // of the table after the commit
	attempt string
	try     int // of the attempt: part of the file names
	id      int64
	seq     int64
	made    []string // files written for it, to be removed if it is rejected
	stale   []string // files of earlier commits, to be removed once it is applied
	list    []iceberg.ManifestFile
	props   map[string]string

	added, removed counts
	partitions     map[string]bool
}

// counts are files by what they hold, for the summary.
type counts struct{ files, rows, bytes, deleteFiles, positionDeletes, equalityDeletes int64 }

func (c *counts) add(f iceberg.DataFile) {
	c.bytes += f.FileSizeBytes()
	switch f.ContentType() {
	case iceberg.EntryContentPosDeletes:
		c.deleteFiles++
		c.positionDeletes += f.Count()
	case iceberg.EntryContentEqDeletes:
		c.deleteFiles++
		c.equalityDeletes += f.Count()
	default:
		c.files++
		c.rows += f.Count()
	}
}

func (l *Lake) newDraft(base table.Metadata, attempt string, try int) *draft {
	return &draft{lake: l, base: base, schema: base.CurrentSchema(), attempt: attempt, try: try, id: snapshotID(), seq: base.LastSequenceNumber() + 1,
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
	return location, d.lake.put(ctx, location, body)
}

// addFiles writes manifests of new data files, one for each partition spec among them.
func (d *draft) addFiles(ctx context.Context, files []DataFile) error {
	bySpec := map[int][]iceberg.ManifestEntry{}
	for _, f := range files {
		spec := d.base.PartitionSpecByID(f.SpecID)
		if spec == nil {
			return fault.New(fault.Retry, "the table no longer has partition spec %d", f.SpecID)
		}
		df, err := dataFile(f, *spec, d.schema)
		if err != nil {
			return fault.Wrap(fault.Bug, err, "describe %s", f.Location)
		}
		bySpec[f.SpecID] = append(bySpec[f.SpecID], iceberg.NewManifestEntry(iceberg.EntryStatusADDED, &d.id, nil, nil, df))
		d.added.add(df)
		d.partitions[PartitionKey(f.SpecID, f.Partition)] = true
	}
	for _, id := range slices.Sorted(maps.Keys(bySpec)) {
		if err := d.addManifest(ctx, id, iceberg.ManifestContentData, bySpec[id]); err != nil {
			return err
		}
	}
	return nil
}

// addManifest writes one manifest and puts it on the list.
func (d *draft) addManifest(ctx context.Context, spec int, content iceberg.ManifestContent, entries []iceberg.ManifestEntry) error {
	var body bytes.Buffer
	name := fmt.Sprintf("%s-%d-m%d.avro", d.attempt, d.try, len(d.made))
	location := d.metadataDir() + "/" + name
	w, err := iceberg.NewManifestWriter(d.base.Version(), &body, *d.base.PartitionSpecByID(spec), d.schema, d.id, iceberg.WithManifestWriterContent(content))
	if err != nil {
		return fault.Wrap(fault.Bug, err, "write a manifest")
	}
	for _, e := range entries {
		switch e.Status() {
		case iceberg.EntryStatusADDED:
			err = w.Add(e)
		case iceberg.EntryStatusDELETED:
			err = w.Delete(e)
		default:
			err = w.Existing(e)
		}
		if err != nil {
			return fault.Wrap(fault.Bug, err, "write a manifest")
		}
	}
	if err := w.Close(); err != nil {
		return fault.Wrap(fault.Bug, err, "write a manifest")
	}
	mf, err := w.ToManifestFile(location, int64(body.Len()))
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

// keep carries over the parent's manifests. Those with a file that is replaced are written anew, with it marked as deleted.
func (d *draft) keep(ctx context.Context, r *Replacement) error {
	parents, err := d.parentManifests(ctx)
	if err != nil {
		return err
	}
	gone, manifests := r.gone()
	for _, m := range parents {
		if !r.All && !manifests[m.FilePath()] {
			d.list = append(d.list, m)
			continue
		}
		if err := d.keepManifest(ctx, m, func(f iceberg.DataFile) bool { return r.All || gone[f.FilePath()] }); err != nil {
			return err
		}
	}
	return nil
}

func (d *draft) keepManifest(ctx context.Context, m iceberg.ManifestFile, removed func(iceberg.DataFile) bool) error {
	spec, err := specFromIceberg(*d.base.PartitionSpecByID(int(m.PartitionSpecID())))
	if err != nil {
		return fault.Wrap(fault.Config, err, "rewrite manifest %s", m.FilePath())
	}
	var out []iceberg.ManifestEntry
	touched := false
	for e, err := range m.Entries(readOnly{ctx, d.lake.Store}, true) {
		if err != nil {
			return fmt.Errorf("read manifest %s: %w", m.FilePath(), err)
		}
		status, snapshot, seq, fileSeq := iceberg.EntryStatusEXISTING, e.SnapshotID(), e.SequenceNum(), e.FileSequenceNum()
		if removed(e.DataFile()) {
			status, snapshot, touched = iceberg.EntryStatusDELETED, d.id, true
			d.removed.add(e.DataFile())
			d.partitions[PartitionKey(spec.ID, tupleOf(spec, e.DataFile()))] = true
		}
		out = append(out, iceberg.NewManifestEntry(status, &snapshot, &seq, fileSeq, e.DataFile()))
	}
	if !touched {
		if len(out) > 0 { // a manifest of deleted entries only tells about an earlier snapshot
			d.list = append(d.list, m)
		}
		return nil
	}
	return d.addManifest(ctx, spec.ID, m.ManifestContent(), out)
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
	schemaID := d.schema.ID
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
	set("added-data-files", d.added.files)
	set("added-records", d.added.rows)
	set("added-files-size", d.added.bytes)
	set("deleted-data-files", d.removed.files)
	set("deleted-records", d.removed.rows)
	set("removed-files-size", d.removed.bytes)
	set("removed-delete-files", d.removed.deleteFiles)
	set("removed-position-deletes", d.removed.positionDeletes)
	set("removed-equality-deletes", d.removed.equalityDeletes)
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
	total("total-data-files", d.added.files-d.removed.files)
	total("total-records", d.added.rows-d.removed.rows)
	total("total-files-size", d.added.bytes-d.removed.bytes)
	total("total-delete-files", -d.removed.deleteFiles)
	total("total-position-deletes", -d.removed.positionDeletes)
	total("total-equality-deletes", -d.removed.equalityDeletes)
}

// remove deletes the draft's files after a definite rejection.
func (d *draft) remove(ctx context.Context) { d.lake.removeFiles(ctx, d.made) }

// Discard removes finished data files of this process that will not be committed.
func (l *Lake) Discard(ctx context.Context, files []DataFile) { l.removeFiles(ctx, locations(files)) }

// removeFiles deletes files that this process wrote and no table names.
func (l *Lake) removeFiles(ctx context.Context, locations []string) {
	for _, location := range locations {
		if err := l.Store.Delete(context.WithoutCancel(ctx), location); err != nil {
			l.Events.OnWarn(fmt.Sprintf("a file that no table names is left: %s: %v", location, err))
		}
	}
}
