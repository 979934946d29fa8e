package hive

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/internal/fault"
)

// Locks implements catalog.LockLister.
func (c *Catalog) Locks(ctx context.Context, id catalog.Ident) ([]catalog.Lock, error) {
	srv, err := c.about(ctx)
	if err != nil {
		return nil, err
	}
	shown, err := c.client.showLocks(ctx, id.Namespace, id.Table)
	if err != nil {
		return nil, c.client.classify(ctx, err, "list the locks on %s", id)
	}
	slices.SortFunc(shown, func(a, b *record) int { return cmp.Compare(a.number(shownID), b.number(shownID)) })
	out := make([]catalog.Lock, len(shown))
	for i, s := range shown {
		l := &out[i]
		l.ID, l.Agent, l.User, l.Host = strconv.FormatInt(s.number(shownID), 10), s.text(shownAgent), s.text(shownUser), s.text(shownHost)
		l.State, l.Acquired, l.Heartbeat = stateName(s.enum(shownState)), milliseconds(s.number(shownAcquired)), milliseconds(s.number(shownHeartbeat))
		if !l.Heartbeat.IsZero() {
			l.Expires = l.Heartbeat.Add(srv.lockTimeout)
		}
	}
	return out, nil
}

// Break implements catalog.LockLister.
func (c *Catalog) Break(ctx context.Context, id catalog.Ident, lockID string) error {
	locks, err := c.Locks(ctx, id)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(locks, func(l catalog.Lock) bool { return l.ID == lockID }) {
		return fault.New(fault.NoInput, "%s has no lock %q", id, lockID).Hint("firn locks list %s shows the locks there are", id)
	}
	n, err := strconv.ParseInt(lockID, 10, 64)
	if err != nil {
		return fault.Wrap(fault.Bug, err, "read the id of a lock")
	}
	if err := c.client.unlock(ctx, n); err != nil {
		if refused(err, "TxnOpenException") {
			return fault.Wrap(fault.Config, err, "lock %s on %s belongs to a Hive transaction", lockID, id).Hint("abort that transaction in Hive")
		}
		return c.client.classify(ctx, err, "break lock %s on %s", lockID, id)
	}
	return nil
}

// stateName is a LockState of hive_metastore.thrift in words.
func stateName(s int32) string {
	switch s {
	case acquired:
		return "acquired"
	case waiting:
		return "waiting"
	case 3:
		return "aborted"
	}
	return "not acquired"
}

func milliseconds(ms int64) time.Time {
	if ms <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

var _ catalog.LockLister = (*Catalog)(nil)
