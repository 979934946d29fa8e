package sqlite

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/catalog/catalogtest"
	"github.com/firn-data/firn/storage/local"
)

func TestMain(m *testing.M) {
	catalogtest.IfChild(lakeIn)
	os.Exit(m.Run())
}

func lakeIn(dir string) (*catalog.Lake, func(), error) {
	c, err := Open(context.Background(), Config{Path: dir + "/catalog.db"})
	if err != nil {
		return nil, nil, err
	}
	return &catalog.Lake{Catalog: c, Store: local.New(), Warehouse: dir + "/warehouse", Now: time.Now,
		Policy: catalog.Policy{Attempts: 200, Timeout: time.Minute, UnknownWait: 10 * time.Second}}, func() { c.Close() }, nil
}

func place(t *testing.T) catalogtest.Place {
	return catalogtest.Place{Lake: t.TempDir(), Table: catalog.Ident{Namespace: "ns", Table: "t"}}
}

func TestSixteenProcessesAppendAtOnce(t *testing.T) { catalogtest.Sixteen(t, lakeIn, place) }

func TestKilledAtEveryPointThenExactlyOnce(t *testing.T) {
	catalogtest.KilledAtEveryPoint(t, lakeIn, place)
}
