package expr

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firn-data/firn/internal/spelling"
	"github.com/firn-data/firn/transform/parse"
)

// apply is a function of values that is NULL when an argument is.
type apply struct {
	args []Expr
	typ  Type
	f    func(args []*Vec, k int, out *Vec) (code, msg string)
	// nulls: f also sees rows with NULL arguments.
	nulls bool
	all   kernel // nil: f, row by row
}

func (a *apply) Type() Type { return a.typ }

// Eval implements Expr.
func (a *apply) Eval(b *Batch, sel []int32) (*Vec, []RowError) {
	n := count(b, sel)
	vecs := make([]*Vec, len(a.args))
	var errs []RowError
	for i, x := range a.args {
		v, more := x.Eval(b, sel)
		vecs[i], errs = v, append(errs, more...)
	}
	if a.all != nil {
		out := b.mem.raw(a.typ, n)
		for i, v := range vecs {
			if i == 0 {
				out.Valid = b.mem.copied(v.Valid)
			} else {
				out.Valid = b.mem.bothValid(out, v)
			}
		}
		a.all(b.mem, vecs, out)
		b.mem.free(a.args, vecs...)
		return out, errs
	}
	bad := badRows(errs)
	out := b.mem.zeroed(a.typ, n)
rows:
	for k := range n {
		if bad != nil && bad[rowOf(sel, k)] {
			out.setNull(k)
			continue
		}
		if !a.nulls {
			for _, v := range vecs {
				if v.null(k) {
					out.setNull(k)
					continue rows
				}
			}
		}
		if code, msg := a.f(vecs, k, out); code != "" {
			errs = append(errs, RowError{rowOf(sel, k), code, msg})
			out.setNull(k)
		}
	}
	b.mem.free(a.args, vecs...)
	return out, errs
}

// Function describes one SQL function for the binder, `firn functions` and the docs.
type Function struct {
	Name    string
	Usage   string // substring(text, position [, length])
	Doc     string // what it gives, in one line
	Example string // "" where the result depends on the clock
	min     int
	max     int // -1: any number
	bind    func(s *Scope, x *parse.Call, args []Expr) (Expr, error)
}

// Aliases are the function's further names, sorted.
func (f Function) Aliases() (out []string) {
	for alias, name := range aliases {
		if name == f.Name {
			out = append(out, alias)
		}
	}
	slices.Sort(out)
	return out
}

// Functions lists the scalar functions, sorted by name.
func Functions() []Function {
	out := slices.Clone(functions)
	slices.SortFunc(out, func(a, b Function) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Aggregates are the names of aggregate functions, which only a query with groups may call.
var Aggregates = []string{"avg", "count", "count_if", "max", "min", "sum"}

// aliases are further names of functions.
var aliases = map[string]string{"ceiling": "ceil", "char_length": "length", "character_length": "length", "date_diff": "datediff", "dateadd": "date_add", "dayofmonth": "day", "ifnull": "nvl", "lcase": "lower", "now": "current_timestamp", "pow": "power",
	"regexp": "regexp_like", "rlike": "regexp_like", "signum": "sign", "substr": "substring", "ucase": "upper"}

func (s *Scope) call(x *parse.Call) (Expr, error) {
	name := x.Name
	if of := aliases[name]; of != "" {
		name = of
	}
	for i := range s.Functions {
		f := &s.Functions[i]
		if f.Name != name {
			continue
		}
		if x.Star || x.Distinct || x.Filter != nil || x.Over != nil {
			return nil, refuse(x, "INVALID_SQL_SYNTAX.FUNCTION", "%s takes only arguments", x.Name)
		}
		if len(x.Args) > f.max && f.max >= 0 && slices.Contains([]string{"ceil", "floor", "ltrim", "rtrim", "trim"}, name) {
			return nil, refuse(x, "NEEDS_SPARK", "%s with %d arguments needs engine: spark", x.Name, len(x.Args))
		}
		if len(x.Args) < f.min || f.max >= 0 && len(x.Args) > f.max {
			return nil, refuse(x, "WRONG_NUM_ARGS", "%s has %d arguments: write %s", x.Name, len(x.Args), f.Usage)
		}
		args := make([]Expr, len(x.Args))
		for i, a := range x.Args {
			var err error
			if args[i], err = s.Bind(a); err != nil {
				return nil, err
			}
		}
		return f.bind(s, x, args)
	}
	if slices.Contains(Aggregates, x.Name) {
		return nil, refuse(x, "NEEDS_SPARK", "the aggregate %s needs engine: spark here", x.Name)
	}
	var names []string
	for _, f := range s.Functions {
		names = append(names, f.Name)
	}
	e := &Error{Pos: x.At, Code: "NEEDS_SPARK", Msg: fmt.Sprintf("the function %s needs engine: spark", x.Name)}
	if near := spelling.Nearest(x.Name, names); near != "" {
		e.Hint = fmt.Sprintf("did you mean %s?", near)
	}
	return nil, e
}

// to casts an argument to a type that the function takes.
func (s *Scope) to(x *parse.Call, i int, e Expr, t Type) (Expr, error) {
	out, err := s.convert(x.Args[i], e, t)
	if err != nil || !implicit(e.Type(), t) {
		return nil, refuse(x.Args[i], "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "argument %d of %s must be %s, not %s", i+1, x.Name, t, e.Type())
	}
	return out, nil
}

// columnar makes the bind of a function that has a kernel.
func columnar(result Kind, all kernel, kinds ...Kind) func(*Scope, *parse.Call, []Expr) (Expr, error) {
	bind := fixedTypes(result, nil, kinds...)
	return func(s *Scope, x *parse.Call, args []Expr) (Expr, error) {
		e, err := bind(s, x, args)
		if err != nil {
			return nil, err
		}
		e.(*apply).all = all
		return e, nil
	}
}

// implicit reports whether Spark casts an argument by itself under ANSI: text to anything, anything to text, numbers and
// times among themselves.
func implicit(from, to Type) bool {
	return from.Kind == Null || from.Kind == to.Kind || from.Kind == String || to.Kind == String || from.numeric() && to.numeric() || datelike(from) && datelike(to)
}

// textOnly refuses a binary first argument, of which Spark's function gives a binary.
func textOnly(bind func(*Scope, *parse.Call, []Expr) (Expr, error)) func(*Scope, *parse.Call, []Expr) (Expr, error) {
	return func(s *Scope, x *parse.Call, args []Expr) (Expr, error) {
		if len(args) > 0 && args[0].Type().Kind == Binary && (x.Name != "concat" || allBinary(args)) {
			return nil, refuse(x.Args[0], "NEEDS_SPARK", "%s of BINARY needs engine: spark", x.Name)
		}
		return bind(s, x, args)
	}
}

func allBinary(args []Expr) bool {
	return !slices.ContainsFunc(args, func(e Expr) bool { return e.Type().Kind != Binary && e.Type().Kind != Null })
}

// fixedTypes makes the bind of a function whose arguments have the given types, the last of them repeated.
func fixedTypes(result Kind, f func(a []*Vec, k int, out *Vec) (string, string), kinds ...Kind) func(*Scope, *parse.Call, []Expr) (Expr, error) {
	return func(s *Scope, x *parse.Call, args []Expr) (Expr, error) {
		for i := range args {
			var err error
			if args[i], err = s.to(x, i, args[i], Type{Kind: kinds[min(i, len(kinds)-1)]}); err != nil {
				return nil, err
			}
		}
		return &apply{args: args, typ: Type{Kind: result}, f: f}, nil
	}
}
