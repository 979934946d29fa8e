package expr

import (
	"github.com/firn-data/firn/transform/parse"
)

// common is the type to which two operands of a comparison, a CASE or a COALESCE are cast, by Spark's ANSI rules; ok is
// false when there is none.
func common(a, b Type) (Type, bool) {
	switch {
	case a.same(b):
		return a, true
	case a.Kind == Null:
		return b, true
	case b.Kind == Null:
		return a, true
	case a.Kind == Opaque || b.Kind == Opaque:
		return Type{}, false
	case a.integral() && b.integral():
		return Type{Kind: max(a.Kind, b.Kind)}, true
	case a.numeric() && b.numeric():
		return commonNumeric(a, b), true
	case a.Kind == String:
		return withString(b)
	case b.Kind == String:
		return withString(a)
	case datelike(a) && datelike(b):
		if a.Kind == Timestamp || b.Kind == Timestamp {
			return Type{Kind: Timestamp}, true
		}
		return Type{Kind: TimestampNTZ}, true
	}
	return Type{}, false
}

func datelike(t Type) bool { return t.Kind == Date || t.Kind == Timestamp || t.Kind == TimestampNTZ }

// withString is what a string meets another type as: the other type, with integers as BIGINT and other numbers as DOUBLE.
func withString(t Type) (Type, bool) {
	switch {
	case t.integral():
		return Type{Kind: BigInt}, true
	case t.numeric():
		return Type{Kind: Double}, true
	case t.Kind == Boolean || datelike(t) || t.Kind == Binary:
		return Type{Kind: t.Kind}, true
	}
	return Type{}, false
}

func commonNumeric(a, b Type) Type {
	if a.Kind != Decimal && b.Kind != Decimal {
		if a.Kind == Double || b.Kind == Double || a.Kind != b.Kind && (a.Kind == Float || b.Kind == Float) {
			return Type{Kind: Double} // also of FLOAT and an integer
		}
		return Type{Kind: max(a.Kind, b.Kind)}
	}
	if a.Kind == Float || a.Kind == Double || b.Kind == Float || b.Kind == Double {
		return Type{Kind: Double}
	}
	x, y := asDecimal(a), asDecimal(b)
	s := max(x.S, y.S)
	return bounded(max(x.P-x.S, y.P-y.S)+s, s)
}

// bounded is a common decimal type, which keeps whole digits before scale when it exceeds 38 digits.
func bounded(p, s int) Type {
	if p > 38 {
		return Type{Kind: Decimal, P: 38, S: max(0, s-(p-38))}
	}
	return Type{Kind: Decimal, P: p, S: s}
}

// asDecimal is the decimal type that holds an integer type.
func asDecimal(t Type) Type {
	switch t.Kind {
	case TinyInt:
		return Type{Kind: Decimal, P: 3}
	case SmallInt:
		return Type{Kind: Decimal, P: 5}
	case Int:
		return Type{Kind: Decimal, P: 10}
	case BigInt:
		return Type{Kind: Decimal, P: 20}
	}
	return t
}

// literalDecimal is asDecimal for an operand of arithmetic: an integer literal counts by its own digits.
func literalDecimal(e Expr) Type {
	l, ok := e.(*literal)
	if !ok || l.folded || !e.Type().integral() || e.Type().Kind == TinyInt {
		return asDecimal(e.Type())
	}
	digits, v := 1, l.v.I[0]
	for v/10 != 0 {
		v /= 10
		digits++
	}
	return Type{Kind: Decimal, P: digits}
}

func (s *Scope) unary(x *parse.Unary) (Expr, error) {
	if x.Op == "NOT" {
		e, err := s.operand(x.X, "the operand of NOT")
		return &not{e}, err
	}
	e, err := s.Bind(x.X)
	if err != nil {
		return nil, err
	}
	if e.Type().Kind == String {
		if e, err = s.convert(x, e, Type{Kind: Double}); err != nil {
			return nil, err
		}
	}
	if !e.Type().numeric() {
		return nil, refuse(x, "DATATYPE_MISMATCH", "%s needs a number, not %s", x.Op, e.Type())
	}
	if x.Op == "+" {
		return e, nil
	}
	return &negate{e}, nil
}

// operand binds an operand of AND, OR or NOT: BOOLEAN, or text that is cast to it.
func (s *Scope) operand(x parse.Expr, what string) (Expr, error) {
	e, err := s.Bind(x)
	if err != nil {
		return nil, err
	}
	if k := e.Type().Kind; k == String || k == Null {
		return s.convert(x, e, Type{Kind: Boolean})
	}
	if e.Type().Kind != Boolean {
		return nil, refuse(x, "DATATYPE_MISMATCH", "%s must be BOOLEAN, not %s", what, e.Type())
	}
	return e, nil
}

