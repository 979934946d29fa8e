//go:build server

package hive

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/catalog/catalogtest"
	"github.com/firn-data/firn/internal/event"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/secret"
	"github.com/firn-data/firn/internal/stacktest"
	"github.com/firn-data/firn/storage/s3"
)

// blackHole is the URI of a server that takes connections and never answers.
func blackHole(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return "thrift://" + l.Addr().String()
}

func TestTheNextMetastoreIsUsedWhenTheFirstDoesNotAnswer(t *testing.T) {
	hms := stacktest.Env(t).HMS
	for name, first := range map[string]string{"dead": "thrift://127.0.0.1:1", "black-holed": blackHole(t)} {
		t.Run(name, func(t *testing.T) {
			l, id := lakes(t, first, hms.PeerURI)(), catalog.Ident{Namespace: stacktest.Name(t), Table: "t"}
			l.Catalog.(*Catalog).client.connect = time.Second
			rowsOf(t, l, id, catalogtest.Attempt{Job: "j", Run: "r0", ID: "a0", Rows: 3})
			rowsOf(t, l, id, catalogtest.Attempt{Job: "j", Run: "r1", ID: "a1", From: 3, Rows: 3})
			content(t, lakes(t, hms.URI)(), id, 6, 2) // its peer has the same database
		})
	}
}

func TestACommitGoesOnWhenItsMetastoreDies(t *testing.T) {
	hms := stacktest.Env(t).HMS
	p := stacktest.NewProxy(t, hms.URI)
	l, id := lakes(t, "thrift://"+p.Addr, hms.PeerURI)(), catalog.Ident{Namespace: stacktest.Name(t), Table: "t"}
	rowsOf(t, l, id, catalogtest.Attempt{Job: "j", Run: "r0", ID: "a0", Rows: 3})
	l.Point = func(name string) {
		if name == "put" { // the lock was taken through the one that dies
			p.Enable(false)
		}
	}
	a := catalogtest.Attempt{Job: "j", Run: "r1", ID: "a1", From: 3, Rows: 3}
	if r := rowsOf(t, l, id, a); !r.Committed {
		t.Errorf("%+v", r)
	}
	content(t, l, id, 6, 2)
	if locks, err := l.Catalog.(*Catalog).Locks(context.Background(), id); err != nil || len(locks) != 0 {
		t.Errorf("locks that were left: %+v, %v", locks, err)
	}
}

// TestWithoutAnyMetastoreNothingIsSent: a commit whose servers are all gone before its swap fails at once as unavailable, not as unknown.
func TestWithoutAnyMetastoreNothingIsSent(t *testing.T) {
	p := stacktest.NewProxy(t, stacktest.Env(t).HMS.URI)
	uri := "thrift://" + p.Addr
	l, id := lakes(t, uri)(), catalog.Ident{Namespace: stacktest.Name(t), Table: "t"}
	rowsOf(t, l, id, catalogtest.Attempt{Job: "j", Run: "r0", ID: "a0", Rows: 3})
	a := catalogtest.Attempt{Job: "j", Run: "r1", ID: "a1", From: 3, Rows: 3, Before: func() { p.Enable(false) }}
	if _, err := catalogtest.Do(context.Background(), l, id, a); !fault.Is(err, fault.Unavailable) {
		t.Errorf("class %s: %v", fault.ClassOf(err), err)
	}
	p.Enable(true)
	a.ID, a.Before = "a2", nil
	rowsOf(t, l, id, a)
	content(t, l, id, 6, 2)
}

// TestCloseEndsCallsThatAreUnderWay: a call that waits for its answer ends when the catalog is closed.
func TestCloseEndsCallsThatAreUnderWay(t *testing.T) {
	w := newWire(t, stacktest.Env(t).HMS.URI)
	l, id := lakes(t, w.uri)(), catalog.Ident{Namespace: stacktest.Name(t), Table: "t"}
	under, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	w.on(func(method string) action {
		if method == "get_table_req" {
			once.Do(func() { close(under) })
			<-release
		}
		return pass
	})
	ended := make(chan error)
	go func() { _, err := l.Load(context.Background(), id); ended <- err }()
	<-under
	l.Catalog.(*Catalog).Close()
	if err := <-ended; !fault.Is(err, fault.Unavailable) {
		t.Errorf("class %s: %v", fault.ClassOf(err), err)
	}
	close(release)
}

// TestTheStoreFailsDuringACommit breaks the store's connections when the metadata file is written, until the write is tried again.
func TestTheStoreFailsDuringACommit(t *testing.T) {
	e := stacktest.Env(t)
	for name, toxic := range map[string]struct {
		stream, kind string
		attributes   map[string]any
	}{
		"reset before the request":   {"upstream", "reset_peer", map[string]any{"timeout": 0}},
		"answer lost":                {"downstream", "limit_data", map[string]any{"bytes": 1}},
		"answer lost in the middle":  {"downstream", "limit_data", map[string]any{"bytes": 60}},
		"request cut in the middle":  {"upstream", "limit_data", map[string]any{"bytes": 700}},
		"answers come a second late": {"downstream", "latency", map[string]any{"latency": 1000}},
	} {
		t.Run(name, func(t *testing.T) {
			p := stacktest.NewProxy(t, e.S3.Endpoint)
			l, id := lakes(t, e.HMS.URI)(), catalog.Ident{Namespace: stacktest.Name(t), Table: "t"}
			rowsOf(t, l, id, catalogtest.Attempt{Job: "j", Run: "r0", ID: "a0", Rows: 3})
			st, err := s3.New(s3.Config{Endpoint: "http://" + p.Addr, Region: e.S3.Region, PathStyle: true, AccessKey: secret.New(e.S3.AccessKey), SecretKey: secret.New(e.S3.SecretKey)})
			if err != nil {
				t.Fatal(err)
			}
			l.Store = st
			mend := func() {}
			l.Point = func(name string) {
				if name == "put" {
					mend = p.Toxic(toxic.stream, toxic.kind, toxic.attributes)
				}
			}
			var repeated []string
			l.Events = &event.Events{Retry: func(call string, _ int, err error, _ time.Duration) {
				if len(repeated) == 0 {
					mend()
				}
				repeated = append(repeated, fmt.Sprint(call, ": ", err))
			}}
			r := rowsOf(t, l, id, catalogtest.Attempt{Job: "j", Run: "r1", ID: "a1", From: 3, Rows: 3})
			if !r.Committed || r.Tries != 1 {
				t.Errorf("%+v", r)
			}
			t.Log(strings.Join(repeated, "; "))
			if late := toxic.kind == "latency"; (len(repeated) == 0) != late {
				t.Errorf("%d repetitions: %q", len(repeated), repeated)
			}
			content(t, lakes(t, e.HMS.URI)(), id, 6, 2)
		})
	}
}
