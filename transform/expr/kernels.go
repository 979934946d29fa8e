package expr

import (
	"unicode/utf8"
	"unsafe"

	"github.com/firn-data/firn/internal/calendar"
	"github.com/firn-data/firn/transform/parse"
)

// A kernel computes a function for all rows at once. It cannot fail, and what it makes of NULLs does not matter.
type kernel func(m *scratch, a []*Vec, out *Vec)

// datePart gives a part of each date.
func datePart(part func(y, m, d int) int64) kernel {
	return func(_ *scratch, a []*Vec, out *Vec) {
		in := a[0].I[:len(out.I)]
		last := int64(-1 << 62) // rows often repeat a date
		v := int64(0)
		for k, day := range in {
			if day != last {
				y, m, d := calendar.Civil(int64(int32(day)))
				v, last = part(y, m, d), day
			}
			out.I[k] = v
		}
	}
}

// addDays adds days to dates; it wraps at 32 bits, as Spark does.
func addDays(sign int64) kernel {
	return func(_ *scratch, a []*Vec, out *Vec) {
		x, y := a[0].I[:len(out.I)], a[1].I[:len(out.I)]
		for k := range out.I {
			out.I[k] = int64(int32(x[k] + sign*y[k]))
		}
	}
}

// textKernel maps texts one by one where the result is part of the text, or the text.
func textKernel(f func(string) string) kernel {
	return func(_ *scratch, a []*Vec, out *Vec) {
		for k, s := range a[0].S {
			out.S[k] = f(s)
		}
	}
}

// changeCase is lower and upper: ASCII goes into one buffer for the whole batch, other texts letter by letter.
func changeCase(upper bool) kernel {
	first, other := byte('A'), lowerText
	if upper {
		first, other = 'a', upperText
	}
	return func(m *scratch, a []*Vec, out *Vec) {
		size := 0
		for _, s := range a[0].S {
			size += len(s)
		}
		buf := m.text(size)
		for k, s := range a[0].S {
			to := buf[:len(s)]
			var high byte
			for i := range len(s) {
				c := s[i]
				high |= c
				to[i] = c
				if c-first < 26 {
					to[i] = c ^ 0x20
				}
			}
			if high >= 0x80 {
				out.S[k] = other(s)
				continue
			}
			out.S[k] = unsafe.String(unsafe.SliceData(to), len(to))
			buf = buf[len(s):]
		}
	}
}

// bindLength counts the bytes of a binary, and the characters of anything else as text.
func bindLength(s *Scope, x *parse.Call, args []Expr) (Expr, error) {
	if args[0].Type().Kind == Binary {
		return columnar(Int, countBytes, Binary)(s, x, args)
	}
	return columnar(Int, countCharacters, String)(s, x, args)
}

func countBytes(_ *scratch, a []*Vec, out *Vec) {
	for k, s := range a[0].S {
		out.I[k] = int64(len(s))
	}
}

func countCharacters(_ *scratch, a []*Vec, out *Vec) {
	for k, s := range a[0].S {
		out.I[k] = int64(utf8.RuneCountInString(s))
	}
}
