package expr

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"math"
	"math/big"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/transform/parse"
)

type fn = func(a []*Vec, k int, out *Vec) (string, string)

// textFn is a function from one string to a string.
func textFn(f func(string) string) fn {
	return func(a []*Vec, k int, out *Vec) (string, string) { out.S[k] = f(a[0].S[k]); return "", "" }
}

// intFn gives an integer.
func intFn(f func(a []*Vec, k int) int64) fn {
	return func(a []*Vec, k int, out *Vec) (string, string) { out.I[k] = f(a, k); return "", "" }
}

// clockFn gives a part of a timestamp's time of day, from its second of the day.
func clockFn(f func(second int64) int64) fn {
	return intFn(func(a []*Vec, k int) int64 {
		return f(floorDiv(a[0].I[k], 1e6) - 86400*floorDiv(a[0].I[k], dayMicros))
	})
}

// floatFn is a function from one double to a double.
func floatFn(f func(float64) float64) fn {
	return func(a []*Vec, k int, out *Vec) (string, string) { out.F[k] = f(a[0].F[k]); return "", "" }
}

// functions is the one list of scalar functions.
var functions = []Function{
	{"abs", "abs(x)", "the absolute value", 1, 1, bindAbs},
	{"add_months", "add_months(date, n)", "the date n months later, at most the month's last day", 2, 2, fixedTypes(Date, intFn(func(a []*Vec, k int) int64 { return addMonths(a[0].I[k], a[1].I[k]) }), Date, Int)},
	{"ceil", "ceil(x)", "the smallest integer not below x", 1, 1, bindRounding(math.Ceil, 1)},
	{"coalesce", "coalesce(x, …)", "the first argument that is not NULL", 1, -1, bindCoalesce},
	{"concat", "concat(text, …)", "the texts joined; NULL when one is", 0, -1, fixedTypes(String, concat, String)},
	{"concat_ws", "concat_ws(separator, text, …)", "the texts that are not NULL, joined with a separator", 1, -1, bindConcatWS},
	{"contains", "contains(text, part)", "whether text holds part", 2, 2, fixedTypes(Boolean, intFn(func(a []*Vec, k int) int64 { return bit(strings.Contains(a[0].S[k], a[1].S[k])) }), String)},
	{"current_date", "current_date()", "the day on which the run began", 0, 0, bindNow(Date)},
	{"current_timestamp", "current_timestamp()", "the time at which the run began", 0, 0, bindNow(Timestamp)},
	{"date_add", "date_add(date, days)", "the date some days later", 2, 2, columnar(Date, addDays(1), Date, Int)},
	{"date_sub", "date_sub(date, days)", "the date some days earlier", 2, 2, columnar(Date, addDays(-1), Date, Int)},
	{"datediff", "datediff(end, start)", "the days from start to end", 2, 2, columnar(Int, addDays(-1), Date)},
	{"day", "day(date)", "the day of the month", 1, 1, columnar(Int, datePart(func(_, _, d int) int64 { return int64(d) }), Date)},
	{"dayofweek", "dayofweek(date)", "1 for Sunday to 7 for Saturday", 1, 1, fixedTypes(Int, intFn(func(a []*Vec, k int) int64 { return a[0].I[k] + 4 - 7*floorDiv(a[0].I[k]+4, 7) + 1 }), Date)},
	{"endswith", "endswith(text, part)", "whether text ends with part", 2, 2, fixedTypes(Boolean, intFn(func(a []*Vec, k int) int64 { return bit(strings.HasSuffix(a[0].S[k], a[1].S[k])) }), String)},
	{"exp", "exp(x)", "e to the power of x", 1, 1, fixedTypes(Double, floatFn(math.Exp), Double)},
	{"floor", "floor(x)", "the largest integer not above x", 1, 1, bindRounding(math.Floor, -1)},
	{"greatest", "greatest(x, y, …)", "the largest argument that is not NULL", 2, -1, bindExtreme(1)},
	{"hour", "hour(timestamp)", "0 to 23", 1, 1, fixedTypes(Int, clockFn(func(s int64) int64 { return s / 3600 }), Timestamp)},
	{"if", "if(condition, x, y)", "x when the condition is TRUE, else y", 3, 3, bindIf},
	{"initcap", "initcap(text)", "each word with a capital first letter", 1, 1, fixedTypes(String, textFn(initcap), String)},
	{"instr", "instr(text, part)", "the 1-based position of part, 0 when it is not there", 2, 2, fixedTypes(Int, intFn(instr), String)},
	{"last_day", "last_day(date)", "the last day of the date's month", 1, 1, columnar(Date, datePart(func(y, m, _ int) int64 { return daysFromCivil(y, m, monthLength(y, m)) }), Date)},
	{"least", "least(x, y, …)", "the smallest argument that is not NULL", 2, -1, bindExtreme(-1)},
	{"left", "left(text, n)", "the first n characters", 2, 2, fixedTypes(String, func(a []*Vec, k int, out *Vec) (string, string) {
		out.S[k] = substring(a[0].S[k], 1, a[1].I[k])
		return "", ""
	}, String, Int)},
	{"length", "length(text)", "the number of characters", 1, 1, columnar(Int, countCharacters, String)},
	{"lower", "lower(text)", "the text in lower case", 1, 1, columnar(String, changeCase(false), String)},
	{"lpad", "lpad(text, n [, pad])", "the text filled or cut to n characters, filled on the left", 2, 3, bindPad(true)},
	{"ltrim", "ltrim(text)", "the text without spaces at its start", 1, 1, columnar(String, textKernel(func(s string) string { return strings.TrimLeft(s, " ") }), String)},
	{"make_date", "make_date(year, month, day)", "the date of three numbers", 3, 3, fixedTypes(Date, makeDate, Int)},
	{"md5", "md5(text)", "the MD5 sum in hex", 1, 1, fixedTypes(String, textFn(func(s string) string { h := md5.Sum([]byte(s)); return hex.EncodeToString(h[:]) }), Binary)},
	{"minute", "minute(timestamp)", "0 to 59", 1, 1, fixedTypes(Int, clockFn(func(s int64) int64 { return s / 60 % 60 }), Timestamp)},
	{"month", "month(date)", "1 to 12", 1, 1, columnar(Int, datePart(func(_, m, _ int) int64 { return int64(m) }), Date)},
	{"nullif", "nullif(x, y)", "NULL when x equals y, else x", 2, 2, bindNullIf},
	{"nvl", "nvl(x, y)", "y when x is NULL", 2, 2, bindCoalesce},
	{"quarter", "quarter(date)", "1 to 4", 1, 1, columnar(Int, datePart(func(_, m, _ int) int64 { return int64(m+2) / 3 }), Date)},
	{"repeat", "repeat(text, n)", "the text n times", 2, 2, fixedTypes(String, func(a []*Vec, k int, out *Vec) (string, string) {
		out.S[k] = strings.Repeat(a[0].S[k], int(max(0, a[1].I[k])))
		return "", ""
	}, String, Int)},
	{"replace", "replace(text, from, to)", "the text with each from replaced", 3, 3, fixedTypes(String, replace, String)},
	{"right", "right(text, n)", "the last n characters", 2, 2, fixedTypes(String, func(a []*Vec, k int, out *Vec) (string, string) {
		if a[1].I[k] > 0 {
			out.S[k] = substring(a[0].S[k], -a[1].I[k], math.MaxInt32)
		}
		return "", ""
	}, String, Int)},
	{"round", "round(x [, digits])", "x rounded half up", 1, 2, bindRound(false)},
	{"rpad", "rpad(text, n [, pad])", "the text filled or cut to n characters, filled on the right", 2, 3, bindPad(false)},
	{"rtrim", "rtrim(text)", "the text without spaces at its end", 1, 1, columnar(String, textKernel(func(s string) string { return strings.TrimRight(s, " ") }), String)},
	{"second", "second(timestamp)", "0 to 59", 1, 1, fixedTypes(Int, clockFn(func(s int64) int64 { return s % 60 }), Timestamp)},
	{"sha2", "sha2(text, bits)", "the SHA-2 sum in hex; bits is 0, 224, 256, 384 or 512", 2, 2, fixedTypes(String, sha2, Binary, Int)},
	{"sqrt", "sqrt(x)", "the square root", 1, 1, fixedTypes(Double, floatFn(math.Sqrt), Double)},
	{"startswith", "startswith(text, part)", "whether text starts with part", 2, 2, fixedTypes(Boolean, intFn(func(a []*Vec, k int) int64 { return bit(strings.HasPrefix(a[0].S[k], a[1].S[k])) }), String)},
	{"substring", "substring(text, position [, length])", "part of a text; positions count from 1, negative ones from the end", 2, 3, fixedTypes(String, func(a []*Vec, k int, out *Vec) (string, string) {
		n := int64(math.MaxInt32)
		if len(a) == 3 {
			n = a[2].I[k]
		}
		out.S[k] = substring(a[0].S[k], a[1].I[k], n)
		return "", ""
	}, String, Int)},
	{"to_date", "to_date(text [, pattern])", "the text as a date", 1, 2, bindToTime(Date)},
	{"to_timestamp", "to_timestamp(text [, pattern])", "the text as a timestamp", 1, 2, bindToTime(Timestamp)},
	{"to_timestamp_ntz", "to_timestamp_ntz(text [, pattern])", "the text as a timestamp without time zone", 1, 2, bindToTime(TimestampNTZ)},
	{"translate", "translate(text, from, to)", "the text with each character of from replaced by the one at its place in to, or removed", 3, 3, fixedTypes(String, translate, String)},
	{"trim", "trim(text)", "the text without spaces around it", 1, 1, columnar(String, textKernel(func(s string) string { return strings.Trim(s, " ") }), String)},
	{"upper", "upper(text)", "the text in upper case", 1, 1, columnar(String, changeCase(true), String)},
	{"bround", "bround(x [, digits])", "x rounded half to even", 1, 2, bindRound(true)},
	{"pmod", "pmod(x, y)", "the remainder of x by y, not negative when y is positive", 2, 2, bindPmod},
	{"sign", "sign(x)", "-1.0, 0.0 or 1.0", 1, 1, fixedTypes(Double, func(a []*Vec, k int, out *Vec) (string, string) { out.F[k] = sign(a[0], k); return "", "" }, Double)},
	{"power", "power(x, y)", "x to the power of y", 2, 2, fixedTypes(Double, power, Double)},
	{"ln", "ln(x)", "the natural logarithm; NULL when x is not positive", 1, 1, fixedTypes(Double, logarithm, Double)},
	{"regexp_replace", "regexp_replace(text, pattern, replacement)", "the text with each match of a Java pattern replaced; $1 is a group", 3, 4, bindRegexpReplace},
	{"regexp_extract", "regexp_extract(text, pattern [, group])", "a group, 1 by default, of the first match; empty without one", 2, 3, bindRegexpExtract},
	{"regexp_like", "regexp_like(text, pattern)", "whether a Java pattern is found in the text", 2, 2, bindRegexpLike},
	{"split", "split(text, pattern [, limit])", "the parts of the text between matches of a Java pattern", 2, 3, bindSplit},
	{"element_at", "element_at(array, i)", "item i of an array, from 1; negative ones count from the end", 2, 2, bindElementAt},
	{"size", "size(array)", "the number of items", 1, 1, bindSize},
	{"hash", "hash(x, …)", "Spark's murmur3 hash", 1, -1, bindHash(murmur3{}, Int)},
	{"xxhash64", "xxhash64(x, …)", "Spark's 64-bit xxHash", 1, -1, bindHash(xxHash64{}, BigInt)},
	{"date_format", "date_format(time, pattern)", "the time as text by a Java pattern", 2, 2, bindDateFormat},
	{"date_trunc", "date_trunc(unit, time)", "the timestamp cut to year, quarter, month, week, day, hour, minute, second, millisecond or microsecond", 2, 2, bindTrunc(Timestamp, 1)},
	{"trunc", "trunc(date, unit)", "the first day of the date's year, quarter, month or week", 2, 2, bindTrunc(Date, 0)},
	{"unix_timestamp", "unix_timestamp([time [, pattern]])", "the seconds since 1970-01-01 00:00:00 UTC", 0, 2, bindUnixTimestamp},
	{"from_unixtime", "from_unixtime(seconds [, pattern])", "the time as text", 1, 2, bindFromUnixtime},
	{"year", "year(date)", "the year", 1, 1, columnar(Int, datePart(func(y, _, _ int) int64 { return int64(y) }), Date)},
}

