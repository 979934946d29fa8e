// Package sqlite is the embedded catalog: one SQLite file in the schema of Iceberg's JDBC catalog, which other Iceberg
// clients open too. Any number of processes on one machine may share it.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	sqlite3 "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/internal/fault"
)

// catalogName is the value of the catalog_name column: the name under which PyIceberg's SqlCatalog finds the tables too.
const catalogName = "firn"

// busyTimeout is how long to wait for another process that holds the file.
const busyTimeout = 10 * time.Second

// Config is the lakes file's catalog block of this kind.
type Config struct {
	Path string `yaml:"path" doc:"file of the catalog; it is created with its folder" example:"./lakehouse/catalog.db"`
}

// Kind is the word after `kind:`.
func (*Config) Kind() string { return "sqlite" }

// Validate checks the fields.
func (c *Config) Validate() error {
	if c.Path == "" {
		return fault.New(fault.Config, "a sqlite catalog needs a path").At(fault.Place{Path: "catalog.path"})
	}
	return nil
}

// Catalog implements catalog.Catalog. The file is opened, and made, with the first call.
type Catalog struct {
	path string
	db   *sql.DB
}

// Open opens the catalog's file, and makes it if it is missing.
func Open(ctx context.Context, c Config) (*Catalog, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(c.Path), 0o755); err != nil {
		return nil, fault.Wrap(fault.Permission, err, "make the folder of the catalog %s", c.Path)
	}
	journal := "WAL"
	if onNetwork(filepath.Dir(c.Path)) {
		journal = "DELETE" // WAL needs shared memory, which network file systems lack
	}
	q := url.Values{}
	q.Add("_pragma", fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()))
	q.Add("_pragma", "journal_mode("+journal+")")
	q.Add("_pragma", "synchronous(FULL)")
	q.Set("_txlock", "immediate")
	abs, err := filepath.Abs(c.Path)
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: abs}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(4)
	cat := &Catalog{path: c.Path, db: db}
	if err := cat.migrate(ctx); err != nil {
		db.Close()
		return nil, err
	}
	return cat, nil
}

// Close closes the file.
func (c *Catalog) Close() error { return c.db.Close() }

var tables = []string{
	`CREATE TABLE IF NOT EXISTS iceberg_tables (
  catalog_name VARCHAR(255) NOT NULL, table_namespace VARCHAR(255) NOT NULL, table_name VARCHAR(255) NOT NULL,
  metadata_location VARCHAR(1000), previous_metadata_location VARCHAR(1000), iceberg_type VARCHAR(5),
  PRIMARY KEY (catalog_name, table_namespace, table_name))`,
	`CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (
  catalog_name VARCHAR(255) NOT NULL, namespace VARCHAR(255) NOT NULL, property_key VARCHAR(255) NOT NULL, property_value VARCHAR(1000),
  PRIMARY KEY (catalog_name, namespace, property_key))`,
}

// migrate makes the tables. Of processes that open a new file at once, one turns it to WAL while the others are told at
// once that it is locked, whatever the busy timeout: they try again.
func (c *Catalog) migrate(ctx context.Context) error {
	deadline := time.Now().Add(busyTimeout)
	for {
		err := c.makeTables(ctx)
		if !fault.Is(err, fault.Retry) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (c *Catalog) makeTables(ctx context.Context) error {
	var n int
	if err := c.db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master WHERE name IN ('iceberg_tables', 'iceberg_namespace_properties')`).Scan(&n); err != nil {
		return c.classify(ctx, err, "open")
	}
	if n == len(tables) {
		return nil
	}
	for _, t := range tables {
		if _, err := c.db.ExecContext(ctx, t); err != nil {
			return c.classify(ctx, err, "create")
		}
	}
	return nil
}

// Load implements catalog.Catalog.
func (c *Catalog) Load(ctx context.Context, id catalog.Ident) (catalog.Pointer, error) {
	var location, kind sql.NullString
	err := c.db.QueryRowContext(ctx, `SELECT metadata_location, iceberg_type FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ? AND table_name = ?`,
		catalogName, id.Namespace, id.Table).Scan(&location, &kind)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return catalog.Pointer{}, fault.Wrap(fault.NoInput, catalog.ErrNoTable, "load %s", id)
	case err != nil:
		return catalog.Pointer{}, c.classify(ctx, err, "read")
	case kind.Valid && kind.String != "TABLE":
		return catalog.Pointer{}, fault.New(fault.Config, "%s is a view", id).Hint("give the target another name")
	case location.String == "":
		return catalog.Pointer{}, fault.New(fault.Config, "%s has no metadata location in %s", id, c.path)
	}
	return catalog.Pointer{Location: location.String}, nil
}

// Create implements catalog.Catalog.
func (c *Catalog) Create(ctx context.Context, s catalog.Swap) (catalog.Outcome, error) {
	if err := s.Put(ctx); err != nil {
		return catalog.NotApplied, err
	}
	return c.transact(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO iceberg_namespace_properties VALUES (?, ?, 'exists', 'true')`, catalogName, s.Ident.Namespace); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO iceberg_tables VALUES (?, ?, ?, ?, NULL, 'TABLE')`, catalogName, s.Ident.Namespace, s.Ident.Table, s.New)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fault.Wrap(fault.Retry, catalog.ErrTableExists, "create %s", s.Ident))
		}
		return nil
	})
}

// Swap implements catalog.Catalog.
func (c *Catalog) Swap(ctx context.Context, s catalog.Swap) (catalog.Outcome, error) {
	if err := s.Put(ctx); err != nil {
		return catalog.NotApplied, err
	}
	return c.transact(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE iceberg_tables SET metadata_location = ?, previous_metadata_location = ?
WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? AND metadata_location = ?`,
			s.New, s.Expected.Location, catalogName, s.Ident.Namespace, s.Ident.Table, s.Expected.Location)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fault.New(fault.Retry, "%s was changed by somebody else", s.Ident))
		}
		return nil
	})
}

