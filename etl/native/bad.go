package native

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/firn-data/firn/etl/plan"
	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/event"
	"github.com/firn-data/firn/internal/fault"
)

// lookFor is how long reading goes on after the first row that fails the run, to find more of them.
const lookFor = 5 * time.Second

// errEnough ends reading once enough failing rows are found; the run then fails with the list of them.
var errEnough = errors.New("enough bad rows found")

// badRows decides what becomes of bad rows: those that fail the run are collected, so that a user sees many at once;
// the others go to the quarantine until its limit.
type badRows struct {
	events *event.Events
	cancel context.CancelCauseFunc // ends reading
	max    int64                   // quarantine limit in rows
	keep   func(batch.BadRow) error

	mu          sync.Mutex
	failing     plan.BadRows
	quarantined int64
	timer       *time.Timer
	limit       error
}

// add takes one bad row. It returns an error when reading should stop.
func (b *badRows) add(row batch.BadRow, quarantine bool) error {
	b.events.OnBadRow(string(row.Stage), 1)
	if !quarantine {
		return b.fail(row)
	}
	b.mu.Lock()
	if b.limit != nil {
		b.mu.Unlock()
		return b.limit
	}
	b.quarantined++
	if b.quarantined > b.max {
		b.limit = fault.New(fault.Data, "more than %d rows would be quarantined", b.max).At(row.Place).
			Hint("look at the quarantined rows, fix them or the job, or raise quarantine.max_rows")
		defer b.cancel(b.limit)
	}
	b.mu.Unlock()
	return b.keep(row)
}

func (b *badRows) fail(row batch.BadRow) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failing.Total++
	if len(b.failing.Rows) < plan.BadRowsShown {
		b.failing.Rows = append(b.failing.Rows, row)
	}
	if b.failing.Total == 1 {
		b.timer = time.AfterFunc(lookFor, func() {
			b.mu.Lock()
			b.failing.More = true
			b.mu.Unlock()
			b.cancel(errEnough)
		})
	}
	if b.failing.Total >= plan.BadRowsShown {
		b.failing.More = true
		b.cancel(errEnough)
		return errEnough
	}
	return nil
}

// failed reports whether a row was met that fails the run: nothing need be written any more.
func (b *badRows) failed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failing.Total > 0
}

// verdict is the run's error, if bad rows make one. It replaces err where err only says that reading was stopped for them.
func (b *badRows) verdict(err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.timer != nil {
		b.timer.Stop()
	}
	switch {
	case err != nil && !errors.Is(err, errEnough) && !(b.limit != nil && errors.Is(err, b.limit)) && !(b.stopping() && errors.Is(err, context.Canceled)):
		return err
	case b.failing.Total > 0:
		return b.failing.Fault()
	case b.limit != nil:
		return b.limit
	}
	return err
}

func (b *badRows) stopping() bool { return b.failing.Total > 0 || b.limit != nil }
