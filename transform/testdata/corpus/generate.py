"""Makes expressions.tsv: what a real Spark 4.1 says of every expression of the corpus.

Each line is an expression, its type, and its value cast to STRING; or the expression, `error` and Spark's error class.
Run it with `make corpus`, which gives it the Spark of the native stack with the dialect's settings.
"""

import itertools
import os
import sys

from pyspark.sql import SparkSession

INTS = ["0", "1", "-1", "7", "2147483647", "-2147483648", "9223372036854775807L", "NULL"]
DECIMALS = ["0.5", "-1.25", "2.50", "12345678901234567890.123", "0.00001", "99999999999999999999999999999999999999BD"]
DOUBLES = ["0.0D", "-0.0D", "1.5D", "1e10", "1e-7", "CAST('NaN' AS DOUBLE)", "CAST('Infinity' AS DOUBLE)"]
STRINGS = ["''", "' '", "'abc'", "' 12 '", "'-7'", "'1.5'", "'1e3'", "'abc def'", "'héllo €'", "'true'", "'2024-02-29'", "'2024-02-30'", "'2024-1-5 7:08:09.5'", "'2024-02-29T10:00:00Z'", "CAST(NULL AS STRING)"]
DATES = ["DATE '2024-02-29'", "DATE '1969-12-31'", "DATE '0001-01-01'", "DATE '9999-12-31'", "CAST(NULL AS DATE)"]
TIMES = ["TIMESTAMP '2024-02-29 13:14:15.123456'", "TIMESTAMP '1969-12-31 23:59:59.999999'", "TIMESTAMP_NTZ '2024-12-31 00:00:00'"]
BOOLS = ["true", "false", "CAST(NULL AS BOOLEAN)"]


