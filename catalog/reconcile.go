package catalog

import (
	"context"
	"errors"
	"time"

	"github.com/firn-data/firn/internal/fault"
)

// reconcile looks for the witness of a swap that was refused or whose answer was lost (I2).
func (l *Lake) reconcile(ctx context.Context, c Commit, d *draft, s Swap, outcome Outcome, cause error) (Outcome, error) {
	deadline := l.Now().Add(l.unknownWait())
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		p, err := l.Catalog.Load(ctx, c.Ident)
		switch {
		case err == nil:
			applied, werr := l.witness(ctx, c, d, s, p)
			if werr == nil && applied {
				return Applied, nil
			}
			if werr == nil && (outcome == NotApplied || p.Location != s.Expected.Location) {
				if outcome == Unknown {
					cause = fault.Wrap(fault.Retry, cause, "%s moved on without this commit", c.Ident)
				}
				return NotApplied, cause
			}
			if werr == nil && s.Expected.Location != "" {
				// The pointer has not moved: the identical compare-and-set again; at most one of them can win.
				again := s
				again.Put = func(context.Context) error { return nil }
				if outcome, cause = l.Catalog.Swap(ctx, again); outcome == Applied {
					return Applied, nil
				}
			}
		case errors.Is(err, ErrNoTable) && outcome == NotApplied:
			return NotApplied, cause
		}
		if l.Now().After(deadline) || ctx.Err() != nil {
			return Unknown, fault.Wrap(fault.Unknown, cause, "commit to %s", c.Ident).
				Hint("run the same command again once the catalog answers: it finds out, and loads nothing twice")
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

func (l *Lake) unknownWait() time.Duration {
	if l.Policy.UnknownWait > 0 {
		return l.Policy.UnknownWait
	}
	return 10 * time.Minute
}

// witness looks for this commit in the table: its snapshot, its attempt in the job's state, or its metadata file.
func (l *Lake) witness(ctx context.Context, c Commit, d *draft, s Swap, p Pointer) (bool, error) {
	if p.Location == s.New {
		return true, nil
	}
	if p.Location == s.Expected.Location {
		return false, nil
	}
	t, err := l.open(ctx, c.Ident, p)
	if err != nil {
		return false, err
	}
	if t.md.SnapshotByID(d.id) != nil {
		return true, nil
	}
	if st, err := decodeState(t.md.Properties()[statePrefix+c.Job]); err == nil && st.Attempt == c.Attempt {
		return true, nil
	}
	for e := range t.md.PreviousFiles() {
		if e.MetadataFile == s.New {
			return true, nil
		}
	}
	return false, nil
}

