package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/sources"
)

// position is a stream's position: everything below (time cursors) or up to and including (integer cursors) Cursor was
// read. Cursor is the server's text of the value.
type position struct {
	Cursor string `json:"cursor"`
}

// cursor is the job's cursor bound to a column.
type cursor struct {
	col     *column
	integer bool
	lag     string // an interval in µs, or a count
	initial string
}

// sqlType is the type that positions are compared as.
func (c *cursor) sqlType() string {
	switch {
	case c.col.oid == oidOID:
		return "oid"
	case c.integer:
		return "int8"
	}
	return map[schema.Kind]string{schema.Timestamp: "timestamp", schema.TimestampTZ: "timestamptz", schema.Date: "date"}[c.col.typ.Kind]
}

// bindCursor checks the job's cursor against the stream; nil when the job has none.
func (s *source) bindCursor() (*cursor, error) {
	if s.env.Cursor == nil {
		return nil, nil
	}
	at := fault.Place{Path: "cursor"}
	cols, err := s.columns([]string{s.env.Cursor.Column})
	if err != nil {
		return nil, err
	}
	c := &cursor{col: cols[0], lag: "0"}
	if s.env.Cursor.Initial != nil {
		c.initial = fmt.Sprint(s.env.Cursor.Initial)
		if t, ok := s.env.Cursor.Initial.(time.Time); ok {
			c.initial = t.UTC().Format("2006-01-02T15:04:05.999999Z07:00")
		}
	}
	switch c.col.typ.Kind {
	case schema.Int, schema.Long:
		c.integer = true
	case schema.Timestamp, schema.TimestampTZ, schema.Date:
	default:
		return nil, fault.New(fault.Config, "%s cannot be a cursor: it needs an integer, date or timestamp column", c.col).At(at)
	}
	lag := strings.TrimSpace(s.env.Cursor.Lag)
	if lag == "" || lag == "0" {
		return c, nil
	}
	if c.integer {
		if n, err := strconv.ParseInt(lag, 10, 64); err != nil || n < 0 {
			return nil, fault.New(fault.Config, "the lag of an integer cursor is a count, not %q", lag).At(at)
		}
		c.lag = lag
		return c, nil
	}
	d, err := time.ParseDuration(lag)
	if err != nil || d < 0 {
		return nil, fault.New(fault.Config, "the lag of a time cursor is a duration such as 5m, not %q", lag).At(at)
	}
	c.lag = strconv.FormatInt(d.Microseconds(), 10)
	return c, nil
}

// Bound implements sources.Source. The bound of a time cursor is fixed before the snapshot is taken: the server's clock,
// or the start of the oldest running write transaction if that is earlier, minus the lag. A row that such a transaction
// commits later carries a time at or after that bound, so the next run reads it.
func (s *source) Bound(ctx context.Context, _ string, from sources.Position) (sources.Position, error) {
	if _, err := s.Streams(ctx); err != nil {
		return nil, err
	}
	c, err := s.bindCursor()
	if err != nil || c == nil {
		return nil, err
	}
	last, _, err := c.start(from)
	if err != nil {
		return nil, err
	}
	sql, err := s.boundSQL(ctx, c, last)
	if err != nil {
		return nil, err
	}
	rows, err := s.text(ctx, s.conn, "fix the upper bound of "+c.col.name, sql)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 || !rows[0][0].valid {
		return from, nil // an empty table: nothing moves
	}
	upper := rows[0][0].text
	behind, err := s.behind(ctx, c, upper, last)
	if err != nil || behind {
		return from, err
	}
	return json.Marshal(position{upper})
}

// boundSQL asks for the upper bound as text. The clock is read a moment before the running transactions: one that began earlier
// than the clock says has shown itself by then. A transaction that has written nothing yet may still do so, with the time of its
// beginning, so that it counts as well, but for those that are known to read only.
func (s *source) boundSQL(ctx context.Context, c *cursor, last string) (string, error) {
	if c.integer {
		open := map[string]string{"cursor_from": c.lowest(), "cursor_to": "9223372036854775807::int8"} // of a query that bounds itself
		if last != "" {
			open["cursor_from"] = c.literal(last)
		}
		return "SELECT max(" + quoteIdent(c.col.name) + ")::int8 - " + c.lag + " FROM " + s.from(open), nil
	}
	now, err := s.text(ctx, s.conn, "read the server's clock", "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', "+isoUTC+") FROM pg_sleep(0.01)")
	if err != nil {
		return "", err
	}
	upper := `least(` + quoteLiteral(now[0][0].text) + `::timestamptz,
  (SELECT min(xact_start) FROM pg_catalog.pg_stat_activity WHERE ` + writers + `),
  (SELECT min(prepared) FROM pg_catalog.pg_prepared_xacts WHERE database = current_database())) - ` + c.lag + ` * interval '1 microsecond'`
	switch c.col.typ.Kind {
	case schema.Timestamp:
		upper = "to_char((" + upper + ") AT TIME ZONE current_setting('TimeZone'), " + isoNTZ + ")"
	case schema.Date:
		upper = "to_char((" + upper + ") AT TIME ZONE current_setting('TimeZone'), 'YYYY-MM-DD')"
	default:
		upper = "to_char((" + upper + ") AT TIME ZONE 'UTC', " + isoUTC + ")"
	}
	return "SELECT " + upper, nil
}

