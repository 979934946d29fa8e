package postgres

import (
	"context"
	"fmt"
	"iter"
	"strconv"

	"github.com/firn-data/firn/sources"
)

// splitPages is how many pages of 8 KiB a split covers: 64 MiB, some seconds of reading.
const splitPages = 8192

// rangeScans is the version from which on the server finds a range of pages without reading the whole table.
const rangeScans = 14

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
			list += quoteIdent(c.name)
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
	if err = s.connect(ctx); err != nil {
		return
	}
	return cols, where, s.from(values), s.takeSnapshot(ctx)
}

// pageRange is a part of a table: rows of from for which cond holds.
type pageRange struct{ id, from, cond string }

// ranges cuts the table. The last range of each heap is open, so that pages added after the count are read too.
func (s *source) ranges(ctx context.Context) []pageRange {
	whole := []pageRange{{id: s.streamName()}}
	if s.snapshot == "" || !s.rel.plain || s.version() < rangeScans {
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

// partitionRanges cuts each leaf of a partitioned table. It is read whole where a leaf is no heap, may not be read by itself or
// has row security.
func (s *source) partitionRanges(ctx context.Context, whole []pageRange) []pageRange {
	rows, err := s.text(ctx, s.conn, "look up partitions", `
SELECT c.oid::regclass::text, pg_catalog.pg_relation_size(c.oid) / current_setting('block_size')::int8,
  c.relkind = 'r' AND am.amname = 'heap' AND NOT c.relrowsecurity AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
FROM pg_catalog.pg_partition_tree($1::oid) t JOIN pg_catalog.pg_class c ON c.oid = t.relid LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam
WHERE t.isleaf ORDER BY 1`, s.rel.oid)
	if err != nil || len(rows) == 0 {
		return whole
	}
	var out []pageRange
	for _, r := range rows {
		pages, err := strconv.ParseInt(r[1].text, 10, 64)
		if err != nil || r[2].text != "t" {
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
