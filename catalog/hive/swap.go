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
		return catalog.NotApplied, err
	}
	if err := s.Put(ctx); err != nil {
		return catalog.NotApplied, err
	}
	t := newTable(s.Ident, int32(time.Now().Unix()))
	describe(t, s.Metadata, s.New, "")
	k, err := c.client.get(ctx)
	if err != nil {
		return catalog.NotApplied, c.client.classify(ctx, err, "create %s", s.Ident)
	}
	err = k.createTable(ctx, t)
	c.client.put(k)
	switch {
	case err == nil:
		return catalog.Applied, nil
	case refused(err, "AlreadyExistsException"):
		return catalog.NotApplied, fault.Wrap(fault.Retry, catalog.ErrTableExists, "create %s", s.Ident)
	case refused(err), unsent(err):
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
	id    catalog.Ident
	cat   *Catalog
	leave func()
	over  bool
}

func (c *Catalog) exclude(ctx context.Context, id catalog.Ident, attempt string) (*hold, error) {
	leave, err := c.enter(ctx, id)
	if err != nil {
		return nil, err
	}
	srv, err := c.about(ctx)
	if err == nil {
		var l *lock
		if l, err = c.client.acquire(ctx, id, attempt, srv.lockTimeout, c.cfg.LockWait); err == nil {
			return &hold{lock: l, id: id, cat: c, leave: leave}, nil
		}
	}
	leave()
	return nil, err
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
		return catalog.NotApplied, err
	}
	if !srv.compares && strings.EqualFold(s.Metadata.Properties()["engine.hive.lock-enabled"], "false") {
		return catalog.NotApplied, fault.New(fault.Config, "%s says engine.hive.lock-enabled=false, and the metastore %s does not compare before it swaps: nothing would protect the table", s.Ident, srv.version).
			Hint("remove the property from the table, or use a metastore from 4.0 on")
	}
	h, held := s.Hold.(*hold)
	if !held || h.over {
		if h, err = c.exclude(ctx, s.Ident, s.Attempt); err != nil {
			return catalog.NotApplied, err
		}
		defer h.Release(ctx)
	}
	w := &swapping{Catalog: c, srv: srv, lock: h.lock, Swap: s}
	outcome, err := w.swap(ctx)
	if outcome == catalog.Unknown && !srv.compares {
		if outcome, err = w.watch(ctx, err); outcome == catalog.Unknown {
			h.keepOut()
		}
	}
	return outcome, err
}

// session gives a connection that just answered, with the table that it read: an idle one may have died.
func (c *client) session(ctx context.Context, id catalog.Ident) (*connection, *record, error) {
	for try := 1; ; try++ {
		k, err := c.get(ctx)
		if err != nil {
			return nil, nil, err
		}
		t, err := k.getTable(ctx, id.Namespace, id.Table)
		if !k.broken || try == 3 {
			return k, t, err
		}
		c.put(k)
		c.forget()
	}
}

// swapping is one swap under its lock.
type swapping struct {
	*Catalog
	catalog.Swap
	srv  *server
	lock *lock
}

func (w *swapping) swap(ctx context.Context) (catalog.Outcome, error) {
	k, t, err := w.client.session(ctx, w.Ident)
	if k != nil {
		defer w.client.put(k)
	}
	if refused(err, "NoSuchObjectException") {
		return catalog.NotApplied, conflict(w.Ident, err)
	}
	if err != nil {
		return catalog.NotApplied, w.client.classify(ctx, err, "commit to %s", w.Ident)
	}
	p, err := pointer(w.Ident, t)
	if err != nil {
		return catalog.NotApplied, err
	}
	switch params := t.strings(tableParameters); {
	case p.Location == w.New:
		return catalog.Applied, nil // an earlier try of this very swap
	case p.Location != w.Expected.Location:
		return catalog.NotApplied, conflict(w.Ident, nil)
	case params["uuid"] != "" && params["uuid"] != w.Metadata.TableUUID().String():
		return catalog.NotApplied, conflict(w.Ident, nil)
	}
	if err := w.Put(ctx); err != nil {
		return catalog.NotApplied, err
	}
	describe(t, w.Metadata, w.New, w.Expected.Location)
	return w.alter(ctx, k, t)
}

// alter sends the swap, once, while the lock surely lives.
func (w *swapping) alter(ctx context.Context, k *connection, t *record) (catalog.Outcome, error) {
	if err := w.lock.refresh(ctx); err != nil || !w.lock.fresh() {
		return catalog.NotApplied, fault.Wrap(fault.Retry, err, "the lock on %s could not be kept", w.Ident).Hint("run again")
	}
	// An answer that comes after the lock's end would be of no use: somebody else may be writing then.
	call, cancel := context.WithTimeout(ctx, w.lock.left()*9/10)
	err := k.alterTable(call, w.Ident.Namespace, w.Ident.Table, t, w.Expected.Location)
	cancel()
	switch {
	case err == nil:
		return w.confirm(ctx)
	case unsent(err):
		return catalog.NotApplied, w.client.classify(ctx, err, "commit to %s", w.Ident)
	case modified(err), refused(err, "InvalidOperationException") && strings.Contains(err.Error(), "not found"):
		return catalog.NotApplied, conflict(w.Ident, err)
	case refused(err):
		return catalog.NotApplied, w.client.classify(ctx, err, "commit to %s", w.Ident)
	}
	return catalog.Unknown, w.client.classify(ctx, err, "commit to %s", w.Ident)
}

// modified reports whether the server compared, and found that the table is not what the swap expected.
func modified(err error) bool {
	return refused(err) && strings.Contains(err.Error(), "The table has been modified")
}

// confirm looks, after the server said yes, whether the lock lived through the call: if not, another writer may have altered the table
// at the same time. A server that compares has excluded that itself.
func (w *swapping) confirm(ctx context.Context) (catalog.Outcome, error) {
	err := w.lock.refresh(ctx)
	if w.srv.compares {
		return catalog.Applied, nil
	}
	if err == nil {
		var t *record
		if t, err = w.client.getTable(ctx, w.Ident.Namespace, w.Ident.Table); err == nil {
			if p, perr := pointer(w.Ident, t); perr == nil && p.Location == w.New {
				return catalog.Applied, nil
			}
			err = conflict(w.Ident, nil)
		}
	}
	return catalog.Unknown, w.client.classify(ctx, err, "confirm the commit to %s", w.Ident)
}

// watch looks for the outcome of a swap on a server that does not compare, while the lock is kept: sending it again could undo what
// others did, and an absent witness proves nothing, for a call can land after its answer was given up.
func (w *swapping) watch(ctx context.Context, cause error) (catalog.Outcome, error) {
	for deadline := time.Now().Add(w.Wait); ; {
		if t, err := w.client.getTable(ctx, w.Ident.Namespace, w.Ident.Table); err == nil {
			if t.strings(tableParameters)[metadataLocation] == w.New {
				return catalog.Applied, nil
			}
		}
		if time.Now().After(deadline) || ctx.Err() != nil || w.lock.gone() != nil {
			return catalog.Unknown, fault.Wrap(fault.Unknown, errors.Join(catalog.ErrUnsettled, cause), "commit to %s", w.Ident)
		}
		select {
		case <-time.After(min(time.Second, w.Wait/10+time.Millisecond)):
		case <-ctx.Done():
		}
	}
}
