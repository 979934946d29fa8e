package postgres

import (
	"context"
	"fmt"

	"github.com/firn-data/firn/sources"
)

// Check implements sources.Checker: what a run needs of the server, step by step.
func (s *source) Check(ctx context.Context) []sources.Check {
	var out []sources.Check
	step := func(name, fix string, err error, note string) bool {
		if err == nil {
			fix = ""
		}
		out = append(out, sources.Check{Name: name, Err: err, Fix: fix, Note: note})
		return err == nil
	}
	err := s.connect(ctx)
	if !step("connects", "check host, port, user and password of the dsn", err, fmt.Sprintf("%s:%d", s.conf.Host, s.conf.Port)) {
		return out
	}
	_, err = s.Streams(ctx)
	if !step("can be read", "GRANT SELECT on it to the user of the dsn", err, s.streamName()) {
		return out
	}
	if s.cfg.Table != "" {
		err := s.takeSnapshot(ctx)
		note := "several connections read at once"
		if s.snapshot == "" {
			note = "one connection reads everything"
		}
		step("may export a snapshot", "read from a server that exports snapshots, or set connections: 1", err, note)
	}
	c, err := s.bindCursor()
	if err != nil || c == nil {
		if err != nil {
			step("has the cursor's column", "name a column of the stream in cursor", err, "")
		}
		return out
	}
	if s.rel.oid != "" {
		rows, err := s.text(ctx, s.conn, "look up indexes", `
SELECT count(*) FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
WHERE i.indrelid = $1::oid AND a.attname = $2`, s.rel.oid, c.col.name)
		fix := ""
		if err == nil && rows[0][0].text == "0" {
			fix = fmt.Sprintf("CREATE INDEX ON %s (%s): without it each run reads the whole table", s.cfg.Table, quoteIdent(c.col.name))
		}
		out = append(out, sources.Check{Name: "has an index on " + c.col.name, Err: err, Fix: fix})
	}
	notes, err := s.CursorNotes(ctx, "")
	if err != nil {
		step("cursor", "", err, "")
	}
	for _, n := range notes {
		step("cursor", "", nil, n.Text)
	}
	return out
}
