// Package reference reads the fields of a configuration or report from the tags of its structs, so that documentation and
// JSON Schema are made of the same text as the code: the name in `yaml` or `json`, and `doc`, `default`, `example`, `oneof`.
package reference

import (
	"reflect"
	"strings"
	"time"
)

// Kind is what a value looks like in the file.
type Kind string

const (
	String   Kind = "string"
	Integer  Kind = "integer"
	Number   Kind = "number"
	Boolean  Kind = "boolean"
	Size     Kind = "size"     // 256MiB
	Share    Kind = "share"    // 10%
	Duration Kind = "duration" // 5m
	Secret   Kind = "secret"   // text that is never shown
	Time     Kind = "time"     // RFC 3339
	Any      Kind = "any"
	Struct   Kind = "struct"
	List     Kind = "list"
	Map      Kind = "map"
)

// Typed is implemented by types that are not what their Go kind suggests.
type Typed interface{ ReferenceKind() Kind }

// Field is one field of a struct, or the element of a list or map, which has no name.
type Field struct {
	Name, Default, Doc, Example string
	OneOf                       []string
	Kind                        Kind
	Nullable                    bool
	Elem                        *Field  // of a list or map
	Fields                      []Field // of a struct
}

var typed = reflect.TypeFor[Typed]()

// Of lists the fields of a struct type that have the tag, in their order.
func Of(t reflect.Type, tag string) (out []Field) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get(tag), ",")
		if name == "" || name == "-" {
			continue
		}
		x := of(f.Type, tag)
		x.Name, x.Default, x.Doc, x.Example, x.OneOf = name, f.Tag.Get("default"), f.Tag.Get("doc"), f.Tag.Get("example"), strings.Fields(f.Tag.Get("oneof"))
		out = append(out, x)
	}
	return out
}

func of(t reflect.Type, tag string) Field {
	if t.Kind() == reflect.Pointer {
		f := of(t.Elem(), tag)
		f.Nullable = true
		return f
	}
	switch {
	case t.Implements(typed):
		return Field{Kind: reflect.Zero(t).Interface().(Typed).ReferenceKind()}
	case t == reflect.TypeFor[time.Duration]():
		return Field{Kind: Duration}
	case t == reflect.TypeFor[time.Time]():
		return Field{Kind: Time}
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8: // raw JSON
		return Field{Kind: Any, Nullable: true}
	}
	switch t.Kind() {
	case reflect.String:
		return Field{Kind: String}
	case reflect.Bool:
		return Field{Kind: Boolean}
	case reflect.Int, reflect.Int32, reflect.Int64:
		return Field{Kind: Integer}
	case reflect.Float32, reflect.Float64:
		return Field{Kind: Number}
	case reflect.Slice:
		e := of(t.Elem(), tag)
		return Field{Kind: List, Elem: &e}
	case reflect.Map:
		e := of(t.Elem(), tag)
		return Field{Kind: Map, Elem: &e}
	case reflect.Struct:
		return Field{Kind: Struct, Fields: Of(t, tag)}
	}
	return Field{Kind: Any}
}

// Type names what the field holds, for people.
func (f Field) Type() string {
	switch f.Kind {
	case List:
		if f.Elem.Kind == Struct {
			return "list of mappings"
		}
		return "list of " + plural(f.Elem.Type())
	case Map:
		if f.Elem.Kind == Struct {
			return "mappings by name"
		}
		return plural(f.Elem.Type()) + " by name"
	case Struct:
		return "mapping"
	case Any:
		return "any value"
	}
	return string(f.Kind)
}

func plural(s string) string {
	switch {
	case s == "any value":
		return "values"
	case strings.HasPrefix(s, "list"):
		return "lists" + s[len("list"):]
	}
	return s + "s"
}
