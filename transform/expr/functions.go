package expr

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"math"
	"math/big"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/firn-data/firn/internal/calendar"
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
		return f(calendar.FloorDiv(a[0].I[k], 1e6) - 86400*calendar.FloorDiv(a[0].I[k], calendar.MicrosPerDay))
	})
}

// floatFn is a function from one double to a double.
func floatFn(f func(float64) float64) fn {
	return func(a []*Vec, k int, out *Vec) (string, string) { out.F[k] = f(a[0].F[k]); return "", "" }
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
				v.I[0] = calendar.FloorDiv(v.I[0], calendar.MicrosPerDay)
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
	return func(s *Scope, x *parse.Call, bound []Expr) (Expr, error) {
		texts, others := false, false
		for _, a := range bound {
			texts = texts || a.Type().Kind == String
			others = others || a.Type().Kind != String && a.Type().Kind != Null
		}
		if texts && others {
			return nil, refuse(x, "DATATYPE_MISMATCH.DATA_DIFF_TYPES", "%s compares texts with texts only", x.Name)
		}
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
	d, ok := calendar.Exact(int(a[0].I[k]), int(a[1].I[k]), int(a[2].I[k]))
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
	to := ""
	if len(a) == 3 {
		to = a[2].S[k]
	}
	if a[1].S[k] != "" {
		out.S[k] = strings.ReplaceAll(a[0].S[k], a[1].S[k], to)
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

// maxText bounds in bytes what one value may be made of by a number: such a text would take the run's memory.
const maxText = 64 << 20

func tooLong(name string) (string, string) {
	return "TEXT_TOO_LONG", name + " would make a text of more than 64 MiB"
}

func repeat(a []*Vec, k int, out *Vec) (string, string) {
	n := max(0, a[1].I[k])
	if n*int64(len(a[0].S[k])) > maxText {
		return tooLong("repeat")
	}
	out.S[k] = strings.Repeat(a[0].S[k], int(n))
	return "", ""
}

func bindPad(left bool) func(*Scope, *parse.Call, []Expr) (Expr, error) {
	f := func(a []*Vec, k int, out *Vec) (string, string) {
		if a[1].I[k] > maxText/4 {
			return tooLong("padding")
		}
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
