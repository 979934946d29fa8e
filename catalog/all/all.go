// Package all is the one list of catalog kinds.
package all

import (
	"context"
	"time"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/catalog/hive"
	"github.com/firn-data/firn/catalog/sqlite"
	"github.com/firn-data/firn/internal/event"
	"github.com/firn-data/firn/internal/fault"
)

// Config is a lake's catalog block, of any kind, with what the kinds need beside it.
type Config struct {
	Kind           string
	Path           string
	URIs           []string
	Pool           int
	ConnectTimeout time.Duration
	CallTimeout    time.Duration
	LockWait       time.Duration
	TLS            bool // whether the servers speak TLS
	CA             string
	Warehouse      string
	Events         *event.Events
}

// Open opens a catalog.
func Open(ctx context.Context, c Config) (catalog.Catalog, error) {
	switch c.Kind {
	case "sqlite":
		return sqlite.Open(ctx, sqlite.Config{Path: c.Path})
	case "hive":
		return hive.Open(hive.Config{URIs: c.URIs, Pool: c.Pool, ConnectTimeout: c.ConnectTimeout, CallTimeout: c.CallTimeout, LockWait: c.LockWait, TLS: c.TLS, CA: c.CA, Warehouse: c.Warehouse, Events: c.Events})
	}
	return nil, fault.New(fault.Config, "catalogs of kind %s are not built in", c.Kind).At(fault.Place{Path: "catalog.kind"}).Hint("use sqlite or hive")
}
