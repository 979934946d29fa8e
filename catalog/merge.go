package catalog

import (
	"context"
	"fmt"
	"strconv"

	"github.com/apache/iceberg-go"
)

// Defaults of Iceberg's table properties for merging manifests.
const (
	mergeMinCount = 100
	mergeBytes    = 8 << 20
)

// mergeManifests makes one manifest of many small ones, as the table's properties commit.manifest-merge.enabled,
// commit.manifest.min-count-to-merge and commit.manifest.target-size-bytes say, for each spec and content apart. Manifests are
// packed from the oldest on, so that only the newest bin is made anew by later commits: it is left alone until it has enough of them.
func (d *draft) mergeManifests(ctx context.Context) error {
	props := d.base.Properties()
	if props["commit.manifest-merge.enabled"] == "false" {
		return nil
	}
	target, least := numberOr(props["commit.manifest.target-size-bytes"], mergeBytes), int(numberOr(props["commit.manifest.min-count-to-merge"], mergeMinCount))
	type group struct {
		spec    int32
		content iceberg.ManifestContent
	}
	var order []group
	groups := map[group][]iceberg.ManifestFile{}
	for _, m := range d.list {
		g := group{m.PartitionSpecID(), m.ManifestContent()}
		if groups[g] == nil {
			order = append(order, g)
		}
		groups[g] = append(groups[g], m)
	}
	d.list = nil
	for _, g := range order {
		bins := packManifests(groups[g], target)
		for i, bin := range bins {
			newest := i == 0
			if len(bin) == 1 || newest && len(bin) < least {
				d.list = append(d.list, bin...)
				continue
			}
			if err := d.mergeBin(ctx, int(g.spec), g.content, bin); err != nil {
				return err
			}
		}
	}
	return nil
}

// packManifests puts manifests, newest first, into bins of up to target bytes, filled from the oldest on.
func packManifests(list []iceberg.ManifestFile, target int64) [][]iceberg.ManifestFile {
	var bins [][]iceberg.ManifestFile
	size := int64(0)
	for i := len(list) - 1; i >= 0; i-- {
		if n := len(bins); n == 0 || size+list[i].Length() > target {
			bins, size = append(bins, nil), 0
		}
		last := &bins[len(bins)-1]
		*last = append([]iceberg.ManifestFile{list[i]}, *last...)
		size += list[i].Length()
	}
	for i, j := 0, len(bins)-1; i < j; i, j = i+1, j-1 {
		bins[i], bins[j] = bins[j], bins[i]
	}
	return bins
}

// mergeBin writes one manifest with the live entries of several, and with those that this snapshot deleted.
func (d *draft) mergeBin(ctx context.Context, spec int, content iceberg.ManifestContent, bin []iceberg.ManifestFile) error {
	var out []iceberg.ManifestEntry
	for _, m := range bin {
		own := m.SnapshotID() == d.id
		if own {
			d.stale = append(d.stale, m.FilePath()) // written for this snapshot, and now part of another
		}
		for e, err := range m.Entries(readOnly{ctx, d.lake.Store}, false) {
			if err != nil {
				return fmt.Errorf("read manifest %s: %w", m.FilePath(), err)
			}
			snapshot := e.SnapshotID()
			switch {
			case e.Status() == iceberg.EntryStatusDELETED && snapshot != d.id:
				continue
			case e.Status() == iceberg.EntryStatusADDED && own && snapshot == d.id:
				out = append(out, iceberg.NewManifestEntry(iceberg.EntryStatusADDED, &snapshot, nil, nil, e.DataFile()))
				continue
			}
			status, seq := iceberg.EntryStatusEXISTING, e.SequenceNum()
			if e.Status() == iceberg.EntryStatusDELETED {
				status = iceberg.EntryStatusDELETED
			}
			out = append(out, iceberg.NewManifestEntry(status, &snapshot, &seq, e.FileSequenceNum(), e.DataFile()))
		}
	}
	return d.addManifest(ctx, spec, content, out)
}

func numberOr(text string, otherwise int64) int64 {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 0 {
		return n
	}
	return otherwise
}
