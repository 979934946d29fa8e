#!/usr/bin/env bash
# hms.sh install|start|stop|status|env|wipe [main|peer|4.0.0|3.1.3|private]: Hive Metastores on PostgreSQL.
#
# main is 4.0.1 on port 19083 (FIRN_HMS_PORT); peer is a second 4.0.1 on the same database, on the port after it; 4.0.0 and 3.1.3
# follow, with databases of their own. private takes all from variables, for a test that needs one of its own:
# FIRN_HMS_VERSION 4.0.1 · FIRN_HMS_PORT · FIRN_HMS_DATABASE hms_<port> · FIRN_HMS_TXN_TIMEOUT 300s, when a lock without heartbeat expires ·
# FIRN_HMS_SWEEP 60s, how often expired ones are swept · FIRN_HMS_PROPS 'name=value;name=value' · FIRN_HMS_XMX 384m · FIRN_HMS_JAVA_HOME a JDK 17

source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
name=hms
instance=${2:-main}
case $instance in
  main) port=$HMS_BASE_PORT version=4.0.1 database=hms_4_0_1 ;;
  peer) port=$((HMS_BASE_PORT + 1)) version=4.0.1 database=hms_4_0_1 ;;
  4.0.0) port=$((HMS_BASE_PORT + 2)) version=4.0.0 database=hms_4_0_0 ;;
  3.1.3) port=$((HMS_BASE_PORT + 3)) version=3.1.3 database=hms_3_1_3 ;;
  private)
    port=${FIRN_HMS_PORT:?a private metastore needs FIRN_HMS_PORT}
    version=${FIRN_HMS_VERSION:-4.0.1} database=${FIRN_HMS_DATABASE:-hms_$port} ;;
  *) die "$instance is none of main, peer, 4.0.0, 3.1.3, private" ;;
esac
name=hms-$instance run=$home/run/hms-$port start_timeout=120
hive=$home/hms/$version hadoop=$home/hms/hadoop-lib

# What metastore-site.xml and core-site.xml read from the environment.
export HMS_PORT=$port HMS_BIND=127.0.0.1
export HMS_DB_URL=jdbc:postgresql://127.0.0.1:$POSTGRES_PORT/$database HMS_DB_USER=hive HMS_DB_PASSWORD=hive
export HMS_WAREHOUSE=s3a://$S3_BUCKET/warehouse HMS_MANAGED_WAREHOUSE=s3a://$S3_BUCKET/managed
export HMS_TXN_TIMEOUT=${FIRN_HMS_TXN_TIMEOUT:-300s} HMS_SWEEP=${FIRN_HMS_SWEEP:-60s} HMS_TMP=$run/tmp

# The class that sweeps expired locks has moved, and so has the list it must stand in: 3.x starts the tasks of
# the "remote" list only where the compactor runs. A wrong name here stops every such task with one warning.
case $version in
  3.*)
    export HMS_SWEEPER=org.apache.hadoop.hive.metastore.txn.AcidHouseKeeperService
    export HMS_ALWAYS=org.apache.hadoop.hive.metastore.events.EventCleanerTask,$HMS_SWEEPER
    schema_tool=MetastoreSchemaTool artifact=hive-standalone-metastore first=$hive/loopback: ;;
  *)
    export HMS_SWEEPER=org.apache.hadoop.hive.metastore.txn.service.AcidHouseKeeperService
    export HMS_ALWAYS=org.apache.hadoop.hive.metastore.events.EventCleanerTask
    schema_tool=schematool.MetastoreSchemaTool artifact=hive-standalone-metastore-server first= ;;
esac

