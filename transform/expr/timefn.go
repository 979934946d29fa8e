package expr

import (
	"errors"
	"strings"

	"github.com/firn-data/firn/internal/calendar"
	"github.com/firn-data/firn/internal/datepattern"
	"github.com/firn-data/firn/transform/parse"
)

const cannotParse = "CANNOT_PARSE_TIMESTAMP"

// bindToTime is to_date, to_timestamp and to_timestamp_ntz: a cast, or with a pattern a text read by it.
func bindToTime(kind Kind) func(*Scope, *parse.Call, []Expr) (Expr, error) {
	return func(s *Scope, x *parse.Call, args []Expr) (Expr, error) {
		if len(args) == 1 || args[0].Type().Kind != String && args[0].Type().Kind != Null {
			if t := args[0].Type(); kind == Date && (t.numeric() || t.Kind == Boolean) {
				var err error
				if args[0], err = s.to(x, 0, args[0], Type{Kind: String}); err != nil {
					return nil, err
				}
			}
			if t := args[0].Type(); t.Kind != String && t.Kind != Null && !datelike(t) && !(kind == Timestamp && t.numeric()) {
				return nil, refuse(x.Args[0], "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "argument 1 of %s must be text or a time, not %s", x.Name, t)
			}
			return s.convert(x.Args[0], args[0], Type{Kind: kind})
		}
		p, null, err := s.constantPattern(x, 1, args[1], true)
		if err != nil {
			var e *Error
			if errors.As(err, &e) && kind == TimestampNTZ && strings.HasPrefix(e.Code, "INCONSISTENT") {
				e.Code = datepattern.BadPattern // Spark 2 had no such type to compare with
			}
			return nil, err
		}
		if null || args[0].Type().Kind == Null {
			return nullOf(Type{Kind: kind}), nil
		}
		return &apply{typ: Type{Kind: kind}, args: args[:1], f: func(a []*Vec, k int, out *Vec) (string, string) {
			t, ok := p.Parse(a[0].S[k], kind != TimestampNTZ)
			if !ok {
				return cannotParse, "the text '" + a[0].S[k] + "' does not follow the pattern"
			}
			if kind == Date {
				t = calendar.FloorDiv(t, calendar.MicrosPerDay)
			}
			out.I[k] = t
			return "", ""
		}}, nil
	}
}

// bindDateFormat is date_format(time, pattern).
func bindDateFormat(s *Scope, x *parse.Call, args []Expr) (Expr, error) {
	e, err := s.to(x, 0, args[0], Type{Kind: Timestamp})
	if err != nil {
		return nil, err
	}
	return s.formatted(x, e, args[1], 1)
}

// formatted is a timestamp as text, by the pattern that is argument i.
func (s *Scope) formatted(x *parse.Call, e, pattern Expr, scale int64) (Expr, error) {
	p, null, err := s.constantPattern(x, 1, pattern, false)
	if err != nil {
		return nil, err
	}
	if null {
		return nullOf(Type{Kind: String}), nil
	}
	return &apply{typ: Type{Kind: String}, args: []Expr{e}, f: func(a []*Vec, k int, out *Vec) (string, string) {
		text, ok := p.Format(nil, a[0].I[k]*scale)
		if !ok {
			return datepattern.BadPattern, "the time " + a[0].text(k) + " does not fit the pattern"
		}
		out.S[k] = string(text)
		return "", ""
	}}, nil
}

func defaultPattern() Expr {
	return constant(Type{Kind: String}, func(v *Vec) { v.S[0] = "yyyy-MM-dd HH:mm:ss" })
}

// bindFromUnixtime is from_unixtime(seconds [, pattern]).
func bindFromUnixtime(s *Scope, x *parse.Call, args []Expr) (Expr, error) {
	e, err := s.to(x, 0, args[0], Type{Kind: BigInt})
	if err != nil {
		return nil, err
	}
	if len(args) == 1 {
		x = &parse.Call{Node: x.Node, Name: x.Name, Args: []parse.Expr{x.Args[0], x.Args[0]}}
		args = append(args, defaultPattern())
	}
	return s.formatted(x, e, args[1], 1e6)
}

// bindUnixTimestamp is unix_timestamp([time or text [, pattern]]): seconds since 1970.
func bindUnixTimestamp(s *Scope, x *parse.Call, args []Expr) (Expr, error) {
	if len(args) == 0 {
		return constant(Type{Kind: BigInt}, func(v *Vec) { v.I[0] = s.Now.Unix() }), nil
	}
	e := args[0]
	switch t := e.Type(); {
	case t.Kind == Null:
		return nullOf(Type{Kind: BigInt}), nil
	case t.Kind == String:
		pattern := defaultPattern()
		at := *x
		if len(args) == 2 {
			pattern = args[1]
		} else {
			at.Args = []parse.Expr{x.Args[0], x.Args[0]}
		}
		var err error
		if e, err = bindToTime(Timestamp)(s, &at, []Expr{e, pattern}); err != nil {
			return nil, err
		}
	case t.Kind == Date:
		return &apply{typ: Type{Kind: BigInt}, args: []Expr{e}, f: intFn(func(a []*Vec, k int) int64 { return a[0].I[k] * 86400 })}, nil
	case !datelike(t):
		return nil, refuse(x.Args[0], "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "argument 1 of %s must be text or a time, not %s", x.Name, t)
	}
	return &apply{typ: Type{Kind: BigInt}, args: []Expr{e}, f: intFn(func(a []*Vec, k int) int64 { return a[0].I[k] / 1e6 })}, nil
}

// bindTrunc is date_trunc(unit, time) and trunc(date, unit): NULL, whatever the time, for a unit that there is not.
func bindTrunc(kind Kind, time int) func(*Scope, *parse.Call, []Expr) (Expr, error) {
	truncate := truncateMicros
	if kind == Date {
		truncate = truncateDay
	}
	return func(s *Scope, x *parse.Call, args []Expr) (Expr, error) {
		unit, err := s.to(x, 1-time, args[1-time], Type{Kind: String})
		if err != nil {
			return nil, err
		}
		e, err := s.to(x, time, args[time], Type{Kind: kind})
		if err != nil {
			return nil, err
		}
		l, ok := unit.(*literal)
		if !ok {
			return nil, refuse(x.Args[1-time], "NEEDS_SPARK", "a unit that is not a constant needs engine: spark")
		}
		name := strings.ToUpper(l.v.S[0])
		if _, known := truncate(0, name); !known || l.v.null(0) {
			return nullOf(Type{Kind: kind}), nil
		}
		return &apply{typ: Type{Kind: kind}, args: []Expr{e}, f: intFn(func(a []*Vec, k int) int64 {
			t, _ := truncate(a[0].I[k], name)
			return t
		})}, nil
	}
}
