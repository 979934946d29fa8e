package etl

import (
	"context"
	"strings"
	"time"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/catalog/sqlite"
	"github.com/firn-data/firn/etl/job"
	"github.com/firn-data/firn/internal/event"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/storage"
	"github.com/firn-data/firn/storage/local"
)

// OpenLake opens a lake of the lakes file; the empty name is the embedded one. The caller closes it with CloseLake.
func OpenLake(ctx context.Context, lakes *job.Lakes, name string, events *event.Events) (*catalog.Lake, error) {
	cfg, err := lakes.Find(name)
	if err != nil {
		return nil, err
	}
	if cfg.Catalog.Kind != "sqlite" {
		return nil, fault.New(fault.Config, "catalogs of kind %s are not built in", cfg.Catalog.Kind).Hint("use a lake with catalog: {kind: sqlite, path: …}")
	}
	store, err := storeOf(cfg.Warehouse)
	if err != nil {
		return nil, err
	}
	c, err := sqlite.Open(ctx, sqlite.Config{Path: cfg.Catalog.Path})
	if err != nil {
		return nil, err
	}
	return &catalog.Lake{Name: name, Catalog: c, Store: store, Warehouse: absolute(cfg.Warehouse), Defaults: cfg.Defaults.Properties, Events: events, Now: time.Now,
		Policy: catalog.Policy{Attempts: cfg.Commit.Attempts, Timeout: cfg.Commit.Timeout, UnknownWait: cfg.Commit.UnknownWait}}, nil
}

// CloseLake gives a lake's connections back.
func CloseLake(l *catalog.Lake) error {
	if c, ok := l.Catalog.(catalog.Closer); ok {
		return c.Close()
	}
	return nil
}

func storeOf(location string) (storage.Store, error) {
	if scheme, _, ok := strings.Cut(location, "://"); ok && scheme != "file" {
		return nil, fault.New(fault.Config, "stores of the scheme %s:// are not built in", scheme).At(fault.Place{Path: "warehouse"}).Hint("use a local warehouse")
	}
	return local.New(), nil
}