def expressions():
    numbers = INTS + DECIMALS + DOUBLES
    for op in ["+", "-", "*", "/", "%"]:
        for a, b in itertools.product(INTS + DECIMALS[:4] + DOUBLES[:4], INTS[:5] + DECIMALS[:3] + DOUBLES[2:4]):
            yield f"{a} {op} {b}"
    for a, b in itertools.product(INTS, INTS[:5]):
        yield f"{a} DIV {b}"
    for op in ["=", "<", "<=>"]:
        for a, b in itertools.product(numbers[::2], numbers[::3] + ["'1'", "'abc'"]):
            yield f"{a} {op} {b}"
    for op in ["=", "<"]:
        for a, b in itertools.product(STRINGS[:6] + DATES[:2] + TIMES[:1], STRINGS[:4] + DATES[:1]):
            yield f"{a} {op} {b}"
    for a, b in itertools.product(BOOLS, BOOLS):
        yield f"{a} AND {b}"
        yield f"{a} OR {b}"
        yield f"{a} = {b}"
    for a in BOOLS:
        yield f"NOT {a}"
        yield f"{a} IS TRUE"
        yield f"{a} IS NOT FALSE"
    targets = ["TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL(10,2)", "DECIMAL(38,10)", "STRING", "BOOLEAN", "DATE", "TIMESTAMP", "TIMESTAMP_NTZ"]
    for v, t in itertools.product(numbers[::2] + STRINGS + DATES[:4] + TIMES + BOOLS[:1], targets):
        yield f"CAST({v} AS {t})"
    for v, t in itertools.product(STRINGS, ["INT", "DECIMAL(5,1)", "DATE"]):
        yield f"TRY_CAST({v} AS {t})"
    for v in INTS[:7] + DECIMALS[:4] + DOUBLES[:5]:
        for f in ["abs", "ceil", "floor", "round", "-"]:
            yield f"{f}({v})"
        yield f"round({v}, 1)"
        yield f"round({v}, 3)"
    for v in STRINGS:
        for f in ["upper", "lower", "length", "trim", "ltrim", "rtrim", "initcap", "md5"]:
            yield f"{f}({v})"
        for p, n in itertools.product([-3, -1, 0, 1, 2, 9], [None, -1, 0, 2]):
            yield f"substring({v}, {p})" if n is None else f"substring({v}, {p}, {n})"
        for n in [-1, 0, 2, 6]:
            yield f"lpad({v}, {n}, 'xy')"
            yield f"rpad({v}, {n})"
            yield f"left({v}, {n})"
            yield f"right({v}, {n})"
        for w in ["'b'", "''", "'l'", "CAST(NULL AS STRING)"]:
            yield f"instr({v}, {w})"
            yield f"contains({v}, {w})"
            yield f"startswith({v}, {w})"
            yield f"endswith({v}, {w})"
            yield f"replace({v}, {w}, '#')"
            yield f"translate({v}, {w}, '#')"
            yield f"concat({v}, {w})"
            yield f"concat_ws('-', {v}, {w})"
            yield f"coalesce({v}, {w})"
            yield f"nullif({v}, {w})"
        for p in ["'%'", "'a%'", "'%c'", "'_b_'", "'a\\\\%'", "''", "'%é%'", "'abc'"]:
            yield f"{v} LIKE {p}"
        yield f"sha2({v}, 256)"
    for d in DATES + TIMES[:2]:
        for f in ["year", "month", "day", "quarter", "dayofweek", "last_day"]:
            yield f"{f}({d})"
        for n in [-1, 0, 1, 13]:
            yield f"add_months({d}, {n})"
            yield f"date_add({d}, {n})"
            yield f"date_sub({d}, {n})"
        yield f"datediff({d}, DATE '2000-01-01')"
    for t in TIMES[:2]:
        for f in ["hour", "minute", "second"]:
            yield f"{f}({t})"
    for x in ["1", "1.5", "2e0", "1L", "1BD", "1.5F", "'a' 'b'", "'\\\\d'", "r'\\d'", "X'00FF'", "1.", ".5", "12345678901", "0.0", "00.10", "1e400", "'it''s'"]:
        yield x
    for c in ["1 = 1", "1 = 2", "NULL"]:
        yield f"if({c}, 1, 2.5)"
        yield f"CASE WHEN {c} THEN 'a' ELSE 'b' END"
        yield f"CASE WHEN {c} THEN 1 END"
        yield f"CASE 1 WHEN 1 THEN {c} END"
    for g in ["greatest", "least"]:
        yield f"{g}(1, 2.5, NULL)"
        yield f"{g}('a', 'b')"
        yield f"{g}(1, CAST('NaN' AS DOUBLE))"
    for l in ["1, 2", "NULL", "1, NULL", "'1'", "1.0, 3"]:
        yield f"1 IN ({l})"
        yield f"4 NOT IN ({l})"
    for a in ["2", "NULL", "2.5", "'2'"]:
        yield f"{a} BETWEEN 1 AND 3"
        yield f"{a} NOT BETWEEN 1 AND 3"
        yield f"{a} IS NULL"
        yield f"{a} IS DISTINCT FROM 2"
        yield f"nvl({a}, 1)"
    for y, m, d in itertools.product([2023, 2024, 0], [2, 13], [1, 29, 0]):
        yield f"make_date({y}, {m}, {d})"
    for v in ["'2024-02-29'", "'x'", "NULL"]:
        yield f"to_date({v})"
        yield f"to_timestamp({v})"
    for v in ["4", "2.25", "-1", "NULL", "'9'"]:
        yield f"sqrt({v})"
        yield f"exp({v})"


def main(out):
    spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    seen = set()
    with open(out, "w", encoding="utf-8") as f:
        for e in expressions():
            if e in seen:
                continue
            seen.add(e)
            try:
                df = spark.sql(f"SELECT {e} AS x")
                typ = df.schema[0].dataType.simpleString()
                value = df.selectExpr("CAST(x AS STRING) AS s").collect()[0][0]
                value = "NULL" if value is None else repr(value)
            except Exception as err:  # every failure of Spark's is an answer
                typ = "error"
                get = getattr(err, "getCondition", None) or getattr(err, "getErrorClass", lambda: None)
                value = get() or type(err).__name__
            f.write(f"{e}\t{typ}\t{value}\n")
    print(len(seen), "expressions", file=sys.stderr)
    sys.stderr.flush()
    os._exit(0)


main(sys.argv[1])
