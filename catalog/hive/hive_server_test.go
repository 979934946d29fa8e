//go:build server

package hive

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/catalog/catalogtest"
	"github.com/firn-data/firn/internal/secret"
	"github.com/firn-data/firn/internal/stacktest"
	"github.com/firn-data/firn/storage"
	"github.com/firn-data/firn/storage/s3"
)

func TestMain(m *testing.M) {
	// The store's client keeps idle connections.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

// warehouse is a store and a place in it that belong to the test.
func warehouse(t *testing.T) (storage.Store, string) {
	t.Helper()
	e := stacktest.Env(t).S3
	st, err := s3.New(s3.Config{Endpoint: e.Endpoint, Region: e.Region, PathStyle: true, AccessKey: secret.New(e.AccessKey), SecretKey: secret.New(e.SecretKey)})
	if err != nil {
		t.Fatal(err)
	}
	return st, "s3://" + e.Bucket + "/warehouse/" + stacktest.Name(t)
}

// lakes makes lakes on metastores, which share catalog and warehouse.
func lakes(t *testing.T, change func(*Config), uris ...string) func() *catalog.Lake {
	t.Helper()
	st, place := warehouse(t)
	return func() *catalog.Lake {
		cfg := Config{URIs: uris, Pool: 4, CallTimeout: 30 * time.Second, LockWait: 2 * time.Minute, Warehouse: place}
		if change != nil {
			change(&cfg)
		}
		c, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return &catalog.Lake{Catalog: c, Store: st, Warehouse: place, Now: time.Now, Policy: catalog.Policy{Attempts: 200, Timeout: 3 * time.Minute, UnknownWait: 30 * time.Second}}
	}
}

func TestConformance(t *testing.T) {
	hms := stacktest.Env(t).HMS
	for name, uri := range map[string]string{"4.0.1": hms.URI, "3.1.3": hms.URI313} {
		t.Run(name, func(t *testing.T) {
			catalogtest.Run(t, func(t *testing.T) (func() *catalog.Lake, string) { return lakes(t, nil, uri), stacktest.Name(t) })
		})
	}
}
