package catalog

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/schema"
)

// Commit is everything that one snapshot needs. Files are this attempt's own; they are removed when the commit is
// definitely rejected, and left alone when its outcome is unknown (I2).
type Commit struct {
	Request
	Attempt      string
	Session      *Session
	Create       *NewTable     // the plan of the table, when Session.Table is nil
	Planned      schema.Schema // the schema that Files were written with
	Changes      []Change      // of the table's schema, on top of which Planned is
	Files        []DataFile
	PositionFrom json.RawMessage
	PositionTo   json.RawMessage
	SourceSchema json.RawMessage
	Summary      map[string]string // further firn.* entries: rows, engine, spec hash, quarantine snapshot

	// Replace plans what the run's rows replace on a head of the table; nil: nothing. It is asked anew on every head that the
	// commit is tried on. When it fails it leaves no file behind. Its context is the caller's of Commit.
	Replace func(ctx context.Context, head *Table) (*Replacement, error)

	hold Hold // on the table, after a lost race; nil: none
}

// Result is what a commit did.
type Result struct {
	Snapshot  int64
	Committed bool // false: it was committed already, by this run's earlier attempt
	Tries     int
	Warnings  []string
}

// Commit makes the snapshot. It returns an error of class Retry when another run of the job was faster or the table
// changed too much, and of class Unknown when the outcome could not be learnt.
func (l *Lake) Commit(caller context.Context, c Commit) (*Result, error) {
	// The swap outlives the caller's cancellation: a signal waits for its outcome.
	settle, end := withGrace(caller, signalGrace)
	defer end()
	ctx, cancel := context.WithCancel(settle)
	defer cancel()
	deadline := time.AfterFunc(l.timeout(), cancel)
	defer deadline.Stop()
	defer func() { c.release(settle) }()
	start, t := time.Now(), c.Session.Table
	for try := 1; ; try++ {
		deadline.Stop() // rewriting files is not part of committing: it may take long, and ends when the caller does
		planning := time.Now()
		rep, err := c.plan(caller, t)
		if err != nil {
			l.removeFiles(ctx, locations(c.Files))
			return nil, err
		}
		start = start.Add(time.Since(planning))
		deadline.Reset(l.timeout() - time.Since(start))
		res, err := l.try(ctx, settle, c, t, rep, try)
		l.Events.OnCommitAttempt(c.Ident.String(), outcomeOf(res, err), try, time.Since(start))
		if err == nil {
			res.Tries = try
			return res, nil
		}
		if !fault.Is(err, fault.Unknown) {
			l.removeFiles(ctx, locations(rep.Files))
		}
		var lost *conflict
		if !errors.As(err, &lost) {
			return nil, err
		}
		if t, err = l.next(ctx, settle, &c, lost, try); err != nil {
			if !fault.Is(err, fault.Unknown) {
				l.removeFiles(ctx, locations(c.Files))
			}
			return nil, err
		}
		if done := c.Session.Committed; done {
			l.removeFiles(ctx, locations(c.Files))
			return &Result{Snapshot: c.Session.Snapshot, Tries: try}, nil
		}
	}
}

// next gives the head to try on next: alone with it where the catalog can keep others out, else after a little while.
func (l *Lake) next(ctx, settle context.Context, c *Commit, lost *conflict, try int) (*Table, error) {
	if try >= l.attempts() {
		return nil, fault.Wrap(fault.Retry, lost.cause, "commit to %s lost %d races", c.Ident, try).Hint("run again, or raise commit.attempts of the lake")
	}
	if ctx.Err() != nil {
		return nil, fault.New(fault.Retry, "commit to %s took longer than %s", c.Ident, l.timeout())
	}
	c.release(settle)
	var err error
	if x, ok := l.Catalog.(Excluder); ok {
		c.hold, err = x.Exclude(ctx, c.Ident, c.Attempt)
	} else {
		err = pause(ctx, try)
	}
	if err != nil {
		return nil, err
	}
	return l.afterConflict(ctx, *c)
}

// pause waits a random while, longer with every try, so that writers who met once do not meet again.
func pause(ctx context.Context, try int) error {
	select {
	case <-time.After(time.Duration(rand.Int64N(int64(min(50*time.Millisecond<<min(try, 6), 2*time.Second))))):
		return nil
	case <-ctx.Done():
		return fault.Wrap(fault.Retry, context.Cause(ctx), "wait to commit again")
	}
}

// release lets others write to the table again.
func (c *Commit) release(ctx context.Context) {
	if c.hold != nil {
		c.hold.Release(ctx)
		c.hold = nil
	}
}

func outcomeOf(r *Result, err error) string {
	switch {
	case err == nil:
		return "applied"
	case fault.Is(err, fault.Unknown):
		return "unknown"
	}
	return "conflict"
}

func (l *Lake) timeout() time.Duration {
	if l.Policy.Timeout > 0 {
		return l.Policy.Timeout
	}
	return 5 * time.Minute
}