// writers are the transactions that write, or may: vacuum and decoding add no rows, and firn and pg_dump only read.
const writers = `datname = current_database() AND pid <> pg_backend_pid() AND backend_type NOT IN ('autovacuum worker', 'walsender')
  AND (backend_xid IS NOT NULL OR backend_type <> 'parallel worker' AND coalesce(application_name, '') NOT IN ('firn', 'pg_dump'))`

const (
	isoNTZ = `'YYYY-MM-DD"T"HH24:MI:SS.US'`
	isoUTC = `'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'`
)

// behind reports whether the upper bound lies before what was read already: a clock that went back, a longer lag, or
// deleted rows. Nothing is read then and the position stays.
func (s *source) behind(ctx context.Context, c *cursor, upper, last string) (bool, error) {
	if last == "" {
		return false, nil
	}
	rows, err := s.text(ctx, s.conn, "compare the cursor", "SELECT "+c.literal(upper)+" < "+c.literal(last))
	if err != nil {
		return false, err
	}
	return rows[0][0].text == "t", nil
}

// start is where reading begins: the committed position, the job's initial value, or "" for the beginning. inclusive says that
// the row at that value was not read yet.
func (c *cursor) start(from sources.Position) (value string, inclusive bool, err error) {
	if len(from) == 0 || string(from) == "null" {
		return c.initial, true, c.fits(c.initial, "cursor.initial")
	}
	var p position
	if err := json.Unmarshal(from, &p); err != nil || p.Cursor == "" {
		return "", false, fault.New(fault.Config, "the committed position %s is not one of a postgres source", from).
			Hint("run once with --full-refresh, or set it with: firn state JOB set")
	}
	return p.Cursor, !c.integer, c.fits(p.Cursor, "cursor")
}

// fits refuses a value that is not of the cursor's type, such as a position from before the column's type was changed.
func (c *cursor) fits(value, path string) error {
	if value == "" {
		return nil
	}
	_, err := strconv.ParseInt(value, 10, 64)
	if c.integer == (err == nil) {
		return nil
	}
	return fault.New(fault.Config, "the cursor %s cannot go on from %q: it is now %s", c.col.name, value, c.col.typeName).At(fault.Place{Path: path}).
		Hint("if the column's type was changed, run once with --full-refresh, or set the position with: firn state JOB set")
}

// literal is a cursor value in SQL.
func (c *cursor) literal(text string) string { return quoteLiteral(text) + "::" + c.sqlType() }

// lowest is what :cursor_from is in a run from the beginning.
func (c *cursor) lowest() string {
	switch {
	case c.col.oid == oidOID:
		return "0::oid"
	case c.integer:
		return "(-1 - 9223372036854775807)::int8"
	}
	return c.literal("-infinity")
}

// where is the condition of a request: its positions or its interval.
func (s *source) where(r sources.Request) (string, map[string]string, error) {
	values := map[string]string{}
	var conds []string
	c, err := s.bindCursor()
	if err != nil {
		return "", nil, err
	}
	if c != nil {
		last, inclusive, err := c.start(r.From)
		if err != nil {
			return "", nil, err
		}
		to := ""
		if len(r.To) > 0 {
			if to, _, err = c.start(r.To); err != nil {
				return "", nil, err
			}
		}
		conds = append(conds, c.conditions(last, inclusive, to, values)...)
	}
	if i := s.env.ByColumn; i != nil && i.Column != "" && r.Interval != nil {
		cols, err := s.columns([]string{i.Column})
		if err != nil {
			return "", nil, err
		}
		cond, err := intervalCondition(cols[0], *r.Interval)
		if err != nil {
			return "", nil, err
		}
		conds = append(conds, cond)
	}
	if r.Interval != nil {
		values["interval_start"], values["interval_end"] = timeLiteral(r.Interval.Start), timeLiteral(r.Interval.End)
	}
	for k, v := range r.Params {
		if lit, ok := paramLiteral(v); ok {
			values[k] = lit
		}
	}
	if s.boundsItself() {
		conds = nil
	}
	return strings.Join(conds, " AND "), values, nil
}

