"""Loads the orders of every hour, each hour once, and schedules what reads them.

The timetable matters: a plain "@hourly" gives runs with an empty interval in Airflow 3, which the operator refuses.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow_provider_firn.operators import FirnRunOperator

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2.11
    from airflow import DAG
from airflow.timetables.interval import CronDataIntervalTimetable

with DAG(
    dag_id="firn_hourly",
    schedule=CronDataIntervalTimetable("@hourly", timezone="UTC"),
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=4,  # runs of one table may overlap: their commits queue up
    default_args={"retries": 3, "retry_delay": timedelta(minutes=1)},
    doc_md=__doc__,
    tags=["firn"],
):
    FirnRunOperator(
        task_id="orders",
        job="/etc/firn/orders_hourly.yaml",
        lakes="/etc/firn/lakes.yaml",
        connections={"ORDERS_DSN": "orders_db", "S3_KEY": "minio:login", "S3_SECRET": "minio:password"},
        table="sales.orders",
    )
