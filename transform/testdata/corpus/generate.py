"""Makes expressions.tsv and queries.jsonl: what a real Spark 4.1 says of every expression and query of the corpus.

Each line of expressions.tsv is an expression, its type, and its value cast to STRING; or the expression, `error` and Spark's
error class. Each line of queries.jsonl is a query of queries.sql over the tables of tables.json, with the names and types of
its columns and its rows cast to STRING; or with Spark's error class.
Run it with `make corpus`, which gives it the Spark of the native stack with the dialect's settings.
"""

import itertools
import json
import logging
import os
import random
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


def casts_of_time():
    values = ["0.5", "-0.000001", "2.50", "12345678901234567890.123", "1.5D", "-1.5D", "1e-7", "1.5F", "1e300", "CAST('NaN' AS DOUBLE)", "CAST('-Infinity' AS DOUBLE)", "true", "false", "9223372036854775807L", "-1", "1Y"]
    for v in values:
        yield f"CAST({v} AS TIMESTAMP)"
        yield f"TRY_CAST({v} AS TIMESTAMP)"
    for t, to in itertools.product(TIMES + ["TIMESTAMP '0001-01-01 00:00:00.000001'", "TIMESTAMP '9999-12-31 23:59:59.999999'"], ["FLOAT", "DOUBLE", "DECIMAL(10,2)", "DECIMAL(16,6)", "DECIMAL(38,10)", "DECIMAL(3,0)", "TINYINT", "INT", "BIGINT"]):
        yield f"CAST({t} AS {to})"
    zones = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC", "Z", "GMT", "UT", "GMT+1", "UTC-02:30", "UT+3", "+01", "-1:00", "+18:00", "+18:01", "+01:02:03", "EST", "PST", "CET", "Etc/GMT+5", "europe/berlin", "Mars/Olympus", "Zulu", "+1:2", "+0130", "+1"]
    for z in zones:
        for day in ["2024-07-01 12:00:00", "2024-01-01 12:00:00.5"]:
            yield f"CAST('{day} {z}' AS TIMESTAMP)"
            yield f"TRY_CAST('{day}{z}' AS TIMESTAMP)"
        yield f"CAST('2024-07-01 12:00:00 {z}' AS TIMESTAMP_NTZ)"
    for t in ["2024-03-31 02:30:00", "2024-03-31 01:59:59.9", "2024-03-31 03:00:00", "2024-10-27 02:30:00", "2024-10-27 02:00:00", "2024-10-27 03:00:00", "1900-01-01 00:00:00", "0001-01-01 00:00:00", "2099-07-01 00:00:00", "1945-05-24 02:30:00"]:
        yield f"CAST('{t} Europe/Berlin' AS TIMESTAMP)"
    for t in ["2011-12-30 10:00:00 Pacific/Apia", "2024-04-07 01:45:00 Australia/Lord_Howe", "2024-10-06 02:15:00 Australia/Lord_Howe", "2050-11-06 01:30:00 America/New_York"]:
        yield f"CAST('{t}' AS TIMESTAMP)"


def numeric_functions():
    for v in INTS + DECIMALS + DOUBLES + ["1.5F", "-2.5", "2.5", "0.5D", "-2.5D", "2.5D", "127Y", "15S", "'2.5'", "'x'"]:
        for f in ["bround", "sign", "signum", "ln", "ceiling"]:
            yield f"{f}({v})"
        for n in [-3, -1, 0, 1, 2, 40]:
            yield f"round({v}, {n})"
            yield f"bround({v}, {n})"
    for v in ["25", "35", "-25", "2147483647", "127Y", "32767S", "9223372036854775807L", "-9223372036854775808L", "24.5", "25.5D", "3.455", "3.445", "1e20", "99999999999999999999999999999999999999BD", "9.5"]:
        for n in [-19, -2, -1, 0, 1]:
            yield f"round({v}, {n})"
            yield f"bround({v}, {n})"
    for a, b in itertools.product(INTS[:6] + DECIMALS[:3] + DOUBLES[:4] + ["NULL"], ["3", "-3", "0", "2.5", "0.7D", "NULL", "'3'"]):
        yield f"pmod({a}, {b})"
        yield f"power({a}, {b})"
    yield "pow(2, 10)"
    yield "round(2.345, 1 + 1)"
    yield "(1 + 1) * 1.5"
    yield "round(1.5, NULL)"


