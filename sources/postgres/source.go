package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/sources"
)

// source reads one table or query. conn is the connection for everything but reading: it looks the stream up, fixes the
// bound and holds the exported snapshot while splits are read.
type source struct {
	cfg  Config
	env  sources.Env
	conf *pgconn.Config

	mu       sync.Mutex
	closed   bool
	conn     *pgconn.PgConn
	readers  []*pgconn.PgConn // idle connections inside the snapshot
	open     map[*pgconn.PgConn]bool
	cols     []*column // all columns of the stream
	rel      relation
	snapshot string // exported by conn, empty when reading goes on over conn itself
}

// relation is what the catalog says of a table.
type relation struct {
	oid   string
	kind  byte // r table, p partitioned, v view, m materialized view, f foreign
	pages int64
	bytes int64
	key   []string
}

// Streams implements sources.Source: one stream, named after the table, or query.
func (s *source) Streams(ctx context.Context) ([]sources.Stream, error) {
	if err := s.connect(ctx); err != nil {
		return nil, err
	}
	if s.cols == nil {
		if err := s.introspect(ctx); err != nil {
			return nil, err
		}
	}
	st := sources.Stream{Name: s.streamName(), Key: s.rel.key, Mode: sources.Rows}
	cols, err := s.columns(s.cfg.Columns)
	if err != nil {
		return nil, err
	}
	st.Schema = arrowSchema(cols)
	for _, c := range cols {
		if c.note != "" {
			st.Notes = append(st.Notes, sources.Note{Column: c.name, Text: c.note})
		}
	}
	return []sources.Stream{st}, nil
}

func (s *source) streamName() string {
	if s.cfg.Table == "" {
		return "query"
	}
	parts := strings.Split(s.cfg.Table, ".")
	return strings.Trim(parts[len(parts)-1], `"`)
}

func arrowSchema(cols []*column) *arrow.Schema {
	fields := make([]arrow.Field, len(cols))
	for i, c := range cols {
		fields[i] = c.field()
	}
	return arrow.NewSchema(fields, nil)
}

// columns finds columns by name, without case unless that is ambiguous; nil means all.
func (s *source) columns(names []string) ([]*column, error) {
	if len(names) == 0 {
		return s.cols, nil
	}
	out := make([]*column, 0, len(names))
	for _, n := range names {
		i := slices.IndexFunc(s.cols, func(c *column) bool { return c.name == n })
		if i < 0 {
			i = slices.IndexFunc(s.cols, func(c *column) bool { return strings.EqualFold(c.name, n) })
		}
		if i < 0 {
			return nil, fault.New(fault.Config, "there is no column %q in %s", n, s.streamName()).At(fault.Place{Path: "columns"}).
				Hint("it has %s", strings.Join(columnNames(s.cols), ", "))
		}
		out = append(out, s.cols[i])
	}
	return out, nil
}

func columnNames(cols []*column) []string {
	out := make([]string, len(cols))
	for i, c := range cols {
		out[i] = c.name
	}
	return out
}

