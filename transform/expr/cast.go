package expr

import (
	"fmt"
	"math"
	"math/big"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/firn-data/firn/internal/calendar"
)

const (
	castInvalid  = "CAST_INVALID_INPUT"
	castOverflow = "CAST_OVERFLOW"
)

// cast is CAST, or TRY_CAST, which gives NULL where CAST fails.
type cast struct {
	x   Expr
	to  Type
	try bool
	f   func(v *Vec, k int, out *Vec) (code, msg string)
}

func (c *cast) Type() Type { return c.to }

// Eval implements Expr.
func (c *cast) Eval(b *Batch, sel []int32) (*Vec, []RowError) {
	x, errs := c.x.Eval(b, sel)
	out := b.mem.zeroed(c.to, x.N)
	out.Valid = b.mem.copied(x.Valid)
	for k := range x.N {
		if x.null(k) {
			continue
		}
		if code, msg := c.f(x, k, out); code != "" {
			out.setNull(k)
			if !c.try {
				errs = append(errs, RowError{rowOf(sel, k), code, msg})
			}
		}
	}
	b.mem.free([]Expr{c.x}, x)
	return out, errs
}

// castFunc is how one value is cast, or nil when Spark has no such cast under ANSI.
func castFunc(from, to Type) func(v *Vec, k int, out *Vec) (code, msg string) {
	switch {
	case from.Kind == String:
		return fromString(to)
	case to.Kind == String:
		return func(v *Vec, k int, out *Vec) (string, string) {
			out.S[k] = v.text(k)
			return "", ""
		}
	case to.Kind == Binary:
		return nil
	case to.integral() && (from.numeric() || from.Kind == Boolean || from.Kind == Timestamp):
		return toInteger(to)
	case (to.Kind == Double || to.Kind == Float) && (from.numeric() || from.Kind == Boolean):
		return toFloat(to)
	case to.Kind == Decimal && (from.numeric() || from.Kind == Boolean):
		return toDecimal(to)
	case to.Kind == Boolean && from.numeric():
		return func(v *Vec, k int, out *Vec) (string, string) {
			out.I[k] = bit(v.I != nil && v.I[k] != 0 || v.F != nil && v.F[k] != 0 || v.D != nil && v.D[k].Sign() != 0)
			return "", ""
		}
	case to.Kind == Date && (from.Kind == Timestamp || from.Kind == TimestampNTZ):
		return func(v *Vec, k int, out *Vec) (string, string) {
			out.I[k] = calendar.FloorDiv(v.I[k], calendar.MicrosPerDay)
			return "", ""
		}
	case (to.Kind == Timestamp || to.Kind == TimestampNTZ) && from.Kind == Date:
		return func(v *Vec, k int, out *Vec) (string, string) {
			out.I[k] = v.I[k] * calendar.MicrosPerDay
			return "", ""
		}
	case (to.Kind == Timestamp || to.Kind == TimestampNTZ) && (from.Kind == Timestamp || from.Kind == TimestampNTZ), to.Kind == from.Kind && to.Kind != Decimal:
		return func(v *Vec, k int, out *Vec) (string, string) { // the session's zone is UTC
			out.copyFrom(k, v, k)
			return "", ""
		}
	case to.Kind == Timestamp && (from.Kind == Float || from.Kind == Double || from.Kind == Decimal):
		return toTimestamp
	case from.Kind == Timestamp && (to.Kind == Float || to.Kind == Double):
		return func(v *Vec, k int, out *Vec) (string, string) {
			out.F[k] = float64(v.I[k]) / 1e6
			if to.Kind == Float {
				out.F[k] = float64(float32(out.F[k]))
			}
			return "", ""
		}
	case from.Kind == Timestamp && to.Kind == Decimal:
		return func(v *Vec, k int, out *Vec) (string, string) {
			r := rescale(big.NewInt(v.I[k]), 6, to.S)
			if r.CmpAbs(pow10(to.P)) >= 0 {
				return outOfRange, fmt.Sprintf("%s cannot be represented as %s", v.text(k), to)
			}
			out.D[k] = decimal128.FromBigInt(r)
			return "", ""
		}
	case to.Kind == Timestamp && from.integral():
		return func(v *Vec, k int, out *Vec) (string, string) {
			switch s := v.I[k]; { // Spark saturates
			case s > math.MaxInt64/1_000_000:
				out.I[k] = math.MaxInt64
				return "", ""
			case s < math.MinInt64/1_000_000:
				out.I[k] = math.MinInt64
				return "", ""
			}
			out.I[k] = v.I[k] * 1e6
			return "", ""
		}
	}
	return nil
}

// toTimestamp takes a number as seconds.
func toTimestamp(v *Vec, k int, out *Vec) (string, string) {
	switch v.Type.Kind {
	case Decimal:
		r := v.D[k].BigInt()
		r.Quo(r.Mul(r, big.NewInt(1e6)), pow10(v.Type.S))
		out.I[k] = int64(new(big.Int).And(r, new(big.Int).SetUint64(math.MaxUint64)).Uint64()) // the low 64 bits
	default:
		f := v.F[k] * 1e6
		if math.IsNaN(f) || math.IsInf(v.F[k], 0) {
			return castInvalid, "the value " + v.text(k) + " cannot be cast to TIMESTAMP"
		}
		if f = math.Trunc(f); f < math.MinInt64 || f >= math.MaxInt64 {
			return overflows(v, k, out.Type)
		}
		out.I[k] = int64(f)
	}
	return "", ""
}

func overflows(v *Vec, k int, to Type) (string, string) {
	return castOverflow, fmt.Sprintf("the value %s of the type %s cannot be cast to %s due to an overflow", v.text(k), v.Type, to)
}

