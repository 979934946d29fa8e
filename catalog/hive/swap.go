package hive

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/internal/fault"
)

// Create implements catalog.Catalog. The server refuses a name that is taken, so no lock is needed.
func (c *Catalog) Create(ctx context.Context, s catalog.Swap) (catalog.Outcome, error) {
	if err := c.namespace(ctx, s.Ident.Namespace); err != nil {
		return catalog.NotSent, err
	}
	if err := s.Put(ctx); err != nil {
		return catalog.NotSent, err
	}
	t := newTable(s.Ident, int32(time.Now().Unix()))
	describe(t, s.Metadata, s.New, "")
	k, err := c.client.dial(ctx) // an idle connection may have died, which would leave the outcome open
	if err != nil {
		return catalog.NotSent, c.client.classify(ctx, err, "create %s", s.Ident)
	}
	err = k.createTable(ctx, t)
	c.client.put(k)
	switch {
	case err == nil:
		return catalog.Applied, nil
	case refused(err, "AlreadyExistsException"):
		return catalog.NotApplied, fault.Wrap(fault.Retry, catalog.ErrTableExists, "create %s", s.Ident)
	case unsent(err):
		return catalog.NotSent, c.client.classify(ctx, err, "create %s", s.Ident)
	case refused(err):
		f := c.client.classify(ctx, err, "create %s", s.Ident)
		if strings.Contains(err.Error(), "managed warehouse") {
			f = fault.Wrap(fault.Config, err, "create %s", s.Ident).Hint("move the lake's warehouse out of the metastore's managed directory")
		}
		return catalog.NotApplied, f
	}
	return catalog.Unknown, c.client.classify(ctx, err, "create %s", s.Ident)
}

// Exclude implements catalog.Excluder.
func (c *Catalog) Exclude(ctx context.Context, id catalog.Ident, attempt string) (catalog.Hold, error) {
	h, err := c.exclude(ctx, id, attempt)
	if err != nil {
		return nil, err
	}
	return h, nil
}

// hold is a table's lock, and its place in the queue of this process.
type hold struct {
	*lock
	cat     *Catalog
	id      catalog.Ident
	attempt string
	leave   func()
	over    bool
}

func (c *Catalog) exclude(ctx context.Context, id catalog.Ident, attempt string) (*hold, error) {
	leave, err := c.enter(ctx, id)
	if err != nil {
		return nil, err
	}
	h := &hold{cat: c, id: id, attempt: attempt, leave: leave}
	if err := h.take(ctx); err != nil {
		leave()
		return nil, err
	}
	return h, nil
}

// take takes the lock; in place of one that was lost, too.
func (h *hold) take(ctx context.Context) error {
	srv, err := h.cat.about(ctx)
	if err != nil {
		return err
	}
	l, err := h.cat.client.acquire(ctx, h.id, h.attempt, srv.lockTimeout, h.cat.cfg.LockWait)
	if err != nil {
		return err
	}
	if h.lock != nil {
		h.abandon()
	}
	h.lock = l
	return nil
}

// Release implements catalog.Hold.
func (h *hold) Release(ctx context.Context) {
	if h.over {
		return
	}
	h.over = true
	defer h.leave()
	if err := h.unlock(ctx); err != nil {
		h.cat.cfg.Events.OnWarn("the lock on " + h.id.String() + " is left to expire: " + err.Error())
	}
}

// keepOut ends the hold and leaves the lock: whoever comes next waits until it expires.
func (h *hold) keepOut() {
	h.over = true
	h.abandon()
	h.leave()
}

// Swap implements catalog.Catalog: under an exclusive lock, and compared by the server where it can.
func (c *Catalog) Swap(ctx context.Context, s catalog.Swap) (catalog.Outcome, error) {
	srv, err := c.about(ctx)
	if err != nil {
		return catalog.NotSent, err
	}
	if !srv.compares && strings.EqualFold(s.Metadata.Properties()["engine.hive.lock-enabled"], "false") {
		return catalog.NotSent, fault.New(fault.Config, "%s says engine.hive.lock-enabled=false, and the metastore %s does not compare before it swaps: nothing would protect the table", s.Ident, srv.version).
			Hint("remove the property from the table, or use a metastore from 4.0 on")
	}
	h, held := s.Hold.(*hold)
	if !held || h.over {
		if h, err = c.exclude(ctx, s.Ident, s.Attempt); err != nil {
			return catalog.NotSent, err
		}
		defer h.Release(ctx)
	}
	w := &swapping{Swap: s, client: c.client, compares: srv.compares, hold: h}
	outcome, err := w.swap(ctx)
	if outcome == catalog.Unknown && !srv.compares {
		h.keepOut()
	}
	return outcome, err
}

