"""Which interval and which run id a task instance has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Mapping


class IntervalError(ValueError):
    """The task instance has no interval that a run could cover. The message says what to do."""


@dataclass(frozen=True)
class Interval:
    """A half-open window of time [start, end), in UTC."""

    start: datetime
    end: datetime

    def argv(self) -> list[str]:
        return ["--interval-start", rfc3339(self.start), "--interval-end", rfc3339(self.end)]


def rfc3339(t: datetime) -> str:
    return t.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


def resolve(context: Mapping[str, Any], required: bool) -> Interval | None:
    """The data interval; for a run without one, interval_start and interval_end of the run's conf.

    Asset-triggered and some manual runs have no data interval. None comes back only when required is false.
    """
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    if start is None or end is None:
        conf = getattr(context.get("dag_run"), "conf", None) or {}
        start, end = _time(conf, "interval_start"), _time(conf, "interval_end")
    if start is None or end is None:
        if not required:
            return None
        raise IntervalError(
            "this run has no data interval: schedule the DAG with CronDataIntervalTimetable, "
            'or trigger it with the conf {"interval_start": "2024-01-31T05:00:00Z", "interval_end": "2024-01-31T06:00:00Z"}'
        )
    if start == end and not required:
        return None
    if start >= end:
        raise IntervalError(
            f"the data interval [{rfc3339(start)}, {rfc3339(end)}) is empty, so that nothing would be loaded: schedule the DAG with "
            'CronDataIntervalTimetable("@hourly", timezone="UTC") from airflow.timetables.interval; in Airflow 3 a plain cron '
            "schedule has no interval"
        )
    return Interval(start, end)


def _time(conf: Mapping[str, Any], key: str) -> datetime | None:
    text = conf.get(key)
    if text is None:
        return None
    try:
        t = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        raise IntervalError(f"{key} of the run's conf is not a time such as 2024-01-31T05:00:00Z: {text!r}") from None
    return t if t.tzinfo else t.replace(tzinfo=timezone.utc)


def run_id(context: Mapping[str, Any], interval: Interval | None) -> str:
    """The id under which firn remembers the run: the same for every try, so that a repeated one changes nothing.

    It is made from the interval, or, where there is none, from the DAG run's id. Never from the try number or the logical date.
    """
    ti = context["ti"]
    name = f"{ti.dag_id}.{ti.task_id}"
    if getattr(ti, "map_index", -1) >= 0:
        name += f".{ti.map_index}"
    if interval is None:
        what = str(ti.run_id)
    else:
        what = f"{interval.start.astimezone(timezone.utc):%Y%m%dT%H%M%SZ}-{interval.end.astimezone(timezone.utc):%Y%m%dT%H%M%SZ}"
    return re.sub(r"[^A-Za-z0-9._:+-]", "_", f"{name}.{what}")
