package expr

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/firn-data/firn/transform/parse"
)

// shared is an expression that stands in several places of a query: on one selection it is evaluated once.
type shared struct {
	Expr
	uses int
}

// cachedResult is what an expression gave on a selection.
type cachedResult struct {
	sel  []int32
	v    *Vec
	errs []RowError
}

// Eval implements Expr.
func (s *shared) Eval(b *Batch, sel []int32) (*Vec, []RowError) {
	if s.uses == 1 {
		return s.Expr.Eval(b, sel)
	}
	if have, ok := b.results[s]; ok && sameRows(have.sel, sel) {
		return have.v, have.errs
	}
	v, errs := s.Expr.Eval(b, sel)
	if b.results == nil {
		b.results = map[*shared]cachedResult{}
	}
	errs = errs[:len(errs):len(errs)] // the caller may append
	b.results[s] = cachedResult{sel, v, errs}
	return v, errs
}

// share gives the expression that the same text stood for before, or remembers this one. Every expression here is determined
// by its text and the scope's columns, so that equal texts are equal expressions.
func (s *Scope) share(x parse.Expr, e Expr) Expr {
	switch e := e.(type) {
	case *shared: // what an alias stands for
		e.uses++
		return e
	case *arith, *apply, *cast, *choose, *coalesce:
	default:
		return e
	}
	if len(s.Fields) != s.seenFields {
		s.seen, s.seenFields = nil, len(s.Fields)
	}
	key := textOf(x)
	if len(key) > longest {
		return e
	}
	if have := s.seen[key]; have != nil {
		have.uses++
		return have
	}
	if s.seen == nil {
		s.seen = map[string]*shared{}
	}
	s.seen[key] = &shared{e, 1}
	return s.seen[key]
}

// longest is the text up to which an expression is looked for again: comparing long ones would take their length squared.
const longest = 2000

// textOf writes a syntax tree without its positions, up to a little more than longest.
func textOf(x parse.Expr) string { return textWith(x, nil, longest) }

// textWith writes a syntax tree, with the names of columns as name gives them, up to a little more than limit bytes.
func textWith(x parse.Expr, name func(*parse.Column) string, limit int) string {
	var b strings.Builder
	write(&b, reflect.ValueOf(x), name, limit)
	return b.String()
}

func write(b *strings.Builder, v reflect.Value, name func(*parse.Column) string, limit int) {
	if b.Len() > limit {
		return
	}
	if name != nil && v.Kind() == reflect.Pointer && !v.IsNil() {
		if c, ok := v.Interface().(*parse.Column); ok {
			b.WriteString(name(c))
			return
		}
	}
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			b.WriteByte('0')
			return
		}
		if v.Kind() == reflect.Interface {
			b.WriteString(v.Elem().Type().String())
		}
		write(b, v.Elem(), name, limit)
	case reflect.Struct:
		b.WriteByte('{')
		for i := range v.NumField() {
			if v.Type().Field(i).Type != reflect.TypeFor[parse.Node]() {
				write(b, v.Field(i), name, limit)
			}
		}
		b.WriteByte('}')
	case reflect.Slice:
		b.WriteByte('[')
		for i := range v.Len() {
			write(b, v.Index(i), name, limit)
		}
		b.WriteByte(']')
	default:
		fmt.Fprintf(b, "%q,", fmt.Sprint(v.Interface()))
	}
}
