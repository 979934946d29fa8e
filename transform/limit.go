package transform

import (
	"context"
	"fmt"
	"sync"

	"github.com/firn-data/firn/internal/batch"
)

// limitNode gives the first rows that arrive.
type limitNode struct {
	pass
	limit int64
}

func newLimit(step *Step, in node, limit int64) *limitNode {
	return &limitNode{passOf(step, in), limit}
}

func (n *limitNode) describe() string { return fmt.Sprintf("Limit %d", n.limit) }

func (n *limitNode) start(e *Execution, id int) runner {
	return &limitRunner{limitNode: n, e: e, id: id}
}

type limitRunner struct {
	*limitNode
	e  *Execution
	id int

	mu    sync.Mutex
	given int64
}

// push counts the rows beyond the limit as filtered.
func (r *limitRunner) push(ctx context.Context, _ int, b batch.Batch) error {
	b = r.pick(b)
	n := int64(b.Rows())
	r.mu.Lock()
	take := min(n, r.limit-r.given)
	r.given += take
	r.mu.Unlock()
	r.e.counters[r.id].filtered.Add(n - take)
	switch take {
	case 0:
		b.Release()
		return nil
	case n:
		return r.e.emit(ctx, r.id, b)
	}
	rec := b.Record.NewSlice(0, take)
	b.Release()
	return r.e.emit(ctx, r.id, batch.Batch{Record: rec, Origin: b.Origin.Slice(0, int(take))})
}

func (r *limitRunner) done(context.Context, int) error { return nil }
func (r *limitRunner) close()                          {}
