package expr

import (
	"crypto/md5"
	"encoding/hex"
	"math"
	"strings"

	"github.com/firn-data/firn/internal/calendar"
)

// functions is the one list of scalar functions: name, usage, what it gives, an example (none where the clock decides), how
// many arguments at least and at most (-1: any number), and how a call is bound.
var functions = []Function{
	{"abs", "abs(x)", "the absolute value", "abs(-1.5)", 1, 1, bindAbs},
	{"add_months", "add_months(date, n)", "the date n months later, at most the month's last day", "add_months(DATE '2024-01-31', 1)", 2, 2, fixedTypes(Date, intFn(func(a []*Vec, k int) int64 { return addMonths(a[0].I[k], a[1].I[k]) }), Date, Int)},
	{"bround", "bround(x [, digits])", "x rounded half to even", "bround(2.5)", 1, 2, bindRound(true)},
	{"ceil", "ceil(x)", "the smallest integer not below x", "ceil(1.2)", 1, 1, bindRounding(math.Ceil, 1)},
	{"coalesce", "coalesce(x, …)", "the first argument that is not NULL", "coalesce(NULL, 'x')", 1, -1, bindCoalesce},
	{"concat", "concat(text, …)", "the texts joined; NULL when one is", "concat('a', 'b')", 0, -1, textOnly(fixedTypes(String, concat, String))},
	{"concat_ws", "concat_ws(separator, text, …)", "the texts that are not NULL, joined with a separator", "concat_ws('-', 'a', NULL, 'b')", 1, -1, bindConcatWS},
	{"contains", "contains(text, part)", "whether text holds part", "contains('table', 'ab')", 2, 2, fixedTypes(Boolean, intFn(func(a []*Vec, k int) int64 { return bit(strings.Contains(a[0].S[k], a[1].S[k])) }), String)},
	{"current_date", "current_date()", "the day on which the run began", "", 0, 0, bindNow(Date)},
	{"current_timestamp", "current_timestamp()", "the time at which the run began", "", 0, 0, bindNow(Timestamp)},
	{"date_add", "date_add(date, days)", "the date some days later", "date_add(DATE '2024-02-28', 2)", 2, 2, columnar(Date, addDays(1), Date, Int)},
	{"date_format", "date_format(time, pattern)", "the time as text by a Java pattern", "date_format(TIMESTAMP '2024-02-29 13:14:15', 'd MMM yyyy')", 2, 2, bindDateFormat},
	{"date_sub", "date_sub(date, days)", "the date some days earlier", "date_sub(DATE '2024-03-01', 1)", 2, 2, columnar(Date, addDays(-1), Date, Int)},
	{"date_trunc", "date_trunc(unit, time)", "the timestamp cut to year, quarter, month, week, day, hour, minute, second, millisecond or microsecond", "date_trunc('hour', TIMESTAMP '2024-02-29 13:14:15')", 2, 2, bindTrunc(Timestamp, 1)},
	{"datediff", "datediff(end, start)", "the days from start to end", "datediff(DATE '2024-03-01', DATE '2024-02-28')", 2, 2, columnar(Int, addDays(-1), Date)},
	{"day", "day(date)", "the day of the month", "day(DATE '2024-02-29')", 1, 1, columnar(Int, datePart(func(_, _, d int) int64 { return int64(d) }), Date)},
	{"dayofweek", "dayofweek(date)", "1 for Sunday to 7 for Saturday", "dayofweek(DATE '2024-02-29')", 1, 1, fixedTypes(Int, intFn(func(a []*Vec, k int) int64 { return a[0].I[k] + 4 - 7*calendar.FloorDiv(a[0].I[k]+4, 7) + 1 }), Date)},
	{"element_at", "element_at(array, i)", "item i of an array, from 1; negative ones count from the end", "element_at(split('a,b', ','), -1)", 2, 2, bindElementAt},
	{"endswith", "endswith(text, part)", "whether text ends with part", "endswith('table', 'le')", 2, 2, fixedTypes(Boolean, intFn(func(a []*Vec, k int) int64 { return bit(strings.HasSuffix(a[0].S[k], a[1].S[k])) }), String)},
	{"exp", "exp(x)", "e to the power of x", "exp(0)", 1, 1, fixedTypes(Double, floatFn(math.Exp), Double)},
	{"floor", "floor(x)", "the largest integer not above x", "floor(-1.2)", 1, 1, bindRounding(math.Floor, -1)},
	{"from_unixtime", "from_unixtime(seconds [, pattern])", "the time as text", "from_unixtime(0)", 1, 2, bindFromUnixtime},
	{"greatest", "greatest(x, y, …)", "the largest argument that is not NULL", "greatest(1, NULL, 3)", 2, -1, bindExtreme(1)},
	{"hash", "hash(x, …)", "Spark's murmur3 hash", "hash('a', 1)", 1, -1, bindHash(murmur3{}, Int)},
	{"hour", "hour(timestamp)", "0 to 23", "hour(TIMESTAMP '2024-02-29 13:14:15')", 1, 1, fixedTypes(Int, clockFn(func(s int64) int64 { return s / 3600 }), Timestamp)},
	{"if", "if(condition, x, y)", "x when the condition is TRUE, else y", "if(1 > 2, 'x', 'y')", 3, 3, bindIf},
	{"initcap", "initcap(text)", "each word with a capital first letter", "initcap('hello world')", 1, 1, fixedTypes(String, textFn(initcap), String)},
	{"instr", "instr(text, part)", "the 1-based position of part, 0 when it is not there", "instr('table', 'b')", 2, 2, fixedTypes(Int, intFn(instr), String)},
	{"last_day", "last_day(date)", "the last day of the date's month", "last_day(DATE '2024-02-01')", 1, 1, columnar(Date, datePart(func(y, m, _ int) int64 { return calendar.Day(y, m, calendar.MonthLength(y, m)) }), Date)},
	{"least", "least(x, y, …)", "the smallest argument that is not NULL", "least(1, NULL, 3)", 2, -1, bindExtreme(-1)},
	{"left", "left(text, n)", "the first n characters", "left('table', 2)", 2, 2, textOnly(fixedTypes(String, func(a []*Vec, k int, out *Vec) (string, string) {
		out.S[k] = substring(a[0].S[k], 1, a[1].I[k])
		return "", ""
	}, String, Int))},
	{"length", "length(text)", "the number of characters", "length('héllo')", 1, 1, bindLength},
	{"ln", "ln(x)", "the natural logarithm; NULL when x is not positive", "ln(1)", 1, 1, fixedTypes(Double, logarithm, Double)},
	{"lower", "lower(text)", "the text in lower case", "lower('ABC')", 1, 1, columnar(String, changeCase(false), String)},
	{"lpad", "lpad(text, n [, pad])", "the text filled or cut to n characters, filled on the left", "lpad('7', 3, '0')", 2, 3, textOnly(bindPad(true))},
	{"ltrim", "ltrim(text)", "the text without spaces at its start", "ltrim('  x')", 1, 1, columnar(String, textKernel(func(s string) string { return strings.TrimLeft(s, " ") }), String)},
	{"make_date", "make_date(year, month, day)", "the date of three numbers", "make_date(2024, 2, 29)", 3, 3, fixedTypes(Date, makeDate, Int)},
	{"md5", "md5(text)", "the MD5 sum in hex", "md5('a')", 1, 1, fixedTypes(String, textFn(func(s string) string { h := md5.Sum([]byte(s)); return hex.EncodeToString(h[:]) }), Binary)},
	{"minute", "minute(timestamp)", "0 to 59", "minute(TIMESTAMP '2024-02-29 13:14:15')", 1, 1, fixedTypes(Int, clockFn(func(s int64) int64 { return s / 60 % 60 }), Timestamp)},
	{"month", "month(date)", "1 to 12", "month(DATE '2024-02-29')", 1, 1, columnar(Int, datePart(func(_, m, _ int) int64 { return int64(m) }), Date)},
	{"nullif", "nullif(x, y)", "NULL when x equals y, else x", "nullif('x', '')", 2, 2, bindNullIf},
	{"nvl", "nvl(x, y)", "y when x is NULL", "nvl(NULL, 0)", 2, 2, bindCoalesce},
	{"pmod", "pmod(x, y)", "the remainder of x by y, not negative when y is positive", "pmod(-7, 3)", 2, 2, bindPmod},
	{"power", "power(x, y)", "x to the power of y", "power(2, 10)", 2, 2, fixedTypes(Double, power, Double)},
	{"quarter", "quarter(date)", "1 to 4", "quarter(DATE '2024-02-29')", 1, 1, columnar(Int, datePart(func(_, m, _ int) int64 { return int64(m+2) / 3 }), Date)},
	{"regexp_extract", "regexp_extract(text, pattern [, group])", "a group, 1 by default, of the first match; empty without one", `regexp_extract('100-200', r'(\d+)-(\d+)', 2)`, 2, 3, bindRegexpExtract},
	{"regexp_like", "regexp_like(text, pattern)", "whether a Java pattern is found in the text", "regexp_like('abc', '^a')", 2, 2, bindRegexpLike},
	{"regexp_replace", "regexp_replace(text, pattern, replacement)", "the text with each match of a Java pattern replaced; $1 is a group", `regexp_replace('a1b22', r'\d+', '#')`, 3, 4, bindRegexpReplace},
	{"repeat", "repeat(text, n)", "the text n times", "repeat('ab', 2)", 2, 2, fixedTypes(String, repeat, String, Int)},
	{"replace", "replace(text, from [, to])", "the text with each from replaced, or removed", "replace('abc', 'b', 'x')", 2, 3, fixedTypes(String, replace, String)},
	{"right", "right(text, n)", "the last n characters", "right('table', 2)", 2, 2, fixedTypes(String, func(a []*Vec, k int, out *Vec) (string, string) {
		if a[1].I[k] > 0 {
			out.S[k] = substring(a[0].S[k], -a[1].I[k], math.MaxInt32)
		}
		return "", ""
	}, String, Int)},
	{"round", "round(x [, digits])", "x rounded half up", "round(2.345, 2)", 1, 2, bindRound(false)},
	{"rpad", "rpad(text, n [, pad])", "the text filled or cut to n characters, filled on the right", "rpad('7', 3, '.')", 2, 3, textOnly(bindPad(false))},
	{"rtrim", "rtrim(text)", "the text without spaces at its end", "rtrim('x  ')", 1, 1, columnar(String, textKernel(func(s string) string { return strings.TrimRight(s, " ") }), String)},
	{"second", "second(timestamp)", "0 to 59", "second(TIMESTAMP '2024-02-29 13:14:15')", 1, 1, fixedTypes(Int, clockFn(func(s int64) int64 { return s % 60 }), Timestamp)},
	{"sha2", "sha2(text, bits)", "the SHA-2 sum in hex; bits is 0, 224, 256, 384 or 512", "sha2('a', 224)", 2, 2, fixedTypes(String, sha2, Binary, Int)},
	{"sign", "sign(x)", "-1.0, 0.0 or 1.0", "sign(-2.5)", 1, 1, fixedTypes(Double, func(a []*Vec, k int, out *Vec) (string, string) { out.F[k] = sign(a[0], k); return "", "" }, Double)},
	{"size", "size(array)", "the number of items", "size(split('a,b', ','))", 1, 1, bindSize},
	{"split", "split(text, pattern [, limit])", "the parts of the text between matches of a Java pattern", "split('a,b;c', '[,;]')", 2, 3, bindSplit},
	{"sqrt", "sqrt(x)", "the square root", "sqrt(9)", 1, 1, fixedTypes(Double, floatFn(math.Sqrt), Double)},
	{"startswith", "startswith(text, part)", "whether text starts with part", "startswith('table', 'ta')", 2, 2, fixedTypes(Boolean, intFn(func(a []*Vec, k int) int64 { return bit(strings.HasPrefix(a[0].S[k], a[1].S[k])) }), String)},
	{"substring", "substring(text, position [, length])", "part of a text; positions count from 1, negative ones from the end", "substring('table', 2, 3)", 2, 3, textOnly(fixedTypes(String, func(a []*Vec, k int, out *Vec) (string, string) {
		n := int64(math.MaxInt32)
		if len(a) == 3 {
			n = a[2].I[k]
		}
		out.S[k] = substring(a[0].S[k], a[1].I[k], n)
		return "", ""
	}, String, Int))},
	{"to_date", "to_date(text [, pattern])", "the text as a date", "to_date('29.02.2024', 'dd.MM.yyyy')", 1, 2, bindToTime(Date)},
	{"to_timestamp", "to_timestamp(text [, pattern])", "the text as a timestamp", "to_timestamp('2024-02-29T13:14:15+02:00')", 1, 2, bindToTime(Timestamp)},
	{"to_timestamp_ntz", "to_timestamp_ntz(text [, pattern])", "the text as a timestamp without time zone", "to_timestamp_ntz('2024-02-29 13:14:15')", 1, 2, bindToTime(TimestampNTZ)},
	{"translate", "translate(text, from, to)", "the text with each character of from replaced by the one at its place in to, or removed", "translate('abc', 'ab', 'x')", 3, 3, fixedTypes(String, translate, String)},
	{"trim", "trim(text)", "the text without spaces around it", "trim('  x ')", 1, 1, columnar(String, textKernel(func(s string) string { return strings.Trim(s, " ") }), String)},
	{"trunc", "trunc(date, unit)", "the first day of the date's year, quarter, month or week", "trunc(DATE '2024-02-29', 'month')", 2, 2, bindTrunc(Date, 0)},
	{"unix_timestamp", "unix_timestamp([time [, pattern]])", "the seconds since 1970-01-01 00:00:00 UTC", "unix_timestamp('1970-01-02 00:00:00')", 0, 2, bindUnixTimestamp},
	{"upper", "upper(text)", "the text in upper case", "upper('abc')", 1, 1, columnar(String, changeCase(true), String)},
	{"xxhash64", "xxhash64(x, …)", "Spark's 64-bit xxHash", "xxhash64('a')", 1, -1, bindHash(xxHash64{}, BigInt)},
	{"year", "year(date)", "the year", "year(DATE '2024-02-29')", 1, 1, columnar(Int, datePart(func(y, _, _ int) int64 { return int64(y) }), Date)},
}