def time_functions():
    times = DATES + TIMES + ["'2024-02-29 13:14:15.5'", "'x'", "TIMESTAMP '0001-01-03 04:05:06.789'"]
    units = ["year", "YYYY", "yy", "quarter", "month", "mon", "MM", "week", "day", "DD", "hour", "minute", "second", "millisecond", "microsecond", "nope", ""]
    for t, u in itertools.product(times, units):
        yield f"date_trunc('{u}', {t})"
        yield f"trunc({t}, '{u}')"
    yield "date_trunc(NULL, TIMESTAMP '2024-02-29 13:14:15')"
    yield "trunc(DATE '2024-02-29', CAST(NULL AS STRING))"
    for t in times + ["'2024-02-29 13:14:15'", "NULL", "1"]:
        yield f"unix_timestamp({t})"
        yield f"unix_timestamp({t}, 'yyyy-MM-dd')"
    for v in ["0", "-1", "1709212455", "253402300799L", "253402300800L", "'7'", "NULL", "1.5", "-62135596801L"]:
        yield f"from_unixtime({v})"
        yield f"from_unixtime({v}, 'yy/M/d H:m:s')"
    for t in times + ["NULL"]:
        yield f"to_date({t})"
        yield f"to_timestamp({t})"
        yield f"to_timestamp_ntz({t})"
    yield "from_unixtime(0, 'x{')"


def format_patterns():
    times = ["TIMESTAMP '2024-02-29 13:04:05.123456'", "TIMESTAMP '0009-11-03 00:00:00'", "TIMESTAMP '1969-12-31 23:59:59.9'", "TIMESTAMP '2024-05-06 12:30:00.05'"]
    patterns = ["y", "yy", "yyy", "yyyy", "yyyyy", "yyyyyy", "yyyyyyy", "yyyyyyyyyyy", "M", "MM", "MMM", "MMMM", "MMMMM", "L", "LL", "LLL", "LLLL", "d", "dd", "ddd", "D", "DD", "DDD", "DDDD", "H", "HH", "h", "hh", "k", "kk", "K", "KK", "m", "mm", "s", "ss", "S", "SS", "SSS", "SSSSSS", "SSSSSSSSS", "SSSSSSSSSS",
                "a", "aa", "E", "EE", "EEE", "EEEE", "EEEEE", "Q", "QQ", "QQQ", "QQQQ", "q", "qq", "qqq", "qqqq", "G", "GGGG", "GGGGG", "yyyy G", "u", "e", "w", "W", "Y", "c", "F", "A", "B", "n", "N", "p", "z", "zzzz", "VV", "V", "O", "OOOO", "OO", "X", "XX", "XXX", "XXXX", "XXXXX", "x", "xx", "xxx", "xxxx", "xxxxx",
                "Z", "ZZ", "ZZZ", "ZZZZ", "ZZZZZ", "yyyy-MM-dd''T''HH:mm:ss.SSSXXX", "d MMM yyyy, hh:mm a", "[yyyy][-MM]", "[[yyyy]]", "yyyy]", "[yyyy", "''''", "''o''''clock''", "''open", "yyyy#", "b", "", "é", "yyyyMMddHHmmss", "{", "}", "J", "t"]
    for t, p in itertools.product(times[:2], patterns):
        yield f"date_format({t}, '{p}')"
    for t, p in itertools.product(times[2:] + DATES[2:4] + ["TIMESTAMP_NTZ '2024-12-31 00:00:00'", "'2024-02-29'", "NULL", "TIMESTAMP '-0044-03-15 00:00:00'", "TIMESTAMP '+12024-01-01 00:00:00'"], ["y", "yyyy-MM-dd HH:mm:ss.SSS", "yy G", "EEEE d MMMM", "h:mm:ss a", "D Q", "k K"]):
        yield f"date_format({t}, '{p}')"