// conditions puts the cursor's window into values and gives it as SQL.
func (c *cursor) conditions(last string, inclusive bool, to string, values map[string]string) (conds []string) {
	name := quoteIdent(c.col.name)
	lower, upper := " > ", " < "
	if inclusive {
		lower = " >= "
	}
	if c.integer {
		upper = " <= "
	}
	values["cursor_from"] = c.lowest()
	if last != "" {
		conds = append(conds, name+lower+c.literal(last))
		values["cursor_from"] = c.literal(last)
	}
	if to == "" {
		return append(conds, "false") // no bound was found: there is nothing to read
	}
	values["cursor_to"] = c.literal(to)
	return append(conds, name+upper+c.literal(to))
}

// boundsItself reports whether the query names the run's bounds, so that firn adds none.
func (s *source) boundsItself() bool {
	for _, p := range params(s.cfg.Query) {
		if strings.HasPrefix(p, "cursor_") || strings.HasPrefix(p, "interval_") {
			return true
		}
	}
	return false
}

func intervalCondition(c *column, i batch.Interval) (string, error) {
	name := quoteIdent(c.name)
	switch c.typ.Kind {
	case schema.TimestampTZ:
		return fmt.Sprintf("%s >= %s AND %s < %s", name, timeLiteral(i.Start), name, timeLiteral(i.End)), nil
	case schema.Timestamp, schema.Date:
		// A date or a timestamp without zone is compared as the interval's UTC wall time.
		lit := func(t time.Time) string {
			return quoteLiteral(t.UTC().Format("2006-01-02T15:04:05.000000")) + "::timestamp"
		}
		return fmt.Sprintf("%s >= %s AND %s < %s", name, lit(i.Start), name, lit(i.End)), nil
	}
	return "", fault.New(fault.Config, "%s cannot bound an interval: it needs a date or timestamp column", c).At(fault.Place{Path: "interval"})
}

func timeLiteral(t time.Time) string {
	return quoteLiteral(t.UTC().Format("2006-01-02T15:04:05.000000Z07:00")) + "::timestamptz"
}

func paramLiteral(v any) (string, bool) {
	switch x := v.(type) {
	case string:
		return quoteLiteral(x) + "::text", true
	case int64:
		return strconv.FormatInt(x, 10) + "::int8", true
	case float64:
		return quoteLiteral(strconv.FormatFloat(x, 'g', -1, 64)) + "::float8", true
	case bool:
		return strconv.FormatBool(x), true
	case time.Time:
		return timeLiteral(x), true
	}
	return "", false
}

// CursorNotes implements sources.Clock: what a plan should say of the cursor.
func (s *source) CursorNotes(ctx context.Context, _ string) ([]sources.Note, error) {
	c, err := s.bindCursor()
	if err != nil || c == nil {
		return nil, err
	}
	var notes []sources.Note
	add := func(format string, args ...any) {
		notes = append(notes, sources.Note{Column: c.col.name, Text: fmt.Sprintf(format, args...), Warning: true})
	}
	if !c.integer {
		rows, err := s.text(ctx, s.conn, "look up privileges", "SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')")
		if err != nil {
			return nil, err
		}
		if rows[0][0].text != "t" {
			add("running transactions of other users cannot be seen: rows they commit late may be skipped. GRANT pg_read_all_stats to the user, or set a lag")
		}
		if err := s.lateNotes(ctx, add); err != nil {
			return nil, err
		}
		if c.col.typ.Kind == schema.Timestamp {
			add("%s has no time zone: it is compared with the server's clock in the connection's TimeZone", c.col.name)
		}
	}
	if !c.col.notNull {
		rows, err := s.text(ctx, s.conn, "count rows without a cursor", "SELECT count(*) FROM "+s.from(nil)+" WHERE "+quoteIdent(c.col.name)+" IS NULL")
		if err != nil {
			return nil, err
		}
		if rows[0][0].text != "0" {
			add("%s rows have no %s: only --full-refresh loads them", rows[0][0].text, c.col.name)
		}
	}
	return notes, nil
}

// lateNotes tells of writers whose beginning the server does not show.
func (s *source) lateNotes(ctx context.Context, add func(format string, args ...any)) error {
	rows, err := s.text(ctx, s.conn, "look for writers that cannot be seen", `
SELECT pg_is_in_recovery(), (SELECT count(*) FROM pg_catalog.pg_prepared_xacts WHERE database = current_database()),
  (SELECT min(xact_start) FROM pg_catalog.pg_stat_activity WHERE `+writers+` AND xact_start < clock_timestamp() - interval '10 minutes')`)
	if err != nil {
		return err
	}
	if rows[0][0].text == "t" {
		add("the server is a standby, which does not show the transactions of its primary: rows they commit late may be skipped. Read from the primary, or set a lag")
	}
	if n := rows[0][1].text; n != "0" {
		add("%s prepared transactions are open, whose beginning the server does not show: rows they commit late may be skipped. Set a lag", n)
	}
	if since := rows[0][2]; since.valid {
		add("a transaction that has been open since %s holds the upper bound back", since.text)
	}
	return nil
}
