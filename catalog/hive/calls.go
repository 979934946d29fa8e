package hive

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/firn-data/firn/catalog"
)

// Field ids of hive_metastore.thrift (Apache Hive 3.1 to 4.0), as far as this client touches them.
const (
	tableName       = 1
	tableDatabase   = 2
	tableOwner      = 3
	tableCreated    = 4
	tableAccessed   = 5
	tableRetention  = 6
	tableStorage    = 7
	tablePartitions = 8
	tableParameters = 9
	tableType       = 12

	storageColumns  = 1
	storageLocation = 2
	storageInput    = 3
	storageOutput   = 4
	storageSerde    = 7

	databaseName     = 1
	databaseLocation = 3

	lockID      = 1
	lockState   = 2
	lockMessage = 3

	shownID        = 1
	shownDatabase  = 2
	shownTable     = 3
	shownState     = 5
	shownHeartbeat = 8
	shownAcquired  = 9
	shownUser      = 10
	shownHost      = 11
	shownAgent     = 13
)

// LockState of hive_metastore.thrift.
const (
	acquired = 1
	waiting  = 2
)

// tries is how often a call that may be repeated is made.
const tries = 3

// ask makes a call that may be repeated, on another connection if the first one turns out to be dead.
func (c *client) ask(ctx context.Context, method string, args *record, exceptions ...string) (any, error) {
	for try := 1; ; try++ {
		k, err := c.get(ctx)
		if err != nil {
			return nil, err
		}
		v, err := k.call(ctx, method, args, exceptions...)
		c.put(k)
		if _, lost := errors.AsType[*transportError](err); !lost || try == tries || ctx.Err() != nil {
			return v, err
		}
		c.forget()
	}
}

// getTable reads a table through get_table_req, which all versions from 3.1 on have.
func (k *connection) getTable(ctx context.Context, db, table string) (*record, error) {
	v, err := k.call(ctx, "get_table_req", newRecord(nested(1, newRecord(str(1, db), str(2, table)))), "MetaException", "NoSuchObjectException")
	r, _ := v.(*record)
	t := r.record(1)
	if err == nil && t == nil {
		return nil, k.fail(ctx, "get_table_req", errors.New("the server answered without a table"))
	}
	return t, err
}

// getTable reads a table on any connection.
func (c *client) getTable(ctx context.Context, id catalog.Ident) (*record, error) {
	k, t, err := c.session(ctx, id)
	if k != nil {
		c.put(k)
	}
	return t, err
}

// session gives a connection that just answered, with the table that it read: an idle one may have died.
func (c *client) session(ctx context.Context, id catalog.Ident) (k *connection, t *record, err error) {
	for try := 1; ; try++ {
		if k, err = c.get(ctx); err != nil {
			return nil, nil, err
		}
		t, err = k.getTable(ctx, id.Namespace, id.Table)
		if _, lost := errors.AsType[*transportError](err); !lost || try == tries || ctx.Err() != nil {
			return k, t, err
		}
		c.put(k)
		c.forget()
	}
}

func (k *connection) createTable(ctx context.Context, t *record) error {
	_, err := k.call(ctx, "create_table", newRecord(nested(1, t)), "AlreadyExistsException", "InvalidObjectException", "MetaException", "NoSuchObjectException")
	return err
}

// alterTable swaps a table. With an expected metadata location the server compares it first, where it can.
func (k *connection) alterTable(ctx context.Context, db, table string, t *record, expected string) error {
	env := map[string]string{"DO_NOT_UPDATE_STATS": "true"}
	if expected != "" {
		env["expected_parameter_key"], env["expected_parameter_value"] = metadataLocation, expected
	}
	args := newRecord(str(1, db), str(2, table), nested(3, t), nested(4, newRecord(pairs(1, mapOf(env)))))
	_, err := k.call(ctx, "alter_table_with_environment_context", args, "InvalidOperationException", "MetaException")
	return err
}

func (c *client) database(ctx context.Context, name string) (*record, error) {
	v, err := c.ask(ctx, "get_database", newRecord(str(1, name)), "NoSuchObjectException", "MetaException")
	r, _ := v.(*record)
	return r, err
}

func (c *client) createDatabase(ctx context.Context, name, location string) error {
	// Creating it again is refused, so that asking again after a lost answer does no harm.
	_, err := c.ask(ctx, "create_database", newRecord(nested(1, newRecord(str(databaseName, name), str(databaseLocation, location), pairs(4, mapOf(nil))))),
		"AlreadyExistsException", "InvalidObjectException", "MetaException")
	if refused(err, "AlreadyExistsException") {
		return nil
	}
	return err
}