// swapping is one swap under its lock.
type swapping struct {
	catalog.Swap
	client   *client
	compares bool // what the server does
	hold     *hold
}

func (w *swapping) swap(ctx context.Context) (catalog.Outcome, error) {
	k, t, err := w.client.session(ctx, w.Ident)
	if k != nil {
		defer w.client.put(k)
	}
	if refused(err, "NoSuchObjectException") {
		return catalog.NotSent, conflict(w.Ident, err)
	}
	if err != nil {
		return catalog.NotSent, w.client.classify(ctx, err, "commit to %s", w.Ident)
	}
	p, err := pointer(w.Ident, t)
	if err != nil {
		return catalog.NotSent, err
	}
	switch p.Location {
	case w.New:
		return catalog.Applied, nil // by an earlier try of this very swap
	case w.Expected.Location:
	default:
		return catalog.NotApplied, conflict(w.Ident, nil) // which may be that earlier try, with others on top
	}
	if err := w.Put(ctx); err != nil {
		return catalog.NotSent, err
	}
	describe(t, w.Metadata, w.New, w.Expected.Location)
	return w.alter(ctx, k, t)
}

// alter sends the swap, once, while the lock surely lives.
func (w *swapping) alter(ctx context.Context, k *connection, t *record) (catalog.Outcome, error) {
	l := w.hold.lock
	if !w.compares || !l.fresh() {
		if err := l.refresh(ctx); err != nil || !l.fresh() {
			return catalog.NotSent, fault.Wrap(fault.Retry, err, "the lock on %s could not be kept", w.Ident).Hint("run again")
		}
	}
	// An answer that comes after the lock's end would be of no use: somebody else may be writing then.
	call, cancel := context.WithTimeout(ctx, l.left()*9/10)
	err := k.alterTable(call, w.Ident.Namespace, w.Ident.Table, t, w.Expected.Location)
	cancel()
	switch {
	case err == nil && w.compares:
		return catalog.Applied, nil
	case err == nil:
		return w.settle(ctx, true, nil)
	case unsent(err):
		return catalog.NotSent, w.client.classify(ctx, err, "commit to %s", w.Ident)
	case modified(err), refused(err, "InvalidOperationException") && strings.Contains(err.Error(), "not found"):
		return catalog.NotApplied, conflict(w.Ident, err)
	case refused(err):
		return catalog.NotApplied, w.client.classify(ctx, err, "commit to %s", w.Ident)
	}
	err = w.client.classify(ctx, err, "commit to %s", w.Ident)
	if w.compares {
		return catalog.Unknown, err
	}
	return w.settle(ctx, false, err)
}

// modified reports whether the server compared, and found that the table is not what the swap expected.
func modified(err error) bool {
	return refused(err) && strings.Contains(err.Error(), "The table has been modified")
}

// settle finds out, on a server that does not compare, what became of an alter. answered: the server said yes, so that it is not under
// way any more; but if the lock ran out meanwhile, another writer may have altered the table at the same time. Without an answer,
// sending it again could undo what others did, and an absent witness proves nothing, for a call can land after it was given up.
func (w *swapping) settle(ctx context.Context, answered bool, cause error) (catalog.Outcome, error) {
	for deadline := time.Now().Add(w.Wait); ; {
		location, err := w.look(ctx)
		switch {
		case err != nil && cause == nil:
			cause = w.client.classify(ctx, err, "confirm the commit to %s", w.Ident)
		case err != nil:
		case location == w.New:
			return catalog.Applied, nil
		case answered:
			return catalog.NotApplied, conflict(w.Ident, nil)
		}
		moved := err == nil && location != w.Expected.Location
		if moved || time.Now().After(deadline) || ctx.Err() != nil {
			return catalog.Unknown, fault.Wrap(fault.Unknown, errors.Join(catalog.ErrUnsettled, cause), "commit to %s", w.Ident)
		}
		select {
		case <-time.After(min(time.Second, w.Wait/10+time.Millisecond)):
		case <-ctx.Done():
		}
	}
}

// look reads the table's pointer while nobody else holds the table: a heartbeat after it proves that the lock lived until then, and a
// lock that ran out is taken again, which waits for who took it meanwhile.
func (w *swapping) look(ctx context.Context) (location string, err error) {
	if w.hold.gone() != nil {
		if err := w.hold.take(ctx); err != nil {
			return "", err
		}
	}
	t, err := w.client.getTable(ctx, w.Ident)
	if err != nil {
		return "", err
	}
	return t.strings(tableParameters)[metadataLocation], w.hold.refresh(ctx)
}