func concat(a []*Vec, k int, out *Vec) (string, string) {
	var b strings.Builder
	for _, v := range a {
		b.WriteString(v.S[k])
	}
	out.S[k] = b.String()
	return "", ""
}

func bindConcatWS(s *Scope, x *parse.Call, args []Expr) (Expr, error) {
	for i := range args {
		var err error
		if args[i], err = s.to(x, i, args[i], Type{Kind: String}); err != nil {
			return nil, err
		}
	}
	return &apply{args: args, typ: Type{Kind: String}, nulls: true, f: func(a []*Vec, k int, out *Vec) (string, string) {
		if a[0].null(k) {
			out.setNull(k)
			return "", ""
		}
		var parts []string
		for _, v := range a[1:] {
			if !v.null(k) {
				parts = append(parts, v.S[k])
			}
		}
		out.S[k] = strings.Join(parts, a[0].S[k])
		return "", ""
	}}, nil
}

func bindNow(k Kind) func(*Scope, *parse.Call, []Expr) (Expr, error) {
	return func(s *Scope, _ *parse.Call, _ []Expr) (Expr, error) {
		return constant(Type{Kind: k}, func(v *Vec) {
			v.I[0] = s.Now.UnixMicro()
			if k == Date {
				v.I[0] = floorDiv(v.I[0], dayMicros)
			}
		}), nil
	}
}

