package etl

import (
	"context"
	"time"

	"github.com/firn-data/firn/catalog"
	catalogs "github.com/firn-data/firn/catalog/all"
	"github.com/firn-data/firn/etl/job"
	"github.com/firn-data/firn/internal/event"
	"github.com/firn-data/firn/storage"
	"github.com/firn-data/firn/storage/all"
	"github.com/firn-data/firn/storage/s3"
)

// OpenLake opens a lake of the lakes file; the empty name is the embedded one. The caller closes it with CloseLake.
func OpenLake(ctx context.Context, lakes *job.Lakes, name string, events *event.Events) (*catalog.Lake, error) {
	cfg, err := lakes.Find(name)
	if err != nil {
		return nil, err
	}
	store, err := all.Open(cfg.Warehouse, storeConfig(cfg, events))
	if err != nil {
		return nil, err
	}
	warehouse := absolute(cfg.Warehouse)
	k := cfg.Catalog
	c, err := catalogs.Open(ctx, catalogs.Config{Kind: k.Kind, Path: k.Path, URIs: k.URIs, Pool: k.Pool, ConnectTimeout: k.ConnectTimeout, CallTimeout: k.CallTimeout, LockWait: k.LockWait,
		TLS: k.TLS != nil, CA: k.TLS.Authority(), Warehouse: warehouse, Events: events})
	if err != nil {
		return nil, err
	}
	return &catalog.Lake{Name: name, Catalog: c, Store: store, Warehouse: warehouse, Defaults: cfg.Defaults.Properties, Events: events, Now: time.Now,
		Policy: catalog.Policy{Attempts: cfg.Commit.Attempts, Timeout: cfg.Commit.Timeout, UnknownWait: cfg.Commit.UnknownWait}}, nil
}

// CloseLake gives a lake's connections back.
func CloseLake(l *catalog.Lake) error {
	if c, ok := l.Catalog.(catalog.Closer); ok {
		return c.Close()
	}
	return nil
}

// storeConfig is how a lake's stores are reached.
func storeConfig(l job.Lake, events *event.Events) all.Config {
	c := all.Config{Events: events}
	if x := l.Store.S3; x != nil {
		c.S3 = &s3.Config{Endpoint: x.Endpoint, Region: x.Region, PathStyle: x.PathStyle, AccessKey: x.AccessKey, SecretKey: x.SecretKey, PartBytes: int64(x.PartSize), CA: x.TLS.CA}
	}
	return c
}

// stores finds the store of a source's location: that of the named lake, or of the job's own.
func (p *Plan) stores(name, location string) (storage.Store, error) {
	if name == "" {
		name = p.opts.Lake
	}
	l, err := p.opts.Lakes.Find(name)
	if err != nil {
		return nil, err
	}
	return all.Open(location, storeConfig(l, p.opts.Events))
}