install() { locked "$home/hms/.lock" install_jars; }
install_jars() {
  local tmp=$home/hms/.unpack want
  want="$version $(sum "$deploy/hms/loopback.py")"
  if [ "$(cat "$hive/.done" 2>/dev/null)" != "$want" ]; then
    say "fetching the Hive Metastore $version"
    rm -rf "$tmp" "$hive"; mkdir -p "$tmp/x"
    maven_copy "org.apache.hive:$artifact:$version:tar.gz:bin" "$tmp"
    tar xzf "$tmp"/*.tar.gz -C "$tmp/x" --strip-components=1
    if [ -n "$first" ]; then python3 "$deploy/hms/loopback.py" "$tmp/x/lib/hive-standalone-metastore-$version.jar" "$tmp/x/loopback"; fi
    echo "$want" >"$tmp/x/.done"; mv "$tmp/x" "$hive"; rm -rf "$tmp"
  fi
  want=$(sum "$deploy/hms/hadoop-pom.xml")
  [ "$(cat "$hadoop/.done" 2>/dev/null)" = "$want" ] && return
  say "fetching Hadoop's client and S3A"
  rm -rf "$hadoop"
  maven_copy_dependencies "$deploy/hms/hadoop-pom.xml" "$hadoop"
  echo "$want" >"$hadoop/.done"
}

java() {
  local opens=() p
  for p in java.lang java.lang.invoke java.lang.reflect java.io java.net java.nio java.util java.util.concurrent \
    java.util.concurrent.atomic java.util.regex java.time java.math sun.nio.ch; do
    opens+=("--add-opens=java.base/$p=ALL-UNNAMED")
  done
  # Hive's own jars first: Hadoop brings other versions of some.
  exec_java=("${FIRN_HMS_JAVA_HOME:-$(java_home 17)}/bin/java" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 "${opens[@]}" --add-opens=java.sql/java.sql=ALL-UNNAMED
    -Djava.net.preferIPv4Stack=true -Dlog4j.configurationFile="$deploy/hms/log4j2.properties" -cp "$deploy/hms:$first$hive/lib/*:$hadoop/*" "$@")
}

psql() { PGPASSWORD=firn "$(postgres_bin)" -X -q -At -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$POSTGRES_PORT" -U firn -d postgres -c "$1"; }
postgres_bin() { "$native/postgres.sh" env | sed -n 's/^export FIRN_TEST_POSTGRES_PSQL=//p'; }
exists() { [ "$(psql "select 1 from pg_database where datname = '$1'")" = 1 ]; }

# Making the schema takes seconds, copying a database takes a fraction of one: it is made once a version.
make_database() {
  exists "$database" && return
  local template=hms_template_${version//./_}
  if ! exists "$template"; then
    say "making the schema of $version"
    psql "drop database if exists ${template}_new"
    psql "create database ${template}_new owner hive"
    java -Xmx256m "org.apache.hadoop.hive.metastore.tools.$schema_tool" -initSchema -dbType postgres
    HMS_DB_URL=${HMS_DB_URL%/*}/${template}_new METASTORE_HOME=$hive HIVE_HOME=$hive "${exec_java[@]}" >"$run/schema.log" 2>&1 ||
      { tail -20 "$run/schema.log" >&2; die "the schema could not be made; see $run/schema.log"; }
    psql "alter database ${template}_new rename to $template"
  fi
  psql "create database $database template $template owner hive"
}

boot() {
  port_free "$port"
  "$native/postgres.sh" start >/dev/null
  locked "$home/hms/.schema.lock" make_database
  local properties=() kv
  local IFS=';'
  for kv in ${FIRN_HMS_PROPS:-}; do properties+=(--hiveconf "$kv"); done
  unset IFS
  java "-Xmx${FIRN_HMS_XMX:-384m}" -XX:+ExitOnOutOfMemoryError org.apache.hadoop.hive.metastore.HiveMetaStore -p "$port" "${properties[@]}"
  METASTORE_HOME=$hive HIVE_HOME=$hive launch "$run/pid" "$run/log" "${exec_java[@]}"
}

# The port opens before the metastore serves, so ask it for its databases: get_all_databases in Thrift's strict binary
# protocol, whose good answer begins 80 01 00 02.
ready() {
  local got
  got=$( { exec 3<>"/dev/tcp/127.0.0.1/$port" || exit 0
    printf '\x80\x01\x00\x01\x00\x00\x00\x11get_all_databases\x00\x00\x00\x00\x00' >&3
    timeout 10 head -c 4 <&3 | od -An -tx1 | tr -d ' \n'; } 2>/dev/null ) || true
  [ "$got" = 80010002 ]
}
wipe() {
  # A peer's database is main's, and one that was named belongs to whoever named it.
  case $instance in peer) return ;; private) [ -z "${FIRN_HMS_DATABASE:-}" ] || return 0 ;; esac
  "$native/postgres.sh" start >/dev/null; psql "drop database if exists $database with (force)"
}
env_lines() {
  case $instance in
    main) echo "export FIRN_TEST_HMS_URI=thrift://127.0.0.1:$port"; echo "export FIRN_TEST_HMS_WAREHOUSE=$HMS_WAREHOUSE" ;;
    peer) echo "export FIRN_TEST_HMS_PEER_URI=thrift://127.0.0.1:$port" ;;
    4.0.0) echo "export FIRN_TEST_HMS400_URI=thrift://127.0.0.1:$port" ;;
    3.1.3) echo "export FIRN_TEST_HMS313_URI=thrift://127.0.0.1:$port" ;;
    private)
      echo "export FIRN_TEST_HMS_PRIVATE_URI=thrift://127.0.0.1:$port"
      if alive; then echo "export FIRN_TEST_HMS_PRIVATE_PID=$(pid)"; fi ;;
  esac
}
server "$@"
