package job

import (
	"reflect"
	"slices"
	"strings"

	"github.com/firn-data/firn/internal/reference"
	"github.com/firn-data/firn/sources"
)

// Kind is a kind of source with the fields that a job gives it.
type Kind struct {
	Name   string
	Fields []reference.Field
}

// every are the fields that sources of all kinds have, beside kind.
type every struct {
	Cursor   sources.Cursor     `yaml:"cursor" doc:"read only rows above the last run's; short form: the column" example:"{column: updated_at, lag: 5m}"`
	Interval sources.IntervalBy `yaml:"interval" doc:"read only rows of the run's interval; short form: the column" example:"{column: ordered_at}"`
}

// Kinds lists the kinds of sources by name, each with its own fields and those that all have.
func Kinds(kinds []func() sources.Config) []Kind {
	common := reference.Of(reflect.TypeFor[every](), "yaml")
	var out []Kind
	for _, make := range kinds {
		c := make()
		out = append(out, Kind{c.Kind(), append(reference.Of(reflect.TypeOf(c), "yaml"), common...)})
	}
	slices.SortFunc(out, func(a, b Kind) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Schema is the JSON Schema of the job file.
func Schema(kinds []func() sources.Config) reference.Object {
	style := reference.Style{Interpolated: true}
	var one []any
	for _, k := range Kinds(kinds) {
		o := style.Of(k.Fields)
		o["properties"].(reference.Object)["kind"] = reference.Object{"const": k.Name}
		o["required"] = []string{"kind"}
		one = append(one, o)
	}
	source := reference.Object{"oneOf": one}
	o := style.Of(reference.Of(reflect.TypeFor[Job](), "yaml"))
	props := o["properties"].(reference.Object)
	props["source"] = reference.Object{"$ref": "#/$defs/source", "description": "what is read; SQL calls it input"}
	props["sources"] = reference.Object{"type": "object", "additionalProperties": reference.Object{"$ref": "#/$defs/source"}, "description": "several sources by the names that SQL calls them"}
	o["$defs"] = reference.Object{"source": source}
	o["required"] = []string{"job", "target"}
	o["oneOf"] = []any{reference.Object{"required": []string{"source"}}, reference.Object{"required": []string{"sources"}}}
	return o
}
