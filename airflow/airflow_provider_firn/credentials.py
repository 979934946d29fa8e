"""Airflow Connections as environment variables of the process."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from airflow_provider_firn.compat import BaseHook, mask_secret


def environment(connections: Mapping[str, str], get: Callable[[str], Any] = BaseHook.get_connection) -> dict[str, str]:
    """Variables by name from "conn_id", the connection's URI, or "conn_id:field": login, password, host, port, schema or
    extra.KEY. Every value is masked in the task's log."""
    out = {}
    for name, ref in connections.items():
        conn_id, _, field = ref.partition(":")
        value = _field(get(conn_id), field)
        if value is None:
            raise KeyError(f"connection {conn_id} has no {field}, which {name} is made from")
        mask_secret(str(value))
        out[name] = str(value)
    return out


def _field(conn: Any, field: str) -> Any:
    if not field:
        return conn.get_uri()
    if field.startswith("extra."):
        return conn.extra_dejson.get(field[len("extra."):])
    if field not in ("login", "password", "host", "port", "schema"):
        raise KeyError(f"{field!r} is no field of a connection: use login, password, host, port, schema or extra.KEY")
    return getattr(conn, field)
