package all

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/storage"
	"github.com/firn-data/firn/storage/local"
)

// flaky fails the first calls.
type flaky struct {
	storage.Store
	fail int
	with error
	seen int
}

func (f *flaky) Open(ctx context.Context, location string) (storage.Object, error) {
	f.seen++
	if f.seen <= f.fail {
		return nil, f.with
	}
	return f.Store.Open(ctx, location)
}

func TestOnlyWhatMayPassIsRepeated(t *testing.T) {
	ctx := context.Background()
	at := t.TempDir() + "/x"
	if err := storage.Put(ctx, local.New(), at, []byte("abc"), true); err != nil {
		t.Fatal(err)
	}
	down, denied := fault.New(fault.Unavailable, "down"), fault.New(fault.Permission, "denied")
	for _, c := range []struct {
		fail  int
		with  error
		ok    bool
		calls int
	}{{0, nil, true, 1}, {2, down, true, 3}, {9, down, false, tries}, {9, denied, false, 1}} {
		f := &flaky{Store: local.New(), fail: c.fail, with: c.with}
		o, err := Retry(f, nil).Open(ctx, at)
		if (err == nil) != c.ok || f.seen != c.calls || !c.ok && !errors.Is(err, c.with) {
			t.Errorf("%d failures with %v: %v after %d calls", c.fail, c.with, err, f.seen)
		}
		if err != nil {
			continue
		}
		b := make([]byte, 5)
		if n, err := o.ReadAt(b, 0); n != 3 || !errors.Is(err, io.EOF) {
			t.Errorf("ReadAt over the end: %d, %v", n, err)
		}
		o.Close()
	}
}

func TestOpenGoesByScheme(t *testing.T) {
	for _, l := range []string{"./x", "/x", "file:///x"} {
		if _, err := Open(l, Config{}); err != nil {
			t.Errorf("%s: %v", l, err)
		}
	}
	for _, l := range []string{"s3://b/k", "gs://b/k"} {
		if _, err := Open(l, Config{}); !fault.Is(err, fault.Config) {
			t.Errorf("%s: %v", l, err)
		}
	}
}
