package postgres

import (
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/memory"
)

// parseDSN reads a connection string, in either of libpq's two forms, into libpq's keywords. Its errors never hold the string.
func parseDSN(dsn string) (map[string]string, error) {
	out := map[string]string{"port": "5432", "sslmode": "prefer"}
	var err error
	if strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://") {
		err = parseURL(dsn, out)
	} else {
		err = parsePairs(dsn, out)
	}
	if err != nil {
		return nil, err
	}
	for _, need := range []string{"host", "user"} {
		if out[need] == "" {
			return nil, fmt.Errorf("the dsn names no %s: firn reads no PG* variables", need)
		}
	}
	if out["dbname"] == "" {
		out["dbname"] = out["user"]
	}
	return out, nil
}

func parseURL(dsn string, out map[string]string) error {
	u, err := url.Parse(dsn)
	if err != nil {
		return fmt.Errorf("the dsn is not a URL: percent-encode special characters in the password")
	}
	if u.User != nil {
		out["user"] = u.User.Username()
		if p, ok := u.User.Password(); ok {
			out["password"] = p
		}
	}
	if h := u.Hostname(); h != "" {
		out["host"] = h
	}
	if p := u.Port(); p != "" {
		out["port"] = p
	}
	if db := strings.TrimPrefix(u.Path, "/"); db != "" {
		out["dbname"] = db
	}
	for k, v := range u.Query() {
		if len(v) > 0 {
			out[k] = v[0]
		}
	}
	return nil
}

// parsePairs reads key=value pairs; values may be quoted with single quotes, and a backslash escapes.
func parsePairs(dsn string, out map[string]string) error {
	rest := strings.TrimSpace(dsn)
	for rest != "" {
		key, after, ok := strings.Cut(rest, "=")
		if !ok {
			return fmt.Errorf("the dsn is neither a postgres:// URL nor key=value pairs")
		}
		after = strings.TrimLeft(after, " \t")
		var value strings.Builder
		quoted := strings.HasPrefix(after, "'")
		i := 0
		if quoted {
			i = 1
		}
		closed := !quoted
		for ; i < len(after); i++ {
			c := after[i]
			if c == '\\' && i+1 < len(after) {
				i++
				value.WriteByte(after[i])
				continue
			}
			if quoted && c == '\'' {
				closed = true
				i++
				break
			}
			if !quoted && (c == ' ' || c == '\t' || c == '\n') {
				break
			}
			value.WriteByte(c)
		}
		if !closed {
			return fmt.Errorf("the dsn has an unclosed quote")
		}
		k := strings.TrimSpace(key)
		if k == "database" {
			k = "dbname"
		}
		out[k] = value.String()
		rest = strings.TrimLeft(after[i:], " \t\n")
	}
	return nil
}

// driverDefaults holds every setting that the driver would otherwise take from the environment or the home directory.
var driverDefaults = map[string]string{
	"password": "", "passfile": os.DevNull, "connect_timeout": "10", "sslkey": "", "sslcert": "", "sslrootcert": "", "sslpassword": "",
	"sslcertmode": "allow", "sslsni": "1", "sslnegotiation": "postgres", "target_session_attrs": "any", "channel_binding": "prefer",
	"min_protocol_version": "3.0", "max_protocol_version": "3.0", "require_auth": "", "service": "firn",
}

// connConfig makes the driver's configuration from settings alone. The driver insists on a service file when PGSERVICE is
// set, so it is given an empty one.
func connConfig(settings map[string]string, temp *memory.Dir) (*pgconn.Config, error) {
	service, err := temp.Create("pgservice")
	if err != nil {
		return nil, err
	}
	defer os.Remove(service.Name())
	_, err = service.WriteString("[firn]\n")
	if cerr := service.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, err
	}
	all := maps.Clone(driverDefaults)
	maps.Copy(all, settings)
	all["servicefile"] = service.Name()
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "%s='%s' ", k, strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(all[k]))
	}
	conf, err := pgconn.ParseConfig(b.String())
	if err != nil {
		return nil, fault.New(fault.Config, "the dsn cannot be used: %s", strings.ReplaceAll(err.Error(), b.String(), "…")).At(fault.Place{Path: "dsn"})
	}
	params := map[string]string{"application_name": "firn", "DateStyle": "ISO", "IntervalStyle": "postgres", "extra_float_digits": "3", "bytea_output": "hex", "client_encoding": "UTF8", "idle_in_transaction_session_timeout": "0"}
	for k, v := range settings {
		if _, known := driverDefaults[k]; !known && !slices.Contains([]string{"host", "port", "user", "dbname", "sslmode", "client_encoding"}, k) {
			params[k] = v
		}
	}
	conf.RuntimeParams = params
	return conf, nil
}
