// Package hive is the catalog that lists tables in a Hive Metastore, 3.1 to 4.0. It speaks Thrift itself: a commit needs the server's
// compare-and-set, a lock that is kept alive, and calls whose outcome is told apart, none of which the usual clients give.
package hive

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/apache/thrift/lib/go/thrift"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/internal/event"
	"github.com/firn-data/firn/internal/fault"
)

// Config is the lakes file's catalog block of this kind.
type Config struct {
	URIs           []string      // thrift://host:port, tried in turn
	Pool           int           // connections kept open
	ConnectTimeout time.Duration // for a connection
	CallTimeout    time.Duration // for a call
	LockWait       time.Duration // for a table's lock
	CA             string        // file with the certificate authority of the servers
	TLS            bool          // whether the servers speak TLS
	Warehouse      string        // under which namespaces are made
	Events         *event.Events // may be nil
}

// Catalog implements catalog.Catalog over metastores that share one database.
type Catalog struct {
	cfg    Config
	client *client

	mu     sync.Mutex
	tables map[catalog.Ident]chan struct{} // one swap at a time within this process
	server *server
}

// server is what is known of the metastore.
type server struct {
	version     string
	compares    bool // alter_table honours expected_parameter_value
	lockTimeout time.Duration
}

// Open checks the configuration. It connects with the first call.
func Open(cfg Config) (*Catalog, error) {
	c := &client{connect: cfg.ConnectTimeout, call: cfg.CallTimeout, keep: max(cfg.Pool, 1), open: map[*connection]struct{}{}}
	if len(cfg.URIs) == 0 {
		return nil, fault.New(fault.Config, "a hive catalog needs uris").At(fault.Place{Path: "catalog.uris"})
	}
	for _, u := range cfg.URIs {
		a, err := address(u)
		if err != nil {
			return nil, err
		}
		c.addresses = append(c.addresses, a)
	}
	for _, d := range []struct {
		at  *time.Duration
		def time.Duration
	}{{&c.connect, 5 * time.Second}, {&c.call, time.Minute}, {&cfg.LockWait, 3 * time.Minute}} {
		if *d.at <= 0 {
			*d.at = d.def
		}
	}
	if cfg.TLS || cfg.CA != "" {
		c.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if cfg.CA != "" {
		pem, err := os.ReadFile(cfg.CA)
		if err != nil {
			return nil, fault.Wrap(fault.Config, err, "read the certificate authority of the metastore").At(fault.Place{Path: "catalog.tls.ca"})
		}
		c.tls.RootCAs = x509.NewCertPool()
		if !c.tls.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fault.New(fault.Config, "%s holds no certificate", cfg.CA).At(fault.Place{Path: "catalog.tls.ca"})
		}
	}
	return &Catalog{cfg: cfg, client: c, tables: map[catalog.Ident]chan struct{}{}}, nil
}

// Close closes the connections.
func (c *Catalog) Close() error {
	c.client.close()
	return nil
}

// Load implements catalog.Catalog.
func (c *Catalog) Load(ctx context.Context, id catalog.Ident) (catalog.Pointer, error) {
	t, err := c.client.getTable(ctx, id)
	if refused(err, "NoSuchObjectException") {
		return catalog.Pointer{}, fault.Wrap(fault.NoInput, catalog.ErrNoTable, "load %s", id)
	}
	if err != nil {
		return catalog.Pointer{}, c.client.classify(ctx, err, "load %s", id)
	}
	return pointer(id, t)
}

// pointer reads where a Hive table's Iceberg metadata are.
func pointer(id catalog.Ident, t *record) (catalog.Pointer, error) {
	params := t.strings(tableParameters)
	kind := t.text(tableType)
	switch {
	case strings.Contains(kind, "VIEW"):
		return catalog.Pointer{}, fault.New(fault.Config, "%s is a view", id).Hint("give the target another name")
	case !strings.EqualFold(params["table_type"], "ICEBERG"):
		return catalog.Pointer{}, fault.New(fault.Config, "%s is not an Iceberg table", id).Hint("give the target another name")
	case params[metadataLocation] == "":
		return catalog.Pointer{}, fault.New(fault.Config, "%s has no metadata location in the metastore", id)
	}
	return catalog.Pointer{Location: params[metadataLocation]}, nil
}

