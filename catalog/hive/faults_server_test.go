//go:build server

package hive

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/catalog/catalogtest"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/stacktest"
)

// content checks that a table holds a number of rows, once each, in a number of snapshots.
func content(t *testing.T, l *catalog.Lake, id catalog.Ident, rows int64, snapshots int) {
	t.Helper()
	tab, err := l.Load(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	if tab.Rows() != rows || len(tab.Snapshots()) != snapshots {
		t.Errorf("%d rows in %d snapshots, want %d in %d", tab.Rows(), len(tab.Snapshots()), rows, snapshots)
	}
}

// TestEveryCallOfACommitMayBeCut cuts the connection at each Thrift call of a commit, before the request reaches the server and before
// the answer comes back. The commit succeeds or fails with a class that is worth a retry, its repetition finds the rows or writes them,
// and no lock is left, but that of an outcome that stays unknown.
func TestEveryCallOfACommitMayBeCut(t *testing.T) {
	for version, uri := range versions(t) {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			cutEveryCall(t, version, uri)
		})
	}
}

func cutEveryCall(t *testing.T, version, uri string) {
	direct := lakes(t, uri)
	ns := stacktest.Name(t)
	for _, method := range []string{"lock", "check_lock", "get_table_req", alterMethod, "heartbeat", "unlock", "create_table", "create_database", "get_database", "getVersion", "setMetaConf"} {
		if method == "heartbeat" && version == "4.0.1" {
			continue // a quick commit that the server compares needs none
		}
		for name, do := range map[string]action{"before the request": drop, "before the answer": swallow} {
			t.Run(method+"/"+name, func(t *testing.T) {
				cutCase{direct, uri, ns, method, do}.run(t)
			})
		}
	}
}

type cutCase struct {
	direct  func() *catalog.Lake
	uri, ns string
	method  string
	do      action
}

func (c cutCase) run(t *testing.T) {
	ctx, direct := context.Background(), c.direct()
	id := catalog.Ident{Namespace: c.ns, Table: fmt.Sprintf("%s_%d", c.method, c.do)}
	create := c.method == "create_table" || c.method == "create_database" || c.method == "get_database"
	if c.method == "create_database" {
		id.Namespace += id.Table
	}
	first := catalogtest.Attempt{Job: "j", Run: "r0", ID: "a0", Rows: 3}
	before := int64(0)
	if !create {
		if _, err := catalogtest.Do(ctx, direct, id, first); err != nil {
			t.Fatal(err)
		}
		before = 3
	}
	w := newWire(t, c.uri)
	l := lakes(t, w.uri)()
	l.Store, l.Warehouse = direct.Store, direct.Warehouse
	l.Policy.UnknownWait = 2 * time.Second
	count := w.once(c.method, c.do)
	if c.method == "check_lock" {
		defer c.contend(t, direct, id)()
	}
	a := catalogtest.Attempt{Job: "j", Run: "r1", ID: "a1", From: 3, Rows: 5}
	_, err := catalogtest.Do(ctx, l, id, a)
	if count() == 0 {
		t.Fatalf("the commit made no call of %s", c.method)
	}
	unknown := fault.Is(err, fault.Unknown)
	if err != nil && !unknown && !fault.Is(err, fault.Retry) && !fault.Is(err, fault.Unavailable) {
		t.Errorf("the commit failed with class %s: %v", fault.ClassOf(err), err)
	}
	t.Logf("the commit: %v", err)
	locks, lerr := direct.Catalog.(*Catalog).Locks(ctx, id)
	if lerr != nil || len(locks) > 0 && !unknown {
		t.Errorf("locks that were left: %+v, %v", locks, lerr)
	}
	for _, k := range locks {
		if err := direct.Catalog.(*Catalog).Break(ctx, id, k.ID); err != nil {
			t.Error(err)
		}
	}
	a.ID = "a2"
	if r, rerr := catalogtest.Do(ctx, direct, id, a); rerr != nil || err == nil && r.Committed {
		t.Fatalf("the run again: %+v, %v", r, rerr)
	}
	content(t, direct, id, before+5, 1+int(before/3))
}

// contend holds the table's lock for a moment, so that the commit has to ask for it again.
func (c cutCase) contend(t *testing.T, l *catalog.Lake, id catalog.Ident) (end func()) {
	h, err := l.Catalog.(*Catalog).Exclude(context.Background(), id, "other")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		time.Sleep(500 * time.Millisecond)
		h.Release(context.Background())
	}()
	return func() { <-done }
}
