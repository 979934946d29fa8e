//go:build server

package hive

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/catalog/catalogtest"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/stacktest"
)

const alterMethod = "alter_table_with_environment_context"

// TestLocksThatRunOut is what happens to commits on metastores whose locks live five seconds without a heartbeat.
func TestLocksThatRunOut(t *testing.T) {
	for _, version := range []string{"4.0.1", "3.1.3"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			m := stacktest.NewMetastore(t, stacktest.MetastoreOptions{Version: version, LockExpiry: 5 * time.Second, Sweep: time.Second})
			// A frozen server is alone with its test; the others may meet.
			t.Run("a server frozen in the swap loses no commit", func(t *testing.T) { frozen(t, m, 3*time.Second) })
			t.Run("a server frozen until the lock has run out loses no commit", func(t *testing.T) { frozen(t, m, 8*time.Second) })
			t.Run("a lock whose heartbeats are lost lets no swap through", func(t *testing.T) { t.Parallel(); lostHeartbeats(t, m) })
			t.Run("a process killed in its swap", func(t *testing.T) { t.Parallel(); killedInSwap(t, m) })
			t.Run("a process killed at a point", func(t *testing.T) {
				t.Parallel()
				catalogtest.KilledAtEveryPoint(t, open, func(t *testing.T) catalogtest.Place { return place(t, m.URI) })
			})
		})
	}
}

// rowsOf appends a run's rows, and fails the test if that fails.
func rowsOf(t *testing.T, l *catalog.Lake, id catalog.Ident, a catalogtest.Attempt) *catalog.Result {
	t.Helper()
	r, err := catalogtest.Do(context.Background(), l, id, a)
	if err != nil {
		t.Fatalf("run %s: %v", a.Run, err)
	}
	return r
}

// lostHeartbeats holds a commit up between lock and swap until its lock has run out, for no heartbeat gets through.
func lostHeartbeats(t *testing.T, m *stacktest.Metastore) {
	p := place(t, m.URI)
	direct := openFor(t, p.Lake)
	rowsOf(t, direct, p.Table, catalogtest.Attempt{Job: "j", Run: "r0", ID: "a0", Rows: 3})
	w := newWire(t, m.URI)
	w.on(func(method string) action {
		if method == "heartbeat" {
			return drop
		}
		return pass
	})
	l := openFor(t, w.uri+p.Lake[len(m.URI):])
	l.Policy.Attempts = 1
	l.Point = func(name string) {
		if name == "put" {
			time.Sleep(8 * time.Second)
		}
	}
	a := catalogtest.Attempt{Job: "j", Run: "r1", ID: "a1", Rows: 5}
	if _, err := catalogtest.Do(context.Background(), l, p.Table, a); !fault.Is(err, fault.Retry) {
		t.Errorf("a commit without a lock: class %s: %v", fault.ClassOf(err), err)
	}
	if n := w.calls(alterMethod); n != 0 || w.calls("heartbeat") == 0 {
		t.Errorf("%d swaps and %d heartbeats were sent", n, w.calls("heartbeat"))
	}
	a.ID = "a2"
	rowsOf(t, direct, p.Table, a)
	content(t, direct, p.Table, 8, 2)
}

// frozen stops the metastore for a while when it has got a swap, while another writer waits for the table.
func frozen(t *testing.T, m *stacktest.Metastore, long time.Duration) {
	p := place(t, m.URI)
	direct := openFor(t, p.Lake)
	rowsOf(t, direct, p.Table, catalogtest.Attempt{Job: "j", Run: "r0", ID: "a0", Rows: 3})
	w := newWire(t, m.URI)
	thawed, other := make(chan struct{}), make(chan error, 1)
	rival := catalogtest.Attempt{Job: "k", Run: "r1", ID: "b1", From: 100, Rows: 7}
	first := true
	w.on(func(method string) action {
		if method == alterMethod && first {
			first = false
			go func() {
				_, err := catalogtest.Do(context.Background(), direct, p.Table, rival)
				other <- err
			}()
			time.Sleep(300 * time.Millisecond) // the other writer is in the queue
			m.Freeze()
			time.AfterFunc(long, func() { m.Thaw(); close(thawed) })
		}
		return pass
	})
	l := openFor(t, w.uri+p.Lake[len(m.URI):])
	l.Catalog.(*Catalog).client.call = 2 * time.Second
	l.Policy.UnknownWait = 20 * time.Second
	a := catalogtest.Attempt{Job: "j", Run: "r1", ID: "a1", From: 3, Rows: 5}
	r, err := catalogtest.Do(context.Background(), l, p.Table, a)
	<-thawed
	t.Logf("the commit: %+v, %v", r, err)
	if err != nil && !fault.Is(err, fault.Unknown) && !fault.Is(err, fault.Retry) && !fault.Is(err, fault.Unavailable) {
		t.Errorf("class %s: %v", fault.ClassOf(err), err)
	}
	if oerr := <-other; oerr != nil {
		t.Errorf("the other writer: %v", oerr)
	}
	a.ID = "a2"
	if again := rowsOf(t, direct, p.Table, a); err == nil && again.Committed {
		t.Error("an acknowledged commit was lost")
	}
	rival.ID = "b2"
	if again := rowsOf(t, direct, p.Table, rival); again.Committed {
		t.Error("the other writer's acknowledged commit was lost")
	}
	content(t, direct, p.Table, 15, 3)
}

// killedInSwap kills a process when its swap is on the way, once before it reaches the server and once after.
func killedInSwap(t *testing.T, m *stacktest.Metastore) {
	for name, do := range map[string]action{"before the request": drop, "before the answer": swallow} {
		t.Run(name, func(t *testing.T) {
			p := place(t, m.URI)
			direct := openFor(t, p.Lake)
			rowsOf(t, direct, p.Table, catalogtest.Attempt{Job: "j", Run: "r0", ID: "a0", Rows: 3})
			w := newWire(t, m.URI)
			far := catalogtest.Place{Lake: w.uri + p.Lake[len(m.URI):], Table: p.Table}
			cmd := far.Child("j", 1, "")
			var said bytes.Buffer
			cmd.Stderr = &said
			w.on(func(method string) action {
				if method != alterMethod {
					return pass
				}
				cmd.Process.Kill() //nolint:errcheck // Wait tells
				return do
			})
			if err := cmd.Run(); !catalogtest.Killed(err) {
				t.Fatalf("the process was not killed: %v: %s", err, said.String())
			}
			w.on(nil)
			if out, err := p.Child("j", 1, "").CombinedOutput(); err != nil {
				t.Fatalf("the run after the kill: %v: %s", err, out)
			}
			content(t, direct, p.Table, 13, 2)
		})
	}
}
