// Package local keeps objects as files. A file appears under its name whole and synced, or not at all.
package local

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"time"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/storage"
)

// tempPrefix marks files that are being written. They are never listed, and swept by age (I6).
const tempPrefix = ".firn-tmp-"

// Store implements storage.Store over the local file system. Locations are file:///path, file:/path or plain paths.
type Store struct{}

// New makes a store.
func New() *Store { return &Store{} }

var (
	_ storage.Store   = (*Store)(nil)
	_ storage.Sweeper = (*Store)(nil)
)

// Path is the file-system path of a location.
func Path(location string) (string, error) {
	p, ok := strings.CutPrefix(location, "file:")
	if !ok {
		if strings.Contains(location, "://") {
			return "", fault.New(fault.Config, "%s is not a local path", location)
		}
		return location, nil
	}
	if rest, ok := strings.CutPrefix(p, "//"); ok {
		if !strings.HasPrefix(rest, "/") {
			return "", fault.New(fault.Config, "%s names a host: write file:///path", location)
		}
		p = rest
	}
	return p, nil
}

// Open implements storage.Store.
func (s *Store) Open(ctx context.Context, location string) (storage.Object, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	p, err := Path(location)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(p)
	if err != nil {
		return nil, classify(err, "open", location)
	}
	st, err := f.Stat()
	if err == nil && st.IsDir() {
		err = fault.Wrap(fault.NoInput, storage.ErrNotExist, "%s is a folder", location)
	}
	if err != nil {
		f.Close()
		return nil, classify(err, "open", location)
	}
	return &object{File: f, size: st.Size()}, nil
}

type object struct {
	*os.File
	size int64
}

func (o *object) Size() int64 { return o.size }

func (o *object) Reader(_ context.Context, offset, length int64) (io.ReadCloser, error) {
	if length < 0 {
		length = o.size - offset
	}
	return io.NopCloser(io.NewSectionReader(o.File, offset, length)), nil
}

// Create implements storage.Store.
func (s *Store) Create(ctx context.Context, location string, ifAbsent bool) (storage.Upload, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	p, err := Path(location)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		return nil, classify(err, "create", location)
	}
	var id [8]byte
	rand.Read(id[:])
	tmp := filepath.Join(filepath.Dir(p), tempPrefix+hex.EncodeToString(id[:]))
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, classify(err, "create", location)
	}
	return &upload{ctx: ctx, f: f, tmp: tmp, path: p, location: location, ifAbsent: ifAbsent}, nil
}

// upload writes to a temp file beside its target. The context is the upload's, as the contract says.
type upload struct {
	ctx            context.Context
	f              *os.File
	tmp, path      string
	location       string
	ifAbsent, done bool
}

func (u *upload) Write(b []byte) (int, error) {
	if u.ctx.Err() != nil {
		return 0, context.Cause(u.ctx)
	}
	n, err := u.f.Write(b)
	return n, classify(err, "write", u.location)
}

// Commit syncs the file, gives it its name and syncs the folder. A link fails when the name is taken, so that of several
// creators one wins.
func (u *upload) Commit() error {
	if u.done {
		return fault.New(fault.Bug, "commit of a finished upload of %s", u.location)
	}
	err := u.f.Sync()
	if cerr := u.f.Close(); err == nil {
		err = cerr
	}
	u.done = true
	defer os.Remove(u.tmp)
	if err == nil && u.ctx.Err() != nil {
		return context.Cause(u.ctx)
	}
	if err == nil {
		if u.ifAbsent {
			err = os.Link(u.tmp, u.path)
		} else {
			err = os.Rename(u.tmp, u.path)
		}
	}
	if err == nil {
		err = syncDir(filepath.Dir(u.path))
	}
	return classify(err, "write", u.location)
}

func (u *upload) Abort() error {
	if u.done {
		return nil
	}
	u.done = true
	u.f.Close()
	return classify(os.Remove(u.tmp), "abort", u.location)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// List implements storage.Store.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
	return func(yield func(storage.Info, error) bool) {
		p, err := Path(prefix)
		if err != nil {
			yield(storage.Info{}, err)
			return
		}
		spelling := strings.TrimSuffix(prefix, p)
		dir := p
		if !strings.HasSuffix(p, "/") {
			dir = filepath.Dir(p)
		}
		if dir == "" {
			dir = "."
		}
		var found []storage.Info
		err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			switch {
			case ctx.Err() != nil:
				return context.Cause(ctx)
			case errors.Is(err, fs.ErrNotExist):
				return nil
			case err != nil:
				return err
			}
			full := path
			if strings.HasPrefix(p, "./") && !strings.HasPrefix(path, "./") {
				full = "./" + path
			}
			if d.IsDir() {
				if !strings.HasPrefix(full+"/", p) && !strings.HasPrefix(p, full+"/") && path != dir {
					return fs.SkipDir
				}
				return nil
			}
			if !strings.HasPrefix(full, p) || strings.HasPrefix(d.Name(), tempPrefix) {
				return nil
			}
			info, err := d.Info()
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			found = append(found, storage.Info{Location: spelling + full, Size: info.Size(), Modified: info.ModTime()})
			return nil
		})
		if err != nil {
			yield(storage.Info{}, classify(err, "list", prefix))
			return
		}
		sort.Slice(found, func(i, k int) bool { return found[i].Location < found[k].Location })
		for _, f := range found {
			if !yield(f, nil) {
				return
			}
		}
	}
}

// Delete implements storage.Store.
func (s *Store) Delete(_ context.Context, location string) error {
	p, err := Path(location)
	if err != nil {
		return err
	}
	if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return classify(err, "delete", location)
	}
	return nil
}

// Sweep implements storage.Sweeper.
func (*Store) Sweep(prefix string, age time.Duration, now time.Time) (removed int, err error) {
	dir, err := Path(prefix)
	if err != nil {
		return 0, err
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		if d.IsDir() || !strings.HasPrefix(d.Name(), tempPrefix) {
			return nil
		}
		if info, err := d.Info(); err == nil && now.Sub(info.ModTime()) >= age && os.Remove(path) == nil {
			removed++
		}
		return nil
	})
	return removed, err
}

// classify gives a file system's error its class.
func classify(err error, action, location string) error {
	if err == nil {
		return nil
	}
	var done *fault.Error
	switch {
	case errors.As(err, &done), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, fs.ErrNotExist):
		return fault.Wrap(fault.NoInput, storage.ErrNotExist, "%s %s", action, location)
	case errors.Is(err, fs.ErrExist):
		return fault.Wrap(fault.Retry, storage.ErrExist, "%s %s", action, location)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fault.Wrap(fault.Permission, err, "%s %s", action, location).Hint("give the user that runs firn the right to do so")
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fault.Wrap(fault.Unavailable, err, "%s %s", action, location).Hint("free some space on the disk")
	}
	return fault.Wrap(fault.Unavailable, fmt.Errorf("%w", err), "%s %s", action, location)
}
