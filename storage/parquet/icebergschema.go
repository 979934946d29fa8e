package parquet

import (
	"encoding/json"

	"github.com/firn-data/firn/internal/schema"
)

// icebergSchemaKey is the footer's key of the table schema that the file was written with, as Iceberg's Java writers put it there.
const icebergSchemaKey = "iceberg.schema"

type jsonField struct {
	ID       int    `json:"id"`
	Name     string `json:"name"`
	Required bool   `json:"required"`
	Type     any    `json:"type"`
	Doc      string `json:"doc,omitempty"`
}

type jsonStruct struct {
	Type     string      `json:"type"`
	SchemaID *int        `json:"schema-id,omitempty"`
	Fields   []jsonField `json:"fields"`
}

type jsonList struct {
	Type            string `json:"type"`
	ElementID       int    `json:"element-id"`
	Element         any    `json:"element"`
	ElementRequired bool   `json:"element-required"`
}

type jsonMap struct {
	Type          string `json:"type"`
	KeyID         int    `json:"key-id"`
	Key           any    `json:"key"`
	ValueID       int    `json:"value-id"`
	Value         any    `json:"value"`
	ValueRequired bool   `json:"value-required"`
}

// icebergSchema is the schema in JSON.
// Source: https://iceberg.apache.org/spec/#appendix-c-json-serialization
func icebergSchema(s schema.Schema) (string, error) {
	b, err := json.Marshal(jsonStruct{Type: "struct", SchemaID: new(int), Fields: jsonFields(s.Fields)})
	return string(b), err
}

func jsonFields(fields []schema.Field) []jsonField {
	out := make([]jsonField, len(fields))
	for i, f := range fields {
		out[i] = jsonField{f.ID, f.Name, f.Required, jsonType(f.Type), f.Doc}
	}
	return out
}

func jsonType(t schema.Type) any {
	switch f := t.Fields; t.Kind {
	case schema.Struct:
		return jsonStruct{Type: "struct", Fields: jsonFields(f)}
	case schema.List:
		return jsonList{"list", f[0].ID, jsonType(f[0].Type), f[0].Required}
	case schema.Map:
		return jsonMap{"map", f[0].ID, jsonType(f[0].Type), f[1].ID, jsonType(f[1].Type), f[1].Required}
	}
	return t.String()
}
