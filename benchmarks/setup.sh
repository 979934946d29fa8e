#!/usr/bin/env bash
# setup.sh: what `make bench` needs: peers in a Python environment, TPC-H data, a loaded PostgreSQL table, Spark without its quick
# compiler. Everything lies under FIRN_BENCH_HOME. Prints the variables that the benchmark reads.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
home=${FIRN_BENCH_HOME:-$HOME/.cache/firn-bench}
scale=${FIRN_BENCH_SCALE:-1}
data=$home/sf$scale
mkdir -p "$data"
{
  [ -x "$home/venv/bin/python" ] || python3 -m venv "$home/venv"
  if ! cmp -s "$here/requirements.txt" "$home/.installed"; then
    "$home/venv/bin/pip" install -q --disable-pip-version-check -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$home/.installed"
  fi
  for format in csv parquet; do
    [ -f "$data/lineitem.$format" ] || "$home/venv/bin/tpchgen-cli" "$format" -s "$scale" --tables=lineitem --output-dir "$data"
  done
  "$here/../deploy/native/stack.sh" up s3 postgres hms >/dev/null
  FIRN_SPARK_C2=1 FIRN_SPARK_MEMORY=4g FIRN_SPARK_RUN="$home/spark" "$here/../deploy/native/spark.sh" start >/dev/null
} >&2
eval "$("$here/../deploy/native/stack.sh" env s3 postgres hms)"
if [ "$("$FIRN_TEST_POSTGRES_PSQL" -XAtq "$FIRN_TEST_POSTGRES_ADMIN_DSN" -c "SELECT 1 FROM pg_database WHERE datname = 'bench_sf$scale'")" != 1 ]; then
  "$FIRN_TEST_POSTGRES_PSQL" -Xq "$FIRN_TEST_POSTGRES_ADMIN_DSN" -c "CREATE DATABASE bench_sf$scale" >&2
fi
dsn=${FIRN_TEST_POSTGRES_ADMIN_DSN/\/postgres/\/bench_sf$scale}
# The table is unlogged: a server that was killed comes back with an empty one.
if [ "$("$FIRN_TEST_POSTGRES_PSQL" -XAtq "$dsn" -c "SELECT count(*) > 0 FROM (SELECT 1 FROM lineitem LIMIT 1) l, (SELECT 1 FROM hourly LIMIT 1) h" 2>/dev/null)" != t ]; then
  "$FIRN_TEST_POSTGRES_PSQL" -Xq "$dsn" -v ON_ERROR_STOP=1 >&2 <<SQL
DROP TABLE IF EXISTS lineitem, hourly;
CREATE UNLOGGED TABLE lineitem (l_orderkey int8, l_partkey int8, l_suppkey int8, l_linenumber int4, l_quantity numeric(15,2), l_extendedprice numeric(15,2), l_discount numeric(15,2), l_tax numeric(15,2),
  l_returnflag text, l_linestatus text, l_shipdate date, l_commitdate date, l_receiptdate date, l_shipinstruct text, l_shipmode text, l_comment text);
\\copy lineitem FROM '$data/lineitem.csv' (FORMAT csv, HEADER)
VACUUM ANALYZE lineitem;
CREATE TABLE hourly AS SELECT i::int8 AS id, now() AS at FROM generate_series(1, 1000) i;
CREATE UNIQUE INDEX ON hourly (id);
SQL
fi
cat <<ENV
export BENCH_DATA=$data BENCH_PYTHON=$home/venv/bin/python BENCH_SPARK="$home/spark-submit" BENCH_DSN='$dsn' BENCH_PSQL=$FIRN_TEST_POSTGRES_PSQL
export HMS_URI=$FIRN_TEST_HMS_URI S3_BUCKET=$FIRN_TEST_S3_BUCKET S3_ENDPOINT=$FIRN_TEST_S3_ENDPOINT S3_ACCESS_KEY=$FIRN_TEST_S3_ACCESS_KEY S3_SECRET_KEY=$FIRN_TEST_S3_SECRET_KEY
ENV
cat >"$home/spark-submit" <<SUBMIT
#!/usr/bin/env bash
FIRN_SPARK_C2=1 FIRN_SPARK_MEMORY=4g FIRN_SPARK_RUN="$home/spark" exec "$here/../deploy/native/spark.sh" submit "\$@"
SUBMIT
chmod +x "$home/spark-submit"
