package reference

import "encoding/json"

// Object is a JSON Schema (draft 2020-12) of a mapping.
type Object map[string]any

// Style says how a schema takes values.
type Style struct {
	// Interpolated values may be written as text with ${NAME}, and one value may stand for a list of one, as in firn's files.
	Interpolated bool
	// Required makes all fields required, as in what firn prints.
	Required bool
}

// Of is the schema of a mapping with the fields. Unknown fields are errors in files; a report may gain fields.
func (s Style) Of(fields []Field) Object {
	props := Object{}
	names := []string{}
	for _, f := range fields {
		props[f.Name] = s.field(f)
		names = append(names, f.Name)
	}
	o := Object{"type": "object", "properties": props}
	if s.Required {
		o["required"] = names
	} else {
		o["additionalProperties"] = false
	}
	return o
}

func (s Style) field(f Field) Object {
	o := s.value(f)
	if f.Nullable {
		o = Object{"anyOf": []any{o, Object{"type": "null"}}}
	}
	if f.Doc != "" {
		o["description"] = f.Doc
	}
	if f.Default != "" {
		o["default"] = literal(f)
	}
	if f.Example != "" {
		o["examples"] = []any{f.Example}
	}
	return o
}

// literal is the default as JSON, where its kind has one.
func literal(f Field) any {
	var v any
	if f.Kind == Integer || f.Kind == Boolean || f.Kind == Number {
		if json.Unmarshal([]byte(f.Default), &v) == nil {
			return v
		}
	}
	return f.Default
}

func (s Style) value(f Field) Object {
	switch f.Kind {
	case Struct:
		o := s.Of(f.Fields)
		if s.Interpolated && len(f.Fields) > 0 && f.Fields[0].Name == "column" { // the short form
			return Object{"anyOf": []any{Object{"type": "string"}, o}}
		}
		return o
	case List:
		o := Object{"type": "array", "items": s.field(*f.Elem)}
		if s.Interpolated && f.Elem.Kind == String {
			return Object{"anyOf": []any{Object{"type": "string"}, o}}
		}
		return o
	case Map:
		return Object{"type": "object", "additionalProperties": s.field(*f.Elem)}
	case Any:
		return Object{}
	case Integer, Boolean, Number:
		o := Object{"type": string(f.Kind)}
		if s.Interpolated {
			return Object{"anyOf": []any{o, Object{"type": "string", "pattern": `\$\{`}}}
		}
		return o
	case Size:
		return Object{"type": []string{"string", "integer"}}
	case Time:
		return Object{"type": "string", "format": "date-time"}
	}
	if len(f.OneOf) > 0 && !s.Interpolated {
		return Object{"enum": f.OneOf}
	}
	if len(f.OneOf) > 0 {
		return Object{"anyOf": []any{Object{"enum": f.OneOf}, Object{"type": "string", "pattern": `\$\{`}}}
	}
	return Object{"type": "string"}
}
