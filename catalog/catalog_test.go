package catalog_test

import (
	"testing"
	"time"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/catalog/catalogtest"
	"github.com/firn-data/firn/storage/mem"
)

// memory opens a lake in memory.
func memory(t *testing.T) (*catalog.Lake, *mem.Store) {
	t.Helper()
	s := mem.New()
	return &catalog.Lake{Name: "test", Catalog: catalogtest.NewMemory(), Store: s, Warehouse: "mem://w", Now: time.Now}, s
}

func TestACatalogInMemory(t *testing.T) {
	catalogtest.Run(t, func(t *testing.T) (func() *catalog.Lake, string) {
		l, _ := memory(t)
		return func() *catalog.Lake { c := *l; return &c }, "ns"
	})
}
