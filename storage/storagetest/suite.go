// Package storagetest is the conformance suite that every kind of store passes.
package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/firn-data/firn/storage"
)

// Run runs the suite under root, an empty folder's location without a slash at the end.
func Run(t *testing.T, open func(t *testing.T) (s storage.Store, root string)) {
	for _, c := range []struct {
		name string
		test func(*testing.T, storage.Store, string)
	}{
		{"what is written is read", roundTrip}, {"an absent object", absent}, {"of sixteen conditional creators one wins", race},
		{"an aborted upload leaves nothing", abort}, {"listing is by prefix and in byte order", list}, {"ranges are read", ranges},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, root := open(t)
			c.test(t, s, root)
		})
	}
}

func body(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7 >> 3)
	}
	return b
}

func roundTrip(t *testing.T, s storage.Store, root string) {
	ctx := context.Background()
	for _, n := range []int{0, 1, 1000, 5 << 20, 5<<20 + 1, 12 << 20} {
		at := fmt.Sprintf("%s/a/b %d", root, n)
		want := body(n)
		if err := storage.Put(ctx, s, at, want, true); err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if got, err := storage.ReadAll(ctx, s, at); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: %d read, %v", n, len(got), err)
		}
		if err := storage.Put(ctx, s, at, []byte("x"), true); !errors.Is(err, storage.ErrExist) {
			t.Errorf("a second conditional create of %d bytes: %v", n, err)
		}
		if err := storage.Put(ctx, s, at, []byte("new"), false); err != nil {
			t.Errorf("overwrite: %v", err)
		}
		if got, err := storage.ReadAll(ctx, s, at); err != nil || string(got) != "new" {
			t.Errorf("after the overwrite: %q, %v", got, err)
		}
	}
}

func absent(t *testing.T, s storage.Store, root string) {
	ctx := context.Background()
	if _, err := s.Open(ctx, root+"/nope"); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("open: %v", err)
	}
	if err := s.Delete(ctx, root+"/nope"); err != nil {
		t.Errorf("delete: %v", err)
	}
	for range s.List(ctx, root+"/nope/") {
		t.Error("an empty folder has entries")
	}
}

func race(t *testing.T, s storage.Store, root string) {
	for _, n := range []int{100, 6 << 20} {
		var wg sync.WaitGroup
		var won atomic.Int32
		for i := range 16 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				u, err := s.Create(context.Background(), fmt.Sprintf("%s/race %d", root, n), true)
				if err != nil {
					t.Error(err)
					return
				}
				defer u.Abort()
				if _, err := u.Write(bytes.Repeat([]byte{byte(i)}, n)); err != nil {
					t.Error(err)
				}
				switch err := u.Commit(); {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, storage.ErrExist):
					t.Error(err)
				}
			}()
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Errorf("%d bytes: %d winners", n, won.Load())
		}
	}
}

func abort(t *testing.T, s storage.Store, root string) {
	ctx := context.Background()
	u, err := s.Create(ctx, root+"/half", false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Write(body(6 << 20)); err != nil {
		t.Fatal(err)
	}
	if err := u.Abort(); err != nil {
		t.Error(err)
	}
	if err := u.Abort(); err != nil {
		t.Errorf("the second abort: %v", err)
	}
	for info := range s.List(ctx, root+"/") {
		t.Errorf("left: %v", info)
	}
	cctx, cancel := context.WithCancel(ctx)
	if u, err = s.Create(cctx, root+"/cancelled", false); err != nil {
		t.Fatal(err)
	}
	u.Write([]byte("x"))
	cancel()
	if err := u.Commit(); !errors.Is(err, context.Canceled) {
		t.Errorf("commit after the context's end: %v", err)
	}
	u.Abort()
	if _, err := s.Open(ctx, root+"/cancelled"); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("the cancelled object: %v", err)
	}
}

func list(t *testing.T, s storage.Store, root string) {
	ctx := context.Background()
	for _, k := range []string{"d/2", "d/10", "d/sub/1", "e/1", "d2"} {
		if err := storage.Put(ctx, s, root+"/"+k, []byte(k), false); err != nil {
			t.Fatal(err)
		}
	}
	for prefix, want := range map[string][]string{"/d/": {"d/10", "d/2", "d/sub/1"}, "/d": {"d/10", "d/2", "d/sub/1", "d2"}, "/": {"d/10", "d/2", "d/sub/1", "d2", "e/1"}} {
		var got []string
		for info, err := range s.List(ctx, root+prefix) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, info.Location[len(root)+1:])
			if info.Size != int64(len(got[len(got)-1])) {
				t.Errorf("%s has %d bytes", info.Location, info.Size)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", prefix, got, want)
		}
	}
}

func ranges(t *testing.T, s storage.Store, root string) {
	ctx := context.Background()
	want := body(100_000)
	if err := storage.Put(ctx, s, root+"/r", want, false); err != nil {
		t.Fatal(err)
	}
	o, err := s.Open(ctx, root+"/r")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	b := make([]byte, 1000)
	if n, err := o.ReadAt(b, 50_000); n != 1000 || err != nil || !bytes.Equal(b, want[50_000:51_000]) {
		t.Errorf("ReadAt: %d, %v", n, err)
	}
	if n, err := o.ReadAt(b, 99_500); n != 500 || err != io.EOF {
		t.Errorf("ReadAt over the end: %d, %v", n, err)
	}
	r, err := o.Reader(ctx, 99_990, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want[99_990:]) {
		t.Errorf("Reader to the end: %d bytes, %v", len(got), err)
	}
}
