"""polars_sink.py INPUT OUT: Polars' streaming engine, to zstd Parquet."""

import os
import sys

os.environ["POLARS_MAX_THREADS"] = "2"
import polars as pl

source, out = sys.argv[1:]
money = pl.Decimal(15, 2)
pl.scan_csv(
    source,
    schema_overrides={"l_linenumber": pl.Int32, "l_quantity": money, "l_extendedprice": money, "l_discount": money, "l_tax": money,
                      "l_shipdate": pl.Date, "l_commitdate": pl.Date, "l_receiptdate": pl.Date},
).sink_parquet(out + "/out.parquet", compression="zstd", compression_level=1)