def parse_patterns():
    cases = [
        ("yyyy-MM-dd", ["2024-02-29", "2023-02-29", "2024-2-9", "2024-13-01", "02024-01-01", "+12024-01-01", "-0044-03-15", "0000-01-01", "2024-02-29 ", " 2024-02-29", "2024-02-29x", "", "24-01-01", "12024-01-01"]),
        ("y-M-d", ["2024-2-9", "2024-02-09", "24-1-1", "-5-1-1", "+5-1-1", "2024-002-1"]),
        ("yy-MM-dd", ["24-02-29", "99-01-01", "2024-01-01", "9-01-01"]),
        ("yyyyMMdd", ["20240229", "2024229", "120240229", "+120240229", "2024022", "202402291"]),
        ("yMMdd", ["20240229", "50229"]),
        ("dd/MM/yyyy HH:mm", ["29/02/2024 13:14", "29/02/2024 24:00", "29/02/2024 13:60", "9/2/2024 1:2"]),
        ("yyyy-MM-dd HH:mm:ss.SSS", ["2024-02-29 13:14:15.123", "2024-02-29 13:14:15.1", "2024-02-29 13:14:15.1234", "2024-02-29 13:14:15.", "2024-02-29 13:14:15"]),
        ("yyyy-MM-dd HH:mm:ss.SSSSSSSSS", ["2024-02-29 13:14:15.123456789", "1969-12-31 23:59:59.9999999"]),
        ("yyyyMMddHHmmssSSS", ["20240229131415123", "202402291314151"]),
        ("yyyy-MM-dd HH:mm:ss[.SSS][ XXX]", ["2024-02-29 13:14:15", "2024-02-29 13:14:15.5", "2024-02-29 13:14:15 +02:00", "2024-02-29 13:14:15.5 Z", "2024-02-29 13:14:15 x"]),
        ("d MMM yyyy", ["1 Jan 2024", "1 jan 2024", "1 JAN 2024", "1 January 2024", "1 Foo 2024", "31 Sep 2024", "1 Sept 2024"]),
        ("d MMMM yyyy", ["1 January 2024", "1 may 2024", "1 Jan 2024"]),
        ("d LLL yyyy", ["1 Jan 2024"]),
        ("hh:mm a", ["01:30 PM", "12:00 AM", "12:00 pm", "13:00 PM", "00:10 AM", "1:30 PM"]),
        ("hh:mm", ["01:30", "12:30", "13:30"]), ("KK a", ["11 PM", "12 PM", "0 AM"]), ("kk", ["24", "0", "01", "25"]), ("a", ["PM", "AM", "xx"]), ("H", ["7", "23", "24", "007"]),
        ("mm:ss", ["10:20"]), ("ss", ["59", "60"]), ("S", ["5", "55"]), ("m.S", ["7.5"]),
        ("yyyy", ["2024", "999", "12024"]), ("yyyy-MM", ["2024-02", "2024-13", "2024-00"]), ("MM-dd", ["02-28", "02-29", "13-01"]), ("dd", ["31", "0", "32"]), ("M", ["2"]), ("MM", ["2", "02"]),
        ("D", ["1", "365", "366", "0"]), ("yyyy-DDD", ["2024-366", "2023-366", "2024-001", "2024-1"]), ("yyyy-DD", ["2024-60", "2024-366"]), ("yyyy-MM-dd D", ["2024-02-29 60", "2024-02-29 61"]), ("yyyy MM D", ["2024 02 60", "2024 03 60"]),
        ("G yyyy", ["AD 2024", "BC 0044", "ad 2024", "CE 2024"]), ("yyyy G MM dd", ["0044 BC 03 15", "2024 AD 02 29"]), ("yyyy-MM-dd GGGG", ["2024-01-01 Anno Domini"]),
        ("yyyy-MM-dd HH:mm X", ["2024-02-29 13:14 Z", "2024-02-29 13:14 +02", "2024-02-29 13:14 +0230", "2024-02-29 13:14 +02:00", "2024-02-29 13:14 z"]),
        ("yyyy-MM-dd HH:mm XX", ["2024-02-29 13:14 +0230", "2024-02-29 13:14 Z"]), ("yyyy-MM-dd HH:mm XXX", ["2024-02-29 13:14 -02:30", "2024-02-29 13:14 +19:00"]), ("yyyy-MM-dd HH:mm XXXX", ["2024-02-29 13:14 +023001", "2024-02-29 13:14 +0230"]),
        ("yyyy-MM-dd HH:mm XXXXX", ["2024-02-29 13:14 +02:30:01", "2024-02-29 13:14 +02:30"]), ("yyyy-MM-dd HH:mm x", ["2024-02-29 13:14 +00", "2024-02-29 13:14 +0100", "2024-02-29 13:14 Z"]), ("yyyy-MM-dd HH:mm xx", ["2024-02-29 13:14 -0130"]), ("yyyy-MM-dd HH:mm xxx", ["2024-02-29 13:14 +01:30"]),
        ("yyyy-MM-dd HH:mm Z", ["2024-02-29 13:14 +0130", "2024-02-29 13:14 Z"]), ("yyyy-MM-dd HH:mm ZZZZ", ["2024-02-29 13:14 GMT+01:30", "2024-02-29 13:14 GMT"]), ("yyyy-MM-dd HH:mm ZZZZZ", ["2024-02-29 13:14 +01:30", "2024-02-29 13:14 Z"]),
        ("yyyy-MM-dd HH:mm VV", ["2024-07-01 13:14 Europe/Berlin", "2024-07-01 13:14 UTC", "2024-07-01 13:14 +01:00"]), ("yyyy-MM-dd HH:mm z", ["2024-07-01 13:14 UTC", "2024-07-01 13:14 CET"]), ("yyyy-MM-dd HH:mm O", ["2024-07-01 13:14 GMT+1"]),
        ("yyyy-MM-dd''T''HH:mm:ss", ["2024-02-29T13:14:15", "2024-02-29t13:14:15", "2024-02-29 13:14:15"]), ("yyyy.MM.dd", ["2024.02.29", "2024-02-29"]), ("[yyyy-MM-dd][dd.MM.yyyy]", ["2024-02-29", "29.02.2024", ""]),
        ("E yyyy", ["Mon 2024"]), ("Q yyyy", ["1 2024"]), ("q", ["1"]), ("F", ["1"]), ("Y", ["2024"]), ("w", ["1"]), ("u", ["1"]), ("e", ["1"]), ("A", ["1"]), ("n", ["1"]), ("b", ["1"]), ("MMMMM", ["J"]), ("ddd", ["001"]), ("yyyyyyyyyyy", ["1"]), ("yyyyyyy", ["0002024"]), ("yyyyyyyDDDx", ["0002024060+01"]), ("[yyyy", ["2024"]), ("yyyy]", ["2024"]), ("''x", ["x"]), ("#", ["#"]), ("", [""]),
        ("yyyy yyyy", ["2024 2024", "2024 2023"]), ("MMdd", ["0229", "1231"]), ("HHmm", ["1314"]), ("HHmmss", ["131415"]), ("Hmm", ["1314", "114"]), ("dMMyyyy", ["29022024", "1022024"]), ("yyyy-M-d H:m:s", ["2024-2-9 1:2:3", "2024-12-31 23:59:59"]), ("é yyyy", ["é 2024", "É 2024"]),
    ]
    for pattern, texts in cases:
        for text in texts:
            yield f"to_timestamp('{text}', '{pattern}')"
            yield f"to_date('{text}', '{pattern}')"
        yield f"to_timestamp_ntz('{texts[0]}', '{pattern}')"
        yield f"unix_timestamp('{texts[0]}', '{pattern}')"
    yield "to_date(DATE '2024-02-29', 'yyyy')"
    yield "to_timestamp(DATE '2024-02-29', 'yyyy')"
    yield "to_timestamp(CAST(NULL AS STRING), 'yyyy')"
    yield "to_timestamp('2024', CAST(NULL AS STRING))"


