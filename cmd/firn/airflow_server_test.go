//go:build server

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/firn-data/firn/internal/stacktest"
)

// dags are what the test's Airflow runs: 24 backfilled hours, a run that is killed, and a run without an interval.
const dags = `
from datetime import datetime, timedelta, timezone
from airflow.sdk import DAG
from airflow.timetables.interval import CronDataIntervalTimetable
from airflow_provider_firn.operators import FirnRunOperator

common = dict(lakes="DIR/lakes.yaml", cwd="DIR", connections={"ORDERS_DSN": "orders_db"})

with DAG("hours", schedule=CronDataIntervalTimetable("@hourly", timezone="UTC"), start_date=datetime(2024, 1, 31, tzinfo=timezone.utc),
         end_date=datetime(2024, 1, 31, tzinfo=timezone.utc), catchup=False, is_paused_upon_creation=False,
         default_args={"retries": 2, "retry_delay": timedelta(seconds=1)}):
    FirnRunOperator(task_id="orders", job="DIR/hours.yaml", firn="DIR/unlucky-firn", table="sales.orders", **common)

with DAG("slow", schedule=None, is_paused_upon_creation=False):
    FirnRunOperator(task_id="orders", job="DIR/slow.yaml", firn="DIR/firn", data_interval=False, **common)

with DAG("unscheduled", schedule=None, is_paused_upon_creation=False, default_args={"retries": 2, "retry_delay": timedelta(seconds=1)}):
    FirnRunOperator(task_id="orders", job="DIR/hours.yaml", firn="DIR/firn", **common)
`

// unlucky runs firn, but the first attempts at some hours die: before the commit, in the middle, and after it, before anyone hears of it.
const unlucky = `#!/bin/sh
for a; do case $a in 20*T*Z) hour=${hour:-$a} ;; esac; done
once() { [ ! -e "DIR/died-$hour" ] && touch "DIR/died-$hour"; }
case $hour in
  *T03:*) once && kill -9 $$ ;;
  *T05:*) once && { DIR/firn "$@"; kill -9 $$; } ;;
  *T07:* | *T11:* | *T13:*) once && { DIR/firn "$@" & sleep 0.$(echo "$hour" | cut -c12-13); kill -9 $!; kill -9 $$; } ;;
esac
exec DIR/firn "$@"
`

// fill writes files into a folder; DIR in them is the folder.
func fill(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, body := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(body, "DIR", dir)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAirflowRunsFirn(t *testing.T) {
	env := stacktest.Env(t)
	dir := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "firn"), ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	dsn := env.Postgres.FreshDatabase(t)
	// Hour h has h+1 rows; there are rows on the borders and outside of the day.
	env.Postgres.Exec(t, dsn, `CREATE TABLE orders (id int8 PRIMARY KEY, ordered_at timestamptz NOT NULL, total numeric(12,2));
INSERT INTO orders SELECT h * 100 + n, timestamptz '2024-01-31 00:00Z' + h * interval '1 hour' + n * interval '59 minutes 59 seconds' / greatest(h, 1), h + n / 100.0
  FROM generate_series(-2, 26) h, generate_series(0, greatest(h, 0)) n`)
	fill(t, dir, map[string]string{
		"lakes.yaml":   "lakes: {local: {catalog: {kind: sqlite, path: DIR/catalog.db}, warehouse: DIR/warehouse}}\n",
		"hours.yaml":   "job: hours\nsource: {kind: postgres, dsn: \"${ORDERS_DSN}\", table: public.orders, interval: ordered_at}\ntarget: {table: sales.orders}\n",
		"slow.yaml":    "job: slow\nsource: {kind: postgres, dsn: \"${ORDERS_DSN}\", query: \"SELECT id, pg_sleep(60)::text AS slept FROM orders LIMIT 1\"}\ntarget: {table: sales.slow}\n",
		"unlucky-firn": unlucky,
		"dags/firn.py": dags,
	})
	provider, err := filepath.Abs("../../airflow")
	if err != nil {
		t.Fatal(err)
	}
	testProvider(t, env.Airflow, provider)
	srv := env.Airflow.Start(t, filepath.Join(dir, "dags"), provider, "AIRFLOW_CONN_ORDERS_DB="+dsn)
	for _, d := range []string{"hours", "slow", "unscheduled"} {
		srv.AwaitDAG(d, time.Minute)
	}
	t.Run("24 backfilled hours are 24 right hours", func(t *testing.T) { backfill(t, srv, env, dsn, dir) })
	t.Run("a killed task commits nothing", func(t *testing.T) { killed(t, srv, env, dsn, dir) })
	t.Run("a run without an interval fails at once and says why", func(t *testing.T) { unscheduled(t, srv) })
}

// testProvider runs the provider's own tests with the Python of the installation.
func testProvider(t *testing.T, a stacktest.Airflow, provider string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(a.Venv, "bin/python"), "-m", "unittest", "discover", "-s", "tests")
	cmd.Dir = provider
	cmd.Env = append(os.Environ(), "AIRFLOW_HOME="+t.TempDir(), "PYTHONPATH="+provider, "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "\nOK") || strings.Contains(string(out), "Ran 0 tests") {
		t.Fatalf("%v: %s", err, out)
	}
}