// transact runs one short write. Only COMMIT itself can leave the outcome open.
func (c *Catalog) transact(ctx context.Context, do func(*sql.Tx) error) (catalog.Outcome, error) {
	tx, err := c.db.BeginTx(ctx, nil)
	if err != nil {
		return catalog.NotApplied, c.classify(ctx, err, "write")
	}
	if err := do(tx); err != nil {
		tx.Rollback()
		return catalog.NotApplied, c.classify(ctx, err, "write")
	}
	if err := tx.Commit(); err != nil {
		tx.Rollback()
		if definite(err) {
			return catalog.NotApplied, c.classify(ctx, err, "write")
		}
		return catalog.Unknown, c.classify(ctx, err, "write")
	}
	return catalog.Applied, nil
}

// definite reports whether an error at COMMIT proves that nothing was written.
func definite(err error) bool {
	var e *sqlite3.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() & 0xff {
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED, lib.SQLITE_FULL, lib.SQLITE_READONLY:
		return true
	}
	return false
}

// Tables implements catalog.Catalog.
func (c *Catalog) Tables(ctx context.Context, namespace string) ([]catalog.Ident, error) {
	rows, err := c.db.QueryContext(ctx, `SELECT table_namespace, table_name FROM iceberg_tables
WHERE catalog_name = ? AND (? = '' OR table_namespace = ?) AND coalesce(iceberg_type, 'TABLE') = 'TABLE' ORDER BY 1, 2`, catalogName, namespace, namespace)
	if err != nil {
		return nil, c.classify(ctx, err, "list")
	}
	defer rows.Close()
	var out []catalog.Ident
	for rows.Next() {
		var id catalog.Ident
		if err := rows.Scan(&id.Namespace, &id.Table); err != nil {
			return nil, c.classify(ctx, err, "list")
		}
		out = append(out, id)
	}
	return out, c.classify(ctx, rows.Err(), "list")
}

// classify gives SQLite's errors their class.
func (c *Catalog) classify(ctx context.Context, err error, action string) error {
	var done *fault.Error
	var e *sqlite3.Error
	switch {
	case err == nil || errors.As(err, &done):
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !errors.As(err, &e):
		return fault.Wrap(fault.Unavailable, err, "%s the catalog %s", action, c.path)
	}
	f := fault.Wrap(fault.Unavailable, err, "%s the catalog %s", action, c.path)
	switch e.Code() & 0xff {
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		f.Class = fault.Retry
		return f.Hint("another process holds the catalog: try again")
	case lib.SQLITE_FULL:
		return f.Hint("free some space on the disk")
	case lib.SQLITE_READONLY, lib.SQLITE_PERM, lib.SQLITE_CANTOPEN, lib.SQLITE_AUTH:
		f.Class = fault.Permission
		return f.Hint("give the user that runs firn the right to write the file and its folder")
	case lib.SQLITE_NOTADB, lib.SQLITE_CORRUPT:
		f.Class = fault.Config
		return f.Hint("the file is not an SQLite database, or is damaged")
	}
	return f
}

var (
	_ catalog.Catalog = (*Catalog)(nil)
	_ catalog.Closer  = (*Catalog)(nil)
)