REGEXES = ["a", "^a", "c$", "^abc$", ".", ".*", "a.c", "[a-c]+", "[^a-c]+", "\\d+", "\\D", "\\w+", "\\W+", "\\s", "\\S+", "(a)(b)?", "(\\w+)@(\\w+)\\.com", "a|bc", "(?i)ABC", "(?i)[A-C]+", "(?s)a.c", "a{2}", "a{2,}", "a{1,2}?", "a+?", "(?:ab)+", "\\bword\\b", "(?=a)", "(a)\\1", "a++", "\\p{Alpha}+", "\\p{Punct}",
           "\\p{L}+", "[[:alpha:]]", "\\.", "\\Qa.c\\E", "\\x61", "\\u0061", "\\t", "$", "^", "a*", "(", "[", "*", "a**", "x{", "é", "(?i)É", "[é€]", "[\\d-]+", "[a\\]]", "[a&&b]", "(?<n>a)", "\\Aa", "c\\z", "(a|b|c)*", "(?m)^a", "(^a|c$)", "a$|b", "\\h", "\\v", "[\\s,]+", "\\$", "-", "a$c", "\\0101", "]", "}", "(a*)*", "()"]
TEXTS = ["'abc'", "'aabbcc'", "'joe@site.com, ann@home.com'", "''", "'a\\nc'", "'abc\\n'", "'abc\\r\\n'", "'ABC'", "'héllo €'", "'a1 b22-c333'", "'a.c'", "CAST(NULL AS STRING)"]


