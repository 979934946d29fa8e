package csv

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/firn-data/firn/internal/event"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/storage"
)

// resumeAttempts is how often reading is taken up again without a byte in between.
const resumeAttempts = 5

// resuming reads an object from beginning to end and, when its stream breaks, goes on behind the last byte it gave. The store refuses
// to go on in an object that has changed.
type resuming struct {
	ctx    context.Context // of the run: a reader has no other way to get it
	object storage.Object
	name   string
	events *event.Events
	wait   time.Duration // before the first new attempt

	stream io.ReadCloser // nil: to be opened
	at     int64
	failed int // attempts since the last byte
}

func (r *resuming) Read(p []byte) (int, error) {
	for {
		n, err := r.try(p)
		if n > 0 {
			r.at, r.failed = r.at+int64(n), 0
			return n, nil // the error, if any, comes again
		}
		switch {
		case err == nil:
			return 0, nil
		case errors.Is(err, io.EOF) && r.at == r.object.Size():
			return 0, io.EOF
		case errors.Is(err, io.EOF):
			err = fault.New(fault.Unavailable, "%s ends after %d of %d bytes", r.name, r.at, r.object.Size())
		}
		if err := r.again(err); err != nil {
			return 0, err
		}
	}
}

// try reads from the stream, which it opens where there is none.
func (r *resuming) try(p []byte) (n int, err error) {
	if r.at == r.object.Size() {
		return 0, io.EOF
	}
	if r.stream == nil {
		if r.stream, err = r.object.Reader(r.ctx, r.at, -1); err != nil {
			return 0, err
		}
	}
	if left := r.object.Size() - r.at; int64(len(p)) > left { // what was added since it was opened is not of this run
		p = p[:left]
	}
	return r.stream.Read(p)
}

// again waits before the next attempt; an error says that there is none.
func (r *resuming) again(err error) error {
	r.Close()
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	if _, classified := errors.AsType[*fault.Error](err); !classified {
		err = fault.Wrap(fault.Unavailable, err, "read %s", r.name)
	}
	if c := fault.ClassOf(err); c != fault.Unavailable && c != fault.Retry || r.failed >= resumeAttempts {
		return err
	}
	r.failed++
	wait := r.wait * time.Duration(r.failed*r.failed)
	r.events.OnRetry("read "+r.name, r.failed, err, wait)
	select {
	case <-time.After(wait):
		return nil
	case <-r.ctx.Done():
		return context.Cause(r.ctx)
	}
}

// Close ends the stream, not the object.
func (r *resuming) Close() error {
	if r.stream == nil {
		return nil
	}
	err := r.stream.Close()
	r.stream = nil
	return err
}