// read gives the rows of a query over a table that firn reads, as CSV lines without the header.
func read(t *testing.T, dir, table string) []string {
	t.Helper()
	cmd := exec.Command(filepath.Join(dir, "firn"), "read", table, "--lakes", filepath.Join(dir, "lakes.yaml"), "-o", "csv")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("firn read %s: %v", table, err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")[1:]
}

func backfill(t *testing.T, srv *stacktest.AirflowServer, env stacktest.Servers, dsn, dir string) {
	srv.CLI("backfill", "create", "--dag-id", "hours", "--from-date", "2024-01-31T00:00:00+00:00", "--to-date", "2024-01-31T23:00:00+00:00", "--max-active-runs", "5", "--run-backwards")
	for _, r := range srv.AwaitRuns("hours", 24, 5*time.Minute) {
		if r.State != "success" {
			t.Errorf("run %s: %s", r.ID, r.State)
		}
	}
	want := strings.Split(strings.TrimSpace(env.Postgres.Exec(t, dsn, `SELECT id || ',' || to_char(ordered_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24') FROM orders
WHERE ordered_at >= '2024-01-31 00:00Z' AND ordered_at < '2024-02-01 00:00Z'`)), "\n")
	got := map[string]int{}
	for _, line := range read(t, dir, "sales.orders") {
		cells := strings.Split(line, ",")
		got[cells[0]+","+strings.Replace(cells[1], "T", " ", 1)[:len("2024-01-31 00")]]++
	}
	for _, w := range want {
		if got[w] != 1 {
			t.Errorf("row %s is there %d times", w, got[w])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d distinct rows, want %d", len(got), len(want))
	}
	for _, hour := range []string{"03", "05", "07", "11", "13"} {
		if _, err := os.Stat(filepath.Join(dir, "died-2024-01-31T"+hour+":00:00Z")); err != nil {
			t.Errorf("the first attempt at hour %s was not killed: %v", hour, err)
		}
	}
	var report struct {
		Value json.RawMessage `json:"value"`
	}
	outcomes := map[string]int{}
	for _, r := range srv.Runs("hours") {
		srv.Get("/dags/hours/dagRuns/"+r.ID+"/taskInstances/orders/xcomEntries/report?deserialize=true", &report)
		var body struct{ Outcome, Run_id string }
		if err := json.Unmarshal(report.Value, &body); err != nil {
			t.Fatalf("%v: %s", err, report.Value)
		}
		outcomes[body.Outcome]++
	}
	// Hour 05 died after its commit; those that died in the middle may have.
	if outcomes["already_committed"] < 1 || outcomes["committed"]+outcomes["already_committed"] != 24 {
		t.Errorf("outcomes %v", outcomes)
	}
	var events struct {
		Events []struct {
			Extra map[string]any `json:"extra"`
		} `json:"asset_events"`
	}
	srv.Get("/assets/events?limit=100", &events)
	if len(events.Events) != 24 {
		t.Errorf("%d asset events, want 24", len(events.Events))
	}
	for _, e := range events.Events {
		if id, ok := e.Extra["snapshot_id"].(string); !ok || id == "" || e.Extra["table"] != "sales.orders" {
			t.Errorf("an asset event says %v", e.Extra)
		}
	}
}

func killed(t *testing.T, srv *stacktest.AirflowServer, env stacktest.Servers, dsn, dir string) {
	var run stacktest.DAGRun
	srv.Send(http.MethodPost, "/dags/slow/dagRuns", map[string]any{"logical_date": nil}, &run)
	sleeping := func() bool {
		return strings.TrimSpace(env.Postgres.Exec(t, dsn, `SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND state = 'active' AND pid <> pg_backend_pid()`)) != "0"
	}
	await(t, "the query to run", sleeping)
	srv.Send(http.MethodPatch, "/dags/slow/dagRuns/"+run.ID+"/taskInstances/orders", map[string]any{"new_state": "failed"}, nil)
	await(t, "firn to end its query", func() bool { return !sleeping() })
	out, err := exec.Command(filepath.Join(dir, "firn"), "show", "sales.slow", "--lakes", filepath.Join(dir, "lakes.yaml")).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "no such table") {
		t.Errorf("a killed run made a table: %v: %s", err, out)
	}
}

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited a minute for %s", what)
		}
	}
}

func unscheduled(t *testing.T, srv *stacktest.AirflowServer) {
	var run stacktest.DAGRun
	srv.Send(http.MethodPost, "/dags/unscheduled/dagRuns", map[string]any{"logical_date": nil}, &run)
	if r := srv.AwaitRuns("unscheduled", 1, time.Minute)[0]; r.State != "failed" {
		t.Errorf("the run is %s", r.State)
	}
	var ti struct {
		Try int `json:"try_number"`
	}
	srv.Get("/dags/unscheduled/dagRuns/"+run.ID+"/taskInstances/orders", &ti)
	if ti.Try != 1 {
		t.Errorf("it was tried %d times", ti.Try)
	}
	var log any
	srv.Get(fmt.Sprintf("/dags/unscheduled/dagRuns/%s/taskInstances/orders/logs/1?full_content=true", run.ID), &log)
	if text := fmt.Sprint(log); !strings.Contains(text, "CronDataIntervalTimetable") {
		t.Errorf("the log does not name the way out: %s", text)
	}
}
