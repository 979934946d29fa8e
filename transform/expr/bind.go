package expr

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/internal/spelling"
	"github.com/firn-data/firn/transform/parse"
)

// Field is a column that expressions may name.
type Field struct {
	Of   string // the relation's name or alias; "" for none
	Name string
	Type Type
	Expr Expr // what the name stands for; nil: column Index of the batch

	Hidden bool // only found with the relation's name before it: the right side of USING
}

// Scope is what names mean. Columns that stand for something else need a scope of their own.
type Scope struct {
	Fields  []Field
	Lateral map[string]Expr // aliases of the SELECT list so far, in lower case
	Params  map[string]any
	Now     time.Time // current_timestamp: the run's start

	seen       map[string]*shared // by textOf
	seenFields int

	Functions []Function // Functions(), or those that an expression may call

	// Hook sees every expression before the scope does. It gives nil for what it leaves to the scope.
	Hook func(x parse.Expr) (Expr, error)
}

// Error is a binding error at a position, with Spark's error class.
type Error struct {
	Pos  parse.Pos
	Code string
	Msg  string
	Hint string
}

func (e *Error) Error() string { return e.Msg }

func refuse(x parse.Expr, code, format string, args ...any) error {
	return &Error{Pos: x.Start(), Code: code, Msg: fmt.Sprintf(format, args...)}
}

// Bind resolves an expression. What has only constants in it becomes one, unless evaluating it fails: that is a row error.
func (s *Scope) Bind(x parse.Expr) (Expr, error) {
	e, err := s.bind(x)
	if err != nil {
		return nil, err
	}
	return s.share(x, fold(e)), nil
}

func (s *Scope) bind(x parse.Expr) (Expr, error) {
	if s.Hook != nil {
		if e, err := s.Hook(x); e != nil || err != nil {
			return e, err
		}
	}
	switch x := x.(type) {
	case *parse.Column:
		return s.column(x)
	case *parse.Literal:
		return bindLiteral(x)
	case *parse.Param:
		return s.param(x)
	case *parse.Unary:
		return s.unary(x)
	case *parse.Binary:
		return s.binary(x)
	case *parse.Cast:
		return s.cast(x)
	case *parse.Case:
		return s.caseExpr(x)
	case *parse.In:
		return s.in(x)
	case *parse.Between:
		return s.between(x)
	case *parse.Like:
		return s.like(x)
	case *parse.Is:
		return s.is(x)
	case *parse.Call:
		return s.call(x)
	case *parse.Index:
		return s.index(x)
	}
	return nil, refuse(x, "NEEDS_SPARK", "this expression needs engine: spark")
}

func (s *Scope) index(x *parse.Index) (Expr, error) {
	array, err := s.Bind(x.X)
	if err != nil {
		return nil, err
	}
	index, err := s.Bind(x.I)
	if err != nil {
		return nil, err
	}
	return s.bindItem(x, array, index, 0)
}

// Condition binds an expression that must be BOOLEAN.
func (s *Scope) Condition(x parse.Expr, what string) (Expr, error) {
	e, err := s.Bind(x)
	if err != nil {
		return nil, err
	}
	if e.Type().Kind == Null {
		return s.convert(x, e, Type{Kind: Boolean})
	}
	if e.Type().Kind != Boolean {
		return nil, refuse(x, "DATATYPE_MISMATCH", "%s must be BOOLEAN, not %s", what, e.Type())
	}
	return e, nil
}

func (s *Scope) column(x *parse.Column) (Expr, error) {
	of, name := "", x.Parts[len(x.Parts)-1]
	if len(x.Parts) == 2 {
		of = x.Parts[0]
	}
	if len(x.Parts) > 2 {
		return nil, refuse(x, "NEEDS_SPARK", "%s needs engine: spark", strings.Join(x.Parts, "."))
	}
	found := -1
	for i, f := range s.Fields {
		if !strings.EqualFold(f.Name, name) || of != "" && !strings.EqualFold(f.Of, of) || of == "" && f.Hidden {
			continue
		}
		if found >= 0 {
			return nil, refuse(x, "AMBIGUOUS_REFERENCE", "%s is ambiguous: it is in %s and in %s", name, s.Fields[found].Of, f.Of)
		}
		found = i
	}
	if found >= 0 {
		f := s.Fields[found]
		if f.Expr != nil {
			return f.Expr, nil
		}
		return &Column{Index: found, Name: f.Name, typ: f.Type}, nil
	}
	if e := s.Lateral[strings.ToLower(name)]; e != nil && of == "" {
		return e, nil
	}
	var names []string
	for _, f := range s.Fields {
		names = append(names, f.Name)
		if of != "" && strings.EqualFold(f.Name, of) && f.Type.Kind == Opaque {
			return nil, refuse(x, "NEEDS_SPARK", "a field of %s needs engine: spark", of)
		}
	}
	e := &Error{Pos: x.At, Code: "UNRESOLVED_COLUMN", Msg: fmt.Sprintf("there is no column %q", strings.Join(x.Parts, "."))}
	if near := spelling.Nearest(name, names); near != "" {
		e.Hint = fmt.Sprintf("did you mean %q?", near)
	} else if len(names) > 0 {
		e.Hint = "there are " + strings.Join(names, ", ")
	}
	return nil, e
}

