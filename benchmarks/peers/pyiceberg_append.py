"""pyiceberg_append.py INPUT OUT: pyarrow's CSV reader and PyIceberg's append, on a SQLite catalog."""

import os
import sys

import pyarrow as pa
from pyarrow import csv
from pyiceberg.catalog.sql import SqlCatalog

source, out = sys.argv[1:]
pa.set_cpu_count(2)
money = pa.decimal128(15, 2)
data = csv.read_csv(source, convert_options=csv.ConvertOptions(column_types={
    "l_linenumber": pa.int32(), "l_quantity": money, "l_extendedprice": money, "l_discount": money, "l_tax": money,
    "l_shipdate": pa.date32(), "l_commitdate": pa.date32(), "l_receiptdate": pa.date32()}))
os.makedirs(out + "/warehouse")
catalog = SqlCatalog("bench", uri=f"sqlite:///{out}/catalog.db", warehouse=f"file://{out}/warehouse")
catalog.create_namespace("bench")
catalog.create_table("bench.lineitem", schema=data.schema).append(data)
