//go:build server

package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/firn-data/firn/internal/stacktest"
)

// TestDoctorExaminesRealServers lets firn doctor look at good and bad lakes, and at a job whose cursor has no index.
func TestDoctorExaminesRealServers(t *testing.T) {
	env := stacktest.Env(t)
	s3 := env.S3.FreshBucket(t)
	dsn := env.Postgres.FreshDatabase(t)
	env.Postgres.Exec(t, dsn, "CREATE TABLE orders (id int8, at timestamptz NOT NULL); INSERT INTO orders VALUES (1, '2024-01-31 05:00Z')")
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("XDG_CONFIG_HOME", dir)
	t.Setenv("DSN", dsn)
	lake := func(name, uri, bucket, secret, more string) string {
		return fmt.Sprintf("  %s:\n    catalog: {kind: hive, uris: \"%s\", connect_timeout: 2s}\n    warehouse: s3://%s/doctor\n    store: {s3: {endpoint: \"%s\", region: %s, access_key: %s, secret_key: %s}}\n%s",
			name, uri, bucket, s3.Endpoint, s3.Region, s3.AccessKey, secret, more)
	}
	put(t, "lakes.yaml", "lakes:\n"+
		lake("good", env.HMS.URI, s3.Bucket, s3.SecretKey, fmt.Sprintf("    trino: {url: \"%s\", catalog: hive}\n", env.TrinoURL))+
		lake("old", env.HMS.URI313, s3.Bucket, s3.SecretKey, "")+
		lake("stranger", env.HMS.URI, s3.Bucket, "not-the-secret", "")+
		lake("nowhere", env.HMS.URI, "no-such-bucket-here", s3.SecretKey, "")+
		lake("dead", "thrift://127.0.0.1:1", s3.Bucket, s3.SecretKey, ""))
	table := stacktest.Name(t) + ".orders"
	put(t, "job.yaml", "job: orders\nlake: good\nsource: {kind: postgres, dsn: \"${DSN}\", table: public.orders, cursor: at}\ntarget: {table: "+table+"}\n")

	for _, c := range []struct {
		args []string
		code int
		want []string
	}{
		{[]string{"doctor", "--lake", "good"}, 0, []string{"ok    store: refuses to create it twice", "ok    catalog: compares before it swaps", "ok    catalog: a lock is given, kept and taken back"}},
		{[]string{"doctor", "job.yaml"}, 0, []string{"ok    source input: may export a snapshot", "warn  source input: has an index on at", "CREATE INDEX", "ok    trino: sees the lake"}},
		{[]string{"run", "job.yaml"}, 0, nil},
		{[]string{"doctor", "job.yaml"}, 0, []string{"ok    trino: reads the table", "ok    table: keeps its metadata small"}},
		{[]string{"doctor", "--lake", "old"}, 0, []string{"warn  catalog: compares before it swaps", "use a metastore from 4.0 on"}},
		{[]string{"doctor", "--lake", "stranger"}, 77, []string{"fail  store: takes an object", "check store.s3.access_key and secret_key"}},
		{[]string{"doctor", "--lake", "nowhere"}, 78, []string{"fail  store: takes an object", "no-such-bucket-here"}},
		{[]string{"doctor", "--lake", "dead"}, 69, []string{"fail  catalog: the metastore answers", "check that a metastore of catalog.uris runs"}},
		{[]string{"locks", "list", table, "--lake", "good"}, 0, []string{"nobody holds " + table}},
	} {
		text, code := told(c.args...)
		if code != c.code {
			t.Errorf("firn %s: exit %d, want %d:\n%s", strings.Join(c.args, " "), code, c.code, text)
		}
		for _, w := range c.want {
			if !strings.Contains(text, w) {
				t.Errorf("firn %s does not say %q:\n%s", strings.Join(c.args, " "), w, text)
			}
		}
	}
	for _, key := range s3.Keys(t, "") {
		if strings.Contains(key, "firn-doctor") || strings.Contains(key, "firn_check") {
			t.Errorf("doctor left %s", key)
		}
	}
	if left := stacktest.Trino(t).Query("SHOW SCHEMAS FROM hive LIKE 'firn\\_check\\_%' ESCAPE '\\'"); len(left) > 0 {
		t.Errorf("doctor left the namespaces %v", left)
	}
}
