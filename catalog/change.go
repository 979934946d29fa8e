package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/firn-data/firn/internal/fault"
)

// ChangeState changes what a job remembers. edit gets the state as it is, nil for none, and gives the new one; nil drops it. A
// state that is not valid any more, since the table was rolled back or replaced, is given to edit as it is in the property.
//
// The change is a commit with an empty snapshot of main, so that in every catalog it excludes a run of the job (I1).
func (l *Lake) ChangeState(ctx context.Context, id Ident, job, attempt string, edit func(*State) (*State, error)) error {
	return l.change(ctx, id, job, attempt, func(ctx context.Context, t *Table, b *table.MetadataBuilder, d *draft) error {
		old, err := t.anyState(ctx, job)
		if err != nil {
			return err
		}
		st, err := edit(old)
		if err != nil {
			return err
		}
		d.props["firn.job"], d.props["firn.attempt"] = job, attempt
		if st == nil {
			d.props["firn.state-dropped"] = "true"
			return errors.Join(d.commitEmpty(ctx, b), b.RemoveProperties([]string{statePrefix + job}))
		}
		st.Attempt, st.Snapshot, st.Sequence = attempt, d.id, d.seq
		if old != nil {
			var stale []string
			st.Earlier, stale = old.files(t.md)
			d.stale = append(d.stale, stale...)
		}
		text, err := d.writeState(ctx, job, st)
		if err != nil {
			return err
		}
		d.props["firn.state"] = text
		return errors.Join(d.commitEmpty(ctx, b), b.SetProperties(iceberg.Properties{statePrefix + job: text}))
	})
}

// anyState is a job's state, valid or not; nil for none.
func (t *Table) anyState(ctx context.Context, job string) (*State, error) {
	f, err := t.State(ctx, job)
	if err == nil {
		return f.State, nil
	}
	if !fault.Is(err, fault.Config) {
		return nil, err
	}
	s, err := decodeState(t.md.Properties()[statePrefix+job])
	if err != nil {
		return nil, nil // it cannot be read: all that can be done is to drop it or to set another
	}
	return s, nil
}

// commitEmpty adds a snapshot with the parent's files.
func (d *draft) commitEmpty(ctx context.Context, b *table.MetadataBuilder) error {
	if err := d.keep(ctx, &Replacement{}); err != nil {
		return err
	}
	snap, err := d.finish(ctx, table.OpAppend, max(d.lake.Now().UnixMilli(), d.base.LastUpdatedMillis()))
	if err != nil {
		return err
	}
	if err := b.AddSnapshot(snap); err != nil {
		return fault.Wrap(fault.Bug, err, "add the snapshot")
	}
	if err := b.SetSnapshotRef("main", snap.SnapshotID, table.BranchRef); err != nil {
		return fault.Wrap(fault.Bug, err, "move main")
	}
	return nil
}

// change makes one commit that adds no data, on whatever the table is, trying again after a lost race.
func (l *Lake) change(ctx context.Context, id Ident, job, attempt string, edit func(context.Context, *Table, *table.MetadataBuilder, *draft) error) error {
	settle, end := withGrace(ctx, signalGrace)
	defer end()
	for try := 1; ; try++ {
		err := l.changeOnce(ctx, settle, id, job, attempt, try, edit)
		var lost *conflict
		if !errors.As(err, &lost) || ctx.Err() != nil || try >= l.attempts() {
			return err
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
}

func (l *Lake) changeOnce(ctx, settle context.Context, id Ident, job, attempt string, try int, edit func(context.Context, *Table, *table.MetadataBuilder, *draft) error) error {
	t, err := l.Load(ctx, id)
	if err != nil {
		return err
	}
	b, err := table.MetadataBuilderFromBase(t.md, t.pointer.Location)
	if err != nil {
		return fault.Wrap(fault.Bug, err, "begin new metadata")
	}
	d := l.newDraft(t.md, attempt, try)
	if err := edit(ctx, t, b, d); err != nil {
		d.remove(ctx)
		return err
	}
	md, err := b.Build()
	if err != nil {
		d.remove(ctx)
		return fault.Wrap(fault.Bug, err, "build new metadata")
	}
	body, err := json.Marshal(md)
	if err != nil {
		d.remove(ctx)
		return fault.Wrap(fault.Bug, err, "encode table metadata")
	}
	location := fmt.Sprintf("%s/%05d-%s.metadata.json", d.metadataDir(), metadataNumber(t.pointer.Location)+1, newUUID())
	s := Swap{Ident: id, Expected: t.pointer, New: location, Metadata: md, Attempt: attempt, Wait: l.unknownWait(), Put: func(ctx context.Context) error {
		d.made = append(d.made, location)
		return l.put(ctx, location, body)
	}}
	outcome, err := l.Catalog.Swap(settle, s)
	if outcome != Applied {
		outcome, err = l.reconcile(settle, Commit{Request: Request{Ident: id, Job: job}, Attempt: attempt}, d, s, outcome, err)
	}
	switch outcome {
	case Applied:
		l.cleanOldMetadata(settle, t.md, md)
		l.removeFiles(settle, d.stale)
		return nil
	case Unknown:
		return err
	}
	d.remove(ctx)
	if fault.Is(err, fault.Retry) {
		return &conflict{err}
	}
	return err
}
