"""duckdb_copy.py CASE default|best INPUT OUT: DuckDB on two threads, to zstd Parquet under OUT."""

import sys

import duckdb

case, settings, source, out = sys.argv[1:]
types = {
    "l_orderkey": "BIGINT", "l_partkey": "BIGINT", "l_suppkey": "BIGINT", "l_linenumber": "INTEGER", "l_quantity": "DECIMAL(15,2)",
    "l_extendedprice": "DECIMAL(15,2)", "l_discount": "DECIMAL(15,2)", "l_tax": "DECIMAL(15,2)", "l_returnflag": "VARCHAR", "l_linestatus": "VARCHAR",
    "l_shipdate": "DATE", "l_commitdate": "DATE", "l_receiptdate": "DATE", "l_shipinstruct": "VARCHAR", "l_shipmode": "VARCHAR", "l_comment": "VARCHAR",
}
db = duckdb.connect()
db.execute("SET threads = 2")
options = "FORMAT parquet, COMPRESSION zstd"
target = out + "/out.parquet"
if settings == "best":
    db.execute("SET preserve_insertion_order = false")
    options += ", PARQUET_VERSION v2"
    if case != "months":
        options += ", PER_THREAD_OUTPUT true"
        target = out + "/out"
rows = f"read_csv('{source}', header = true, columns = {types})" if case != "parquet" else f"'{source}'"
query = f"SELECT * FROM {rows}"
if case == "sql":
    query = f"""SELECT * REPLACE (lower(l_shipmode) AS l_shipmode), l_extendedprice * (1 - l_discount) AS net, l_extendedprice * (1 - l_discount) * (1 + l_tax) AS gross,
year(l_shipdate) AS ship_year, l_receiptdate - l_shipdate AS days FROM {rows} WHERE l_quantity > 10"""
if case == "months":
    query = f"SELECT *, date_trunc('month', l_shipdate) AS month FROM {rows}"
    options += ", PARTITION_BY (month)"
    target = out + "/out"
db.execute(f"COPY ({query}) TO '{target}' ({options})")
