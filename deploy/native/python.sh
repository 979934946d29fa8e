#!/usr/bin/env bash
# python.sh install|start|stop|status|env|wipe: a Python with the readers that users have: DuckDB, PyArrow, PyIceberg.
#
# Nothing runs: start only installs, stop does nothing.

source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
name=python port=
packages='duckdb==2.0.1 pyarrow==26.0.1 pyiceberg[pyarrow,sql-sqlite]==0.12.0'
venv=$home/python/venv run=$home/python

install() {
  [ "$(cat "$venv/.done" 2>/dev/null)" = "$packages" ] && return
  need python3 'python3 python3-venv'
  say "installing $packages: 0.1 GB"
  rm -rf "$venv"; mkdir -p "$run"
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check $packages >&2
  echo "$packages" >"$venv/.done"
}
env_lines() { echo "export FIRN_TEST_PYTHON=$venv/bin/python"; }

start_locked() { install; }
stop_locked() { :; }
status() {
  if [ "$(cat "$venv/.done" 2>/dev/null)" = "$packages" ]; then say "installed, $packages"; else say "not installed"; return 3; fi
}
server "$@"