func (l *Lake) attempts() int {
	if l.Policy.Attempts > 0 {
		return l.Policy.Attempts
	}
	return 20
}

// conflict says that the swap was definitely not applied because somebody else was faster.
type conflict struct{ cause error }

func (c *conflict) Error() string { return "conflict: " + c.cause.Error() }
func (c *conflict) Unwrap() error { return c.cause }

// afterConflict loads the table again and decides whether this commit may still be made on it.
func (l *Lake) afterConflict(ctx context.Context, c Commit) (*Table, error) {
	t, err := l.Load(ctx, c.Ident)
	if err != nil {
		return nil, err
	}
	old := c.Session.Table
	if old != nil && old.UUID != t.UUID {
		return nil, fault.New(fault.Retry, "%s was dropped and created again during the run", c.Ident).Hint("run again")
	}
	s, err := t.begin(ctx, c.Request)
	if err != nil {
		return nil, err
	}
	if s.Committed {
		c.Session.Committed, c.Session.Snapshot = true, s.Snapshot
		return t, nil
	}
	if !sameStart(s.State, c.Session.State) {
		return nil, fault.New(fault.Retry, "another run of job %s committed to %s meanwhile", c.Job, c.Ident).Hint("run again: it starts where that one ended")
	}
	if err := fits(t, c); err != nil {
		return nil, err
	}
	c.Session.raw, c.Session.State = s.raw, s.State
	return t, nil
}

// sameStart reports whether two states leave a run at the same place.
func sameStart(a, b *State) bool {
	var x, y json.RawMessage
	if a != nil {
		x = a.Position
	}
	if b != nil {
		y = b.Position
	}
	return SamePosition(x, y)
}

// SamePosition reports whether two positions are the same JSON value, however they spell it: a state is kept in ASCII.
func SamePosition(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, errX := positionValue(a)
	y, errY := positionValue(b)
	return errX == nil && errY == nil && reflect.DeepEqual(x, y)
}

func positionValue(p json.RawMessage) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(p))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

// try stages one snapshot on t, or on a new table, and swaps. settle bounds what follows once the swap may have been sent.
func (l *Lake) try(ctx, settle context.Context, c Commit, t *Table, rep *Replacement, try int) (*Result, error) {
	base, expected, err := l.baseOf(c, t)
	if err != nil {
		return nil, err
	}
	if t != nil && base.Properties()[statePrefix+c.Job] != c.Session.raw {
		// The metadata that is swapped must have the very state that the run started from (I1).
		l.removeFiles(ctx, locations(c.Files))
		return nil, fault.New(fault.Retry, "the state of job %s in %s changed during the run", c.Job, c.Ident).Hint("run again")
	}
	d := l.newDraft(base, c.Attempt, try)
	md, err := l.stage(ctx, c, d, rep, t != nil, expected.Location)
	if err != nil {
		d.remove(ctx)
		l.removeFiles(ctx, locations(c.Files))
		return nil, err
	}
	location := fmt.Sprintf("%s/%05d-%s.metadata.json", d.metadataDir(), metadataNumber(expected.Location)+1, newUUID())
	body, err := json.Marshal(md)
	if err != nil {
		return nil, fault.Wrap(fault.Bug, err, "encode table metadata")
	}
	s := Swap{Ident: c.Ident, Expected: expected, New: location, Metadata: md, Attempt: c.Attempt, Wait: l.unknownWait(), Hold: c.hold, Put: func(ctx context.Context) error {
		l.point("put")
		d.made = append(d.made, location)
		return l.put(ctx, location, body)
	}}
	l.point("swap")
	var outcome Outcome
	if t == nil {
		outcome, err = l.Catalog.Create(settle, s)
	} else {
		outcome, err = l.Catalog.Swap(settle, s)
	}
	l.point("answer")
	if outcome != Applied {
		// "Modified" can be the echo of our own success: every refusal passes the witness too.
		if outcome, err = l.reconcile(settle, c, d, s, outcome, err); err != nil && outcome != NotApplied {
			return nil, err
		}
	}
	if outcome == Applied {
		l.cleanOldMetadata(ctx, base, md)
		l.removeFiles(ctx, d.stale)
		return &Result{Snapshot: d.id, Committed: true}, nil
	}
	d.remove(ctx)
	if errors.Is(err, ErrTableExists) || fault.Is(err, fault.Retry) {
		return nil, &conflict{err}
	}
	l.removeFiles(ctx, locations(c.Files))
	return nil, err
}

// baseOf is the metadata that the snapshot goes on top of: the table's, or that of the planned table.
func (l *Lake) baseOf(c Commit, t *Table) (table.Metadata, Pointer, error) {
	if t != nil {
		return t.md, t.pointer, nil
	}
	md, err := c.Create.metadata()
	return md, Pointer{}, err
}