func constant(t Type, set func(v *Vec)) Expr {
	v := (*scratch)(nil).zeroed(t, 1)
	set(v)
	return &literal{v: v}
}

func nullOf(t Type) Expr { return constant(t, func(v *Vec) { v.setNull(0) }) }

// bindLiteral types a constant as Spark does: 1 is INT, or BIGINT, or a decimal when larger; 1.5 is DECIMAL(2,1); 1e0 is DOUBLE.
func bindLiteral(x *parse.Literal) (Expr, error) {
	bad := func(typ string) (Expr, error) {
		return nil, refuse(x, "INVALID_TYPED_LITERAL", "'%s' is not a %s", x.Text, typ)
	}
	integer := func(k Kind, v int64) (Expr, error) {
		return constant(Type{Kind: k}, func(o *Vec) { o.I[0] = v }), nil
	}
	switch x.Kind {
	case parse.Null:
		return nullOf(Type{Kind: Null}), nil
	case parse.Boolean:
		return integer(Boolean, bit(x.Text == "TRUE"))
	case parse.String:
		return constant(Type{Kind: String}, func(v *Vec) { v.S[0] = x.Text }), nil
	case parse.Date:
		d, ok := parseDate(trimAll(x.Text))
		if !ok {
			return bad("DATE")
		}
		return integer(Date, d)
	case parse.Timestamp, parse.TimestampNTZ:
		t, ok := parseTimestamp(trimAll(x.Text), x.Kind == parse.Timestamp)
		if !ok {
			return bad("TIMESTAMP")
		}
		if x.Kind == parse.TimestampNTZ {
			return integer(TimestampNTZ, t)
		}
		return integer(Timestamp, t)
	case parse.Hex:
		text := x.Text
		if len(text)%2 == 1 {
			text = "0" + text
		}
		b, ok := new(big.Int).SetString("1"+text, 16)
		if !ok || strings.ContainsAny(text, "+-_") {
			return bad("binary in hex digits")
		}
		return constant(Type{Kind: Binary}, func(v *Vec) { v.S[0] = string(b.Bytes()[1:]) }), nil
	}
	return number(x)
}

func number(x *parse.Literal) (Expr, error) {
	text, upper := x.Text, strings.ToUpper(x.Text)
	bad := func(typ string) (Expr, error) {
		return nil, refuse(x, "INVALID_NUMERIC_LITERAL_RANGE", "%s is out of the range of %s", x.Text, typ)
	}
	for _, suffix := range []struct {
		text string
		kind Kind
	}{{"BD", Decimal}, {"L", BigInt}, {"S", SmallInt}, {"Y", TinyInt}, {"D", Double}, {"F", Float}} {
		body, ok := strings.CutSuffix(upper, suffix.text)
		if !ok {
			continue
		}
		switch suffix.kind {
		case Decimal:
			return decimalLiteral(x, body)
		case Double, Float:
			f, ok := parseFloat(body, suffix.kind == Float)
			if !ok {
				return bad(kindNames[suffix.kind])
			}
			return constant(Type{Kind: suffix.kind}, func(v *Vec) { v.F[0] = f }), nil
		}
		v, ok := parseInteger(body)
		if lim := integerRange[suffix.kind]; !ok || v < lim[0] || v > lim[1] {
			return bad(kindNames[suffix.kind])
		}
		return constant(Type{Kind: suffix.kind}, func(o *Vec) { o.I[0] = v }), nil
	}
	switch {
	case strings.ContainsAny(text, "eE"):
		f, ok := parseFloat(text, false)
		if !ok || math.IsInf(f, 0) {
			return bad("DOUBLE")
		}
		return constant(Type{Kind: Double}, func(v *Vec) { v.F[0] = f }), nil
	case strings.Contains(text, "."):
		return decimalLiteral(x, text)
	}
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return decimalLiteral(x, text)
	}
	k := BigInt
	if v == int64(int32(v)) {
		k = Int
	}
	return constant(Type{Kind: k}, func(o *Vec) { o.I[0] = v }), nil
}