func toInteger(to Type) func(*Vec, int, *Vec) (string, string) {
	lim := integerRange[to.Kind]
	return func(v *Vec, k int, out *Vec) (string, string) {
		var r int64
		switch {
		case v.Type.Kind == Timestamp:
			r = calendar.FloorDiv(v.I[k], 1e6)
		case v.I != nil:
			r = v.I[k]
		case v.F != nil:
			f := math.Trunc(v.F[k])
			if !(f >= float64(lim[0]) && f < float64(lim[1])+1) || math.IsNaN(f) {
				return overflows(v, k, to)
			}
			r = int64(f)
		default:
			b := v.D[k].BigInt()
			b.Quo(b, pow10(v.Type.S))
			if !b.IsInt64() {
				return overflows(v, k, to)
			}
			r = b.Int64()
		}
		if r < lim[0] || r > lim[1] {
			return overflows(v, k, to)
		}
		out.I[k] = r
		return "", ""
	}
}

func toFloat(to Type) func(*Vec, int, *Vec) (string, string) {
	return func(v *Vec, k int, out *Vec) (string, string) {
		var f float64
		switch {
		case v.I != nil:
			f = float64(v.I[k])
			if to.Kind == Float {
				f = float64(float32(v.I[k]))
			}
		case v.F != nil:
			f = v.F[k]
		default:
			f, _ = new(big.Rat).SetFrac(v.D[k].BigInt(), pow10(v.Type.S)).Float64()
		}
		if to.Kind == Float {
			f = float64(float32(f))
		}
		out.F[k] = f
		return "", ""
	}
}

func toDecimal(to Type) func(*Vec, int, *Vec) (string, string) {
	limit := pow10(to.P)
	return func(v *Vec, k int, out *Vec) (string, string) {
		var r *big.Int
		switch {
		case v.I != nil:
			r = new(big.Int).Mul(big.NewInt(v.I[k]), pow10(to.S))
		case v.D != nil:
			if v.Type.S == to.S && v.Type.P <= to.P {
				out.D[k] = v.D[k]
				return "", ""
			}
			r = rescale(v.D[k].BigInt(), v.Type.S, to.S)
		case math.IsNaN(v.F[k]) || math.IsInf(v.F[k], 0):
			out.setNull(k) // as Spark does, also under ANSI
			return "", ""
		default:
			// Spark goes through the shortest decimal text of the double.
			var ok bool
			if r, ok = parseDecimal(v.text(k), to.S); !ok {
				return outOfRange, fmt.Sprintf("%s cannot be represented as %s", v.text(k), to)
			}
		}
		if r.CmpAbs(limit) >= 0 {
			return outOfRange, fmt.Sprintf("%s cannot be represented as %s", v.text(k), to)
		}
		out.D[k] = decimal128.FromBigInt(r)
		return "", ""
	}
}

// fromString parses text as Spark's casts do: white space around is ignored.
func fromString(to Type) func(*Vec, int, *Vec) (string, string) {
	invalid := func(s string) (string, string) {
		return castInvalid, fmt.Sprintf("the value '%s' of the type STRING cannot be cast to %s because it is malformed", s, to)
	}
	switch to.Kind {
	case String, Binary:
		return func(v *Vec, k int, out *Vec) (string, string) { out.S[k] = v.S[k]; return "", "" }
	case Boolean:
		return func(v *Vec, k int, out *Vec) (string, string) {
			switch strings.ToLower(trimAll(v.S[k])) {
			case "t", "true", "y", "yes", "1":
				out.I[k] = 1
			case "f", "false", "n", "no", "0":
			default:
				return invalid(v.S[k])
			}
			return "", ""
		}
	case TinyInt, SmallInt, Int, BigInt:
		lim := integerRange[to.Kind]
		return func(v *Vec, k int, out *Vec) (string, string) {
			r, ok := parseInteger(trimAll(v.S[k]))
			if !ok || r < lim[0] || r > lim[1] {
				return invalid(v.S[k])
			}
			out.I[k] = r
			return "", ""
		}
	case Float, Double:
		return func(v *Vec, k int, out *Vec) (string, string) {
			f, ok := parseFloat(trimAll(v.S[k]), to.Kind == Float)
			if !ok {
				return invalid(v.S[k])
			}
			out.F[k] = f
			return "", ""
		}
	case Decimal:
		limit := pow10(to.P)
		return func(v *Vec, k int, out *Vec) (string, string) {
			if d, ok := parseSmallDecimal(v.S[k], to); ok {
				out.D[k] = decimal128.FromI64(d)
				return "", ""
			}
			r, ok := parseDecimal(trimAll(v.S[k]), to.S)
			if !ok {
				return invalid(v.S[k])
			}
			if r.CmpAbs(limit) >= 0 {
				return outOfRange, fmt.Sprintf("%s cannot be represented as %s", v.S[k], to)
			}
			out.D[k] = decimal128.FromBigInt(r)
			return "", ""
		}
	case Date:
		return func(v *Vec, k int, out *Vec) (string, string) {
			d, ok := parseDate(trimAll(v.S[k]))
			if !ok {
				return invalid(v.S[k])
			}
			out.I[k] = d
			return "", ""
		}
	case Timestamp, TimestampNTZ:
		return func(v *Vec, k int, out *Vec) (string, string) {
			t, ok := parseTimestamp(trimAll(v.S[k]), to.Kind == Timestamp)
			if !ok {
				return invalid(v.S[k])
			}
			out.I[k] = t
			return "", ""
		}
	}
	return nil
}
