package sqlite

import (
	"context"
	"testing"
	"time"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/catalog/catalogtest"
	"github.com/firn-data/firn/storage/local"
)

func TestConformance(t *testing.T) {
	catalogtest.Run(t, func(t *testing.T) (func() *catalog.Lake, string) {
		dir := t.TempDir()
		return func() *catalog.Lake {
			c, err := Open(context.Background(), Config{Path: dir + "/catalog.db"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			return &catalog.Lake{Catalog: c, Store: local.New(), Warehouse: dir + "/warehouse", Now: time.Now,
				Policy: catalog.Policy{Attempts: 100, Timeout: time.Minute, UnknownWait: 10 * time.Second}}
		}, "ns"
	})
}