func bindAbs(s *Scope, x *parse.Call, args []Expr) (Expr, error) {
	e := args[0]
	if e.Type().Kind == String || e.Type().Kind == Null {
		var err error
		if e, err = s.to(x, 0, e, Type{Kind: Double}); err != nil {
			return nil, err
		}
	}
	if !e.Type().numeric() {
		return nil, refuse(x, "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "abs needs a number, not %s", e.Type())
	}
	lo := integerRange[e.Type().Kind][0]
	return &apply{args: []Expr{e}, typ: e.Type(), f: func(a []*Vec, k int, out *Vec) (string, string) {
		switch v := a[0]; {
		case v.F != nil:
			out.F[k] = math.Abs(v.F[k])
		case v.D != nil:
			out.D[k] = v.D[k].Abs()
		case v.I[k] == lo:
			return overflow, "abs(" + v.text(k) + ") overflows " + v.Type.String()
		default:
			out.I[k] = max(v.I[k], -v.I[k])
		}
		return "", ""
	}}, nil
}

// bindRounding is ceil and floor: BIGINT of a double, DECIMAL without scale of a decimal.
func bindRounding(f func(float64) float64, direction int) func(*Scope, *parse.Call, []Expr) (Expr, error) {
	return func(s *Scope, x *parse.Call, args []Expr) (Expr, error) {
		e := args[0]
		switch {
		case e.Type().integral():
			return s.to(x, 0, e, Type{Kind: BigInt})
		case e.Type().Kind == Decimal:
			t := dec(e.Type().P-e.Type().S+1, 0)
			if e.Type().S == 0 {
				return e, nil
			}
			return &apply{args: []Expr{e}, typ: t, f: func(a []*Vec, k int, out *Vec) (string, string) {
				v, r := a[0].D[k].BigInt(), new(big.Int)
				v.QuoRem(v, pow10(a[0].Type.S), r)
				if r.Sign() == direction {
					v.Add(v, big.NewInt(int64(direction)))
				}
				out.D[k] = decimal128.FromBigInt(v)
				return "", ""
			}}, nil
		}
		e, err := s.to(x, 0, e, Type{Kind: Double})
		if err != nil {
			return nil, err
		}
		return &apply{args: []Expr{e}, typ: Type{Kind: BigInt}, f: func(a []*Vec, k int, out *Vec) (string, string) {
			v := f(a[0].F[k])
			switch { // as Java's (long) cast
			case math.IsNaN(v):
				out.I[k] = 0
			case v >= math.MaxInt64:
				out.I[k] = math.MaxInt64
			case v <= math.MinInt64:
				out.I[k] = math.MinInt64
			default:
				out.I[k] = int64(v)
			}
			return "", ""
		}}, nil
	}
}

func bindCoalesce(s *Scope, x *parse.Call, _ []Expr) (Expr, error) {
	args, t, err := s.unify(x.Args)
	return &coalesce{args, t}, err
}

func bindIf(s *Scope, x *parse.Call, args []Expr) (Expr, error) {
	// Unlike WHEN, if takes NULL as a condition.
	cond := &parse.Cast{Node: x.Node, X: x.Args[0], Type: schema.Type{Kind: schema.Boolean}, SQL: "BOOLEAN"}
	if t := args[0].Type(); t.Kind != Boolean && t.Kind != Null {
		return nil, refuse(x.Args[0], "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "the condition of if must be BOOLEAN, not %s", t)
	}
	return s.caseExpr(&parse.Case{Node: x.Node, When: []parse.When{{If: cond, Then: x.Args[1]}}, Else: x.Args[2]})
}

func bindNullIf(s *Scope, x *parse.Call, _ []Expr) (Expr, error) {
	eq := &parse.Binary{Node: x.Node, Op: "=", X: x.Args[0], Y: x.Args[1]}
	return s.caseExpr(&parse.Case{Node: x.Node, When: []parse.When{{If: eq, Then: &parse.Literal{Node: x.Node, Kind: parse.Null}}}, Else: x.Args[0]})
}

// bindExtreme is greatest (1) and least (-1), which skip NULLs.
func bindExtreme(want int) func(*Scope, *parse.Call, []Expr) (Expr, error) {
	return func(s *Scope, x *parse.Call, _ []Expr) (Expr, error) {
		args, t, err := s.unify(x.Args)
		if err != nil {
			return nil, err
		}
		return &apply{args: args, typ: t, nulls: true, f: func(a []*Vec, k int, out *Vec) (string, string) {
			best := -1
			for i, v := range a {
				if !v.null(k) && (best < 0 || order(v, k, a[best], k) == want) {
					best = i
				}
			}
			if best < 0 {
				out.setNull(k)
			} else {
				out.copyFrom(k, a[best], k)
			}
			return "", ""
		}}, nil
	}
}

func makeDate(a []*Vec, k int, out *Vec) (string, string) {
	d, ok := days(int(a[0].I[k]), int(a[1].I[k]), int(a[2].I[k]))
	if !ok {
		return "DATETIME_FIELD_OUT_OF_BOUNDS", "there is no date " + a[0].text(k) + "-" + a[1].text(k) + "-" + a[2].text(k)
	}
	out.I[k] = d
	return "", ""
}

// substring counts characters from 1; 0 is 1, and negative positions count from the end.
func substring(s string, pos, n int64) string {
	size := int64(utf8.RuneCountInString(s))
	start := int64(0)
	switch {
	case pos > 0:
		start = pos - 1
	case pos < 0:
		start = size + pos
	}
	end := min(start+max(n, 0), size)
	start = max(start, 0)
	if start >= end {
		return ""
	}
	if int64(len(s)) == size {
		return s[start:end]
	}
	i, from := int64(0), 0
	for at := range s {
		if i == start {
			from = at
		}
		if i == end {
			return s[from:at]
		}
		i++
	}
	return s[from:]
}

func instr(a []*Vec, k int) int64 {
	i := strings.Index(a[0].S[k], a[1].S[k])
	if i < 0 {
		return 0
	}
	return int64(utf8.RuneCountInString(a[0].S[k][:i])) + 1
}

func replace(a []*Vec, k int, out *Vec) (string, string) {
	out.S[k] = a[0].S[k]
	if a[1].S[k] != "" {
		out.S[k] = strings.ReplaceAll(a[0].S[k], a[1].S[k], a[2].S[k])
	}
	return "", ""
}

func translate(a []*Vec, k int, out *Vec) (string, string) {
	from, to := []rune(a[1].S[k]), []rune(a[2].S[k])
	m := map[rune]rune{}
	for i, r := range from {
		if _, seen := m[r]; seen {
			continue
		}
		m[r] = -1
		if i < len(to) {
			m[r] = to[i]
		}
	}
	out.S[k] = strings.Map(func(r rune) rune {
		if t, ok := m[r]; ok {
			return t
		}
		return r
	}, a[0].S[k])
	return "", ""
}

func bindPad(left bool) func(*Scope, *parse.Call, []Expr) (Expr, error) {
	f := func(a []*Vec, k int, out *Vec) (string, string) {
		fill := " "
		if len(a) == 3 {
			fill = a[2].S[k]
		}
		out.S[k] = padText(a[0].S[k], int(a[1].I[k]), fill, left)
		return "", ""
	}
	return fixedTypes(String, f, String, Int, String)
}

func padText(s string, n int, fill string, left bool) string {
	if n <= 0 {
		return ""
	}
	have := utf8.RuneCountInString(s)
	if have >= n {
		return substring(s, 1, int64(n))
	}
	if fill == "" {
		return s
	}
	need := n - have
	p := substring(strings.Repeat(fill, need/utf8.RuneCountInString(fill)+1), 1, int64(need))
	if left {
		return p + s
	}
	return s + p
}

// initcap capitalises what follows a space and puts the rest into lower case.
func initcap(s string) string {
	start := true
	return strings.Map(func(r rune) rune {
		was := start
		start = r == ' '
		if was {
			return unicode.ToTitle(r)
		}
		return unicode.ToLower(r)
	}, s)
}

func sha2(a []*Vec, k int, out *Vec) (string, string) {
	b := []byte(a[0].S[k])
	switch a[1].I[k] {
	case 224:
		h := sha256.Sum224(b)
		out.S[k] = hex.EncodeToString(h[:])
	case 0, 256:
		h := sha256.Sum256(b)
		out.S[k] = hex.EncodeToString(h[:])
	case 384:
		h := sha512.Sum384(b)
		out.S[k] = hex.EncodeToString(h[:])
	case 512:
		h := sha512.Sum512(b)
		out.S[k] = hex.EncodeToString(h[:])
	default:
		out.setNull(k)
	}
	return "", ""
}
