// Package mem is a store in memory for tests: it can crash, which ends every upload that is not committed, and it can fail
// any call that a test wants to fail, before or after its effect.
package mem

import (
	"bytes"
	"context"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/storage"
)

// Op is a call that Fault may fail.
type Op string

const (
	Open   Op = "open"
	Read   Op = "read" // of a range, by ReadAt or Reader
	Create Op = "create"
	Write  Op = "write"
	Commit Op = "commit"
	Abort  Op = "abort"
	List   Op = "list"
	Delete Op = "delete"
)

// Store implements storage.Store. Any text is a location.
type Store struct {
	// Fault is asked before each call, and again after Commit and Delete have had their effect: an error then is a lost
	// answer. It is set before the first call, may be nil, and is called by many goroutines.
	Fault func(op Op, location string, done bool) error

	mu      sync.Mutex
	objects map[string]*stored
	open    map[*upload]bool
	epoch   int // number of crashes
	clock   int64
}

type stored struct {
	body     []byte
	modified time.Time
}

var _ storage.Store = (*Store)(nil)

// New makes an empty store.
func New() *Store { return &Store{objects: map[string]*stored{}, open: map[*upload]bool{}} }

// Crash ends all uploads as the death of their process would: nothing of them is kept, and what still holds one gets errors.
// Committed objects stay.
func (s *Store) Crash() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
	clear(s.open)
}

// Uploads is how many uploads are neither committed nor aborted.
func (s *Store) Uploads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

func (s *Store) fail(op Op, location string, done bool) error {
	if s.Fault == nil {
		return nil
	}
	return s.Fault(op, location, done)
}

// Open implements storage.Store.
func (s *Store) Open(ctx context.Context, location string) (storage.Object, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err := s.fail(Open, location, false); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.objects[location]
	if o == nil {
		return nil, fault.Wrap(fault.NoInput, storage.ErrNotExist, "open %s", location)
	}
	return &object{s, location, o}, nil
}

// object is bound to what was stored when it was opened.
type object struct {
	s        *Store
	location string
	stored   *stored
}

func (o *object) Size() int64  { return int64(len(o.stored.body)) }
func (o *object) Close() error { return nil }

// body fails when the object changed since Open.
func (o *object) body() ([]byte, error) {
	if err := o.s.fail(Read, o.location, false); err != nil {
		return nil, err
	}
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	if o.s.objects[o.location] != o.stored {
		return nil, fault.New(fault.Retry, "read %s: it changed since it was opened", o.location)
	}
	return o.stored.body, nil
}

func (o *object) ReadAt(b []byte, off int64) (int, error) {
	body, err := o.body()
	if err != nil {
		return 0, err
	}
	return bytes.NewReader(body).ReadAt(b, off)
}

func (o *object) Reader(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	body, err := o.body()
	if err != nil {
		return nil, err
	}
	if length < 0 {
		length = int64(len(body)) - offset
	}
	return io.NopCloser(io.NewSectionReader(bytes.NewReader(body), offset, length)), nil
}

// Create implements storage.Store.
func (s *Store) Create(ctx context.Context, location string, ifAbsent bool) (storage.Upload, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err := s.fail(Create, location, false); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u := &upload{s: s, ctx: ctx, location: location, ifAbsent: ifAbsent, epoch: s.epoch}
	s.open[u] = true
	return u, nil
}

type upload struct {
	s        *Store
	ctx      context.Context // bounds the whole upload, as the contract says
	location string
	ifAbsent bool
	epoch    int
	body     []byte
	done     bool
}

func (u *upload) alive() error {
	if u.ctx.Err() != nil {
		return context.Cause(u.ctx)
	}
	if u.epoch != u.s.epoch {
		return fault.New(fault.Unavailable, "write %s: the store crashed", u.location)
	}
	return nil
}

func (u *upload) Write(b []byte) (int, error) {
	if err := u.s.fail(Write, u.location, false); err != nil {
		return 0, err
	}
	u.s.mu.Lock()
	defer u.s.mu.Unlock()
	if err := u.alive(); err != nil {
		return 0, err
	}
	u.body = append(u.body, b...)
	return len(b), nil
}

func (u *upload) Commit() error {
	if err := u.s.fail(Commit, u.location, false); err != nil {
		return err
	}
	if err := u.publish(); err != nil {
		return err
	}
	return u.s.fail(Commit, u.location, true)
}

func (u *upload) publish() error {
	u.s.mu.Lock()
	defer u.s.mu.Unlock()
	if u.done {
		return fault.New(fault.Bug, "commit of a finished upload of %s", u.location)
	}
	if err := u.alive(); err != nil {
		return err
	}
	if u.ifAbsent && u.s.objects[u.location] != nil {
		return fault.Wrap(fault.Retry, storage.ErrExist, "write %s", u.location)
	}
	u.done = true
	u.s.clock++
	u.s.objects[u.location] = &stored{u.body, time.Unix(u.s.clock, 0)}
	delete(u.s.open, u)
	return nil
}

func (u *upload) Abort() error {
	u.s.mu.Lock()
	u.done = true
	delete(u.s.open, u)
	u.s.mu.Unlock()
	return u.s.fail(Abort, u.location, false)
}

// List implements storage.Store.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
	return func(yield func(storage.Info, error) bool) {
		err := s.fail(List, prefix, false)
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			yield(storage.Info{}, err)
			return
		}
		for _, info := range s.list(prefix) {
			if !yield(info, nil) {
				return
			}
		}
	}
}

func (s *Store) list(prefix string) []storage.Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []storage.Info
	for location, o := range s.objects {
		if strings.HasPrefix(location, prefix) {
			out = append(out, storage.Info{Location: location, Size: int64(len(o.body)), Modified: o.modified})
		}
	}
	slices.SortFunc(out, func(a, b storage.Info) int { return strings.Compare(a.Location, b.Location) })
	return out
}

// Delete implements storage.Store.
func (s *Store) Delete(ctx context.Context, location string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := s.fail(Delete, location, false); err != nil {
		return err
	}
	s.mu.Lock()
	delete(s.objects, location)
	s.mu.Unlock()
	return s.fail(Delete, location, true)
}