def regexes():
    for p in REGEXES:
        for t in TEXTS:
            yield f"{t} RLIKE r'{p}'"
        for t in TEXTS[:7] + TEXTS[8:10]:
            yield f"regexp_replace({t}, r'{p}', '<$0>')"
            yield f"split({t}, r'{p}')"
            yield f"regexp_extract({t}, r'{p}', 0)"
        yield f"regexp_extract('joe@site.com a ab', r'{p}')"
    for r in ["'$1-$2'", "'$2'", "'$10'", "r'\\$1'", "r'\\\\'", "'$'", "r'\\'", "'$x'", "'${n}'", "'$3'", "''", "NULL"]:
        yield f"regexp_replace('xaby', '(a)(b)', {r})"
        yield f"regexp_replace('xaby', '(?<n>a)(c)?', {r})"
    for i in ["0", "1", "2", "3", "-1", "NULL"]:
        yield f"regexp_extract('100-200', r'(\\d+)-(\\d+)', {i})"
    for n in ["-1", "0", "1", "2", "3", "100"]:
        for t, p in itertools.product(["'a,b,,c,'", "''", "','", "'héé'", "'abc'"], ["','", "''", "r',|b'", "'[bé]'"]):
            yield f"split({t}, {p}, {n})"
    yield "'abc' NOT RLIKE 'b'"
    yield "'abc' REGEXP 'b'"
    yield "regexp_like('abc', 'b')"
    yield "rlike('abc', 'b')"
    yield "regexp('abc', 'b')"
    yield "'abc' RLIKE NULL"
    yield "1 RLIKE '1'"
    yield "regexp_replace('abcabc', 'b', 'x', 3)"


def arrays():
    for i in ["0", "1", "2", "-1", "NULL", "1L"]:
        yield f"split('a,b', ',')[{i}]"
        yield f"element_at(split('a,b', ','), {i})"
    yield "size(split('a,b', ','))"
    yield "size(split(NULL, ','))"
    yield "split('a,b', ',') = split('a;b', ';')"
    yield "split('a,b', ',') < split('a,c', ',')"
    yield "split('a', ',') < split('a,b', ',')"
    yield "split('a', ',') IS NULL"
    yield "coalesce(split(NULL, ','), split('x', ','))"
    yield "CASE WHEN true THEN split('x,y', ',') END"
    yield "hash(split('a,b', ','))"
    yield "xxhash64(split('a,b', ','))"
    yield "upper(split('a,b', ',')[1])"


