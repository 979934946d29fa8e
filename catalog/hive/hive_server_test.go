//go:build server

package hive

import (
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/catalog/catalogtest"
	"github.com/firn-data/firn/internal/secret"
	"github.com/firn-data/firn/internal/stacktest"
	"github.com/firn-data/firn/storage/s3"
)

func TestMain(m *testing.M) {
	catalogtest.IfChild(open)
	// The store's client keeps idle connections.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

// open opens a lake that several processes share: "<metastore> <warehouse>", over the stack's object store.
func open(lake string) (*catalog.Lake, func(), error) {
	uris, warehouse, _ := strings.Cut(lake, " ")
	st, err := s3.New(s3.Config{Endpoint: os.Getenv("FIRN_TEST_S3_ENDPOINT"), Region: os.Getenv("FIRN_TEST_S3_REGION"), PathStyle: true,
		AccessKey: secret.New(os.Getenv("FIRN_TEST_S3_ACCESS_KEY")), SecretKey: secret.New(os.Getenv("FIRN_TEST_S3_SECRET_KEY"))})
	if err != nil {
		return nil, nil, err
	}
	c, err := Open(Config{URIs: strings.Split(uris, ","), Pool: 4, CallTimeout: 30 * time.Second, LockWait: 2 * time.Minute, Warehouse: warehouse})
	if err != nil {
		return nil, nil, err
	}
	return &catalog.Lake{Catalog: c, Store: st, Warehouse: warehouse, Now: time.Now, Policy: catalog.Policy{Attempts: 200, Timeout: 3 * time.Minute, UnknownWait: 30 * time.Second}},
		func() { c.Close() }, nil
}

// warehouse is a place in the stack's store that belongs to the test.
func warehouse(t *testing.T) string {
	t.Helper()
	return "s3://" + stacktest.Env(t).S3.Bucket + "/warehouse/" + stacktest.Name(t)
}

// place is a table of the test on a metastore.
func place(t *testing.T, uri string) catalogtest.Place {
	t.Helper()
	return catalogtest.Place{Lake: uri + " " + warehouse(t), Table: catalog.Ident{Namespace: stacktest.Name(t), Table: "t"}}
}

// lakes makes lakes on metastores, which share catalog and warehouse.
func lakes(t *testing.T, uris ...string) func() *catalog.Lake {
	t.Helper()
	lake := strings.Join(uris, ",") + " " + warehouse(t)
	return func() *catalog.Lake { return openFor(t, lake) }
}

// openFor opens a lake for the length of a test.
func openFor(t *testing.T, lake string) *catalog.Lake {
	t.Helper()
	l, done, err := open(lake)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(done)
	return l
}

func TestConformance(t *testing.T) {
	for name, uri := range versions(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			catalogtest.Run(t, func(t *testing.T) (func() *catalog.Lake, string) { return lakes(t, uri), stacktest.Name(t) })
		})
	}
}

func TestSixteenProcessesAppendAtOnce(t *testing.T) {
	uri := stacktest.Env(t).HMS.URI
	catalogtest.Sixteen(t, open, func(t *testing.T) catalogtest.Place { return place(t, uri) })
}
