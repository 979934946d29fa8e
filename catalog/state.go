package catalog

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

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
func (t *Table) States() (map[string]Finding, error) {
	out := map[string]Finding{}
	for k := range t.md.Properties() {
		job, ok := strings.CutPrefix(k, statePrefix)
		if !ok {
			continue
		}
		f, err := t.State(job)
		if err != nil {
			return nil, err
		}
		out[job] = f
	}
	return out, nil
}

// State finds a job's state. Properties do not go back when a table is rolled back, so the property counts only while the
// snapshot that it was committed with is in main's history; else the state of the nearest ancestor that has one does.
func (t *Table) State(job string) (Finding, error) {
	raw := t.md.Properties()[statePrefix+job]
	if raw == "" {
		return Finding{}, nil
	}
	s, err := decodeState(raw)
	if err != nil {
		return Finding{}, fault.Wrap(fault.Config, err, "the state of job %s in %s cannot be read", job, t.Ident).
			Hint("look at the table property %s%s; firn state %s drop forgets it", statePrefix, job, job)
	}
	if t.ancestor(s.Snapshot) || t.expired(s) {
		return Finding{State: s, Raw: raw}, nil
	}
	for a := t.md.CurrentSnapshot(); a != nil; a = t.parent(a) {
		if a.Summary == nil || a.Summary.Properties["firn.job"] != job || a.Summary.Properties["firn.state"] == "" {
			continue
		}
		old, err := decodeState(a.Summary.Properties["firn.state"])
		if err != nil {
			break
		}
		old.Snapshot, old.Sequence = a.SnapshotID, a.SequenceNumber
		return Finding{State: old, Raw: raw, Note: fmt.Sprintf("%s was rolled back: job %s goes on from snapshot %d", t.Ident, job, a.SnapshotID)}, nil
	}
	return Finding{}, fault.New(fault.Config, "%s was replaced or rolled back to before the first commit of job %s", t.Ident, job).WithCode("STATE_LOST").
		Hint("firn state %s drop, and the next run loads the rows from the beginning; or run once with --full-refresh", job)
}

// expired reports whether the state's snapshot was expired, and not rolled away: the retained history of main breaks off
// above it.
func (t *Table) expired(s *State) bool {
	if t.md.SnapshotByID(s.Snapshot) != nil {
		return false
	}
	oldest := t.md.CurrentSnapshot()
	if oldest == nil {
		return false
	}
	for p := t.parent(oldest); p != nil; p = t.parent(oldest) {
		oldest = p
	}
	return oldest.ParentSnapshotID != nil && oldest.SequenceNumber > s.Sequence
}

// sameFingerprint compares what two states read.
func sameFingerprint(a, b map[string]string) bool { return maps.Equal(a, b) }
