"""spark_sql.py INPUT OUT: Spark on two cores, the SQL of jobs/sql.yaml. Prints the seconds of the query alone."""

import sys
import time

from pyspark.sql import SparkSession

source, out = sys.argv[1:]
spark = SparkSession.builder.master("local[2]").getOrCreate()
schema = """l_orderkey BIGINT, l_partkey BIGINT, l_suppkey BIGINT, l_linenumber INT, l_quantity DECIMAL(15,2), l_extendedprice DECIMAL(15,2), l_discount DECIMAL(15,2), l_tax DECIMAL(15,2),
l_returnflag STRING, l_linestatus STRING, l_shipdate DATE, l_commitdate DATE, l_receiptdate DATE, l_shipinstruct STRING, l_shipmode STRING, l_comment STRING"""
start = time.monotonic()
spark.read.csv(source, schema=schema, header=True, mode="FAILFAST").createOrReplaceTempView("input")
spark.sql("""SELECT l_orderkey, l_partkey, l_suppkey, l_linenumber, l_quantity, l_extendedprice, l_discount, l_tax, l_returnflag, l_linestatus,
  l_shipdate, l_commitdate, l_receiptdate, l_shipinstruct, lower(l_shipmode) AS l_shipmode, l_comment,
  l_extendedprice * (1 - l_discount) AS net, l_extendedprice * (1 - l_discount) * (1 + l_tax) AS gross, year(l_shipdate) AS ship_year,
  datediff(l_receiptdate, l_shipdate) AS days FROM input WHERE l_quantity > 10""").write.option("compression", "zstd").parquet(out + "/out")
print(f"seconds={time.monotonic() - start:.3f}")
