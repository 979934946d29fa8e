package stacktest

import (
	"net/url"
	"os/exec"
	"strings"
	"testing"
)

// FreshDatabase makes a database for the test and returns its DSN; it is dropped, connections and all, when the test ends.
func (p Postgres) FreshDatabase(t testing.TB) string {
	t.Helper()
	name := Name(t)
	p.Exec(t, p.AdminDSN, `create database "`+name+`"`)
	t.Cleanup(func() { p.Exec(t, p.AdminDSN, `drop database if exists "`+name+`" with (force)`) })
	u, err := url.Parse(p.AdminDSN)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

// Exec runs a script of SQL statements with psql, stopping at the first error, and returns what it printed: rows as lines, columns
// parted by "|".
func (p Postgres) Exec(t testing.TB, dsn, script string) string {
	t.Helper()
	cmd := exec.Command(p.PSQL, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", dsn)
	cmd.Stdin = strings.NewReader(script)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("psql: %v: %s", err, stderr.String())
	}
	return stdout.String()
}
