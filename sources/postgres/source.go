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

	slots chan struct{} // one for each connection that may read

	mu      sync.Mutex
	closed  bool
	conn    *pgconn.PgConn
	readers []*pgconn.PgConn        // idle connections inside the snapshot
	open    map[*pgconn.PgConn]bool // whether something is under way on it

	cols     []*column // all columns of the stream
	rel      relation
	snapshot string // exported by conn, empty when reading goes on over conn itself
}

// relation is what the catalog says of a table.
type relation struct {
	oid   string
	kind  byte // r table, p partitioned, v view, m materialized view, f foreign
	plain bool // a heap without children or row security: pages can be read one by one
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
	if names == nil {
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

// introspect asks the server what it is that will be read.
func (s *source) introspect(ctx context.Context) error {
	if s.cfg.Table != "" {
		if err := s.lookUpRelation(ctx); err != nil {
			return err
		}
	}
	if err := s.use(s.conn); err != nil {
		return err
	}
	desc, err := s.conn.Prepare(ctx, "", "SELECT * FROM "+s.from(nil)+" LIMIT 0", nil)
	s.done(s.conn)
	if err != nil {
		return s.classify(ctx, err, "look up "+s.streamName())
	}
	if len(desc.Fields) == 0 {
		return fault.New(fault.Config, "%s has no columns", s.streamName())
	}
	oids, names := make([]uint32, len(desc.Fields)), make([]string, len(desc.Fields))
	for i, f := range desc.Fields {
		oids[i], names[i] = f.DataTypeOID, fmt.Sprintf("(%d, format_type(%d, %d))", i, f.DataTypeOID, f.TypeModifier)
	}
	types, err := s.loadTypes(ctx, oids)
	if err != nil {
		return err
	}
	spelt, err := s.text(ctx, s.conn, "name types", "SELECT name FROM (VALUES "+strings.Join(names, ", ")+") AS t(i, name) ORDER BY i")
	if err != nil {
		return err
	}
	notNull, err := s.notNull(ctx)
	if err != nil {
		return err
	}
	cols := make([]*column, len(desc.Fields))
	for i, f := range desc.Fields {
		cols[i] = &column{name: f.Name, typeName: spelt[i][0].text, notNull: notNull[f.Name]}
		cols[i].mapType(types, f.DataTypeOID, f.TypeModifier)
	}
	s.cols = cols
	return nil
}

// lookUpRelation resolves the table's name as the server does.
func (s *source) lookUpRelation(ctx context.Context) error {
	rows, err := s.text(ctx, s.conn, "look up "+s.cfg.Table, `
SELECT c.oid, c.relkind, pg_catalog.pg_relation_size(c.oid) / current_setting('block_size')::int8, pg_catalog.pg_table_size(c.oid),
  NOT c.relrowsecurity AND (c.relkind = 'p' OR NOT c.relhassubclass AND am.amname IS NOT DISTINCT FROM 'heap'),
  pg_catalog.has_any_column_privilege(c.oid, 'SELECT')
FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam WHERE c.oid = $1::regclass`, tableLiteral(s.cfg.Table))
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return fault.New(fault.NoInput, "there is no table %s", s.cfg.Table)
	}
	if rows[0][5].text != "t" {
		return fault.New(fault.Permission, "the user %s may not read %s", s.conf.User, s.cfg.Table).Hint("GRANT SELECT ON %s TO %s", s.cfg.Table, quoteIdent(s.conf.User))
	}
	s.rel.oid, s.rel.kind, s.rel.plain = rows[0][0].text, rows[0][1].text[0], rows[0][4].text == "t"
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