def hashes():
    values = INTS + DECIMALS + DOUBLES + STRINGS + DATES + TIMES + BOOLS + ["127Y", "-128Y", "300S", "1.5F", "-0.0F", "X'00FF'", "X''", "'abcdefgh'", "'0123456789012345678901234567890123456789'", "CAST('NaN' AS FLOAT)", "-12345678901234567890.123", "-99999999999999999999999999999999999999BD", "'abcd'", "'abcde'", "'12345678901234567890123456789012'"]
    for v in values:
        yield f"hash({v})"
        yield f"xxhash64({v})"
    for f in ["hash", "xxhash64"]:
        yield f"{f}(1, 'a', NULL, 2.5)"
        yield f"{f}('a', 'b')"
        yield f"{f}()"
    for bits in ["0", "224", "256", "384", "512", "1", "NULL"]:
        yield f"sha2('abc', {bits})"


def letters():
    words = ["ΑΣ", "ΣΑΣ", "Σ", "ΑΣ Σ", "ΑΣ''Α", "Α.Σ", "ΑΣ1", "1Σ", "straße", "ǆa ŉb", "ΑΣ\u0301", "ΑΣ-Α", "İI", "ßx ßy", "o''neil mc-donald", "a\\tb c_d", "éa ÉB", "ΑΣΑΣ ΑΣ.", "ﬁx", "ᾳ"]
    for w in words:
        for f in ["upper", "lower", "initcap"]:
            yield f"{f}('{w}')"
        yield f"'{w}' ILIKE 'ας%'"


def every_letter(spark, out):
    """Writes each character that a change of case changes: code point, upper, lower and title case."""
    chars = [(i, chr(i)) for i in itertools.chain(range(1, 0xD800), range(0xE000, 0x1FA00))]
    rows = spark.createDataFrame(chars, "i INT, c STRING").selectExpr("i", "c", "upper(c) AS u", "lower(c) AS l", "initcap(c) AS t").collect()
    with open(out, "w", encoding="utf-8") as f:
        for r in rows:
            if r.c != r.u or r.c != r.l or r.c != r.t:
                f.write(f"{r.i}\t{r.u}\t{r.l}\t{r.t}\n")


def binaries():
    for v in ["X'C3A9'", "X'61FF'", "X''", "CAST('é' AS BINARY)", "CAST(NULL AS BINARY)"]:
        for f in ["length", "upper", "lower", "trim", "initcap", "md5", "hash", "abs", "year", "size", "NOT ", "-"]:
            yield f"{f}({v})"
        yield f"substring({v}, 1, 1)"
        yield f"concat({v}, {v})"
        yield f"concat({v}, 'a')"
        yield f"concat_ws('-', {v}, 'a')"
        yield f"lpad({v}, 3)"
        yield f"rpad({v}, 3, X'00')"
        yield f"left({v}, 1)"
        yield f"right({v}, 1)"
        yield f"replace({v}, 'a', 'b')"
        yield f"contains({v}, X'C3')"
        yield f"startswith({v}, 'a')"
        yield f"instr({v}, 'a')"
        yield f"repeat({v}, 2)"
        yield f"translate({v}, 'a', 'b')"
        yield f"coalesce({v}, 'a')"
        yield f"nvl({v}, X'00')"
        yield f"{v} = 'a'"
        yield f"{v} < X'62'"
        yield f"{v} IN ('a', X'C3A9')"
        yield f"{v} LIKE 'a%'"
        yield f"{v} RLIKE 'a'"
        yield f"CASE WHEN true THEN {v} ELSE 'x' END"
        yield f"split({v}, ',')"
        for t in ["STRING", "INT", "DATE", "BOOLEAN", "BINARY"]:
            yield f"CAST({v} AS {t})"
            yield f"TRY_CAST({v} AS {t})"
    for v in ["1", "1.5", "1.5D", "true", "DATE '2024-02-29'", "TIMESTAMP '2024-02-29 00:00:00'", "'12'"]:
        for f in ["length", "upper", "trim", "year", "month", "hour", "last_day", "unix_timestamp", "to_date", "sqrt", "abs", "ceil", "round", "sign", "md5", "sha2", "initcap", "NOT ", "date_add", "concat", "hash", "instr", "lpad", "substring", "replace"]:
            yield f"{f}({v}, 1)" if f in ("date_add", "lpad", "substring", "instr", "replace", "sha2") else f"{f}({v})"
        yield f"{v} LIKE '1%'"
        yield f"{v} || 'x'"
        yield f"CAST({v} AS BINARY)"
        yield f"date_format({v}, 'yyyy')"
        yield f"{v} AND true"
        yield f"if({v}, 1, 2)"
    yield "replace('abc', 'b')"
    yield "trim('a', 'abca')"
    yield "ceil(1.25, 1)"
    yield "upper()"
    yield "upper('a', 'b')"


