#!/usr/bin/env bash
# trino.sh install|start|stop|status|env|wipe | sql 'SELECT …': Trino 476, the newest whose server is on Maven Central.
#
# Catalogs: hive (Iceberg in HMS 4.0.1), hive313 (in 3.1.3), memory, tpch, jmx; more at run time by CREATE CATALOG.
# FIRN_TRINO_PORT 18080 · FIRN_TRINO_XMX 1G (768M does, 512M does not) · FIRN_TRINO_C2=1 the full compiler, for benchmarks: slower to
# start, two to three times as fast on long queries · FIRN_TRINO_JAVA_HOME a JDK 24 or newer

source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
name=trino port=${FIRN_TRINO_PORT:-18080} start_timeout=180
run=$home/run/trino-$port
version=476 plugins='iceberg memory tpch jmx'
trino=$home/trino/$version

# What deploy/trino reads from the environment.
export TRINO_PORT=$port TRINO_BIND=127.0.0.1
export HMS_URI=thrift://127.0.0.1:$HMS_BASE_PORT HMS313_URI=thrift://127.0.0.1:$((HMS_BASE_PORT + 3))

install() {
  [ "$(cat "$trino/.done" 2>/dev/null)" = "$plugins" ] && return
  say "fetching Trino $version: 0.8 GB"
  local tmp=$home/trino/.unpack repository tarball p
  rm -rf "$tmp"; mkdir -p "$tmp"
  # Straight out of Maven's repository: copying would store 0.8 GB twice.
  maven "$maven_dependency:get" -Dtransitive=false -Dartifact="io.trino:trino-server:$version:tar.gz"
  repository=$(mvn -q -B -Dstyle.color=never org.apache.maven.plugins:maven-help-plugin:3.4.0:evaluate -Dexpression=settings.localRepository -DforceStdout | sed 's/\x1b\[[0-9;]*m//g' | tail -1)
  tarball=$repository/io/trino/trino-server/$version/trino-server-$version.tar.gz
  # All of it, then prune: plugins hold hard links to each other's jars, so tar cannot take some of them alone.
  tar xzf "$tarball" -C "$tmp" --strip-components=1 --no-same-owner
  for p in "$tmp"/plugin/*; do
    case " $plugins " in *" ${p##*/} "*) ;; *) rm -rf "$p" ;; esac
  done
  rm -rf "$tmp"/secrets-plugin "$tmp"/bin/darwin-* "$tarball"
  rm -rf "$trino"; mv "$tmp" "$trino"
  echo "$plugins" >"$trino/.done"
}
boot() {
  port_free "$port"
  rm -rf "$run/etc" "$run/data"; mkdir -p "$run/data"
  cp -r "$deploy/trino" "$run/etc" # a copy: CREATE CATALOG writes beside the catalogs
  TRINO_XMX=${FIRN_TRINO_XMX:-1G} TRINO_COMPILER=-XX:TieredStopAtLevel=1
  [ -z "${FIRN_TRINO_C2:-}" ] || TRINO_COMPILER=-XX:+TieredCompilation
  render "$deploy/trino/jvm.config" >"$run/etc/jvm.config"
  JAVA_HOME=${FIRN_TRINO_JAVA_HOME:-$(java_home 25 24)}; export JAVA_HOME
  PATH=$JAVA_HOME/bin:$PATH launch "$run/pid" "$run/log" "$trino/bin/launcher" run --etc-dir "$run/etc" --data-dir "$run/data"
}
# It says "starting: false" before its catalogs answer.
ready() {
  curl -s --max-time 5 "http://127.0.0.1:$port/v1/info" | grep -q '"starting":false' && statement 'SELECT 1' >/dev/null 2>&1
}
# statement SQL: the rows as JSON lines, by Trino's HTTP protocol: POST, then follow nextUri until there is none.
statement() {
  python3 - "http://127.0.0.1:$port/v1/statement" "$1" <<'PY'
import json, sys, urllib.request
url, data = sys.argv[1], sys.argv[2].encode()
while url:
    request = urllib.request.Request(url, data=data, headers={"X-Trino-User": "firn", "X-Trino-Time-Zone": "UTC"})
    page, data = json.load(urllib.request.urlopen(request, timeout=60)), None
    if page.get("error"):
        sys.exit("trino: " + page["error"]["message"])
    for row in page.get("data") or []:
        print(json.dumps(row))
    url = page.get("nextUri")
PY
}
env_lines() { echo "export FIRN_TEST_TRINO_URL=http://127.0.0.1:$port"; }
case ${1:-} in
  sql) statement "$2" ;;
  *) server "$@" ;;
esac
