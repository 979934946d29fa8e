#!/usr/bin/env bash
# airflow.sh install|start|stop|status|env|wipe | cli ARGUMENT…: Apache Airflow 3.3 on SQLite, everyone an admin.
#
# `airflow.sh cli dags test DAG_ID DATE` runs a DAG in one process and needs no server; start runs api-server, scheduler and dag-processor.
# FIRN_AIRFLOW_PORT 18088 · FIRN_AIRFLOW_RUN home, database and logs of this instance · FIRN_AIRFLOW_DAGS the DAG folder ·
# FIRN_AIRFLOW_EXTRA folders of packages to `pip install -e` (the provider)

source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
name=airflow port=${FIRN_AIRFLOW_PORT:-18088}
run=${FIRN_AIRFLOW_RUN:-$home/run/airflow-$port}
version=3.3.2 venv=$home/airflow/venv-3.3.2 dags=${FIRN_AIRFLOW_DAGS:-$run/dags}
parts='api-server scheduler dag-processor'

install() {
  local want extra; want="$version $(sum "$deploy/airflow/constraints.txt")"
  if [ "$(cat "$venv/.done" 2>/dev/null)" != "$want" ]; then
    need python3 'python3 python3-venv'
    say "installing apache-airflow $version: 0.26 GB"
    rm -rf "$venv"; mkdir -p "$home/airflow"
    python3 -m venv "$venv"
    # uv resolves in seconds what pip resolves in a minute, but it does not read pip's configuration: pip is the way back.
    "$venv/bin/pip" install -q --disable-pip-version-check uv >&2
    "$venv/bin/uv" pip install -q --python "$venv/bin/python" "apache-airflow==$version" -c "$deploy/airflow/constraints.txt" >&2 ||
      "$venv/bin/pip" install -q --disable-pip-version-check "apache-airflow==$version" -c "$deploy/airflow/constraints.txt" >&2
    echo "$want" >"$venv/.done"
  fi
  for extra in ${FIRN_AIRFLOW_EXTRA:-}; do
    "$venv/bin/pip" install -q --disable-pip-version-check --no-deps -e "$extra" >&2
  done
}
settings() { # of this instance; the rest is in deploy/airflow/airflow.env
  set -a
  source "$deploy/airflow/airflow.env"
  AIRFLOW_HOME=$run/home AIRFLOW__CORE__DAGS_FOLDER=$dags AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=sqlite:///$run/home/airflow.db
  AIRFLOW__API__HOST=127.0.0.1 AIRFLOW__API__PORT=$port AIRFLOW__API__BASE_URL=http://127.0.0.1:$port
  AIRFLOW__CORE__EXECUTION_API_SERVER_URL=http://127.0.0.1:$port/execution/
  PATH=$venv/bin:$PATH
  set +a
  mkdir -p "$run/home" "$dags"
}
migrate() {
  [ -f "$run/home/.migrated-$version" ] && return
  airflow db migrate >"$run/migrate.log" 2>&1 || { tail -20 "$run/migrate.log" >&2; die "the database could not be made; see $run/migrate.log"; }
  touch "$run/home/.migrated-$version"
}
boot() {
  port_free "$port"
  local part options
  settings
  migrate
  for part in $parts; do
    options=()
    if [ "$part" = scheduler ]; then options=(--skip-serve-logs); fi # its log server would listen on every address
    launch "$run/$part.pid" "$run/$part.log" "$venv/bin/airflow" "$part" "${options[@]}"
  done
  cp "$run/api-server.pid" "$run/pid"; ln -sf api-server.log "$run/log"
}
ready() { # all three must run, and say so
  local part
  for part in $parts; do alive "$run/$part.pid" || { say "$part is not running; see $run/$part.log"; return 1; }; done
  curl -fsS -m 3 "http://127.0.0.1:$port/api/v2/monitor/health" 2>/dev/null | "$venv/bin/python" -c '
import json, sys
health = json.load(sys.stdin)
sys.exit(not all(health[k]["status"] == "healthy" for k in ("metadatabase", "scheduler", "dag_processor")))' 2>/dev/null
}
start_timeout=180
stop_locked() {
  local part
  for part in $parts; do halt "$run/$part.pid"; done
  rm -f "$run/pid"
}
env_lines() {
  cat <<ENV
export FIRN_TEST_AIRFLOW_VENV=$venv
export FIRN_TEST_AIRFLOW_SCRIPT=$native/airflow.sh
export FIRN_TEST_AIRFLOW_URL=http://127.0.0.1:$port
export FIRN_TEST_AIRFLOW_DAGS=$dags
ENV
}
case ${1:-} in
  cli)
    shift
    locked "$home/airflow/.lock" install
    settings
    locked "$run/.lock" migrate
    exec "$venv/bin/airflow" "$@" ;;
  *) server "$@" ;;
esac
