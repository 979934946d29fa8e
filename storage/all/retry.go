package all

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/firn-data/firn/internal/event"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/memory"
	"github.com/firn-data/firn/storage"
)

// tries is how often a call that is safe to repeat is made.
const tries = 4

// Retry repeats what changes nothing when it is repeated: opening, opening a range, deleting. Whole uploads are not repeated:
// their names are unique to an attempt, which begins another file instead; of an upload in parts, the parts are (see Repeat).
func Retry(s storage.Store, events *event.Events) storage.Store { return &retry{s, events} }

type retry struct {
	storage.Store
	events *event.Events
}

// again calls f until it succeeds, fails for good, or has been tried often enough.
func again[T any](ctx context.Context, events *event.Events, call string, f func() (T, error)) (T, error) {
	n := 0
	return backoff.Retry(ctx, func() (T, error) {
		n++
		v, err := f()
		if c := fault.ClassOf(err); err != nil && (c != fault.Unavailable && c != fault.Retry || errors.Is(err, storage.ErrExist)) {
			return v, backoff.Permanent(err)
		}
		return v, err
	}, backoff.WithBackOff(backoff.NewExponentialBackOff()), backoff.WithMaxTries(tries),
		backoff.WithNotify(func(err error, wait time.Duration) { events.OnRetry(call, n, err, wait) }))
}

// Repeat makes a call of a store's own that is safe to repeat, such as sending one part of an upload, as Retry does.
func Repeat(events *event.Events) func(ctx context.Context, call string, f func() error) error {
	return func(ctx context.Context, call string, f func() error) error {
		_, err := again(ctx, events, call, func() (struct{}, error) { return struct{}{}, f() })
		return err
	}
}

// WithBudget implements storage.Budgeted.
func (r *retry) WithBudget(b *memory.Budget) storage.Store {
	return &retry{storage.WithBudget(r.Store, b), r.events}
}

func (r *retry) Open(ctx context.Context, location string) (storage.Object, error) {
	o, err := again(ctx, r.events, "open "+location, func() (storage.Object, error) { return r.Store.Open(ctx, location) })
	if err != nil {
		return nil, err
	}
	return &retryObject{o, r.events, location}, nil
}

func (r *retry) Delete(ctx context.Context, location string) error {
	_, err := again(ctx, r.events, "delete "+location, func() (struct{}, error) { return struct{}{}, r.Store.Delete(ctx, location) })
	return err
}

func (r *retry) List(ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
	return r.Store.List(ctx, prefix)
}

// retryObject repeats the opening of ranges, and whole small reads.
type retryObject struct {
	storage.Object
	events   *event.Events
	location string
}

func (o *retryObject) Reader(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	return again(ctx, o.events, "read "+o.location, func() (io.ReadCloser, error) { return o.Object.Reader(ctx, offset, length) })
}

func (o *retryObject) ReadAt(b []byte, off int64) (int, error) {
	return again(context.Background(), o.events, "read "+o.location, func() (int, error) {
		n, err := o.Object.ReadAt(b, off)
		if errors.Is(err, io.EOF) {
			return n, backoff.Permanent(err)
		}
		return n, err
	})
}