// Tables implements catalog.Catalog.
func (c *Catalog) Tables(ctx context.Context, namespace string) ([]catalog.Ident, error) {
	dbs := []string{namespace}
	if namespace == "" {
		var err error
		if dbs, err = c.client.names(ctx, "get_all_databases", newRecord(), "MetaException"); err != nil {
			return nil, c.client.classify(ctx, err, "list the namespaces")
		}
	}
	var out []catalog.Ident
	for _, db := range dbs {
		// LIKE, since some databases under a metastore cannot compare the parameter with =.
		names, err := c.client.names(ctx, "get_table_names_by_filter", newRecord(str(1, db), str(2, `hive_filter_field_params__table_type LIKE "ICEBERG"`), field{3, thrift.I16, int16(-1)}),
			"MetaException", "InvalidOperationException", "UnknownDBException")
		if refused(err, "UnknownDBException") {
			continue
		}
		if err != nil {
			return nil, c.client.classify(ctx, err, "list the tables of %s", db)
		}
		for _, n := range names {
			out = append(out, catalog.Ident{Namespace: db, Table: n})
		}
	}
	slices.SortFunc(out, func(a, b catalog.Ident) int { return strings.Compare(a.String(), b.String()) })
	return out, nil
}

// about asks the server, once, for its version and its locks' timeout.
func (c *Catalog) about(ctx context.Context) (*server, error) {
	c.mu.Lock()
	s := c.server
	c.mu.Unlock()
	if s != nil {
		return s, nil
	}
	v, err := c.client.version(ctx)
	if err != nil {
		return nil, c.client.classify(ctx, err, "ask the metastore for its version")
	}
	t, err := c.client.lockTimeout(ctx)
	if err != nil {
		return nil, c.client.classify(ctx, err, "ask the metastore for its lock timeout")
	}
	s = &server{version: v, compares: compares(v), lockTimeout: t}
	c.mu.Lock()
	c.server = s
	c.mu.Unlock()
	return s, nil
}

// compares reports whether a server of a version compares before it swaps (HIVE-26882): from 4.0.0's beta on. 3.1.3 calls itself 3.0.
func compares(version string) bool {
	major, _, _ := strings.Cut(version, ".")
	n, err := strconv.Atoi(major)
	return err == nil && n >= 4 && !strings.Contains(version, "alpha")
}

// enter waits until no other swap of this process is under way on the table.
func (c *Catalog) enter(ctx context.Context, id catalog.Ident) (leave func(), err error) {
	c.mu.Lock()
	gate := c.tables[id]
	if gate == nil {
		gate = make(chan struct{}, 1)
		c.tables[id] = gate
	}
	c.mu.Unlock()
	select {
	case gate <- struct{}{}:
		return func() { <-gate }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// namespace makes the database of a table when it is missing.
func (c *Catalog) namespace(ctx context.Context, name string) error {
	_, err := c.client.database(ctx, name)
	if refused(err, "NoSuchObjectException") || refused(err, "MetaException") {
		err = c.client.createDatabase(ctx, name, c.cfg.Warehouse+"/"+name+".db")
	}
	return c.client.classify(ctx, err, "make the namespace %s", name)
}

var (
	_ catalog.Catalog = (*Catalog)(nil)
	_ catalog.Closer  = (*Catalog)(nil)
)

// conflict is a definite refusal because somebody else was faster.
func conflict(id catalog.Ident, err error) error {
	if err == nil {
		return fault.New(fault.Retry, "%s was changed by somebody else", id)
	}
	return fault.Wrap(fault.Retry, err, "%s was changed by somebody else", id)
}

// unsent reports whether a call's request surely did not reach the server.
func unsent(err error) bool {
	e, ok := errors.AsType[*transportError](err)
	return ok && !e.sent
}
