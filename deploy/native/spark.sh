#!/usr/bin/env bash
# spark.sh install|start|stop|status|env|wipe | sql 'SELECT …' | submit ARGUMENT…: PySpark 4.1 in local mode, with Iceberg.
#
# No Spark server stays up: a session lives in the process that uses it, so start only writes the configuration and stop does nothing.
# Catalogs: local (path-based, on disk), s3 (path-based, s3a://), hive (HMS 4.0.1, S3FileIO). FIRN_SPARK_HMS=3.1.3 or 4.0.0 for another metastore.
# FIRN_SPARK_MEMORY 1g, of the driver · FIRN_SPARK_C2=1 all of the JVM's compiler and its own choice of collector: for benchmarks ·
# FIRN_SPARK_JAVA_HOME a JDK 17 or 21 · FIRN_SPARK_RUN where configuration and warehouse lie

source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
name=spark port=
hms=${FIRN_SPARK_HMS:-4.0.1}
run=${FIRN_SPARK_RUN:-$home/run/spark-hms-$hms}
spark=4.1.4 scala=2.13 iceberg=1.12.0 hadoop=3.4.2 hive=4.0.1
dir=$home/spark/$spark venv=$home/spark/$spark/venv jars=$home/spark/$spark/jars hive_jars=$home/spark/$spark/hive-client

# HMS 4.0.1 has no get_table, which Spark's own Hive 2.3 client calls; Hive 4's client goes before it. That client in turn
# calls get_database_req and create_database_req, which 3.1.3 and 4.0.0 lack.
case $hms in
  4.0.1) class_path="$hive_jars/*:$jars/*" hms_port=$HMS_BASE_PORT ;;
  4.0.0) class_path="$jars/*" hms_port=$((HMS_BASE_PORT + 2)) ;;
  3.1.3) class_path="$jars/*" hms_port=$((HMS_BASE_PORT + 3)) ;;
  *) die "FIRN_SPARK_HMS is $hms: 4.0.1, 4.0.0 or 3.1.3 is needed" ;;
esac

install() {
  if [ ! -f "$dir/.pyspark" ]; then
    need python3 'python3 python3-venv'
    say "installing pyspark $spark: 0.45 GB to fetch"
    rm -rf "$venv"; mkdir -p "$dir"
    python3 -m venv "$venv"
    "$venv/bin/pip" install -q --no-cache-dir --disable-pip-version-check "pyspark==$spark" >&2
    touch "$dir/.pyspark"
  fi
  local want sdk
  want="$iceberg $hadoop $hive $(sum "$deploy/spark/s3a-pom.xml")"
  [ "$(cat "$jars/.done" 2>/dev/null)" = "$want" ] && return
  need unzip unzip
  say "fetching Iceberg $iceberg and the S3 jars: 0.14 GB"
  rm -rf "$jars" "$hive_jars"; mkdir -p "$jars" "$hive_jars"
  maven_copy "org.apache.iceberg:iceberg-spark-runtime-${spark%.*}_$scala:$iceberg" "$jars"
  maven_copy "org.apache.iceberg:iceberg-aws-bundle:$iceberg" "$jars"
  maven_copy "org.apache.hive:hive-standalone-metastore-common:$hive" "$hive_jars"
  sdk=$(unzip -p "$jars/iceberg-aws-bundle-$iceberg.jar" META-INF/maven/software.amazon.awssdk/s3/pom.properties | sed -n 's/^version=//p' | tr -d '\r')
  maven_copy_dependencies "$deploy/spark/s3a-pom.xml" "$jars" -Dhadoop.version="$hadoop" -Dawssdk.version="$sdk"
  echo "$want" >"$jars/.done"
}

configure() {
  export SPARK_WAREHOUSE=$run/warehouse HMS_URI=thrift://127.0.0.1:$hms_port
  export SPARK_CLASS_PATH=$class_path SPARK_DRIVER_MEMORY=${FIRN_SPARK_MEMORY:-1g}
  export SPARK_JVM='-Duser.timezone=UTC -XX:+UseSerialGC -XX:TieredStopAtLevel=1'
  [ -z "${FIRN_SPARK_C2:-}" ] || SPARK_JVM='-Duser.timezone=UTC'
  mkdir -p "$run/conf" "$run/warehouse"
  ( umask 077; render "$deploy/spark/spark-defaults.conf" >"$run/conf/.new"; mv "$run/conf/.new" "$run/conf/spark-defaults.conf" )
  cp "$deploy/spark/log4j2.properties" "$run/conf/"
}
env_lines() {
  cat <<ENV
export FIRN_TEST_SPARK_HOME=$(echo "$venv"/lib/python3*/site-packages/pyspark)
export FIRN_TEST_SPARK_PYTHON=$venv/bin/python
export FIRN_TEST_SPARK_SUBMIT=$native/spark-submit
export FIRN_TEST_SPARK_CONF_DIR=$run/conf
export FIRN_TEST_SPARK_WAREHOUSE=$run/warehouse
export FIRN_TEST_SPARK_JARS=$(find "$hive_jars" "$jars" -name '*.jar' 2>/dev/null | sort | paste -sd,)
export FIRN_TEST_SPARK_JAVA_HOME=${FIRN_SPARK_JAVA_HOME:-$(java_home 17 21)}
ENV
}
with_spark() { # COMMAND…, found in Spark's bin
  eval "$(env_lines)"
  export JAVA_HOME=$FIRN_TEST_SPARK_JAVA_HOME SPARK_HOME=$FIRN_TEST_SPARK_HOME SPARK_CONF_DIR=$FIRN_TEST_SPARK_CONF_DIR
  export SPARK_LOCAL_IP=127.0.0.1 SPARK_LOCAL_HOSTNAME=127.0.0.1 PYSPARK_PYTHON=$FIRN_TEST_SPARK_PYTHON PYSPARK_DRIVER_PYTHON=$FIRN_TEST_SPARK_PYTHON
  local program=$1; shift
  exec "$SPARK_HOME/bin/$program" "$@"
}

start_locked() { install; configure; }
stop_locked() { :; }
status() {
  if [ -f "$dir/.pyspark" ] && [ -f "$run/conf/spark-defaults.conf" ]; then say "installed, $spark with Iceberg $iceberg"; else say "not installed"; return 3; fi
}
case ${1:-} in
  sql) with_spark spark-sql --master "${FIRN_SPARK_MASTER:-local[2]}" -e "$2" ;;
  submit) shift; with_spark spark-submit "$@" ;;
  *) server "$@" ;;
esac
