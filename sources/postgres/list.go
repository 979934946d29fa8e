package postgres

import (
	"context"
	"fmt"

	"github.com/firn-data/firn/sources"
)

// List implements sources.Lister: the tables, views and foreign tables that the user may read, outside of the system's schemas.
func (c *Config) List(ctx context.Context, env sources.Env) ([]sources.Listed, error) {
	s, err := c.bind(env)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if err := s.connect(ctx); err != nil {
		return nil, err
	}
	rows, err := s.text(ctx, s.conn, "list the tables", `
SELECT format('%I.%I', n.nspname, c.relname), c.reltuples::int8,
       CASE c.relkind WHEN 'p' THEN (SELECT sum(pg_catalog.pg_relation_size(relid)) FROM pg_catalog.pg_partition_tree(c.oid) WHERE isleaf)
            WHEN 'v' THEN -1 WHEN 'f' THEN -1 ELSE pg_catalog.pg_relation_size(c.oid) END
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT')
ORDER BY 1`)
	if err != nil {
		return nil, err
	}
	out := make([]sources.Listed, len(rows))
	for i, r := range rows {
		out[i] = sources.Listed{Name: r[0].text}
		if _, err := fmt.Sscan(r[1].text+" "+r[2].text, &out[i].Rows, &out[i].Bytes); err != nil {
			return nil, err
		}
	}
	return out, nil
}

var _ sources.Lister = (*Config)(nil)
