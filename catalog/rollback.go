package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/storage"
)

// Rollback makes an earlier snapshot main's head again, and in the same commit puts back the state that every job had at
// that snapshot, so that the next run loads once what was taken away (I1).
func (l *Lake) Rollback(ctx context.Context, id Ident, to int64, attempt string) error {
	return l.change(ctx, id, attempt, func(t *Table, b *table.MetadataBuilder) error {
		if !t.ancestor(to) {
			return fault.New(fault.Config, "snapshot %d is not in the history of %s", to, id).Hint("firn show %s lists its snapshots", id)
		}
		if err := b.SetSnapshotRef("main", to, table.BranchRef); err != nil {
			return fault.Wrap(fault.Config, err, "move main of %s to snapshot %d", id, to)
		}
		return t.putStatesBack(b, to)
	})
}

// putStatesBack sets each job's state to the one that it had at the snapshot, and removes those of jobs that had none.
func (t *Table) putStatesBack(b *table.MetadataBuilder, to int64) error {
	old := map[string]string{}
	for s := t.md.SnapshotByID(to); s != nil; s = t.parent(s) {
		if s.Summary == nil {
			continue
		}
		job, text := s.Summary.Properties["firn.job"], s.Summary.Properties["firn.state"]
		if job != "" && text != "" && old[job] == "" {
			old[job] = text
		}
	}
	set := iceberg.Properties{}
	var gone []string
	for k := range t.md.Properties() {
		job, ok := strings.CutPrefix(k, statePrefix)
		switch {
		case !ok:
		case old[job] != "":
			set[k] = old[job]
		default:
			gone = append(gone, k)
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

// change makes one commit that adds no data, on whatever the table is, trying again after a lost race.
func (l *Lake) change(ctx context.Context, id Ident, attempt string, edit func(*Table, *table.MetadataBuilder) error) error {
	for try := 1; ; try++ {
		t, err := l.Load(ctx, id)
		if err != nil {
			return err
		}
		b, err := table.MetadataBuilderFromBase(t.md, t.pointer.Location)
		if err != nil {
			return fault.Wrap(fault.Bug, err, "begin new metadata")
		}
		if err := edit(t, b); err != nil {
			return err
		}
		md, err := b.Build()
		if err != nil {
			return fault.Wrap(fault.Bug, err, "build new metadata")
		}
		body, err := json.Marshal(md)
		if err != nil {
			return fault.Wrap(fault.Bug, err, "encode table metadata")
		}
		d := l.newDraft(t.md, attempt, try)
		location := fmt.Sprintf("%s/%05d-%s.metadata.json", d.metadataDir(), metadataNumber(t.pointer.Location)+1, newUUID())
		s := Swap{Ident: id, Expected: t.pointer, New: location, Metadata: md, Attempt: attempt, Wait: l.unknownWait(), Put: func(ctx context.Context) error {
			d.made = append(d.made, location)
			return storage.Put(ctx, l.Store, location, body, true)
		}}
		outcome, err := l.Catalog.Swap(ctx, s)
		if outcome != Applied {
			outcome, err = l.reconcile(ctx, Commit{Request: Request{Ident: id}, Attempt: attempt}, d, s, outcome, err)
		}
		switch {
		case outcome == Applied:
			return nil
		case outcome == Unknown:
			return err
		}
		d.remove(ctx)
		if !fault.Is(err, fault.Retry) || errors.Is(err, context.Canceled) || try >= l.attempts() {
			return err
		}
	}
}
