package catalog

import (
	"context"
	"errors"
	"time"

	"github.com/firn-data/firn/internal/fault"
)

// signalGrace is how long a commit whose caller was cancelled goes on looking for the outcome of its swap.
const signalGrace = 20 * time.Second

// withGrace is a context that ends some time after ctx does; end gives back what it holds.
func withGrace(ctx context.Context, grace time.Duration) (late context.Context, end func()) {
	late, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.AfterFunc(grace, func() { cancel(context.Cause(ctx)) })
		context.AfterFunc(late, func() { t.Stop() })
	})
	return late, func() {
		stop()
		cancel(nil)
	}
}

// reconcile looks for the witness of a swap that was refused or whose answer was lost (I2). While the pointer has not moved, the
// identical swap is sent again: of those that compare before they swap at most one can win, and so of those that create.
func (l *Lake) reconcile(ctx context.Context, c Commit, d *draft, s Swap, outcome Outcome, cause error) (Outcome, error) {
	if outcome == NotSent {
		return NotApplied, cause
	}
	deadline := l.Now().Add(l.unknownWait())
	again := s
	again.Put = func(context.Context) error { return nil }
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		p, err := l.Catalog.Load(ctx, c.Ident)
		final := outcome == Unknown && errors.Is(cause, ErrUnsettled)
		switch {
		case err == nil:
			applied, werr := l.witness(ctx, c, d, s, p)
			moved := p.Location != s.Expected.Location
			switch {
			case werr != nil:
			case applied:
				return Applied, nil
			case outcome == NotApplied:
				return NotApplied, cause
			case final: // a swap that nothing compared may still land
			case moved:
				return NotApplied, fault.Wrap(fault.Retry, cause, "%s moved on without this commit", c.Ident)
			default:
				// A refusal of the repetition proves nothing of the first one, which may still be under way.
				again, err := l.Catalog.Swap(ctx, again)
				if again == Applied {
					return Applied, nil
				}
				cause = err
			}
		case errors.Is(err, ErrNoTable) && outcome == NotApplied:
			return NotApplied, cause
		case errors.Is(err, ErrNoTable) && s.Expected.Location == "":
			again, err := l.Catalog.Create(ctx, again)
			if again == Applied {
				return Applied, nil
			}
			cause = err
		}
		if final || l.Now().After(deadline) || ctx.Err() != nil {
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
