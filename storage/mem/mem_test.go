package mem

import (
	"context"
	"errors"
	"testing"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/storage"
	"github.com/firn-data/firn/storage/storagetest"
)

func TestConformance(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) (storage.Store, string) { return New(), "mem://bucket/root" })
}

func TestACrashKeepsWhatIsCommittedAndNothingElse(t *testing.T) {
	ctx, s := context.Background(), New()
	if err := storage.Put(ctx, s, "done", []byte("x"), true); err != nil {
		t.Fatal(err)
	}
	u, err := s.Create(ctx, "half", true)
	if err != nil {
		t.Fatal(err)
	}
	u.Write([]byte("x"))
	s.Crash()
	if err := u.Commit(); !fault.Is(err, fault.Unavailable) {
		t.Errorf("commit after the crash: %v", err)
	}
	if _, err := s.Open(ctx, "half"); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("the half-written object: %v", err)
	}
	if b, err := storage.ReadAll(ctx, s, "done"); string(b) != "x" || err != nil {
		t.Errorf("the committed object: %q, %v", b, err)
	}
	if n := s.Uploads(); n != 0 {
		t.Errorf("%d uploads live on", n)
	}
}

func TestFaultsComeBeforeOrAfterTheEffect(t *testing.T) {
	ctx, s, lost := context.Background(), New(), errors.New("lost")
	after := false
	s.Fault = func(op Op, _ string, done bool) error {
		if op == Commit && done == after {
			return lost
		}
		return nil
	}
	for _, after = range []bool{false, true} {
		if err := storage.Put(ctx, s, "x", []byte("x"), true); !errors.Is(err, lost) {
			t.Errorf("put: %v", err)
		}
		if _, err := s.Open(ctx, "x"); (err == nil) != after {
			t.Errorf("with the fault after=%v, open says %v", after, err)
		}
	}
}

func TestAChangedObjectIsAnError(t *testing.T) {
	ctx, s := context.Background(), New()
	storage.Put(ctx, s, "x", []byte("before"), false)
	o, err := s.Open(ctx, "x")
	if err != nil {
		t.Fatal(err)
	}
	storage.Put(ctx, s, "x", []byte("behind"), false)
	if _, err := o.ReadAt(make([]byte, 6), 0); !fault.Is(err, fault.Retry) {
		t.Errorf("reading a changed object: %v", err)
	}
}
