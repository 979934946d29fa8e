package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/apache/iceberg-go/table"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
)

// statePrefix starts the table property that holds a job's state; the rest is the job's name.
const statePrefix = "firn.state."

// lastRuns is how many run ids without interval a state remembers.
const lastRuns = 32

// State is what a job remembers in its table (I1). It is written in the same commit as the rows that it speaks of.
type State struct {
	Position    json.RawMessage   `json:"position,omitempty"`
	Schema      json.RawMessage   `json:"schema,omitempty"` // of the source, as the last run read it
	Fingerprint map[string]string `json:"fingerprint,omitempty"`
	Intervals   [][2]int64        `json:"intervals,omitempty"` // committed ranges [start, end) in µs, merged, in order
	Runs        []string          `json:"runs,omitempty"`      // the last run ids without interval, oldest first
	Attempt     string            `json:"attempt"`
	Snapshot    int64             `json:"snapshot"`
	Sequence    int64             `json:"sequence"`

	// File is where the rest of a state is that is too large for a property; the property then holds the fields above from Attempt
	// on alone. Earlier are such files of earlier commits, whose snapshots may still be there to go back to.
	File    string      `json:"file,omitempty"`
	Earlier []StateFile `json:"earlier,omitempty"`
}

// StateFile is a file that holds a large state, and the snapshot that it was committed with.
type StateFile struct {
	File     string `json:"file"`
	Snapshot int64  `json:"snapshot"`
}

// covers reports whether the interval is wholly inside the committed ranges, and overlaps, whether it touches them.
func (s *State) covers(i batch.Interval) (inside, overlaps bool, with batch.Interval) {
	lo, hi := i.Start.UnixMicro(), i.End.UnixMicro()
	for _, r := range s.Intervals {
		if r[0] <= lo && hi <= r[1] {
			return true, true, micros(r)
		}
		if lo < r[1] && r[0] < hi {
			return false, true, micros(r)
		}
	}
	return false, false, batch.Interval{}
}

func micros(r [2]int64) batch.Interval {
	return batch.Interval{Start: time.UnixMicro(r[0]).UTC(), End: time.UnixMicro(r[1]).UTC()}
}

// withInterval merges an interval into the committed ranges.
func withInterval(ranges [][2]int64, i batch.Interval) [][2]int64 {
	all := append(slices.Clone(ranges), [2]int64{i.Start.UnixMicro(), i.End.UnixMicro()})
	slices.SortFunc(all, func(a, b [2]int64) int {
		switch {
		case a[0] < b[0]:
			return -1
		case a[0] > b[0]:
			return 1
		}
		return 0
	})
	out := all[:1]
	for _, r := range all[1:] {
		last := &out[len(out)-1]
		if r[0] <= last[1] {
			last[1] = max(last[1], r[1])
			continue
		}
		out = append(out, r)
	}
	return out
}

