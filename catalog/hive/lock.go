package hive

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/internal/fault"
)

// lock is an exclusive lock on a table that a goroutine keeps alive. Locks do not stop alters: they keep apart those who take them.
type lock struct {
	c       *client
	id      int64
	timeout time.Duration // after which the server voids a lock without heartbeat

	mu   sync.Mutex
	beat time.Time // when the last heartbeat that was acknowledged was sent
	lost error     // the server does not know the lock any more

	stop context.CancelFunc
	done chan struct{}
}

// acquire takes the lock on a table, waiting for others. The agent names the holder to show_locks, by which an answer that got lost is
// found.
func (c *client) acquire(ctx context.Context, id catalog.Ident, attempt string, timeout, wait time.Duration) (*lock, error) {
	var salt [4]byte
	rand.Read(salt[:])
	agent := "firn-" + attempt + "-" + hex.EncodeToString(salt[:])
	deadline := time.Now().Add(wait)
	sent := time.Now()
	n, state, err := c.request(ctx, id, agent)
	for pause := 20 * time.Millisecond; err == nil && state == waiting; pause = min(2*pause, 200*time.Millisecond) {
		if time.Now().After(deadline) {
			c.release(n)
			return nil, fault.New(fault.Retry, "another writer holds the lock on %s for more than %s", id, wait).
				Hint("firn locks list %s shows who; a lock whose holder died is void after %s", id, timeout)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			c.release(n)
			return nil, context.Cause(ctx)
		}
		sent = time.Now()
		state, err = c.checkLock(ctx, n)
		if refused(err, "NoSuchLockException") { // it expired while it waited
			n, state, err = c.request(ctx, id, agent)
		}
	}
	if err == nil && state != acquired {
		err = fault.New(fault.Retry, "the metastore did not give the lock on %s: state %d", id, state)
	}
	if err != nil {
		if n != 0 {
			c.release(n)
		}
		return nil, c.classify(ctx, err, "lock %s", id)
	}
	l := &lock{c: c, id: n, timeout: timeout, beat: sent, done: make(chan struct{})}
	hctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.stop = stop
	go l.keep(hctx)
	return l, nil
}

// request asks for the lock, and looks for it when the answer is lost.
func (c *client) request(ctx context.Context, id catalog.Ident, agent string) (n int64, state int32, err error) {
	for try := 1; ; try++ {
		k, err := c.get(ctx)
		if err != nil {
			return 0, 0, err
		}
		n, state, err = k.lock(ctx, id.Namespace, id.Table, agent)
		c.put(k)
		var lost *transportError
		if !errors.As(err, &lost) {
			return n, state, err
		}
		c.forget()
		shown, serr := c.showLocks(ctx, id.Namespace, id.Table)
		if serr != nil {
			return 0, 0, serr
		}
		for _, s := range shown {
			if s.text(shownAgent) == agent {
				return s.number(shownID), s.enum(shownState), nil
			}
		}
		if try == 3 {
			return 0, 0, err
		}
	}
}

// keep sends heartbeats, on a connection of its own, until the lock is released.
func (l *lock) keep(ctx context.Context) {
	defer close(l.done)
	for {
		select {
		case <-time.After(l.timeout / 6):
		case <-ctx.Done():
			return
		}
		if l.refresh(ctx) != nil && l.gone() != nil {
			return
		}
	}
}

// refresh sends a heartbeat.
func (l *lock) refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, l.timeout/6)
	defer cancel()
	k, err := l.c.get(ctx)
	if err != nil {
		return err
	}
	sent := time.Now()
	err = k.heartbeat(ctx, l.id)
	l.c.put(k)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.beat = sent
	} else if refused(err) {
		l.lost = err
	}
	return err
}

func (l *lock) gone() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

// left is how long the lock surely lives on: the server counts from when it got the last heartbeat, which is not before it was sent.
func (l *lock) left() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost != nil {
		return 0
	}
	return l.timeout - time.Since(l.beat)
}

// fresh reports whether the last acknowledged heartbeat is less than a third of the timeout old.
func (l *lock) fresh() bool { return l.left() > l.timeout*2/3 }

// abandon ends the heartbeats and leaves the lock to expire.
func (l *lock) abandon() {
	l.stop()
	<-l.done
}

// unlock gives the lock back, whatever became of the caller.
func (l *lock) unlock(ctx context.Context) error {
	l.abandon()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return l.c.unlock(ctx, l.id)
}

// release gives back a lock that is not held, or not yet.
func (c *client) release(id int64) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c.unlock(ctx, id) //nolint:errcheck // it expires by itself
}
