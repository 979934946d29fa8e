package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firn-data/firn/internal/fault"
)

// hangUpTime is how long ending a connection may take, a cancel request included.
const hangUpTime = 5 * time.Second

var errClosed = fault.New(fault.Interrupted, "the source was closed")

// connect opens the main connection unless it is open.
func (s *source) connect(ctx context.Context) error {
	s.mu.Lock()
	have := s.conn != nil && !s.conn.IsClosed()
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
	if s.isClosed() {
		return nil, errClosed
	}
	c, err := pgconn.ConnectConfig(ctx, s.conf)
	if err != nil {
		return nil, s.classify(ctx, err, "connect")
	}
	s.mu.Lock()
	closed := s.closed
	if !closed {
		s.open[c] = false
	}
	s.mu.Unlock()
	if closed {
		hangUp(c)
		return nil, errClosed
	}
	return c, nil
}

func (s *source) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// use marks a connection as busy: Close then cuts it instead of speaking on it.
func (s *source) use(c *pgconn.PgConn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.open[c]; !ok || s.closed {
		return errClosed
	}
	s.open[c] = true
	return nil
}

// done takes the mark off, and ends the connection if the source was closed meanwhile.
func (s *source) done(c *pgconn.PgConn) {
	s.mu.Lock()
	closed := s.closed
	if !closed {
		s.open[c] = false
	}
	s.mu.Unlock()
	if closed {
		hangUp(c)
	}
}

// drop ends a connection that is no longer wanted.
func (s *source) drop(c *pgconn.PgConn) {
	s.mu.Lock()
	delete(s.open, c)
	if s.conn == c {
		s.conn = nil
	}
	s.mu.Unlock()
	hangUp(c)
}

// hangUp ends a connection, and the query that runs on it, and waits until nothing of it is left.
func hangUp(c *pgconn.PgConn) {
	ctx, cancel := context.WithTimeout(context.Background(), hangUpTime)
	defer cancel()
	if c.IsBusy() {
		_ = c.CancelRequest(ctx) // the server also notices that nobody listens, later
	}
	_ = c.Close(ctx)
	select {
	case <-c.CleanupDone():
	case <-ctx.Done():
	}
}

// Close implements sources.Source. Connections on which something is under way are cut: their users end them.
func (s *source) Close() error {
	s.mu.Lock()
	var idle []*pgconn.PgConn
	for c, busy := range s.open {
		if busy {
			c.Conn().Close()
		} else {
			idle = append(idle, c)
		}
	}
	s.closed, s.conn, s.readers = true, nil, nil
	clear(s.open)
	s.mu.Unlock()
	for _, c := range idle {
		hangUp(c)
	}
	return nil
}

// text runs a statement on c and gives its rows as text.
func (s *source) text(ctx context.Context, c *pgconn.PgConn, action, sql string, args ...string) ([][]cell, error) {
	params := make([][]byte, len(args))
	for i, a := range args {
		params[i] = []byte(a)
	}
	if err := s.use(c); err != nil {
		return nil, err
	}
	res := c.ExecParams(ctx, sql, params, nil, nil, nil).Read()
	s.done(c)
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

// cell is a value as the server writes it; NULL is not valid.
type cell struct {
	text  string
	valid bool
}

const begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

// takeSnapshot begins the transaction that all reading happens in. Where a snapshot cannot be exported, one connection
// reads everything.
func (s *source) takeSnapshot(ctx context.Context) error {
	switch s.conn.TxStatus() {
	case 'T':
		return nil
	case 'E':
		if _, err := s.text(ctx, s.conn, "roll back", "ROLLBACK"); err != nil {
			return err
		}
	}
	s.snapshot = ""
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
	if ctx.Err() != nil || fault.Is(err, fault.Unavailable) || fault.Is(err, fault.Interrupted) {
		return err
	}
	s.env.Events.OnWarn("one connection reads " + s.cfg.Table + ": " + err.Error())
	if _, err := s.text(ctx, s.conn, "roll back", "ROLLBACK"); err != nil {
		return err
	}
	_, err = s.text(ctx, s.conn, "begin", begin)
	return err
}

// reader gives a connection inside the snapshot, marked as busy. It waits while as many as the job allows are reading.
func (s *source) reader(ctx context.Context) (*pgconn.PgConn, error) {
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	c, err := s.freeReader(ctx)
	if err == nil {
		err = s.use(c)
	}
	if err != nil {
		<-s.slots
		return nil, err
	}
	return c, nil
}

func (s *source) freeReader(ctx context.Context) (*pgconn.PgConn, error) {
	if s.snapshot == "" {
		return s.onlyReader(ctx)
	}
	s.mu.Lock()
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
	for _, sql := range []string{begin, "SET TRANSACTION SNAPSHOT " + quoteLiteral(s.snapshot)} {
		if _, err := s.text(ctx, c, "join the snapshot", sql); err != nil {
			s.drop(c)
			if fault.ClassOf(err) == fault.Data || fault.ClassOf(err) == fault.Config {
				err = fault.Wrap(fault.Retry, err, "the connection that holds the snapshot is gone")
			}
			return nil, err
		}
	}
	return c, nil
}

// onlyReader is the main connection. If it was lost, a new one reads in a snapshot of its own: there is one split then, and
// one that gave rows away is never read again.
func (s *source) onlyReader(ctx context.Context) (*pgconn.PgConn, error) {
	if err := s.connect(ctx); err != nil {
		return nil, err
	}
	if err := s.takeSnapshot(ctx); err != nil {
		return nil, err
	}
	return s.conn, nil
}

// giveBack keeps a connection for the next split, or ends it when something went wrong on it.
func (s *source) giveBack(c *pgconn.PgConn, err error) {
	defer func() { <-s.slots }()
	if err != nil || c.IsClosed() || c.IsBusy() || c.TxStatus() != 'T' {
		s.drop(c)
		return
	}
	s.done(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed && c != s.conn {
		s.readers = append(s.readers, c)
	}
}

// version is the server's major version, 0 when it does not say.
func (s *source) version() (major int) {
	_, _ = fmt.Sscanf(s.conn.ParameterStatus("server_version"), "%d", &major)
	return major
}