def pairs_of_types():
    values = ["1Y", "1", "1L", "1.50", "1.5F", "1.5D", "'1'", "DATE '2024-02-29'", "TIMESTAMP '2024-02-29 00:00:00'", "TIMESTAMP_NTZ '2024-02-29 00:00:00'", "true", "X'31'", "NULL"]
    for a, b in itertools.product(values, values):
        yield f"coalesce({a}, {b})"
        yield f"{a} = {b}"
        yield f"{a} IN ({b})"
        yield f"greatest({a}, {b})"
        yield f"{a} + {b}"


class Patterns:
    """Random regular expressions and date patterns, from one seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def atom(self, depth):
        r = self.random
        kind = r.randrange(14)
        if kind == 5:
            return "."
        if kind == 6:
            return r.choice(["\\d", "\\w", "\\s", "\\D", "\\W", "\\S", "\\.", "\\-", "\\$", "\\t", "\\n", "\\r", "\\h", "\\v", "\\p{Alpha}", "\\P{Digit}", "\\x61"])
        if kind == 7:
            return "[" + r.choice(["", "^"]) + "".join(r.choice(["a-c", "A-Z", "0-9", "\\d", "\\s", "b", "é", "x", "."]) for _ in range(r.randrange(1, 4))) + "]"
        if kind in (8, 9, 10) and depth > 0:
            return r.choice(["(", "(?:", "(", "(?i:"]) + self.alternatives(depth - 1) + ")"
        if kind == 11 and depth > 0:
            return "(?i)"
        return r.choice("abcAB1 -,é")

    def sequence(self, depth):
        quantifiers = ["", "", "", "", "*", "+", "?", "{2}", "{1,2}", "*?", "+?", "??", "{2,}"]
        return "".join(self.atom(depth) + self.random.choice(quantifiers) for _ in range(self.random.randrange(1, 4)))

    def alternatives(self, depth):
        return "|".join(self.sequence(depth) for _ in range(self.random.choice([1, 1, 2, 3])))

    def regex(self):
        return self.random.choice(["", "", "", "^"]) + self.alternatives(3) + self.random.choice(["", "", "$"])

    def date(self):
        r = self.random
        out = "".join(r.choice("yMdHhmsSaDGLkKEQXxZOVz") * r.choice([1, 1, 2, 2, 3, 4]) + r.choice(["", " ", "-", ":", "''T''", "/", "["]) for _ in range(r.randrange(1, 6)))
        return out + "]" * out.count("[")


def random_patterns():
    texts = ["'abc'", "'aabbccA1 -'", "'ab\\n'", "'ab\\r\\n'", "'a\\nb\\r'", "'a1,b2 c-é'", "''", "'ABC abc'", "'ccc\\u0085'", "'b\\u2028'", "'\\r\\n'"]
    times = ["TIMESTAMP '2024-02-29 13:04:05.123456'", "TIMESTAMP '0999-12-03 00:00:00'", "TIMESTAMP '1969-07-20 23:59:59.9'", "TIMESTAMP '2024-11-06 12:30:00'"]
    p = Patterns(11)
    for _ in range(130):
        regex, text = p.regex(), p.random.choice(texts)
        yield f"{text} RLIKE r'{regex}'"
        yield f"regexp_replace({text}, r'{regex}', '<$0>')"
        yield f"regexp_extract({text}, r'{regex}', 0)"
        yield f"split({text}, r'{regex}')"
    for _ in range(120):
        date, time = p.date(), p.random.choice(times)
        yield f"date_format({time}, '{date}')"
        yield f"to_timestamp(date_format({time}, '{date}'), '{date}')"


SECTIONS = [expressions, casts_of_time, numeric_functions, time_functions, format_patterns, parse_patterns, regexes, arrays, hashes, letters, random_patterns, binaries, pairs_of_types]


def answers(spark, group):
    """Spark's answer to each expression of the group: of all at once, or of each half when one of them fails."""
    try:
        df = spark.sql("SELECT " + ", ".join(f"({e}) AS x{i}" for i, e in enumerate(group)))
        row = df.selectExpr(*(f"CAST(x{i} AS STRING) AS x{i}" for i in range(len(group)))).collect()[0]
        return [(f.dataType.simpleString(), "NULL" if v is None else repr(v)) for f, v in zip(df.schema, row)]
    except Exception as err:  # every failure of Spark's is an answer
        if len(group) == 1:
            return [("error", condition(err))]
        half = len(group) // 2
        return answers(spark, group[:half]) + answers(spark, group[half:])


