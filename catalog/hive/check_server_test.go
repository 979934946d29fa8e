//go:build server

package hive

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/stacktest"
)

// versions are the shared metastores.
func versions(t *testing.T) map[string]string {
	hms := stacktest.Env(t).HMS
	return map[string]string{"4.0.1": hms.URI, "3.1.3": hms.URI313}
}

func TestCheckFindsTheServerFitAndLeavesNothing(t *testing.T) {
	for version, uri := range versions(t) {
		t.Run(version, func(t *testing.T) {
			c := lakes(t, uri)().Catalog.(*Catalog)
			steps := c.Check(context.Background())
			if len(steps) != 8 {
				t.Errorf("%d steps, want 8", len(steps))
			}
			for _, s := range steps {
				if s.Err != nil {
					t.Errorf("%s: %v", s.Name, s.Err)
				}
				t.Logf("%s: %s %s", s.Name, s.Note, s.Fix)
				if want := version == "4.0.1"; s.Name == "compares before it swaps" && strings.HasPrefix(s.Note, "compare-and-set protects") != want {
					t.Errorf("%s compares: %s", version, s.Note)
				}
			}
			names, err := c.client.names(context.Background(), "get_all_databases", newRecord(), "MetaException")
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range names {
				if strings.HasPrefix(n, "firn_check_") {
					t.Errorf("the namespace %s was left behind", n)
				}
			}
		})
	}
}

func TestCheckOfADeadServerSaysSoOnce(t *testing.T) {
	c, err := Open(Config{URIs: []string{"thrift://127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	steps := c.Check(context.Background())
	if len(steps) != 1 || !fault.Is(steps[0].Err, fault.Unavailable) || steps[0].Fix == "" {
		t.Errorf("%+v", steps)
	}
}

func TestLocksAreListedAndBroken(t *testing.T) {
	for version, uri := range versions(t) {
		t.Run(version, func(t *testing.T) {
			ctx := context.Background()
			c := lakes(t, uri)().Catalog.(*Catalog)
			id := catalog.Ident{Namespace: stacktest.Name(t), Table: "t"}
			l, err := c.client.acquire(ctx, id, "holder", time.Minute, time.Second)
			if err != nil {
				t.Fatal(err)
			}
			defer l.abandon()
			k, err := c.client.get(ctx)
			if err != nil {
				t.Fatal(err)
			}
			next, state, err := k.lock(ctx, id.Namespace, id.Table, "next")
			if c.client.put(k); err != nil || state != waiting {
				t.Fatalf("a second lock: %d, %v", state, err)
			}
			defer c.client.release(ctx, next)
			locks, err := c.Locks(ctx, id)
			if err != nil || len(locks) != 2 {
				t.Fatalf("%+v, %v", locks, err)
			}
			held, waits := locks[0], locks[1]
			if held.State != "acquired" || !strings.HasPrefix(held.Agent, "firn-holder-") || held.Acquired.IsZero() || !held.Expires.After(held.Heartbeat) || waits.State != "waiting" || waits.Agent != "next" {
				t.Errorf("%+v", locks)
			}
			if err := c.Break(ctx, id, "999999999"); !fault.Is(err, fault.NoInput) {
				t.Errorf("breaking a lock that is not there: %v", err)
			}
			if err := c.Break(ctx, id, held.ID); err != nil {
				t.Fatal(err)
			}
			if state, err := c.client.checkLock(ctx, next); err != nil || state != acquired {
				t.Errorf("the one who waited: %d, %v", state, err)
			}
		})
	}
}
