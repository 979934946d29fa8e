package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/apache/iceberg-go/table"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/storage"
)

// maxState is how many bytes a state may have as a table property: metastores keep properties of up to 4,000.
const maxState = 3500

// writeState gives the text of the property that holds a state. A larger one goes to a file beside the table's metadata, which the
// property names; the file is written before the commit, and removed when that is rejected.
func (d *draft) writeState(ctx context.Context, job string, s *State) (string, error) {
	text := s.encode()
	if len(text) <= maxState {
		return text, nil
	}
	location, err := d.write(ctx, fmt.Sprintf("firn-state-%s-%s-%d.json", job, d.attempt, d.try), []byte(text))
	if err != nil {
		return "", fmt.Errorf("write the state of job %s: %w", job, err)
	}
	return (&State{Attempt: s.Attempt, Snapshot: s.Snapshot, Sequence: s.Sequence, File: location}).encode(), nil
}

// readState reads a property that holds a state, and the file that it names, if it does.
func (t *Table) readState(ctx context.Context, job, text string) (*State, error) {
	hint := fmt.Sprintf("look at the table property %s%s; firn state %s drop --table %s forgets it", statePrefix, job, job, t.Ident)
	s, err := decodeState(text)
	if err != nil {
		return nil, fault.Wrap(fault.Config, err, "the state of job %s in %s cannot be read", job, t.Ident).Hint("%s", hint)
	}
	if s.File == "" {
		return s, nil
	}
	body, err := storage.ReadAll(ctx, t.lake.Store, s.File)
	if fault.Is(err, fault.NoInput) {
		return nil, fault.Wrap(fault.Config, err, "the file with the state of job %s in %s is gone", job, t.Ident).WithCode("STATE_LOST").Hint("%s", hint)
	}
	if err != nil {
		return nil, fmt.Errorf("read the state of job %s in %s: %w", job, t.Ident, err)
	}
	var whole State
	if err := json.Unmarshal(body, &whole); err != nil {
		return nil, fault.Wrap(fault.Config, err, "the state of job %s in %s cannot be read from %s", job, t.Ident, s.File).Hint("%s", hint)
	}
	if whole.Attempt != s.Attempt || whole.Snapshot != s.Snapshot {
		return nil, fault.Wrap(fault.Config, errors.New("it is of another commit"), "the state of job %s in %s cannot be read from %s", job, t.Ident, s.File).Hint("%s", hint)
	}
	whole.File = s.File
	return &whole, nil
}

// files parts the files of a state and of earlier ones into those that somebody may go back to, since their snapshots are there,
// and those that are stale.
func (s *State) files(base table.Metadata) (keep []StateFile, stale []string) {
	all := s.Earlier
	if s.File != "" {
		all = append(all[:len(all):len(all)], StateFile{s.File, s.Snapshot})
	}
	for _, f := range all {
		if base.SnapshotByID(f.Snapshot) != nil {
			keep = append(keep, f)
		} else {
			stale = append(stale, f.File)
		}
	}
	return keep, stale
}
