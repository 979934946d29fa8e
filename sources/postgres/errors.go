package postgres

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firn-data/firn/internal/fault"
)

// classify gives a driver's error its class by SQLSTATE, and words that hold no password.
func (s *source) classify(ctx context.Context, err error, action string) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	text := redact(err, s.conf)
	var pg *pgconn.PgError
	if s.isClosed() {
		return errClosed
	}
	if !errors.As(err, &pg) {
		if strings.Contains(text, "refused TLS") || strings.Contains(text, "tls: ") || strings.Contains(text, "x509: ") {
			return fault.New(fault.Config, "%s at %s:%d: %s", action, s.conf.Host, s.conf.Port, text).
				Hint("set sslmode and sslrootcert in the dsn to what the server offers")
		}
		return fault.New(fault.Unavailable, "%s at %s:%d: %s", action, s.conf.Host, s.conf.Port, text).
			Hint("check that the server runs and can be reached, and that the dsn is right")
	}
	f := fault.New(fault.Bug, "%s: %s", action, text).WithCode(pg.Code)
	switch {
	case strings.HasPrefix(pg.Code, "28"):
		f.Class = fault.Permission
		return f.Hint("check user and password of the dsn")
	case pg.Code == "42501":
		f.Class = fault.Permission
		return f.Hint("GRANT SELECT to the user of the dsn")
	case pg.Code == "3D000":
		f.Class = fault.NoInput
		return f.Hint("check the database's name in the dsn")
	case pg.Code == "42P01":
		f.Class = fault.NoInput
		return f.Hint("check table and schema: schema.table")
	case pg.Code == "42703" || pg.Code == "42P08":
		f.Class = fault.Config
		return f.Hint("a column was dropped or renamed: run firn discover, and mend columns, cursor and query")
	case pg.Code == "57014" && strings.Contains(pg.Message, "statement timeout"):
		f.Class = fault.Retry
		return f.Hint("the server's statement_timeout is too short: put statement_timeout=0 into the dsn")
	case strings.HasPrefix(pg.Code, "40"), pg.Code == "55P03", pg.Code == "57014", pg.Code == "72000":
		f.Class = fault.Retry
		return f
	case strings.HasPrefix(pg.Code, "08"), strings.HasPrefix(pg.Code, "53"), strings.HasPrefix(pg.Code, "57"), strings.HasPrefix(pg.Code, "58"):
		f.Class = fault.Unavailable
		return f
	case strings.HasPrefix(pg.Code, "42"), strings.HasPrefix(pg.Code, "0A"):
		f.Class = fault.Config
		return f.Hint("run the query in psql; firn reads it as SELECT … FROM (query)")
	case strings.HasPrefix(pg.Code, "22"):
		f.Class = fault.Data
		return f
	}
	f.Class = fault.Unavailable
	return f
}