// dropDatabase drops a database with its tables and its folder.
func (c *client) dropDatabase(ctx context.Context, name string) error {
	_, err := c.ask(ctx, "drop_database", newRecord(str(1, name), boolean(2, true), boolean(3, true)), "NoSuchObjectException", "InvalidOperationException", "MetaException")
	return err
}

// configValue is a setting of the server; def where it has none, or does not show it.
func (c *client) configValue(ctx context.Context, name, def string) (string, error) {
	v, err := c.ask(ctx, "get_config_value", newRecord(str(1, name), str(2, def)), "ConfigValSecurityException")
	if refused(err) {
		return def, nil
	}
	s, _ := v.(string)
	return s, err
}

func (c *client) names(ctx context.Context, method string, args *record, exceptions ...string) ([]string, error) {
	v, err := c.ask(ctx, method, args, exceptions...)
	l, _ := v.(*list)
	return l.texts(), err
}

// version is what the server calls itself: 4.0.1; 3.0 on 3.1.3.
func (c *client) version(ctx context.Context) (string, error) {
	v, err := c.ask(ctx, "getVersion", newRecord())
	s, _ := v.(string)
	return s, err
}

// lockTimeout is how long a lock lives without a heartbeat.
func (c *client) lockTimeout(ctx context.Context) (time.Duration, error) {
	s, err := c.configValue(ctx, "metastore.txn.timeout", "300s")
	if d, ok := duration(s); ok && d > 0 {
		return d, err
	}
	return defaultLockTimeout, err
}

const defaultLockTimeout = 300 * time.Second

// hiveUnits are the units of times in Hive's settings: each is written by its short name, or by a word that starts as the long one.
var hiveUnits = []struct {
	short, long string
	unit        string // Go's
	times       time.Duration
}{
	{"d", "day", "h", 24}, {"h", "hour", "h", 1}, {"m", "min", "m", 1}, {"s", "sec", "s", 1}, {"ms", "msec", "ms", 1}, {"us", "usec", "us", 1}, {"ns", "nsec", "ns", 1},
}

// duration reads Hive's way of writing times: 300s, 300 sec, 5min, 300000ms, 300 (seconds).
func duration(s string) (time.Duration, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	digits := s[:len(s)-len(strings.TrimLeft(s, "0123456789"))]
	name := strings.TrimSpace(s[len(digits):])
	if name == "" {
		name = "s"
	}
	for _, u := range hiveUnits {
		if name == u.short || strings.HasPrefix(name, u.long) {
			d, err := time.ParseDuration(digits + u.unit)
			return d * u.times, err == nil && d*u.times/u.times == d
		}
	}
	return 0, false
}

// lockRequest asks for an exclusive lock on a table.
func lockRequest(db, table, agent string) *record {
	component := newRecord(i32(1, 3), i32(2, 2), str(3, db), str(4, table), boolean(7, false))
	return newRecord(elements(1, recordsOf(component)), str(3, "firn"), str(4, "firn"), str(5, agent))
}

func (k *connection) lock(ctx context.Context, db, table, agent string) (id int64, state int32, err error) {
	v, err := k.call(ctx, "lock", newRecord(nested(1, lockRequest(db, table, agent))), "NoSuchTxnException", "TxnAbortedException")
	r, _ := v.(*record)
	return r.number(lockID), r.enum(lockState), err
}

func (c *client) checkLock(ctx context.Context, id int64) (state int32, err error) {
	v, err := c.ask(ctx, "check_lock", newRecord(nested(1, newRecord(i64(1, id)))), "NoSuchTxnException", "TxnAbortedException", "NoSuchLockException")
	r, _ := v.(*record)
	return r.enum(lockState), err
}

func (c *client) heartbeat(ctx context.Context, id int64) error {
	_, err := c.ask(ctx, "heartbeat", newRecord(nested(1, newRecord(i64(1, id)))), "NoSuchLockException", "NoSuchTxnException", "TxnAbortedException")
	return err
}

func (c *client) unlock(ctx context.Context, id int64) error {
	_, err := c.ask(ctx, "unlock", newRecord(nested(1, newRecord(i64(1, id)))), "NoSuchLockException", "TxnOpenException")
	if refused(err, "NoSuchLockException") {
		return nil
	}
	return err
}

func (c *client) showLocks(ctx context.Context, db, table string) ([]*record, error) {
	v, err := c.ask(ctx, "show_locks", newRecord(nested(1, newRecord(str(1, db), str(2, table), boolean(4, false)))))
	r, _ := v.(*record)
	return r.records(1), err
}
