package catalog

import (
	"context"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/firn-data/firn/internal/fault"
)

// Rollback makes an earlier snapshot main's head again, and in the same commit puts back the state that every job had at
// that snapshot, so that the next run loads once what was taken away (I1).
func (l *Lake) Rollback(ctx context.Context, id Ident, to int64, attempt string) error {
	return l.change(ctx, id, "", attempt, func(_ context.Context, t *Table, b *table.MetadataBuilder, _ *draft) error {
		if !t.ancestor(to) {
			return fault.New(fault.Config, "snapshot %d is not in the history of %s", to, id).Hint("firn show %s lists its snapshots", id)
		}
		if err := b.SetSnapshotRef("main", to, table.BranchRef); err != nil {
			return fault.Wrap(fault.Config, err, "move main of %s to snapshot %d", id, to)
		}
		return t.putStatesBack(b, to)
	})
}

// putStatesBack sets each job's state to the one that it had at the snapshot, and removes those of jobs that had none. Where the
// history before the snapshot was expired and does not tell, a state stays as it is: one of before the snapshot is right, and one
// of after it stops the job's next run rather than to let it load rows twice.
func (t *Table) putStatesBack(b *table.MetadataBuilder, to int64) error {
	at := t.md.SnapshotByID(to)
	known := t.oldest(at).ParentSnapshotID == nil
	set := iceberg.Properties{}
	var gone []string
	for job := range t.jobs() {
		property := statePrefix + job
		text, decided := t.stateAt(at, job)
		_, has := t.md.Properties()[property]
		switch {
		case text != "":
			set[property] = text
		case has && (known || decided != nil):
			gone = append(gone, property)
		}
	}
	if len(set) > 0 {
		if err := b.SetProperties(set); err != nil {
			return err
		}
	}
	if len(gone) > 0 {
		return b.RemoveProperties(gone)
	}
	return nil
}

// jobs are the jobs of which the table's properties or snapshots tell.
func (t *Table) jobs() map[string]bool {
	out := map[string]bool{}
	for k := range t.md.Properties() {
		if job, ok := strings.CutPrefix(k, statePrefix); ok {
			out[job] = true
		}
	}
	for _, s := range t.md.Snapshots() {
		if s.Summary != nil && s.Summary.Properties["firn.state"] != "" {
			out[s.Summary.Properties["firn.job"]] = true
		}
	}
	return out
}
