package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/iceberg-go/table"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
)

// Mode is how a run's rows go into the table.
type Mode string

const (
	Append              Mode = "append"
	Overwrite           Mode = "overwrite"
	ReplaceInterval     Mode = "replace_interval"
	OverwritePartitions Mode = "overwrite_partitions"
	Upsert              Mode = "upsert"
)

// Request is what a run wants to do with a table.
type Request struct {
	Ident       Ident
	Job, RunID  string
	Mode        Mode
	Interval    *batch.Interval
	Fingerprint map[string]string
	FullRefresh bool
	Redo        bool
}

// Session is the table and state that a run starts from.
type Session struct {
	Table     *Table // nil: it does not exist yet
	State     *State // of the job; nil: none, or a full refresh
	raw       string
	Committed bool  // the run, or its interval, is committed already: there is nothing to do (I9)
	Snapshot  int64 // that commit's snapshot, when known
	Notes     []string
}

// Begin loads the table and settles what the job's state means for this run. Every rule about state lives here.
func (l *Lake) Begin(ctx context.Context, r Request) (*Session, error) {
	t, err := l.Load(ctx, r.Ident)
	if errors.Is(err, ErrNoTable) {
		return &Session{}, nil
	}
	if err != nil {
		return nil, err
	}
	return t.begin(ctx, r)
}

func (t *Table) begin(ctx context.Context, r Request) (*Session, error) {
	if r.Redo && r.Mode == Append && !r.FullRefresh {
		return nil, fault.New(fault.Config, "append cannot redo an interval: its rows would be there twice").
			Hint("use mode replace_interval, overwrite_partitions or upsert, or roll the run back first: firn rollback")
	}
	s := &Session{Table: t, raw: t.md.Properties()[statePrefix+r.Job]}
	others, err := t.others(ctx, r)
	if err != nil {
		return nil, err
	}
	if replacesAll := r.FullRefresh || r.Mode == Overwrite; replacesAll && len(others) > 0 {
		return nil, fault.New(fault.Config, "%s also holds rows of job %s, which this run would remove", t.Ident, strings.Join(others, ", ")).
			Hint("if that is meant: firn state %s drop --table %s, then run again", others[0], t.Ident)
	}
	if r.FullRefresh {
		return s, t.alreadyRun(s, r, nil)
	}
	f, err := t.State(ctx, r.Job)
	if err != nil {
		return nil, err
	}
	if f.Note != "" {
		s.Notes = append(s.Notes, f.Note)
	}
	if f.State == nil {
		if t.replaced(r.Job) {
			return nil, t.stateLost(r.Job)
		}
		if f.Note == "" && t.committed(r.Job) {
			s.Notes = append(s.Notes, fmt.Sprintf("%s no longer holds the state of job %s, which starts from the beginning", t.Ident, r.Job))
		}
		return s, nil
	}
	s.State = f.State
	if len(f.State.Fingerprint) > 0 && !sameFingerprint(f.State.Fingerprint, r.Fingerprint) {
		return nil, fault.New(fault.Config, "job %s read something else when it last wrote to %s: %s", r.Job, t.Ident, difference(f.State.Fingerprint, r.Fingerprint)).
			WithCode("FINGERPRINT_CHANGED").
			Hint("give the job another name, run once with --full-refresh, or keep its position with: firn state %s adopt", r.Job)
	}
	return s, t.alreadyRun(s, r, f.State)
}

// alreadyRun sets s.Committed, or refuses an interval that overlaps committed ones in part.
func (t *Table) alreadyRun(s *Session, r Request, st *State) error {
	if r.Interval == nil {
		id := t.snapshotOf(r)
		if id != 0 || st != nil && slices.Contains(st.Runs, r.RunID) {
			s.Committed, s.Snapshot = true, id
		}
		return nil
	}
	if r.FullRefresh && !r.Redo {
		// The run id is that of every run of the interval: only an earlier full refresh makes this one a repetition.
		if id := t.snapshotOf(r); id != 0 {
			s.Committed, s.Snapshot = true, id
		}
	}
	if st == nil || r.Redo && r.Mode != Append {
		return nil
	}
	inside, overlaps, with := st.covers(*r.Interval)
	if inside {
		s.Committed, s.Snapshot = true, t.snapshotOf(r)
		return nil
	}
	if overlaps && r.Mode == Append {
		return fault.New(fault.Config, "the interval overlaps [%s, %s), which is committed already: its rows would be there twice",
			with.Start.Format("2006-01-02T15:04:05Z07:00"), with.End.Format("2006-01-02T15:04:05Z07:00")).
			WithCode("INTERVAL_OVERLAPS").Hint("give an interval that is wholly inside or outside of it")
	}
	return nil
}

// replaced reports whether the table was replaced since the job committed: its history begins anew, beside that of the job, and
// the job's state went with the properties. After a rollback the two have ancestors in common.
func (t *Table) replaced(job string) bool {
	head := t.md.CurrentSnapshot()
	if _, at := t.stateAt(head, job); at != nil || !t.committed(job) {
		return false
	}
	main := map[int64]bool{}
	for a := head; a != nil; a = t.parent(a) {
		main[a.SnapshotID] = true
	}
	for _, s := range t.md.Snapshots() {
		if s.Summary == nil || s.Summary.Properties["firn.job"] != job {
			continue
		}
		for a := &s; a != nil; a = t.parent(a) {
			if main[a.SnapshotID] {
				return false
			}
		}
	}
	return true
}

// snapshotOf finds the run's snapshot in main's history; 0 when it is not there. A full refresh is found by a full refresh only.
func (t *Table) snapshotOf(r Request) int64 {
	for a := t.md.CurrentSnapshot(); a != nil; a = t.parent(a) {
		if a.Summary == nil {
			continue
		}
		p := a.Summary.Properties
		if p["firn.job"] == r.Job && p["firn.run-id"] == r.RunID && (p["firn.full-refresh"] == "true" || !r.FullRefresh) {
			return a.SnapshotID
		}
	}
	return 0
}

// others lists the other jobs whose state the table holds, and refuses two jobs that append the same source.
func (t *Table) others(ctx context.Context, r Request) ([]string, error) {
	var out []string
	for k, v := range t.md.Properties() {
		job, ok := strings.CutPrefix(k, statePrefix)
		if !ok || job == r.Job || v == "" {
			continue
		}
		out = append(out, job)
		if st, err := t.readState(ctx, job, v); err == nil && r.Mode == Append && len(r.Fingerprint) > 0 && sameFingerprint(st.Fingerprint, r.Fingerprint) {
			return nil, fault.New(fault.Config, "job %s appends the same source to %s: its rows would be there twice", job, t.Ident).
				WithCode("SOURCE_LOADED_TWICE").Hint("if job %s was renamed to %s: firn state %s drop --table %s", job, r.Job, job, t.Ident)
		}
	}
	slices.Sort(out)
	return out, nil
}

// difference names what changed between two fingerprints.
func difference(was, is map[string]string) string {
	var parts []string
	keys := map[string]bool{}
	for k := range was {
		keys[k] = true
	}
	for k := range is {
		keys[k] = true
	}
	for k := range keys {
		if was[k] != is[k] {
			parts = append(parts, fmt.Sprintf("%s was %q and is %q", k, was[k], is[k]))
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// committed reports whether any snapshot that the table still has is the job's.
func (t *Table) committed(job string) bool {
	return slices.ContainsFunc(t.md.Snapshots(), func(s table.Snapshot) bool { return s.Summary != nil && s.Summary.Properties["firn.job"] == job })
}