// encode is the state as ASCII JSON.
func (s *State) encode() string {
	b, err := json.Marshal(s)
	if err != nil {
		return "{}"
	}
	var out strings.Builder
	for _, r := range string(b) {
		switch {
		case r < 0x80:
			out.WriteRune(r)
		case r >= 0x10000:
			r -= 0x10000
			fmt.Fprintf(&out, `\u%04x\u%04x`, 0xd800+(r>>10), 0xdc00+(r&0x3ff))
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}

func decodeState(text string) (*State, error) {
	var s State
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return nil, err
	}
	return &s, nil
}

// Finding says where a job's state came from.
type Finding struct {
	State *State // nil: the job has never committed to this table
	Raw   string // the property as it was read, "" when absent; a commit checks that it is still that
	Note  string // what the user should know: "the table was rolled back …"
}

// States finds the state of every job of the table.
func (t *Table) States(ctx context.Context) (map[string]Finding, error) {
	out := map[string]Finding{}
	for k := range t.md.Properties() {
		job, ok := strings.CutPrefix(k, statePrefix)
		if !ok {
			continue
		}
		f, err := t.State(ctx, job)
		if err != nil {
			return nil, err
		}
		out[job] = f
	}
	return out, nil
}

// State finds a job's state. Properties do not go back when a table is rolled back, so the property counts only while the
// snapshot that it was committed with is in main's history; else the state of the nearest ancestor that has one does.
func (t *Table) State(ctx context.Context, job string) (Finding, error) {
	raw := t.md.Properties()[statePrefix+job]
	if raw == "" {
		return t.unset(ctx, job)
	}
	s, err := t.readState(ctx, job, raw)
	if err != nil {
		return Finding{}, err
	}
	if t.ancestor(s.Snapshot) || t.expired(s) {
		return Finding{State: s, Raw: raw}, nil
	}
	if old, at := t.stateAt(t.md.CurrentSnapshot(), job); old != "" {
		s, err := t.readState(ctx, job, old)
		if err != nil {
			return Finding{}, err
		}
		s.Snapshot, s.Sequence = at.SnapshotID, at.SequenceNumber
		return Finding{State: s, Raw: raw, Note: fmt.Sprintf("%s was rolled back: job %s goes on from snapshot %d", t.Ident, job, at.SnapshotID)}, nil
	}
	return Finding{}, t.stateLost(job)
}

// stateLost refuses to guess what a job has loaded.
func (t *Table) stateLost(job string) error {
	return fault.New(fault.Config, "%s was replaced or rolled back to before the first commit of job %s", t.Ident, job).WithCode("STATE_LOST").
		Hint("firn state %s drop --table %s, and the next run loads the rows from the beginning; or run once with --full-refresh", job, t.Ident)
}

// unset finds the state of a job whose property is not there: it has none, or somebody took the property away while the rows stayed,
// which are not to be loaded again.
func (t *Table) unset(ctx context.Context, job string) (Finding, error) {
	text, at := t.stateAt(t.md.CurrentSnapshot(), job)
	if text == "" {
		return Finding{}, nil
	}
	s, err := t.readState(ctx, job, text)
	if err != nil {
		return Finding{}, err
	}
	s.Snapshot, s.Sequence = at.SnapshotID, at.SequenceNumber
	return Finding{State: s, Note: fmt.Sprintf("somebody removed the state of job %s from the properties of %s: it goes on from snapshot %d", job, t.Ident, at.SnapshotID)}, nil
}

// stateAt is a job's state at a snapshot, as the summary of the nearest snapshot of the job at or before it has it; "" when
// there is none, or it was dropped.
func (t *Table) stateAt(from *table.Snapshot, job string) (text string, at *table.Snapshot) {
	for s := from; s != nil; s = t.parent(s) {
		if s.Summary == nil || s.Summary.Properties["firn.job"] != job {
			continue
		}
		if text := s.Summary.Properties["firn.state"]; text != "" || s.Summary.Properties["firn.state-dropped"] != "" {
			return text, s
		}
	}
	return "", nil
}

// expired reports whether the state's snapshot was expired, and not rolled away: the retained history of main breaks off
// above it.
func (t *Table) expired(s *State) bool {
	if t.md.SnapshotByID(s.Snapshot) != nil {
		return false
	}
	oldest := t.oldest(t.md.CurrentSnapshot())
	return oldest != nil && oldest.ParentSnapshotID != nil && oldest.SequenceNumber > s.Sequence
}

// oldest is the last snapshot that is retained of the history of one; its parent, if it names one, was expired.
func (t *Table) oldest(s *table.Snapshot) *table.Snapshot {
	if s == nil {
		return nil
	}
	for p := t.parent(s); p != nil; p = t.parent(s) {
		s = p
	}
	return s
}

// sameFingerprint compares what two states read.
func sameFingerprint(a, b map[string]string) bool { return maps.Equal(a, b) }
