// Package postgres reads PostgreSQL tables and queries: in parallel inside one exported snapshot, over the binary
// protocol straight into Arrow.
//
//	source:
//	  kind: postgres
//	  dsn: ${ORDERS_DSN}
//	  table: public.orders
//	  cursor: {column: updated_at, lag: 5m}
//
// TYPES.md says what becomes of each type.
package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/secret"
	"github.com/firn-data/firn/sources"
)

// Config is the source's part of a job file.
type Config struct {
	DSN         secret.String `yaml:"dsn" doc:"connection string: postgres://user:password@host:5432/database, or key=value pairs. Nothing is read from PG* variables, .pgpass or service files" example:"${ORDERS_DSN}"`
	Table       string        `yaml:"table" doc:"table, view or foreign table, with its schema; either this or query" example:"public.orders"`
	Query       string        `yaml:"query" doc:"a SELECT instead of a table. firn wraps it with the bounds of the run, unless it names :cursor_from, :cursor_to, :interval_start or :interval_end itself" example:"SELECT id, total FROM orders"`
	Connections int           `yaml:"connections" default:"4" doc:"connections that read at once, besides the one that holds the snapshot"`
	Columns     []string      `yaml:"columns" doc:"columns to read; default: all" example:"[id, total]"`
	OnBadRow    string        `yaml:"on_bad_row" default:"fail" doc:"what to do with a row that Iceberg cannot hold exactly, such as an infinite timestamp: fail or quarantine" oneof:"fail quarantine"`
}

// Kind implements sources.Config.
func (*Config) Kind() string { return "postgres" }

// Validate implements sources.Config.
func (c *Config) Validate() error {
	bad := func(path, format string, args ...any) error {
		return fault.New(fault.Config, format, args...).At(fault.Place{Path: path})
	}
	switch {
	case c.DSN.Empty():
		return bad("dsn", "postgres needs a dsn: postgres://user:password@host:5432/database")
	case c.Table == "" && c.Query == "":
		return bad("table", "postgres needs a table or a query")
	case c.Table != "" && c.Query != "":
		return bad("query", "give a table or a query, not both")
	case c.Connections < 0 || c.Connections > 64:
		return bad("connections", "connections must be 1 to 64, not %d", c.Connections)
	}
	if _, err := parseDSN(c.DSN.Reveal()); err != nil {
		return bad("dsn", "%s", err)
	}
	return nil
}

// Fingerprint implements sources.Config.
func (c *Config) Fingerprint() map[string]string {
	f := map[string]string{"kind": "postgres"}
	if d, err := parseDSN(c.DSN.Reveal()); err == nil {
		f["host"], f["database"] = d["host"]+":"+d["port"], d["dbname"]
	}
	if c.Table != "" {
		f["table"] = c.Table
		return f
	}
	sum := sha256.Sum256([]byte(strings.Join(strings.Fields(c.Query), " ")))
	f["query_sha256"] = hex.EncodeToString(sum[:8])
	return f
}

// Open implements sources.Config. It connects with the first call of Streams.
func (c *Config) Open(_ context.Context, env sources.Env) (sources.Source, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c.bind(env)
}

// bind makes the source of a config that names a server.
func (c *Config) bind(env sources.Env) (*source, error) {
	settings, err := parseDSN(c.DSN.Reveal())
	if err != nil {
		return nil, fault.New(fault.Config, "%s", err).At(fault.Place{Path: "dsn"})
	}
	s := &source{cfg: *c, env: env, open: map[*pgconn.PgConn]bool{}}
	if s.cfg.Connections == 0 {
		s.cfg.Connections = 4
	}
	if len(c.Columns) == 0 {
		s.cfg.Columns = nil
	}
	s.slots = make(chan struct{}, s.cfg.Connections)
	if s.conf, err = connConfig(settings, env.Temp); err != nil {
		return nil, err
	}
	return s, nil
}

var _ sources.Config = (*Config)(nil)

// redact takes the password out of a driver's error.
func redact(err error, conf *pgconn.Config) string {
	return secret.Redact(err.Error(), secret.New(conf.Password))
}
