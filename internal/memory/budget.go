// Package memory is firn's only accountant of memory: one budget per run from which chunks in flight, operator state,
// open row groups and upload parts reserve (I8), a recycling Arrow allocator, and the spill files that take what does
// not fit.
package memory

import (
	"context"
	"fmt"
	"sync"
)

// Budget is a bound on the bytes that a run holds. It is safe for concurrent use.
//
// A caller whose reservation is refused flushes or spills what it holds; when it holds nothing it waits.
type Budget struct {
	mu      sync.Mutex
	limit   int64
	used    int64
	peak    int64
	waiters []waiter
}

type waiter struct {
	bytes int64
	ready chan struct{}
}

// NewBudget is a budget of limit bytes.
func NewBudget(limit int64) *Budget { return &Budget{limit: limit} }

// Limit is the budget's size in bytes.
func (b *Budget) Limit() int64 { return b.limit }

// Used is what is reserved now, in bytes.
func (b *Budget) Used() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// Peak is the most that was ever reserved, in bytes.
func (b *Budget) Peak() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.peak
}

// TryReserve takes n bytes if they are free and nobody waits for room.
func (b *Budget) TryReserve(n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiters) > 0 || b.used+n > b.limit {
		return false
	}
	b.take(n)
	return true
}

// Reserve waits until n bytes are free, first come first served. It refuses at once what can never fit.
func (b *Budget) Reserve(ctx context.Context, n int64) error {
	if n > b.limit {
		return fmt.Errorf("needs %d MiB of a budget of %d MiB: raise resources.memory", n>>20, b.limit>>20)
	}
	b.mu.Lock()
	if len(b.waiters) == 0 && b.used+n <= b.limit {
		b.take(n)
		b.mu.Unlock()
		return nil
	}
	w := waiter{n, make(chan struct{})}
	b.waiters = append(b.waiters, w)
	b.mu.Unlock()
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
		b.forget(w)
		return ctx.Err()
	}
}

// Force takes n bytes whether or not they are free: for the working minimum without which nothing can go on.
func (b *Budget) Force(n int64) {
	b.mu.Lock()
	b.take(n)
	b.mu.Unlock()
}

// Release gives n bytes back.
func (b *Budget) Release(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= n
	if b.used < 0 {
		panic("memory: more released than reserved")
	}
	b.wake()
}

func (b *Budget) take(n int64) {
	b.used += n
	b.peak = max(b.peak, b.used)
}

func (b *Budget) wake() {
	for len(b.waiters) > 0 && b.used+b.waiters[0].bytes <= b.limit {
		w := b.waiters[0]
		b.waiters = b.waiters[1:]
		b.take(w.bytes)
		close(w.ready)
	}
}

// forget takes w out of the queue, or gives its bytes back if it was served meanwhile.
func (b *Budget) forget(w waiter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, o := range b.waiters {
		if o.ready == w.ready {
			b.waiters = append(b.waiters[:i], b.waiters[i+1:]...)
			b.wake()
			return
		}
	}
	b.used -= w.bytes
	b.wake()
}
