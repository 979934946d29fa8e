"""A long-lived Spark session: one JSON request a line on standard input, one JSON answer a line on standard output.

{"sql": "SELECT …"}                columns and typed values
{"sql": "SELECT …", "text": true}  every column as Spark's own CAST(… AS STRING)
{"python": "result = …"}           code that sees spark and sets result, which must be JSON
"""

import base64
import datetime
import decimal
import json
import math
import os
import sys
import traceback

# The protocol keeps the real standard output; what Spark or a library prints goes to standard error.
answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)

from pyspark.errors import PySparkException  # noqa: E402
from pyspark.sql import Row, SparkSession  # noqa: E402
from pyspark.sql import types as T  # noqa: E402
from pyspark.sql.functions import col  # noqa: E402

spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()


def plain(value, kind):
    """value as JSON without loss; kind is its Spark type."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        return value if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, datetime.datetime):
        text = value.isoformat(timespec="microseconds")
        return text + "Z" if isinstance(kind, T.TimestampType) else text
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    if isinstance(value, Row):
        return {f.name: plain(v, f.dataType) for f, v in zip(kind.fields, value)}
    if isinstance(value, list):
        return [plain(v, kind.elementType) for v in value]
    if isinstance(value, dict):
        return [[plain(k, kind.keyType), plain(v, kind.valueType)] for k, v in value.items()]
    return str(value)


def query(statement, text):
    frame = spark.sql(statement)
    schema = frame.schema
    if text:  # columns may share a name: number them first
        names = [f"c{i}" for i in range(len(schema))]
        frame = frame.toDF(*names).select([col(n).cast("string") for n in names])
    kinds = [T.StringType()] * len(schema) if text else [f.dataType for f in schema]
    rows = [[plain(v, k) for v, k in zip(row, kinds)] for row in frame.collect()]
    columns = [{"name": f.name, "type": f.dataType.simpleString(), "nullable": f.nullable} for f in schema]
    return {"columns": columns, "rows": rows}


def answer(request):
    if "python" in request:
        scope = {"spark": spark, "result": None}
        exec(request["python"], scope)
        return {"result": scope["result"]}
    return query(request["sql"], request.get("text", False))


def failure(e):
    if isinstance(e, PySparkException):
        return {"class": e.getCondition() or "", "state": e.getSqlState() or "", "message": str(e)}
    return {"class": "", "state": "", "message": traceback.format_exc()}


print(json.dumps({"result": spark.version}), file=answers, flush=True)
for line in sys.stdin:
    try:
        reply = json.dumps(answer(json.loads(line)), allow_nan=False)
    except Exception as e:  # every failure is an answer: the session goes on
        reply = json.dumps({"error": failure(e)})
    print(reply, file=answers, flush=True)
spark.stop()
