package transform

import (
	"cmp"
	"encoding/binary"
	"math"
	"math/big"

	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/firn-data/firn/transform/expr"
)

// accumulator holds the state of one aggregate for each group, by number.
type accumulator interface {
	// grow makes room for groups up to n.
	grow(n int)
	// add takes values in: value k goes to groups[k]. arg is nil for count(*).
	add(groups []int32, arg *expr.Vec)
	// encode appends the state of a group; merge takes one in and gives what follows.
	encode(dst []byte, group int) []byte
	merge(group int, state []byte) []byte
	// result sets value i of out to the result of a group; a non-empty code is an error.
	result(out *expr.Vec, i, group int) (code, msg string)
	// bytes is the memory of all states.
	bytes() int64
}

// aggregate is one aggregate of a query.
type aggregate struct {
	name     string // sum, avg, count, count_if, min, max
	text     string // for Explain
	args     []expr.Expr
	distinct bool
	typ      expr.Type
}

// accumulator makes the state. arg is the type of the values, of the kind Null for count(*).
func (a aggregate) accumulator() accumulator {
	switch a.name {
	case "count":
		return &counts{}
	case "min", "max":
		return &extremes{largest: a.name == "max", v: expr.NewVec(a.typ, 0)}
	}
	arg := a.args[0].Type()
	if arg.Kind == expr.Double {
		return &floatSums{avg: a.name == "avg"}
	}
	return &wideSums{avg: a.name == "avg", arg: arg, typ: a.typ}
}

func grown[T any](s []T, n int) []T {
	if n <= cap(s) {
		return s[:n]
	}
	out := make([]T, n, max(n, 2*cap(s)))
	copy(out, s)
	return out
}

// counts counts values that are not NULL.
type counts struct{ n []int64 }

func (c *counts) grow(n int) { c.n = grown(c.n, n) }

func (c *counts) add(groups []int32, arg *expr.Vec) {
	if arg == nil || arg.Valid == nil {
		for _, g := range groups {
			c.n[g]++
		}
		return
	}
	for k, g := range groups {
		if arg.Valid[k] {
			c.n[g]++
		}
	}
}

func (c *counts) encode(dst []byte, g int) []byte { return binary.AppendUvarint(dst, uint64(c.n[g])) }

func (c *counts) merge(g int, src []byte) []byte {
	n, w := binary.Uvarint(src)
	c.n[g] += int64(n)
	return src[w:]
}

func (c *counts) result(out *expr.Vec, i, g int) (string, string) {
	out.I[i] = c.n[g]
	return "", ""
}

func (c *counts) bytes() int64 { return 8 * int64(cap(c.n)) }

// floatSums is sum and avg of doubles, exact and rounded once.
type floatSums struct {
	avg  bool
	s    []exactSum
	more int64 // groups with more than two parts
}

func (f *floatSums) grow(n int) { f.s = grown(f.s, n) }

func (f *floatSums) add(groups []int32, arg *expr.Vec) {
	for k, g := range groups {
		if arg.Valid == nil || arg.Valid[k] {
			had := f.s[g].rest != nil
			f.s[g].add(arg.F[k])
			if !had && f.s[g].rest != nil {
				f.more++
			}
		}
	}
}

func (f *floatSums) encode(dst []byte, g int) []byte { return f.s[g].encode(dst) }
func (f *floatSums) merge(g int, src []byte) []byte  { return f.s[g].merge(src) }
func (f *floatSums) bytes() int64                    { return 32*int64(cap(f.s)) + 512*f.more }

func (f *floatSums) result(out *expr.Vec, i, g int) (string, string) {
	s := &f.s[g]
	if s.n == 0 {
		out.SetNull(i)
		return "", ""
	}
	if out.F[i] = s.value(); f.avg {
		out.F[i] /= float64(s.n)
	}
	return "", ""
}

// wideSums is sum and avg of integers and decimals.
type wideSums struct {
	avg      bool
	arg, typ expr.Type
	s        []wideSum
}

func (w *wideSums) grow(n int) { w.s = grown(w.s, n) }

func (w *wideSums) add(groups []int32, arg *expr.Vec) {
	if arg.D == nil {
		for k, g := range groups {
			if arg.Valid == nil || arg.Valid[k] {
				w.s[g].addInt(arg.I[k])
				w.s[g].n++
			}
		}
		return
	}
	for k, g := range groups {
		if arg.Valid == nil || arg.Valid[k] {
			d := arg.D[k]
			w.s[g].add(d.LowBits(), uint64(d.HighBits()), uint64(d.HighBits()>>63))
			w.s[g].n++
		}
	}
}

func (w *wideSums) encode(dst []byte, g int) []byte {
	s := &w.s[g]
	dst = binary.AppendUvarint(dst, uint64(s.n))
	for _, x := range s.w {
		dst = binary.LittleEndian.AppendUint64(dst, x)
	}
	return dst
}

