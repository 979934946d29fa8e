package parquet

import (
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/storage/parquet"
)

// column is one column of the stream.
type column struct {
	name string
	typ  schema.Type // as Read delivers it
	from string      // the first file that has it
}

// micros are the types in microseconds of those in nanoseconds.
var micros = map[schema.Kind]schema.Kind{schema.TimestampNS: schema.Timestamp, schema.TimestampTZNS: schema.TimestampTZ}

// add joins a file's columns with those of the files before it: by name without case, the wider of two types that Iceberg's
// promotions connect. Columns that the job does not want are left out, so that their types do not matter.
func (s *source) add(name string, f *parquet.FileReader) error {
	int96 := f.Int96()
	seen := map[string]bool{}
	for _, a := range f.Schema().Fields() {
		key := strings.ToLower(a.Name)
		if !s.wants(a.Name) {
			continue
		}
		if seen[key] {
			return fault.New(fault.Config, "%s has two columns %s when case does not count", name, key).Hint("leave the column out with source.columns, or write the file anew")
		}
		seen[key] = true
		t, err := s.typeOf(a, slices.Contains(int96, a.Name))
		if err != nil {
			return fault.Wrap(fault.Config, err, "%s: column %s", name, a.Name).Hint("leave the column out: list the others in source.columns")
		}
		at := slices.IndexFunc(s.cols, func(c column) bool { return strings.EqualFold(c.name, a.Name) })
		if at < 0 {
			at = len(s.cols)
			s.cols = append(s.cols, column{name: a.Name, typ: t, from: name})
		}
		c := &s.cols[at]
		joined, err := join(c.typ, t)
		if err != nil {
			return fault.New(fault.Config, "%s: column %s is %s, and %s in %s", name, a.Name, t, c.typ, c.from).
				Hint("no promotion leads from one to the other: read the files in two jobs, or as two sources, and CAST one of the columns in SQL; nanoseconds become microseconds where source.schema lists the column as timestamp_ntz or timestamp")
		}
		c.typ = joined
	}
	return nil
}

func (s *source) wants(name string) bool {
	if s.cfg.Columns == nil {
		return true
	}
	by := s.env.ByColumn
	return containsFold(s.cfg.Columns, name) || by != nil && strings.EqualFold(by.Column, name)
}