func (s *Scope) binary(x *parse.Binary) (Expr, error) {
	switch x.Op {
	case "AND", "OR":
		l, err := s.operand(x.X, "an operand of "+x.Op)
		if err != nil {
			return nil, err
		}
		r, err := s.operand(x.Y, "an operand of "+x.Op)
		return &logic{x.Op == "OR", l, r}, err
	case "||":
		return s.call(&parse.Call{Node: x.Node, Name: "concat", Args: []parse.Expr{x.X, x.Y}})
	}
	l, err := s.Bind(x.X)
	if err != nil {
		return nil, err
	}
	r, err := s.Bind(x.Y)
	if err != nil {
		return nil, err
	}
	switch x.Op {
	case "+", "-", "*", "/", "%", "DIV":
		return s.arithmetic(x, l, r)
	}
	return s.comparison(x, x.Op, l, r)
}

func (s *Scope) comparison(at parse.Expr, op string, l, r Expr) (Expr, error) {
	t, ok := common(l.Type(), r.Type())
	if !ok {
		return nil, refuse(at, "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES", "%s cannot be compared with %s", l.Type(), r.Type())
	}
	if t.Kind == Null {
		t = Type{Kind: Boolean}
	}
	l, err := s.convert(at, l, t)
	if err != nil {
		return nil, err
	}
	r, err = s.convert(at, r, t)
	return &compare{op, l, r}, err
}

func (s *Scope) arithmetic(x *parse.Binary, l, r Expr) (Expr, error) {
	lt, rt := l.Type(), r.Type()
	switch {
	case lt.Kind == Date && rt.integral() && rt.Kind != BigInt && x.Op == "+":
		return &apply{args: []Expr{l, r}, typ: lt, all: addDays(1)}, nil
	case lt.Kind == Date && rt.integral() && rt.Kind != BigInt && x.Op == "-":
		return &apply{args: []Expr{l, r}, typ: lt, all: addDays(-1)}, nil
	case rt.Kind == Date && lt.integral() && lt.Kind != BigInt && x.Op == "+":
		return &apply{args: []Expr{r, l}, typ: rt, all: addDays(1)}, nil
	}
	if datelike(lt) || datelike(rt) {
		return nil, refuse(x, "NEEDS_SPARK", "%s of dates and times needs engine: spark; use date_add, date_sub or datediff", x.Op)
	}
	if lt.Kind == String && rt.Kind == String {
		return nil, refuse(x, "DATATYPE_MISMATCH.BINARY_OP_WRONG_TYPE", "%s needs numbers, not two texts", x.Op)
	}
	if lt.Kind == Null && rt.Kind == Null {
		lt, rt = Type{Kind: Double}, Type{Kind: Double}
	}
	for _, side := range []struct{ t, other *Type }{{&lt, &rt}, {&rt, &lt}} {
		switch side.t.Kind {
		case Null:
			if *side.t = *side.other; x.Op == "/" {
				*side.t = Type{Kind: Double} // as division casts what is not a decimal
			}
		case String:
			if *side.t, _ = withString(*side.other); side.other.Kind == String {
				*side.t = Type{Kind: Double}
			}
		}
	}
	if !lt.numeric() || !rt.numeric() {
		return nil, refuse(x, "DATATYPE_MISMATCH.BINARY_OP_WRONG_TYPE", "%s needs numbers, not %s and %s", x.Op, l.Type(), r.Type())
	}
	var t, lc, rc Type // of the result and of the operands
	switch {
	case lt.Kind == Float && rt.Kind == Float && x.Op != "/" && x.Op != "DIV":
		t = Type{Kind: Float}
		lc, rc = t, t
	case lt.Kind == Float || lt.Kind == Double || rt.Kind == Float || rt.Kind == Double:
		t = commonNumeric(lt, rt)
		if x.Op == "/" {
			t = Type{Kind: Double}
		}
		lc, rc = t, t
	case lt.Kind == Decimal || rt.Kind == Decimal:
		lc, rc = decimalSide(l, lt), decimalSide(r, rt)
		t = decimalResult(x.Op, lc, rc)
	case x.Op == "/":
		t = Type{Kind: Double}
		lc, rc = t, t
	default:
		t = Type{Kind: max(lt.Kind, rt.Kind)}
		if x.Op == "DIV" {
			t = Type{Kind: BigInt}
		}
		lc, rc = t, t
	}
	if x.Op == "DIV" && t.Kind != BigInt {
		return nil, refuse(x, "NEEDS_SPARK", "DIV of %s and %s needs engine: spark", lt, rt)
	}
	l, err := s.convert(x, l, lc)
	if err != nil {
		return nil, err
	}
	if r, err = s.convert(x, r, rc); err != nil {
		return nil, err
	}
	return &arith{x.Op, l, r, t}, nil
}

func decimalSide(e Expr, t Type) Type {
	if e.Type().integral() {
		return literalDecimal(e)
	}
	return asDecimal(t)
}

// decimalResult is Spark's type of a decimal operation.
func decimalResult(op string, a, b Type) Type {
	switch op {
	case "*":
		return dec(a.P+b.P+1, a.S+b.S)
	case "/":
		s := max(6, a.S+b.P+1)
		return dec(a.P-a.S+b.S+s, s)
	case "%":
		s := max(a.S, b.S)
		return dec(min(a.P-a.S, b.P-b.S)+s, s)
	}
	s := max(a.S, b.S)
	return dec(max(a.P-a.S, b.P-b.S)+s+1, s)
}