// stage writes manifests and manifest list and gives the metadata with snapshot and state.
func (l *Lake) stage(ctx context.Context, c Commit, d *draft, rep *Replacement, exists bool, previous string) (table.Metadata, error) {
	l.point("manifests")
	b, err := table.MetadataBuilderFromBase(d.base, previous)
	if err != nil {
		return nil, fault.Wrap(fault.Bug, err, "begin new metadata")
	}
	if err := evolve(b, d.base, c.Changes); err != nil {
		return nil, err
	}
	d.schema = b.CurrentSchema()
	op, err := d.fill(ctx, c, rep)
	if err != nil {
		return nil, err
	}
	st, stale := c.nextState(d)
	text, err := d.writeState(ctx, c.Job, st)
	if err != nil {
		return nil, err
	}
	d.stale = append(d.stale, stale...)
	d.props["firn.job"], d.props["firn.run-id"], d.props["firn.attempt"] = c.Job, c.RunID, c.Attempt
	if c.FullRefresh {
		d.props["firn.full-refresh"] = "true"
	}
	if c.Interval != nil {
		d.props["firn.interval"] = c.Interval.Start.UTC().Format(time.RFC3339Nano) + "/" + c.Interval.End.UTC().Format(time.RFC3339Nano)
	}
	if len(c.PositionFrom)+len(c.PositionTo) <= maxState {
		d.props["firn.position.from"], d.props["firn.position.to"] = string(c.PositionFrom), string(c.PositionTo)
	}
	d.props["firn.state"] = text
	maps.Copy(d.props, c.Summary)
	maps.DeleteFunc(d.props, func(_, v string) bool { return v == "" })
	now := l.Now().UnixMilli()
	if exists {
		now = max(now, d.base.LastUpdatedMillis())
	}
	snap, err := d.finish(ctx, op, now)
	if err != nil {
		return nil, err
	}
	if err := b.AddSnapshot(snap); err != nil {
		return nil, fault.Wrap(fault.Bug, err, "add the snapshot")
	}
	if err := b.SetSnapshotRef("main", snap.SnapshotID, table.BranchRef); err != nil {
		return nil, fault.Wrap(fault.Bug, err, "move main")
	}
	if err := b.SetProperties(iceberg.Properties{statePrefix + c.Job: text}); err != nil {
		return nil, fault.Wrap(fault.Bug, err, "set the state")
	}
	md, err := b.Build()
	if err != nil {
		return nil, fault.Wrap(fault.Bug, err, "build new metadata")
	}
	return md, nil
}

// fill puts the run's files and what is left of the table's on the draft.
func (d *draft) fill(ctx context.Context, c Commit, rep *Replacement) (table.Operation, error) {
	if err := d.addFiles(ctx, append(slices.Clone(c.Files), rep.Files...)); err != nil {
		return "", err
	}
	if err := d.keep(ctx, rep); err != nil {
		return "", err
	}
	if err := d.mergeManifests(ctx); err != nil {
		return "", err
	}
	switch {
	case d.removed == counts{}:
		return table.OpAppend, nil
	case d.added == counts{}:
		return table.OpDelete, nil
	}
	return table.OpOverwrite, nil
}

// nextState is the job's state after this commit (I1), and the files of earlier states that nothing can go back to any more.
func (c Commit) nextState(d *draft) (st *State, stale []string) {
	st = &State{Fingerprint: c.Fingerprint, Position: c.PositionTo, Schema: c.SourceSchema, Attempt: c.Attempt, Snapshot: d.id, Sequence: d.seq}
	if old := c.Session.State; old != nil {
		st.Intervals, st.Runs = old.Intervals, slices.Clone(old.Runs)
		if st.Position == nil {
			st.Position = old.Position
		}
		st.Earlier, stale = old.files(d.base)
	}
	if c.Interval != nil {
		st.Intervals = withInterval(st.Intervals, *c.Interval)
		return st, stale
	}
	st.Runs = append(st.Runs, c.RunID)
	if n := len(st.Runs); n > lastRuns {
		st.Runs = st.Runs[n-lastRuns:]
	}
	return st, stale
}

// cleanOldMetadata removes metadata files that the table's own properties say are no longer wanted.
func (l *Lake) cleanOldMetadata(ctx context.Context, base, now table.Metadata) {
	if now.Properties()["write.metadata.delete-after-commit.enabled"] != "true" {
		return
	}
	keep := map[string]bool{}
	for e := range now.PreviousFiles() {
		keep[e.MetadataFile] = true
	}
	for e := range base.PreviousFiles() {
		if !keep[e.MetadataFile] {
			l.removeFiles(ctx, []string{e.MetadataFile})
		}
	}
}

// metadataNumber is the number that a metadata file's name starts with; -1 for none.
func metadataNumber(location string) int {
	base := location[1+lastSlash(location):]
	n := 0
	for n < len(base) && base[n] >= '0' && base[n] <= '9' {
		n++
	}
	v, err := strconv.Atoi(base[:n])
	if err != nil {
		return -1
	}
	return v
}

func lastSlash(s string) int {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == '/' {
			return i
		}
	}
	return -1
}

func locations(files []DataFile) []string {
	out := make([]string, len(files))
	for i, f := range files {
		out[i] = f.Location
	}
	return out
}