func containsFold(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

// typeOf is the Iceberg type that a column is delivered as. It holds every value, but for nanoseconds that are delivered in
// microseconds: those of INT96, whose writers rarely have more digits, and those that the job lists so.
func (s *source) typeOf(a arrow.Field, int96 bool) (schema.Type, error) {
	f, fidelity, err := schema.FieldFromArrow(a)
	if err != nil {
		return schema.Type{}, err
	}
	if fidelity == schema.Lossy {
		return schema.Type{}, fmt.Errorf("%s does not fit into %s: it has digits below microseconds, and no CAST can be applied while it is read", a.Type, f.Type)
	}
	if m, ok := micros[f.Type.Kind]; ok && (int96 || s.lists(a.Name, m)) {
		f.Type.Kind = m
	}
	return plain(f.Type), nil
}

// lists reports whether the job's schema gives a column a type.
func (s *source) lists(name string, k schema.Kind) bool {
	return slices.ContainsFunc(s.cfg.Schema, func(c ColumnSpec) bool {
		t, err := schema.Parse(c.Type)
		return strings.EqualFold(c.Name, name) && (k == schema.Invalid || err == nil && t.Kind == k)
	})
}

// plain takes the files' ids and NOT NULLs out of a type: fields go by name, and another file may lack one.
func plain(t schema.Type) schema.Type {
	fields := slices.Clone(t.Fields)
	for i, f := range fields {
		f.ID, f.Required, f.Type = 0, t.Kind == schema.Map && i == 0, plain(f.Type)
		fields[i] = f
	}
	t.Fields = fields
	return t
}

// join is the type that holds the values of both.
func join(a, b schema.Type) (schema.Type, error) {
	if a.Kind != b.Kind || !a.Nested() {
		switch {
		case schema.Between(b, a) != schema.Lossy:
			return a, nil
		case schema.Between(a, b) != schema.Lossy:
			return b, nil
		}
		return a, fmt.Errorf("%s and %s", a, b)
	}
	out := a
	out.Fields = slices.Clone(a.Fields)
	for i, f := range b.Fields {
		at := i
		if a.Kind == schema.Struct {
			at = slices.IndexFunc(out.Fields, func(g schema.Field) bool { return strings.EqualFold(g.Name, f.Name) })
		}
		if at < 0 {
			out.Fields = append(out.Fields, f)
			continue
		}
		t, err := join(out.Fields[at].Type, f.Type)
		if err != nil {
			return a, err
		}
		out.Fields[at].Type = t
	}
	return out, nil
}

// settle gives columns the types that the job lists, or that its last run had, where the files' types lead there.
func (s *source) settle() error {
	for i, spec := range s.cfg.Schema {
		t, err := schema.Parse(spec.Type)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(s.cols, func(c column) bool { return strings.EqualFold(c.name, spec.Name) })
		if at < 0 {
			if len(s.files) > 0 {
				return fault.New(fault.Config, "schema lists column %q, which no file has", spec.Name).At(fault.Place{Path: fmt.Sprintf("schema[%d].name", i)}).Hint("the files have %s", s.names())
			}
			s.cols = append(s.cols, column{name: spec.Name, typ: t})
			continue
		}
		if !s.cols[at].become(t) {
			return fault.New(fault.Config, "column %s is %s in %s and cannot be read as %s", spec.Name, s.cols[at].typ, s.cols[at].from, t).At(fault.Place{Path: fmt.Sprintf("schema[%d].type", i)}).
				Hint("leave it out of schema and write CAST(%s AS %s) AS %s in the transform", spec.Name, t.SparkSQL(), spec.Name)
		}
	}
	if s.env.Known != nil {
		for i := range s.cols {
			if k, ok := s.env.Known.Lookup(s.cols[i].name); ok && !s.lists(s.cols[i].name, schema.Invalid) {
				s.cols[i].become(plain(s.env.Known.Fields[k].Type)) // where it cannot, the plan compares with the table
			}
		}
	}
	if len(s.cols) == 0 && len(s.files) == 0 {
		return fault.New(fault.NoInput, "no file matches %s, and the job lists no schema", strings.Join(s.cfg.Path, ", "))
	}
	return nil
}

func (s *source) names() string {
	names := make([]string, len(s.cols))
	for i, c := range s.cols {
		names[i] = c.name
	}
	return strings.Join(names, ", ")
}

// become changes the type that is delivered by a promotion.
func (c *column) become(t schema.Type) bool {
	if schema.Between(c.typ, t) == schema.Lossy {
		return false
	}
	c.typ = t
	return true
}

// arrowSchema is the schema of delivered batches.
func arrowSchema(cols []column) *arrow.Schema {
	fields := make([]arrow.Field, len(cols))
	for i, c := range cols {
		fields[i] = arrow.Field{Name: c.name, Type: c.typ.Arrow(), Nullable: true}
	}
	return arrow.NewSchema(fields, nil)
}

// columnsOf is what is asked of a file: the delivered types, but for columns in nanoseconds that are delivered in
// microseconds; those are narrowed.
func columnsOf(cols []column, file *arrow.Schema) (read schema.Schema, narrowed []bool) {
	read.Fields, narrowed = make([]schema.Field, len(cols)), make([]bool, len(cols))
	for i, c := range cols {
		read.Fields[i] = schema.Field{Name: c.name, Type: c.typ}
		for _, a := range file.Fields() {
			t, ok := a.Type.(*arrow.TimestampType)
			if !ok || t.Unit != arrow.Nanosecond || !strings.EqualFold(a.Name, c.name) {
				continue
			}
			for nanos, m := range micros {
				if c.typ.Kind == m {
					read.Fields[i].Type.Kind, narrowed[i] = nanos, true
				}
			}
		}
	}
	return read, narrowed
}
