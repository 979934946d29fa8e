//go:build server

package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/firn-data/firn/etl"
	"github.com/firn-data/firn/internal/stacktest"
)

// TestSIGTERMEndsARunWithNothingCommitted stops a run that waits for its source.
func TestSIGTERMEndsARunWithNothingCommitted(t *testing.T) {
	env := stacktest.Env(t)
	dsn := env.Postgres.FreshDatabase(t)
	t.Chdir(t.TempDir())
	t.Setenv("DSN", dsn)
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	put(t, "slow.yaml", "job: slow\nsource: {kind: postgres, dsn: \"${DSN}\", query: \"SELECT 1 AS id, pg_sleep(60)::text AS slept\"}\ntarget: {table: raw.slow}\n")
	var out, errs bytes.Buffer
	code := make(chan int)
	go func() { code <- run([]string{"run", "slow.yaml", "-o", "json"}, &out, &errs) }()
	sleeping := func() bool {
		return strings.TrimSpace(env.Postgres.Exec(t, dsn, `SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND state = 'active' AND datname = current_database() AND pid <> pg_backend_pid()`)) != "0"
	}
	for deadline := time.Now().Add(time.Minute); !sleeping(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the query never ran")
		}
	}
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if c := <-code; c != 143 {
		t.Errorf("exit %d: %s", c, errs.String())
	}
	var r etl.Report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	if r.Outcome != "interrupted" || r.Error == nil || r.Error.Class != "interrupted" || r.Snapshot != nil {
		t.Errorf("report %s", out.String())
	}
	if !strings.Contains(errs.String(), "exit 143: interrupted, nothing committed") {
		t.Errorf("standard error ends with %s", errs.String())
	}
	if sleeping() {
		t.Error("the query still runs")
	}
	if text, _ := told("show", "raw.slow"); !strings.Contains(text, "no such table") {
		t.Errorf("the table exists: %s", text)
	}
}
