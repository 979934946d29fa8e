package postgres

import (
	"context"
	"fmt"
	"iter"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/sources"
)

// splitPages is how many pages of 8 KiB a split covers: 64 MiB, some seconds of reading.
const splitPages = 8192

// Splits implements sources.Source. A table is cut into ranges of pages, which several connections read inside the
// snapshot that the first one exports; a query or a view is one split.
func (s *source) Splits(ctx context.Context, r sources.Request) iter.Seq2[sources.Split, error] {
	return func(yield func(sources.Split, error) bool) {
		cols, where, from, err := s.begin(ctx, r)
		if err != nil {
			yield(nil, err)
			return
		}
		list := ""
		for i, c := range cols {
			if i > 0 {
				list += ", "
			}
			list += c.selectExpr()
		}
		if list == "" {
			list = "NULL"
		}
		for _, rng := range s.ranges(ctx) {
			sql := "SELECT " + list + " FROM " + from
			cond := where
			if rng.cond != "" {
				sql = "SELECT " + list + " FROM " + rng.from
				cond = and(rng.cond, where)
			}
			if cond != "" {
				sql += " WHERE " + cond
			}
			if !yield(&split{src: s, id: rng.id, sql: sql, cols: cols, schema: arrowSchema(cols)}, nil) {
				return
			}
		}
	}
}

func and(a, b string) string {
	if b == "" {
		return a
	}
	return a + " AND " + b
}

// begin opens the snapshot and binds the request.
func (s *source) begin(ctx context.Context, r sources.Request) (cols []*column, where, from string, err error) {
	if _, err = s.Streams(ctx); err != nil {
		return
	}
	if r.Columns == nil {
		r.Columns = s.cfg.Columns
	}
	if cols, err = s.columns(r.Columns); err != nil {
		return
	}
	where, values, err := s.where(r)
	if err != nil {
		return
	}
	return cols, where, s.from(values), s.takeSnapshot(ctx)
}

// takeSnapshot begins the transaction that all reading happens in. Where a snapshot cannot be exported, one connection
// reads everything.
func (s *source) takeSnapshot(ctx context.Context) error {
	if s.conn.TxStatus() != 'I' {
		return nil
	}
	const begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
	if _, err := s.text(ctx, s.conn, "begin", begin); err != nil {
		return err
	}
	if s.cfg.Table == "" || s.cfg.Connections == 1 {
		return nil
	}
	rows, err := s.text(ctx, s.conn, "export a snapshot", "SELECT pg_export_snapshot()")
	if err == nil {
		s.snapshot = rows[0][0].text
		return nil
	}
	if ctx.Err() != nil || fault.Is(err, fault.Unavailable) {
		return err
	}
	s.env.Events.OnWarn("one connection reads " + s.cfg.Table + ": " + err.Error())
	if _, err := s.text(ctx, s.conn, "roll back", "ROLLBACK"); err != nil {
		return err
	}
	_, err = s.text(ctx, s.conn, "begin", begin)
	return err
}

// pageRange is a part of a table: rows of from for which cond holds.
type pageRange struct{ id, from, cond string }

// ranges cuts the table. The last range of each heap is open, so that pages added after the count are read too.
func (s *source) ranges(ctx context.Context) []pageRange {
	whole := []pageRange{{id: s.streamName()}}
	if s.snapshot == "" {
		return whole
	}
	switch s.rel.kind {
	case 'r', 'm':
		return heapRanges(s.streamName(), s.from(nil), s.rel.pages)
	case 'p':
		return s.partitionRanges(ctx, whole)
	}
	return whole
}

// partitionRanges cuts each leaf of a partitioned table. Foreign partitions have no pages, so then the table is read whole.
func (s *source) partitionRanges(ctx context.Context, whole []pageRange) []pageRange {
	rows, err := s.text(ctx, s.conn, "look up partitions", `
SELECT c.oid::regclass::text, c.relkind, pg_catalog.pg_relation_size(c.oid) / current_setting('block_size')::int8
FROM pg_catalog.pg_partition_tree($1::oid) t JOIN pg_catalog.pg_class c ON c.oid = t.relid WHERE t.isleaf ORDER BY 1`, s.rel.oid)
	if err != nil || len(rows) == 0 {
		return whole
	}
	var out []pageRange
	for _, r := range rows {
		pages, err := strconv.ParseInt(r[2].text, 10, 64)
		if err != nil || r[1].text != "r" {
			return whole
		}
		out = append(out, heapRanges(r[0].text, r[0].text, pages)...)
	}
	return out
}

func heapRanges(id, from string, pages int64) []pageRange {
	var out []pageRange
	for lo := int64(0); ; lo += splitPages {
		r := pageRange{id: fmt.Sprintf("%s:%d", id, lo/splitPages), from: "ONLY " + from, cond: fmt.Sprintf("ctid >= '(%d,0)'::tid", lo)}
		if lo+splitPages >= pages {
			return append(out, r)
		}
		r.cond += fmt.Sprintf(" AND ctid < '(%d,0)'::tid", lo+splitPages)
		out = append(out, r)
	}
}

// reader gives a connection inside the snapshot.
func (s *source) reader(ctx context.Context) (*pgconn.PgConn, error) {
	s.mu.Lock()
	if s.snapshot == "" {
		defer s.mu.Unlock()
		if s.conn == nil {
			return nil, fault.New(fault.Unavailable, "the connection that holds the snapshot is gone")
		}
		return s.conn, nil
	}
	if n := len(s.readers); n > 0 {
		c := s.readers[n-1]
		s.readers = s.readers[:n-1]
		s.mu.Unlock()
		return c, nil
	}
	s.mu.Unlock()
	c, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	for _, sql := range []string{"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "SET TRANSACTION SNAPSHOT " + quoteLiteral(s.snapshot)} {
		if res := c.ExecParams(ctx, sql, nil, nil, nil, nil).Read(); res.Err != nil {
			s.hangUp(c)
			return nil, s.classify(ctx, res.Err, "join the snapshot")
		}
	}
	return c, nil
}

// giveBack keeps a connection for the next split, or ends it when something went wrong on it.
func (s *source) giveBack(c *pgconn.PgConn, err error) {
	s.mu.Lock()
	if c == s.conn {
		s.mu.Unlock()
		return
	}
	if err == nil && !s.closed && !c.IsClosed() && c.TxStatus() == 'T' {
		s.readers = append(s.readers, c)
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()
	s.hangUp(c)
}
