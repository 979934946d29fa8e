package hive

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"slices"
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
	n, beat, err := c.await(ctx, id, agent, timeout, wait)
	if err != nil {
		if n != 0 {
			c.release(ctx, n)
		}
		return nil, c.classify(ctx, err, "lock %s", id)
	}
	hctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	l := &lock{c: c, id: n, timeout: timeout, beat: beat, stop: stop, done: make(chan struct{})}
	go l.keep(hctx)
	return l, nil
}

// await asks for the lock until it is given. beat is when the request that was granted was sent. A lock that is returned with an error
// is to be released.
func (c *client) await(ctx context.Context, id catalog.Ident, agent string, timeout, wait time.Duration) (n int64, beat time.Time, err error) {
	deadline := time.Now().Add(wait)
	beat = time.Now()
	n, state, err := c.request(ctx, id, agent)
	for pause := 20 * time.Millisecond; err == nil && state == waiting; pause = min(2*pause, 200*time.Millisecond) {
		if time.Now().After(deadline) {
			return n, beat, fault.New(fault.Retry, "another writer holds the lock on %s for more than %s", id, wait).
				Hint("firn locks list %s shows who; a lock whose holder died is void after %s", id, timeout)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return n, beat, context.Cause(ctx)
		}
		beat = time.Now()
		state, err = c.checkLock(ctx, n)         // which is a sign of life, too
		if refused(err, "NoSuchLockException") { // it expired while this process slept
			n, state, err = c.request(ctx, id, agent)
		}
	}
	if err == nil && state != acquired {
		err = fault.New(fault.Retry, "the metastore did not give the lock on %s: it is %s", id, stateName(state))
	}
	return n, beat, err
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
		if err == nil && try > 1 {
			c.releaseOthers(ctx, id, agent, n)
		}
		if _, lost := errors.AsType[*transportError](err); !lost {
			return n, state, err
		}
		c.forget()
		if ctx.Err() != nil { // nobody waits for it any more
			c.releaseOthers(ctx, id, agent, 0)
			return 0, 0, err
		}
		mine, serr := c.locksOf(ctx, id, agent)
		if serr != nil {
			return 0, 0, serr
		}
		if len(mine) > 0 {
			return mine[0].number(shownID), mine[0].enum(shownState), nil
		}
		if try == 3 {
			return 0, 0, err
		}
	}
}

// locksOf are an agent's locks on a table.
func (c *client) locksOf(ctx context.Context, id catalog.Ident, agent string) ([]*record, error) {
	shown, err := c.showLocks(ctx, id.Namespace, id.Table)
	return slices.DeleteFunc(shown, func(s *record) bool { return s.text(shownAgent) != agent }), err
}

// releaseOthers gives back what requests of an agent took whose answers were lost: a request that was given up may still be served.
func (c *client) releaseOthers(ctx context.Context, id catalog.Ident, agent string, keep int64) {
	ctx, cancel := late(ctx)
	defer cancel()
	mine, _ := c.locksOf(ctx, id, agent) // one that is not found expires
	for _, s := range mine {
		if n := s.number(shownID); n != keep {
			c.unlock(ctx, n) //nolint:errcheck // it expires
		}
	}
}

// late is a context for tidying up, whatever became of ctx.
func late(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
}

// keep sends a heartbeat at every third of the timeout until the lock is released, and another one soon when one fails.
func (l *lock) keep(ctx context.Context) {
	defer close(l.done)
	for pause := l.timeout / 3; ; {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		pause = l.timeout / 3
		if l.refresh(ctx) != nil {
			if l.gone() != nil {
				return
			}
			pause = l.timeout / 20
		}
	}
}

// refresh sends a heartbeat.
func (l *lock) refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, l.timeout/12)
	defer cancel()
	sent := time.Now()
	err := l.c.heartbeat(ctx, l.id)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil && sent.After(l.beat) {
		l.beat = sent
	}
	if refused(err) {
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
	ctx, cancel := late(ctx)
	defer cancel()
	return l.c.unlock(ctx, l.id)
}

// release gives back a lock that nothing keeps alive.
func (c *client) release(ctx context.Context, id int64) {
	ctx, cancel := late(ctx)
	defer cancel()
	c.unlock(ctx, id) //nolint:errcheck // it expires by itself
}