func decimalLiteral(x *parse.Literal, text string) (Expr, error) {
	mant, exp, _ := strings.Cut(strings.ToUpper(text), "E")
	e := 0
	if exp != "" {
		var err error
		if e, err = strconv.Atoi(exp); err != nil {
			return nil, refuse(x, "INVALID_NUMERIC_LITERAL_RANGE", "%s is not a decimal", x.Text)
		}
	}
	_, frac, _ := strings.Cut(mant, ".")
	scale := max(len(frac)-e, 0)
	v, ok := parseDecimal(text, scale)
	if !ok || scale > 38 || v.CmpAbs(pow10(38)) >= 0 {
		return nil, refuse(x, "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION", "%s has more than 38 digits", x.Text)
	}
	digits := len(new(big.Int).Abs(v).String())
	if v.Sign() == 0 {
		digits = 1
	}
	t := Type{Kind: Decimal, P: max(digits, scale), S: scale}
	return constant(t, func(o *Vec) { o.D[0] = decimal128.FromBigInt(v) }), nil
}

func (s *Scope) param(x *parse.Param) (Expr, error) {
	v, ok := s.Params[x.Name]
	if !ok {
		var names []string
		for n := range s.Params {
			names = append(names, n)
		}
		e := &Error{Pos: x.At, Code: "UNBOUND_SQL_PARAMETER", Msg: fmt.Sprintf("the parameter :%s has no value", x.Name)}
		if near := spelling.Nearest(x.Name, names); near != "" {
			e.Hint = fmt.Sprintf("did you mean :%s?", near)
		} else {
			e.Hint = "give it one in params of the job"
		}
		return nil, e
	}
	switch v := v.(type) {
	case nil:
		return nullOf(Type{Kind: Null}), nil
	case string:
		return constant(Type{Kind: String}, func(o *Vec) { o.S[0] = v }), nil
	case bool:
		return constant(Type{Kind: Boolean}, func(o *Vec) { o.I[0] = bit(v) }), nil
	case int:
		return bindLiteral(&parse.Literal{Node: x.Node, Kind: parse.Number, Text: strconv.Itoa(v)})
	case int64:
		return bindLiteral(&parse.Literal{Node: x.Node, Kind: parse.Number, Text: strconv.FormatInt(v, 10)})
	case float64:
		return constant(Type{Kind: Double}, func(o *Vec) { o.F[0] = v }), nil
	case time.Time:
		return constant(Type{Kind: Timestamp}, func(o *Vec) { o.I[0] = v.UnixMicro() }), nil
	}
	return nil, refuse(x, "INVALID_PARAMETER", "the parameter :%s has a value of type %T", x.Name, v)
}

// FromSchema is the SQL type of a CAST's target.
func FromSchema(t schema.Type, sql string) Type {
	out := FromArrow(t.Arrow())
	out.Arrow = nil
	switch sql {
	case "TINYINT", "BYTE":
		out.Kind = TinyInt
	case "SMALLINT", "SHORT":
		out.Kind = SmallInt
	}
	if out.Kind == Opaque {
		out.Arrow = t.Arrow()
	}
	return out
}

func (s *Scope) cast(x *parse.Cast) (Expr, error) {
	e, err := s.Bind(x.X)
	if err != nil {
		return nil, err
	}
	to := FromSchema(x.Type, x.SQL)
	if to.Kind == Opaque || x.Type.Kind == schema.UUID || x.Type.Kind == schema.Fixed {
		return nil, refuse(x, "NEEDS_SPARK", "a cast to %s needs engine: spark", x.SQL)
	}
	return s.castTo(x, e, to, x.Try)
}

func (s *Scope) castTo(at parse.Expr, e Expr, to Type, try bool) (Expr, error) {
	from := e.Type()
	if from.Kind == Null {
		return nullOf(to), nil
	}
	if from.same(to) {
		return e, nil
	}
	f := castFunc(from, to)
	if from.Kind == Opaque || f == nil {
		return nil, refuse(at, "DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION", "%s cannot be cast to %s", from, to)
	}
	return fold(&cast{x: e, to: to, try: try, f: f}), nil
}

// convert is an implicit cast to a type that a common-type rule gave.
func (s *Scope) convert(at parse.Expr, e Expr, to Type) (Expr, error) {
	return s.castTo(at, e, to, false)
}

// At puts a position on an error that has none.
func At(err error, pos parse.Pos) error {
	var e *Error
	if errors.As(err, &e) {
		return err
	}
	return &Error{Pos: pos, Code: "INTERNAL_ERROR", Msg: err.Error()}
}