// connect opens the main connection once.
func (s *source) connect(ctx context.Context) error {
	s.mu.Lock()
	have := s.conn != nil
	s.mu.Unlock()
	if have {
		return nil
	}
	c, err := s.dial(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.conn = c
	s.mu.Unlock()
	return nil
}

// dial opens a connection that Close will end.
func (s *source) dial(ctx context.Context) (*pgconn.PgConn, error) {
	c, err := pgconn.ConnectConfig(ctx, s.conf)
	if err != nil {
		return nil, s.classify(ctx, err, "connect")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		c.Close(context.Background())
		return nil, fault.New(fault.Interrupted, "the source was closed")
	}
	if s.open == nil {
		s.open = map[*pgconn.PgConn]bool{}
	}
	s.open[c] = true
	return c, nil
}

// hangUp ends a connection.
func (s *source) hangUp(c *pgconn.PgConn) {
	s.mu.Lock()
	delete(s.open, c)
	if s.conn == c {
		s.conn = nil
	}
	s.mu.Unlock()
	c.Close(context.Background())
}

// Close implements sources.Source.
func (s *source) Close() error {
	s.mu.Lock()
	all := s.open
	s.open, s.closed, s.conn, s.readers = nil, true, nil, nil
	s.mu.Unlock()
	for c := range all {
		c.Close(context.Background())
	}
	return nil
}

// text runs a statement on c and gives its rows as text; NULL is an empty string with valid = false.
func (s *source) text(ctx context.Context, c *pgconn.PgConn, action, sql string, args ...string) ([][]cell, error) {
	params := make([][]byte, len(args))
	for i, a := range args {
		params[i] = []byte(a)
	}
	res := c.ExecParams(ctx, sql, params, nil, nil, nil).Read()
	if res.Err != nil {
		return nil, s.classify(ctx, res.Err, action)
	}
	out := make([][]cell, len(res.Rows))
	for i, r := range res.Rows {
		out[i] = make([]cell, len(r))
		for k, v := range r {
			out[i][k] = cell{string(v), v != nil}
		}
	}
	return out, nil
}

type cell struct {
	text  string
	valid bool
}

// introspect asks the server what it is that will be read.
func (s *source) introspect(ctx context.Context) error {
	if s.cfg.Table != "" {
		if err := s.lookUpRelation(ctx); err != nil {
			return err
		}
	}
	desc, err := s.conn.Prepare(ctx, "", "SELECT * FROM "+s.from(nil)+" LIMIT 0", nil)
	if err != nil {
		return s.classify(ctx, err, "look up "+s.streamName())
	}
	if len(desc.Fields) == 0 {
		return fault.New(fault.Config, "%s has no columns", s.streamName())
	}
	var values []string
	for i, f := range desc.Fields {
		values = append(values, fmt.Sprintf("(%d,%d::oid,%d)", i, f.DataTypeOID, f.TypeModifier))
	}
	// Domains are resolved to their base type and its modifier, which sit at the end of the chain.
	rows, err := s.text(ctx, s.conn, "look up types", `
WITH RECURSIVE want(i, oid, typmod) AS (VALUES `+strings.Join(values, ",")+`),
base(i, oid, typmod, want) AS (
  SELECT i, oid, typmod, oid FROM want
  UNION ALL
  SELECT b.i, t.typbasetype, CASE WHEN t.typtypmod >= 0 THEN t.typtypmod ELSE b.typmod END, b.want
  FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.oid WHERE t.typtype = 'd')
SELECT DISTINCT ON (b.i) b.i, b.oid::int8, CASE WHEN t.typcategory = 'A' AND t.typlen = -1 AND t.typelem <> 0 AND t.typname NOT IN ('int2vector', 'oidvector') THEN t.typelem::int8 ELSE 0 END,
       b.typmod, pg_catalog.format_type(b.want, b.typmod)
FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.oid WHERE t.typtype <> 'd' ORDER BY b.i`)
	if err != nil {
		return err
	}
	notNull, err := s.notNull(ctx)
	if err != nil {
		return err
	}
	for i, r := range rows {
		c := &column{name: desc.Fields[i].Name, typeName: r[4].text, notNull: notNull[desc.Fields[i].Name]}
		if _, err := fmt.Sscan(r[1].text+" "+r[2].text+" "+r[3].text, &c.oid, &c.element, &c.typmod); err != nil {
			return err
		}
		mapType(c)
		s.cols = append(s.cols, c)
	}
	return nil
}

// lookUpRelation resolves the table's name as the server does.
func (s *source) lookUpRelation(ctx context.Context) error {
	rows, err := s.text(ctx, s.conn, "look up "+s.cfg.Table, `
SELECT c.oid, c.relkind, pg_catalog.pg_relation_size(c.oid) / current_setting('block_size')::int8, pg_catalog.pg_table_size(c.oid)
FROM pg_catalog.pg_class c WHERE c.oid = $1::regclass`, tableLiteral(s.cfg.Table))
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return fault.New(fault.NoInput, "there is no table %s", s.cfg.Table)
	}
	s.rel.oid, s.rel.kind = rows[0][0].text, rows[0][1].text[0]
	if _, err := fmt.Sscan(rows[0][2].text+" "+rows[0][3].text, &s.rel.pages, &s.rel.bytes); err != nil {
		return err
	}
	keys, err := s.text(ctx, s.conn, "look up the primary key", `
SELECT a.attname FROM pg_catalog.pg_index i
CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(attnum, ord)
JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
WHERE i.indrelid = $1::oid AND i.indisprimary ORDER BY k.ord`, s.rel.oid)
	if err != nil {
		return err
	}
	for _, k := range keys {
		s.rel.key = append(s.rel.key, k[0].text)
	}
	return nil
}

// notNull is the set of columns that are declared NOT NULL.
func (s *source) notNull(ctx context.Context) (map[string]bool, error) {
	out := map[string]bool{}
	if s.rel.oid == "" {
		return out, nil
	}
	rows, err := s.text(ctx, s.conn, "look up columns", `
SELECT attname FROM pg_catalog.pg_attribute WHERE attrelid = $1::oid AND attnum > 0 AND attnotnull AND NOT attisdropped`, s.rel.oid)
	for _, r := range rows {
		out[r[0].text] = true
	}
	return out, err
}

// tableLiteral is a table name for ::regclass: as written, with each unquoted part that is not all lower case quoted, since
// users write the names that they see.
func tableLiteral(table string) string {
	if strings.Contains(table, `"`) {
		return table
	}
	parts := strings.Split(table, ".")
	for i, p := range parts {
		parts[i] = quoteIdent(p)
	}
	return strings.Join(parts, ".")
}

// from is the FROM item: the table, or the query in parentheses with its parameters put in.
func (s *source) from(params map[string]string) string {
	if s.cfg.Table != "" {
		return tableLiteral(s.cfg.Table)
	}
	return "(" + substitute(strings.TrimRight(strings.TrimSpace(s.cfg.Query), ";"), params) + "\n) AS firn"
}

// Size implements sources.Sizer.
func (s *source) Size(context.Context, sources.Request) (int64, error) {
	if s.cfg.Table == "" || s.rel.bytes == 0 {
		return -1, nil
	}
	return s.rel.bytes, nil
}
