"""FirnRunOperator: one firn job as one Airflow task."""

from __future__ import annotations

import os
from typing import Any, Mapping, Sequence

from airflow_provider_firn import credentials, interval
from airflow_provider_firn.compat import AirflowException, AirflowFailException, AirflowSkipException, Asset, BaseOperator
from airflow_provider_firn.process import Process

NOTHING_TO_DO = 99
RETRYABLE = frozenset({69, 74, 75, 130, 137, 143})
"""Exit codes after which the same command may succeed: a service is down, the outcome is unknown, a conflict, a killed process."""

KILL_PATIENCE = 30.0
"""Seconds between SIGTERM and SIGKILL. firn waits up to 20 s for the outcome of a commit that is under way."""


class FirnRunOperator(BaseOperator):
    """Runs `firn run JOB` and turns its exit code into the task's state.

    - The interval is the DAG run's data interval, resolved when the task runs; an empty one is refused. The run id is made from it, so
      that a retry, or clearing the task, changes nothing twice.
    - 0 is success; 99 (nothing to do) skips the task; 69, 74, 75 and killed processes are retried as the task's `retries` say; everything
      else fails at once.
    - The report is the task's return value, and stands under the XCom key `report` also after a failure. Each outlet's asset event
      carries table, snapshot id, run id and row counts.

    :param job: path of the job file, or anything else `firn run` takes (templated)
    :param firn: the binary
    :param lake: lake to use instead of the job's
    :param lakes: path of the lakes file
    :param data_interval: whether the job works by interval. False: none is needed, and none is passed when there is none
    :param connections: environment variables from Airflow Connections: ``{"ORDERS_DSN": "orders_db", "S3_SECRET": "minio:password"}``
    :param env: further environment variables (templated)
    :param inherit_env: whether the worker's environment is passed on
    :param settings: ``--set`` values: ``{"target.table": "sales.orders"}`` (templated)
    :param arguments: further arguments of `firn run`, such as ``["--strict"]`` (templated)
    :param skip_empty: skip the task when the run had nothing to write
    :param table: namespace.table of the target; it becomes an outlet, the asset ``firn://LAKE/NAMESPACE/TABLE``
    :param cwd: working directory
    :param kill_patience: seconds between SIGTERM and SIGKILL when the task is killed
    """

    template_fields: Sequence[str] = ("job", "lake", "lakes", "env", "settings", "arguments", "cwd")
    template_ext: Sequence[str] = ()
    ui_color = "#dcecf5"

    def __init__(
        self,
        *,
        job: str,
        firn: str = "firn",
        lake: str | None = None,
        lakes: str | None = None,
        data_interval: bool = True,
        connections: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
        inherit_env: bool = True,
        settings: Mapping[str, Any] | None = None,
        arguments: Sequence[str] = (),
        skip_empty: bool = False,
        table: str | None = None,
        cwd: str | None = None,
        kill_patience: float = KILL_PATIENCE,
        **kwargs: Any,
    ) -> None:
        if table:
            kwargs["outlets"] = [*kwargs.get("outlets", []), table_asset(table, lake)]
        super().__init__(**kwargs)
        self.job = job
        self.firn = firn
        self.lake = lake
        self.lakes = lakes
        self.data_interval = data_interval
        self.connections = dict(connections or {})
        self.env = dict(env or {})
        self.inherit_env = inherit_env
        self.settings = dict(settings or {})
        self.arguments = list(arguments)
        self.skip_empty = skip_empty
        self.cwd = cwd
        self.kill_patience = kill_patience
        self._process: Process | None = None
        self._killed = False

    def argv(self, context: Mapping[str, Any]) -> list[str]:
        """The command line. It never holds a credential."""
        window = interval.resolve(context, required=self.data_interval)
        argv = [self.firn, "run", self.job, "-o", "json", "--run-id", interval.run_id(context, window)]
        if window:
            argv += window.argv()
        for flag, value in (("--lake", self.lake), ("--lakes", self.lakes)):
            if value:
                argv += [flag, value]
        for path, value in self.settings.items():
            argv += ["--set", f"{path}={value}"]
        if self.skip_empty:
            argv.append("--skip-empty")
        return argv + [str(a) for a in self.arguments]

    def execute(self, context: Any) -> dict[str, Any] | None:
        try:
            argv = self.argv(context)
        except interval.IntervalError as e:
            raise AirflowFailException(str(e)) from None
        env = dict(os.environ) if self.inherit_env else {"PATH": os.environ.get("PATH", "")}
        env.update({k: str(v) for k, v in self.env.items()})
        env.update(credentials.environment(self.connections))
        self.log.info("running %s", " ".join(argv))
        try:
            self._process = Process(argv, env, self.cwd, self.log.info)
        except FileNotFoundError as e:
            raise AirflowFailException(f"{e.filename} was not found: install firn on the worker, or name it with firn=") from None
        if self._killed:  # between the look at the signal and the start
            self._process.stop(self.kill_patience)
        code = self._process.wait()
        return self._finish(context, code, self._process.report())

    def _finish(self, context: Any, code: int, report: dict[str, Any] | None) -> dict[str, Any] | None:
        if report is not None:
            context["ti"].xcom_push(key="report", value=report)
        if code == 0:
            self._describe_assets(context, report)
            return report
        if code == NOTHING_TO_DO:
            raise AirflowSkipException("firn had nothing to do")
        message = f"firn ended with exit code {code}{reason(report)}"
        if code in RETRYABLE:
            raise AirflowException(message)
        raise AirflowFailException(message)

    def _describe_assets(self, context: Any, report: dict[str, Any] | None) -> None:
        if not report:
            return
        for asset in self.outlets or []:
            # As text: consoles read JSON numbers as doubles, which cannot hold a snapshot id.
            context["outlet_events"][asset].extra.update(
                {
                    "table": report.get("table"),
                    "snapshot_id": str(report["snapshot_id"]) if report.get("snapshot_id") is not None else None,
                    "run_id": report.get("run_id"),
                    "outcome": report.get("outcome"),
                    "rows": report.get("rows"),
                }
            )

    def on_kill(self) -> None:
        self._killed = True
        if self._process:
            self.log.info("stopping firn")
            self._process.stop(self.kill_patience)


def table_asset(table: str, lake: str | None = None) -> Asset:
    """The asset of a table: downstream DAGs schedule on it."""
    return Asset(f"firn://{lake or 'local'}/{table.lower().replace('.', '/')}")


def reason(report: dict[str, Any] | None) -> str:
    """What firn said, for the exception."""
    error = (report or {}).get("error") or {}
    parts = [str(error[k]) for k in ("place", "message") if error.get(k)]
    text = ": ".join(parts)
    if error.get("hint"):
        text += f" → {error['hint']}"
    return ": " + text if text else ""
