// Package storage is the contract of the places where firn keeps bytes: local folders and object stores. Kinds live in
// storage/local, storage/s3 and storage/mem; storage/all opens them from configuration.
package storage

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"github.com/firn-data/firn/internal/memory"
)

// ErrNotExist says that a location holds nothing. ErrExist says that a conditional create found something there.
// Both come wrapped; test with errors.Is.
var (
	ErrNotExist = errors.New("does not exist")
	ErrExist    = errors.New("already exists")
)

// Store reads and writes whole objects by location: an absolute URI such as s3://bucket/key or file:///path.
// A local store also takes plain paths. Methods are safe for concurrent use.
//
// Errors wrap ErrNotExist, ErrExist or carry a fault class: Permission, Unavailable, Retry. A kind retries what is
// safe to repeat by itself (one decorator in storage/all); a failed conditional create whose outcome is not known is
// resolved by reading back, never by writing again blindly.
type Store interface {
	// Open reads the object's size and gives random access to it. ctx bounds Open only.
	Open(ctx context.Context, location string) (Object, error)
	// Create starts writing an object, which becomes visible, whole, with Upload.Commit. With ifAbsent, Commit fails
	// with ErrExist when the location holds an object, and of several concurrent creators exactly one succeeds.
	// ctx bounds the upload up to and including Commit; its end aborts the upload.
	Create(ctx context.Context, location string, ifAbsent bool) (Upload, error)
	// List gives the objects whose location starts with prefix, in byte order. A folder is a prefix that ends with "/".
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]
	// Delete removes an object; one that does not exist is no error.
	Delete(ctx context.Context, location string) error
}

// Object is an opened object. ReadAt is safe for concurrent use and bound by the context given to Reader, or by none.
type Object interface {
	io.ReaderAt
	Size() int64
	// Reader streams [offset, offset+length); length -1 means to the end. The caller closes it. Reading fails when the
	// object changed since Open (where the store can tell).
	Reader(ctx context.Context, offset, length int64) (io.ReadCloser, error)
	Close() error
}

// Upload is an object being written. Write is not safe for concurrent use. Either Commit or Abort must be called;
// Abort after Commit does nothing. An aborted or failed upload leaves nothing behind (I6).
type Upload interface {
	io.Writer
	Commit() error
	Abort() error
}

// Budgeted is an optional ability of a Store whose uploads hold buffers: a store like it, whose buffers reserve from b (I8).
// A refused reservation makes an upload send what it holds, or wait for what it is sending.
type Budgeted interface {
	WithBudget(b *memory.Budget) Store
}

// WithBudget is s with a budget where it is Budgeted, else s itself; a nil b changes nothing.
func WithBudget(s Store, b *memory.Budget) Store {
	if x, ok := s.(Budgeted); ok && b != nil {
		return x.WithBudget(b)
	}
	return s
}

// Sweeper is an optional ability of a Store in which writers that were killed leave temp files (I6).
type Sweeper interface {
	// Sweep removes the temp files under prefix that are older than age. It never touches anything else.
	Sweep(prefix string, age time.Duration, now time.Time) (removed int, err error)
}

// Info describes a stored object.
type Info struct {
	Location string
	Size     int64
	Modified time.Time
}

// ReadAll is the content of a small object.
func ReadAll(ctx context.Context, s Store, location string) ([]byte, error) {
	o, err := s.Open(ctx, location)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	r, err := o.Reader(ctx, 0, -1)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	body := make([]byte, o.Size())
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, err
	}
	return body, nil
}

// Put writes a small object in one go.
func Put(ctx context.Context, s Store, location string, body []byte, ifAbsent bool) error {
	u, err := s.Create(ctx, location, ifAbsent)
	if err != nil {
		return err
	}
	if _, err := u.Write(body); err != nil {
		u.Abort()
		return err
	}
	if err := u.Commit(); err != nil {
		u.Abort() // nothing stays open where the commit did not get so far (I6)
		return err
	}
	return nil
}
