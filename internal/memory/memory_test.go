package memory

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
	"unsafe"
)

func TestBudgetServesWaitersInOrder(t *testing.T) {
	b := NewBudget(100)
	if !b.TryReserve(80) || b.TryReserve(30) {
		t.Fatal("80 of 100 fit, 30 more do not")
	}
	var order []int
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i, n := range []int64{60, 10} {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if err := b.Reserve(context.Background(), n); err != nil {
				t.Error(err)
			}
			mu.Lock()
			order = append(order, i)
			mu.Unlock()
		}()
		for {
			b.mu.Lock()
			k := len(b.waiters)
			b.mu.Unlock()
			if k == i+1 {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
	if b.TryReserve(1) {
		t.Error("a newcomer overtook the queue")
	}
	b.Release(80)
	wg.Wait()
	if b.Used() != 70 || b.Peak() != 80 {
		t.Errorf("used %d, peak %d", b.Used(), b.Peak())
	}
}

func TestBudgetWaitEndsWithItsContext(t *testing.T) {
	b := NewBudget(10)
	b.Force(10)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := b.Reserve(ctx, 5); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := b.Reserve(context.Background(), 11); err == nil {
		t.Error("what can never fit was not refused")
	}
	b.Release(10)
	if b.Used() != 0 || !b.TryReserve(10) {
		t.Error("the forgotten waiter kept its bytes")
	}
}

func TestAllocatorRecyclesAlignedMemory(t *testing.T) {
	a := NewAllocator(1 << 20)
	for n := 1; n < 100_000; n = n*3 + 1 {
		b := a.Allocate(n)
		if len(b) != n || cap(b) != n || uintptr(unsafe.Pointer(&b[0]))%64 != 0 {
			t.Fatalf("%d bytes: len %d cap %d at %p", n, len(b), cap(b), &b[0])
		}
		b[n-1] = 1
		p := &b[0]
		b = a.Reallocate(n+n/2, b)
		if b[n-1] != 1 {
			t.Fatal("reallocation lost the contents")
		}
		_ = p
		a.Free(b)
		if c := a.Allocate(n + n/2); &c[0] != &b[0] {
			t.Fatalf("%d bytes were not recycled", n)
		}
	}
}

func TestRecycledMemoryIsZero(t *testing.T) {
	a := NewAllocator(1 << 20)
	dirty := func(b []byte) []byte {
		for i := range b {
			b[i] = 0xff
		}
		return b
	}
	zero := func(b []byte, what string) {
		t.Helper()
		for i, c := range b {
			if c != 0 {
				t.Fatalf("%s: byte %d is %x", what, i, c)
			}
		}
	}
	a.Free(dirty(a.Allocate(1000)))
	b := a.Allocate(500)
	zero(b, "allocated")
	b = a.Reallocate(900, dirty(b))
	zero(b[500:], "grown")
	b = a.Reallocate(100, dirty(b))
	b = a.Reallocate(1000, b)
	zero(b[100:], "shrunk and grown")
}

func TestSpillFilesGoWithTheirDir(t *testing.T) {
	parent := t.TempDir()
	d := NewDir(parent, "a1")
	f, err := d.Create("sort")
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(parent); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestSweepTakesOnlyOldSpillFolders(t *testing.T) {
	parent := t.TempDir()
	for _, n := range []string{spillPrefix + "dead", "other"} {
		if err := os.Mkdir(filepath.Join(parent, n), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := Sweep(parent, time.Hour, time.Now()); n != 0 || err != nil {
		t.Errorf("young folder swept: %d, %v", n, err)
	}
	if n, err := Sweep(parent, time.Hour, time.Now().Add(2*time.Hour)); n != 1 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	if _, err := os.Stat(filepath.Join(parent, "other")); err != nil {
		t.Error(err)
	}
}