func (w *wideSums) merge(g int, src []byte) []byte {
	n, k := binary.Uvarint(src)
	src = src[k:]
	w.s[g].n += int64(n)
	w.s[g].add(binary.LittleEndian.Uint64(src), binary.LittleEndian.Uint64(src[8:]), binary.LittleEndian.Uint64(src[16:]))
	return src[24:]
}

func (w *wideSums) bytes() int64 { return 32 * int64(cap(w.s)) }

func (w *wideSums) result(out *expr.Vec, i, g int) (string, string) {
	s := &w.s[g]
	switch {
	case s.n == 0:
		out.SetNull(i)
	case w.typ.Kind == expr.BigInt:
		v, ok := s.int64()
		if out.I[i] = v; !ok {
			return "ARITHMETIC_OVERFLOW", "the sum of integers does not fit in BIGINT"
		}
	case w.typ.Kind == expr.Double: // the average of integers
		sum, _ := new(big.Float).SetInt(s.big()).Float64()
		out.F[i] = sum / float64(s.n)
	default:
		if d, ok := s.decimal(); ok && !w.avg && d.FitsInPrecision(int32(w.typ.P)) {
			out.D[i] = d
			return "", ""
		}
		v := s.big()
		if w.avg {
			v = halfUp(v.Mul(v, power10(w.typ.S-w.arg.S)), s.n)
		}
		if v.CmpAbs(power10(w.typ.P)) >= 0 {
			return "ARITHMETIC_OVERFLOW", "the sum of decimals does not fit in " + w.typ.String()
		}
		out.D[i] = decimal128.FromBigInt(v)
	}
	return "", ""
}

func power10(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// halfUp is v/n, rounded half away from zero.
func halfUp(v *big.Int, n int64) *big.Int {
	d := big.NewInt(n)
	q, r := new(big.Int).QuoRem(v, d, new(big.Int))
	if r.Abs(r).Lsh(r, 1).Cmp(d) >= 0 {
		q.Add(q, big.NewInt(int64(v.Sign())))
	}
	return q
}

// extremes is min and max.
type extremes struct {
	largest bool
	v       *expr.Vec
	seen    []bool
	text    int64
}

func (x *extremes) grow(n int) {
	x.seen = grown(x.seen, n)
	v := x.v
	v.N = n
	switch {
	case v.F != nil:
		v.F = grown(v.F, n)
	case v.D != nil:
		v.D = grown(v.D, n)
	case v.S != nil:
		v.S = grown(v.S, n)
	default:
		v.I = grown(v.I, n)
	}
}

func (x *extremes) add(groups []int32, arg *expr.Vec) {
	for k, g := range groups {
		if arg.Valid == nil || arg.Valid[k] {
			x.take(int(g), arg, k)
		}
	}
}

func (x *extremes) take(g int, o *expr.Vec, k int) {
	if x.seen[g] {
		c := expr.Compare(o, k, x.v, g, false, false)
		if c == 0 && o.F != nil { // of −0.0 and 0.0 the order of rows must not decide
			c = cmp.Compare(math.Float64bits(x.v.F[g])>>63, math.Float64bits(o.F[k])>>63)
		}
		if c == 0 || (c > 0) != x.largest {
			return
		}
	}
	x.seen[g] = true
	switch {
	case x.v.F != nil:
		x.v.F[g] = o.F[k]
	case x.v.D != nil:
		x.v.D[g] = o.D[k]
	case x.v.S != nil:
		x.text += int64(len(o.S[k]) - len(x.v.S[g]))
		x.v.S[g] = string([]byte(o.S[k])) // the batch's memory goes
	default:
		x.v.I[g] = o.I[k]
	}
}

func (x *extremes) encode(dst []byte, g int) []byte {
	if !x.seen[g] {
		return append(dst, 0)
	}
	dst = x.v.AppendKey(dst, g)
	if x.v.F != nil { // a key has no −0.0
		binary.LittleEndian.PutUint64(dst[len(dst)-8:], math.Float64bits(x.v.F[g]))
	}
	return dst
}

func (x *extremes) merge(g int, src []byte) []byte {
	one := expr.NewVec(x.v.Type, 1)
	rest := one.SetKey(0, src)
	if !one.Null(0) {
		x.take(g, one, 0)
	}
	return rest
}

func (x *extremes) result(out *expr.Vec, i, g int) (string, string) {
	switch {
	case !x.seen[g]:
		out.SetNull(i)
	case out.F != nil:
		out.F[i] = x.v.F[g]
	case out.D != nil:
		out.D[i] = x.v.D[g]
	case out.S != nil:
		out.S[i] = x.v.S[g]
	default:
		out.I[i] = x.v.I[g]
	}
	return "", ""
}

func (x *extremes) bytes() int64 { return 17*int64(cap(x.seen)) + x.text }
