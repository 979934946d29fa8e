#!/usr/bin/env bash
# postgres.sh install|start|stop|status|env|wipe: PostgreSQL with logical replication, source of the tests and database of the metastores.
#
# The machine's own PostgreSQL if there is one, else Debian's packages unpacked under FIRN_STACK_HOME (nothing is installed on the machine).
# FIRN_POSTGRES_PORT 15432 · FIRN_POSTGRES_UNPACK=1 ignores the machine's own · user firn, password firn, superuser.

source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
name=postgres port=$POSTGRES_PORT run=$home/run/postgres-$POSTGRES_PORT
stop_signal=INT # "fast shutdown": disconnect the clients, write a checkpoint
root=$home/postgres/root data=$run/data
export PGPASSWORD=firn PGCONNECT_TIMEOUT=2 PGUSER=firn PGHOST=127.0.0.1 PGPORT=$port

bin='' client=''
if [ -z "${FIRN_POSTGRES_UNPACK:-}" ]; then
  for d in /usr/lib/postgresql/*/bin; do [ ! -x "$d/initdb" ] || bin=$d; done
fi
if [ -z "$bin" ]; then
  bin=$root/usr/lib/postgresql/15/bin client=$root/psql
  export LD_LIBRARY_PATH=$root/usr/lib/$(uname -m)-linux-gnu${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi

install() {
  [ -x "$bin/postgres" ] && return
  need dpkg-deb dpkg
  say "unpacking Debian's PostgreSQL 15"
  local tmp=$home/postgres/.unpack deb
  rm -rf "$tmp"; mkdir -p "$tmp/debs" "$tmp/root"
  ( cd "$tmp/debs"
    apt-get -qq download postgresql-15 postgresql-client-15 libpq5 2>/dev/null ||
      { apt-get -qq update && apt-get -qq download postgresql-15 postgresql-client-15 libpq5; } ) >&2
  for deb in "$tmp"/debs/*.deb; do dpkg-deb -x "$deb" "$tmp/root"; done
  # A psql that finds its libraries by itself, for whoever takes it from the environment.
  printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s/psql "$@"\n' "$root/usr/lib/$(uname -m)-linux-gnu" "$bin" >"$tmp/root/psql"
  chmod +x "$tmp/root/psql"
  rm -rf "$root"; mv "$tmp/root" "$root"; rm -rf "$tmp"
}
# PostgreSQL refuses to run as root. In a user namespace root looks like user 1000 to it and still owns its files.
as_user=()
if [ "$(id -u)" = 0 ]; then as_user=(unshare --user --map-user=1000 --map-group=1000 --); fi

boot() {
  port_free "$port"
  if [ ! -f "$data/PG_VERSION" ]; then
    rm -rf "$data"; printf firn >"$run/password"
    "${as_user[@]}" "$bin/initdb" -D "$data" -U firn --pwfile="$run/password" -A scram-sha-256 -E UTF8 --locale=C.UTF-8 --no-sync \
      >"$run/initdb.log" 2>&1 || { tail -20 "$run/initdb.log" >&2; die "initdb ended with an error; see $run/initdb.log"; }
  fi
  rm -f "$data/postmaster.pid" # of a server that was killed: alive() has just said that ours is not running
  launch "$run/pid" "$run/log" "${as_user[@]}" "$bin/postgres" -D "$data" -p "$port" -c "config_file=$deploy/postgres/postgresql.conf" \
    -c "hba_file=$data/pg_hba.conf" -c "ident_file=$data/pg_ident.conf"
}
psql() { "$bin/psql" -X -q -At -v ON_ERROR_STOP=1 "$@"; }
ready() { psql -d postgres -c 'select 1' >/dev/null 2>&1; }
after_start() {
  [ "$(psql -d postgres -c "select 1 from pg_database where datname = 'firn'")" = 1 ] || psql -d postgres -c 'create database firn'
  [ "$(psql -d postgres -c "select 1 from pg_roles where rolname = 'hive'")" = 1 ] || psql -d postgres -c "create role hive login createdb password 'hive'"
}
env_lines() {
  cat <<ENV
export FIRN_TEST_POSTGRES_DSN='postgres://firn:firn@127.0.0.1:$port/firn?sslmode=disable'
export FIRN_TEST_POSTGRES_ADMIN_DSN='postgres://firn:firn@127.0.0.1:$port/postgres?sslmode=disable'
export FIRN_TEST_POSTGRES_PSQL=${client:-$bin/psql}
ENV
}
server "$@"
