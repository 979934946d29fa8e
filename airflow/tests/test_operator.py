"""The operator outside of a scheduler: arguments, states, credentials, killing. A shell script plays firn."""

import os
import signal
import stat
import tempfile
import threading
import time
import unittest
from datetime import datetime, timezone
from types import SimpleNamespace

from airflow_provider_firn import credentials, interval
from airflow_provider_firn.compat import AirflowException, AirflowFailException, AirflowSkipException
from airflow_provider_firn.operators import FirnRunOperator, table_asset
from airflow_provider_firn.process import Process

FIVE = datetime(2024, 1, 31, 5, tzinfo=timezone.utc)
SIX = datetime(2024, 1, 31, 6, tzinfo=timezone.utc)


def context(start=FIVE, end=SIX, conf=None, map_index=-1):
    pushed = {}
    ti = SimpleNamespace(dag_id="d", task_id="t", run_id="manual__2024", map_index=map_index, pushed=pushed, xcom_push=lambda key, value: pushed.__setitem__(key, value))
    c = {"ti": ti, "dag_run": SimpleNamespace(conf=conf), "outlet_events": {}}
    if start:
        c["data_interval_start"], c["data_interval_end"] = start, end
    return c


def script(body):
    """An executable that plays firn."""
    f = tempfile.NamedTemporaryFile("w", suffix=".sh", delete=False)
    f.write("#!/bin/sh\n" + body)
    f.close()
    os.chmod(f.name, os.stat(f.name).st_mode | stat.S_IXUSR)
    return f.name


class Arguments(unittest.TestCase):
    def test_the_interval_makes_the_run_id(self):
        argv = FirnRunOperator(task_id="t", job="j.yaml", lake="prod", settings={"target.table": "a.b"}).argv(context())
        self.assertEqual(
            argv,
            ["firn", "run", "j.yaml", "-o", "json", "--run-id", "d.t.20240131T050000Z-20240131T060000Z", "--interval-start", "2024-01-31T05:00:00Z",
             "--interval-end", "2024-01-31T06:00:00Z", "--lake", "prod", "--set", "target.table=a.b"],
        )

    def test_an_empty_interval_is_refused_with_the_timetable_that_helps(self):
        with self.assertRaisesRegex(AirflowFailException, "CronDataIntervalTimetable"):
            FirnRunOperator(task_id="t", job="j", firn="/does/not/run").execute(context(FIVE, FIVE))

    def test_a_run_without_interval(self):
        op = FirnRunOperator(task_id="t", job="j")
        with self.assertRaisesRegex(interval.IntervalError, "interval_start"):
            op.argv(context(None, None))
        conf = {"interval_start": "2024-01-31T05:00:00Z", "interval_end": "2024-01-31T06:00:00Z"}
        self.assertIn("d.t.20240131T050000Z-20240131T060000Z", op.argv(context(None, None, conf)))
        free = FirnRunOperator(task_id="t", job="j", data_interval=False).argv(context(None, None, map_index=3))
        self.assertEqual(free, ["firn", "run", "j", "-o", "json", "--run-id", "d.t.3.manual__2024"])


class States(unittest.TestCase):
    def run_with(self, body, **kwargs):
        c = context()
        op = FirnRunOperator(task_id="t", job="j", firn=script(body), **kwargs)
        try:
            return op.execute(c), c["ti"].pushed
        except Exception as e:
            return e, c["ti"].pushed

    def test_success_returns_the_report(self):
        got, pushed = self.run_with('echo working >&2; echo \'{"outcome": "committed", "snapshot_id": 7}\'')
        self.assertEqual(got, {"outcome": "committed", "snapshot_id": 7})
        self.assertEqual(pushed["report"], got)

    def test_exit_codes_become_states(self):
        for code, want in ((99, AirflowSkipException), (69, AirflowException), (74, AirflowException), (75, AirflowException),
                           (65, AirflowFailException), (70, AirflowFailException), (78, AirflowFailException)):
            got, _ = self.run_with(f"exit {code}")
            self.assertIs(type(got), want, code)
        got, _ = self.run_with("kill -9 $$")
        self.assertIs(type(got), AirflowException)

    def test_the_error_says_what_firn_said(self):
        got, pushed = self.run_with('echo \'{"error": {"place": "o.csv:3", "message": "bad", "hint": "mend it"}}\'; exit 65')
        self.assertEqual(str(got), "firn ended with exit code 65: o.csv:3: bad → mend it")
        self.assertIn("error", pushed["report"])

    def test_a_missing_binary_fails_with_the_way_out(self):
        with self.assertRaisesRegex(AirflowFailException, "install firn"):
            FirnRunOperator(task_id="t", job="j", firn="/no/such/firn").execute(context())


class Credentials(unittest.TestCase):
    conn = SimpleNamespace(get_uri=lambda: "postgres://u:p@h/db", login="u", password="p", host="h", port=5, schema="db", extra_dejson={"region": "eu"})

    def test_fields_of_connections(self):
        got = credentials.environment({"DSN": "c", "KEY": "c:login", "REGION": "c:extra.region"}, lambda _: self.conn)
        self.assertEqual(got, {"DSN": "postgres://u:p@h/db", "KEY": "u", "REGION": "eu"})
        with self.assertRaisesRegex(KeyError, "no field"):
            credentials.environment({"X": "c:passwd"}, lambda _: self.conn)


class Killing(unittest.TestCase):
    def test_sigterm_then_sigkill(self):
        lines = []
        deaf = Process([script("trap '' TERM; echo ready >&2; while :; do sleep 0.1; done")], os.environ, None, lines.append)
        while "ready" not in lines:
            time.sleep(0.02)
        threading.Thread(target=deaf.stop, args=(0.5,)).start()
        self.assertEqual(deaf.wait(), 137)
        self.assertIn("SIGKILL", lines[-1])

    def test_a_handler_may_stop_what_the_main_thread_waits_for(self):
        op = FirnRunOperator(task_id="t", job="j", firn=script("trap 'exit 143' TERM; echo ready >&2; while :; do sleep 0.1; done"))
        old = signal.signal(signal.SIGUSR1, lambda *_: op.on_kill())
        self.addCleanup(signal.signal, signal.SIGUSR1, old)
        timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGUSR1))
        timer.start()
        with self.assertRaisesRegex(AirflowException, "143"):
            op.execute(context())

    def test_firn_is_told_when_its_worker_is_killed(self):
        marker = tempfile.mktemp()
        child = script(f"trap 'touch {marker}; exit 143' TERM; while :; do sleep 0.1; done")
        pid = os.fork()
        if pid == 0:
            Process([child], os.environ, None, print)
            time.sleep(1)
            os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(pid, 0)
        deadline = time.monotonic() + 10
        while not os.path.exists(marker) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertTrue(os.path.exists(marker))


class Assets(unittest.TestCase):
    def test_the_table_is_an_outlet(self):
        op = FirnRunOperator(task_id="t", job="j", table="Sales.Orders", lake="prod")
        self.assertEqual(op.outlets[0].uri, table_asset("sales.orders", "prod").uri)


if __name__ == "__main__":
    unittest.main()
