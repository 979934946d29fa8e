package transform

import (
	"strings"

	"github.com/firn-data/firn/transform/parse"
)

// show writes an expression for people, on one line.
func show(x parse.Expr) string {
	switch x := x.(type) {
	case *parse.Column:
		return strings.Join(x.Parts, ".")
	case *parse.Literal:
		switch x.Kind {
		case parse.Null:
			return "NULL"
		case parse.Number, parse.Boolean:
			return x.Text
		}
		return "'" + strings.ReplaceAll(x.Text, "'", "''") + "'"
	case *parse.Param:
		return ":" + x.Name
	case *parse.Unary:
		if x.Op == "NOT" {
			return "NOT " + show(x.X)
		}
		return x.Op + show(x.X)
	case *parse.Binary:
		return nested(x.X) + " " + x.Op + " " + nested(x.Y)
	case *parse.Cast:
		return map[bool]string{false: "CAST(", true: "TRY_CAST("}[x.Try] + show(x.X) + " AS " + x.SQL + ")"
	case *parse.Is:
		return show(x.X) + map[bool]string{false: " IS ", true: " IS NOT "}[x.Not] + x.What
	case *parse.Call:
		return showCall(x)
	}
	return "…"
}

// nested puts parentheses around an operand that is an operation.
func nested(x parse.Expr) string {
	if _, ok := x.(*parse.Binary); ok {
		return "(" + show(x) + ")"
	}
	return show(x)
}

func showCall(x *parse.Call) string {
	args := make([]string, len(x.Args))
	for i, a := range x.Args {
		args[i] = show(a)
	}
	s := x.Name + "("
	if x.Star {
		s += "*"
	}
	if x.Distinct {
		s += "DISTINCT "
	}
	s += strings.Join(args, ", ") + ")"
	if x.Filter != nil {
		s += " FILTER (WHERE " + show(x.Filter) + ")"
	}
	if x.Over != nil {
		s += " OVER (…)"
	}
	return s
}
