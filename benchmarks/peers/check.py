"""check.py GLOB: rows and sum(l_extendedprice) of Parquet files, by DuckDB."""

import sys

import duckdb

print(*duckdb.sql(f"SELECT count(*), sum(l_extendedprice) FROM read_parquet('{sys.argv[1]}', hive_partitioning = false)").fetchall()[0])
