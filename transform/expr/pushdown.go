package expr

import (
	"github.com/apache/arrow-go/v18/arrow"

	"github.com/firn-data/firn/internal/predicate"
)

// Predicate is what sources can be told of a condition over columns of these fields: the conjuncts that compare a column with
// constants of its own type. Others are left out, so that every row for which e is TRUE meets the predicate. Comparisons of
// floats are left out too: statistics of files say nothing of NaN, which is larger than all numbers.
func Predicate(e Expr, fields []arrow.Field) predicate.Predicate {
	if l, ok := e.(*logic); ok && !l.or {
		return predicate.All(Predicate(l.x, fields), Predicate(l.y, fields))
	}
	if CanRaise(e) {
		return predicate.True()
	}
	p, _ := whole(e, fields)
	return p
}

// whole translates all of a condition, or gives TRUE and ok = false.
func whole(e Expr, fields []arrow.Field) (p predicate.Predicate, ok bool) {
	switch e := e.(type) {
	case *shared:
		return whole(e.Expr, fields)
	case *logic:
		x, okX := whole(e.x, fields)
		y, okY := whole(e.y, fields)
		switch {
		case !okX || !okY:
			return predicate.True(), false
		case e.or:
			return predicate.Predicate{Op: predicate.Or, Args: []predicate.Predicate{x, y}}, true
		}
		return predicate.All(x, y), true
	case *isNull:
		if c, is := e.x.(*Column); is {
			op := predicate.IsNull
			if e.not {
				op = predicate.IsNotNull
			}
			return predicate.Predicate{Op: op, Column: fields[c.Index].Name}, true
		}
	case *compare:
		return comparison(e, fields)
	}
	return predicate.True(), false
}

var predicateOps = map[string][2]predicate.Op{"=": {predicate.Eq, predicate.Eq}, "<": {predicate.Lt, predicate.Gt}, "<=": {predicate.LtEq, predicate.GtEq},
	">": {predicate.Gt, predicate.Lt}, ">=": {predicate.GtEq, predicate.LtEq}, "<>": {predicate.NotEq, predicate.NotEq}}

// comparison translates column op constant, and constant op column.
func comparison(e *compare, fields []arrow.Field) (predicate.Predicate, bool) {
	ops, known := predicateOps[e.op]
	x, y, op := e.x, e.y, ops[0]
	if _, ok := x.(*literal); ok {
		x, y, op = y, x, ops[1]
	}
	c, isColumn := x.(*Column)
	l, isConstant := y.(*literal)
	if !known || !isColumn || !isConstant || l.v.null(0) {
		return predicate.True(), false
	}
	v := constantOf(fields[c.Index].Type, l.v)
	if v == nil {
		return predicate.True(), false
	}
	return predicate.Predicate{Op: op, Column: fields[c.Index].Name, Values: []any{v}}, true
}

// constantOf is a constant in the form that predicates hold values of a column in; nil where its type is another.
func constantOf(dt arrow.DataType, v *Vec) any {
	switch t := dt.(type) {
	case *arrow.BooleanType:
		return v.I[0] != 0
	case *arrow.Int32Type:
		return int32(v.I[0])
	case *arrow.Int64Type:
		return v.I[0]
	case *arrow.Date32Type:
		return arrow.Date32(v.I[0])
	case *arrow.TimestampType:
		if t.Unit == arrow.Microsecond {
			return arrow.Timestamp(v.I[0])
		}
	case *arrow.StringType:
		return v.S[0]
	case *arrow.Decimal128Type:
		if v.Type.S == int(t.Scale) {
			return v.D[0]
		}
	}
	return nil
}
