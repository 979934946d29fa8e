// Package schema is firn's one type table: what a type is called and how it is stored in Iceberg, Arrow,
// Spark SQL and Parquet, and whether going from one type to another keeps every value.
//
// The table in table.go has one row per Iceberg type. Every mapping in firn asks it, so that no two packages
// can disagree about a type.
package schema

import (
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// Kind is an Iceberg type without its parameters.
type Kind uint8

const (
	Invalid Kind = iota
	Boolean
	Int
	Long
	Float
	Double
	Decimal
	Date
	Time
	Timestamp     // without zone
	TimestampTZ   // an instant
	TimestampNS   // without zone, nanoseconds: format 3 only
	TimestampTZNS // an instant, nanoseconds: format 3 only
	String
	UUID
	Fixed
	Binary
	Struct
	List
	Map
)

// Type is an Iceberg type.
type Type struct {
	Kind      Kind
	Precision int     // Decimal: 1 to 38 digits
	Scale     int     // Decimal: 0 to Precision
	Length    int     // Fixed: bytes
	Fields    []Field // Struct: its fields; List: the element; Map: the key and the value
}

// Field is a named, optional or required, column or nested field.
type Field struct {
	ID       int // Iceberg field id; 0 while none is assigned
	Name     string
	Type     Type
	Required bool
	Doc      string
}

// Schema is a list of columns in table order.
type Schema struct {
	Fields []Field
}

// DecimalOf is decimal(p, s).
func DecimalOf(p, s int) Type { return Type{Kind: Decimal, Precision: p, Scale: s} }

// ListOf is a list of optional elements.
func ListOf(element Type) Type {
	return Type{Kind: List, Fields: []Field{{Name: "element", Type: element}}}
}

// MapOf is a map with optional values.
func MapOf(key, value Type) Type {
	return Type{Kind: Map, Fields: []Field{{Name: "key", Type: key, Required: true}, {Name: "value", Type: value}}}
}

// StructOf is a struct.
func StructOf(fields ...Field) Type { return Type{Kind: Struct, Fields: fields} }

// Nested reports whether t has fields.
func (t Type) Nested() bool { return t.Kind >= Struct }

// Equal compares types with their nested names and nullability, but not field ids or docs.
func (t Type) Equal(o Type) bool {
	if t.Kind != o.Kind || t.Precision != o.Precision || t.Scale != o.Scale || t.Length != o.Length || len(t.Fields) != len(o.Fields) {
		return false
	}
	for i, f := range t.Fields {
		g := o.Fields[i]
		if f.Name != g.Name || f.Required != g.Required || !f.Type.Equal(g.Type) {
			return false
		}
	}
	return true
}

// String is the Iceberg name: decimal(18, 2), list<string>, struct<a: int>.
func (t Type) String() string { return t.name(func(k Kind) string { return rows[k].iceberg }) }

// SparkSQL is the Spark SQL name: DECIMAL(18,2), ARRAY<STRING>. Types that Spark lacks (time, nanoseconds) give
// their Iceberg name in upper case; Row.Spark tells whether Spark has the type.
func (t Type) SparkSQL() string {
	switch t.Kind {
	case Decimal:
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale)
	case Fixed:
		return "BINARY"
	case List:
		return "ARRAY<" + t.Fields[0].Type.SparkSQL() + ">"
	case Map:
		return "MAP<" + t.Fields[0].Type.SparkSQL() + ", " + t.Fields[1].Type.SparkSQL() + ">"
	case Struct:
		parts := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			parts[i] = f.Name + ": " + f.Type.SparkSQL()
		}
		return "STRUCT<" + strings.Join(parts, ", ") + ">"
	}
	return rows[t.Kind].spark
}

func (t Type) name(base func(Kind) string) string {
	switch t.Kind {
	case Decimal:
		return fmt.Sprintf("%s(%d, %d)", base(t.Kind), t.Precision, t.Scale)
	case Fixed:
		return fmt.Sprintf("%s[%d]", base(t.Kind), t.Length)
	case List:
		return "list<" + t.Fields[0].Type.String() + ">"
	case Map:
		return "map<" + t.Fields[0].Type.String() + ", " + t.Fields[1].Type.String() + ">"
	case Struct:
		parts := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			parts[i] = f.Name + ": " + f.Type.String()
		}
		return "struct<" + strings.Join(parts, ", ") + ">"
	}
	return base(t.Kind)
}

// Lookup finds a column by name without case; ok is false when there is none.
func (s Schema) Lookup(name string) (int, bool) {
	for i, f := range s.Fields {
		if strings.EqualFold(f.Name, name) {
			return i, true
		}
	}
	return 0, false
}

// Arrow is the schema in canonical Arrow types. Field ids, where assigned, travel as PARQUET:field_id metadata.
func (s Schema) Arrow() *arrow.Schema {
	fields := make([]arrow.Field, len(s.Fields))
	for i, f := range s.Fields {
		fields[i] = f.Arrow()
	}
	return arrow.NewSchema(fields, nil)
}
