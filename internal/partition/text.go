package partition

import (
	"fmt"

	"github.com/firn-data/firn/internal/schema"
)

// Expressions are the spec's fields as a job writes them: days(ordered_at), bucket(16, id).
func (s Spec) Expressions(in schema.Schema) []string {
	out := make([]string, len(s.Fields))
	for i, f := range s.Fields {
		out[i] = f.Transform.call(columnName(in, f.SourceID))
	}
	return out
}

// Expressions are the order's fields as a job writes them: ordered_at, id DESC NULLS FIRST.
func (o SortOrder) Expressions(in schema.Schema) []string {
	out := make([]string, len(o.Fields))
	for i, f := range o.Fields {
		out[i] = f.Transform.call(columnName(in, f.SourceID))
		if f.Descending {
			out[i] += " DESC"
		}
		switch {
		case f.NullsLast && !f.Descending:
			out[i] += " NULLS LAST"
		case !f.NullsLast && f.Descending:
			out[i] += " NULLS FIRST"
		}
	}
	return out
}

func columnName(in schema.Schema, id int) string {
	for _, f := range in.Fields {
		if f.ID == id {
			return f.Name
		}
	}
	return fmt.Sprintf("column %d", id)
}

// call is the transform of a column as a job writes it.
func (t Transform) call(column string) string {
	switch t.Kind {
	case Identity:
		return column
	case Bucket, Truncate:
		return fmt.Sprintf("%s(%d, %s)", kindNames[t.Kind], t.Param, column)
	case Void:
		return "void(" + column + ")"
	}
	return kindNames[t.Kind] + "s(" + column + ")"
}