def condition(err):
    get = getattr(err, "getCondition", None) or getattr(err, "getErrorClass", lambda: None)
    return get() or type(err).__name__


def make_tables(spark, folder):
    """Views of the tables, each value cast from its text."""
    with open(os.path.join(folder, "tables.json"), encoding="utf-8") as f:
        tables = json.load(f)
    for name, t in tables.items():
        text = ", ".join(f"c{i} STRING" for i in range(len(t["columns"])))
        casts = ", ".join(f"CAST(c{i} AS {typ}) AS {col}" for i, (col, typ) in enumerate(t["columns"]))
        spark.createDataFrame(t["rows"], text).createOrReplaceTempView(name + "_text")
        spark.sql(f"SELECT {casts} FROM {name}_text").createOrReplaceTempView(name)


def query(spark, line):
    """Spark's answer to a query; one that begins with ! has an order."""
    out = {"sql": line.removeprefix("! ")}
    if line.startswith("! "):
        out["ordered"] = True
    try:
        df = spark.sql(out["sql"])
        names = [f"c{i}" for i in range(len(df.columns))]
        out["columns"] = [[f.name, f.dataType.simpleString()] for f in df.schema]
        out["rows"] = [list(r) for r in df.toDF(*names).selectExpr(*(f"CAST({n} AS STRING) AS {n}" for n in names)).collect()]
    except Exception as err:  # every failure of Spark's is an answer
        out = {"sql": out["sql"], "error": condition(err)}
    return json.dumps(out, ensure_ascii=False)


def queries(spark, folder):
    make_tables(spark, folder)
    with open(os.path.join(folder, "queries.sql"), encoding="utf-8") as f:
        lines = [line.rstrip("\n") for line in f if line.strip()]
    with open(os.path.join(folder, "queries.jsonl"), "w", encoding="utf-8") as f:
        for line in lines:
            f.write(query(spark, line) + "\n")
    print(len(lines), "queries", file=sys.stderr)


def expressions_of(spark, folder):
    cases = list(dict.fromkeys(e for section in SECTIONS for e in section()))
    with open(os.path.join(folder, "expressions.tsv"), "w", encoding="utf-8") as f:
        for i in range(0, len(cases), 32):
            group = cases[i : i + 32]
            for e, (typ, value) in zip(group, answers(spark, group)):
                f.write(f"{e}\t{typ}\t{value}\n")
    every_letter(spark, os.path.join(os.path.dirname(out), "letters.tsv"))
    print(len(cases), "expressions", file=sys.stderr)


def main(folder, parts):
    spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").config("spark.sql.shuffle.partitions", "1").getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    logging.disable()  # PySpark logs each failure too
    if "expressions" in parts:
        expressions_of(spark, folder)
    if "queries" in parts:
        queries(spark, folder)
    sys.stderr.flush()
    os._exit(0)


main(sys.argv[1], sys.argv[2:] or ["expressions", "queries"])
