package etl

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/schema"
)

// bindExisting maps the transform's columns to the table's by name, without case. Values go in exactly or by Iceberg's promotions
// (I4); what the table lacks is added, and what is too narrow promoted, when schema_change says so.
func (p *Plan) bindExisting(made schema.Schema) error {
	t, tab := &p.Target, p.Session.Table
	t.Exists, t.Location, t.Spec, t.Sort, t.Properties = true, tab.Location, tab.Spec, tab.Sort, tab.Properties()
	if err := distinct(tab.Schema.Fields, tab.Ident.String()); err != nil {
		return err
	}
	if err := partitionable(tab.Spec, tab.Schema); err != nil {
		return err
	}
	m := &merger{plan: p, last: tab.LastColumnID()}
	fields, err := m.fields(0, "", tab.Schema.Fields, made.Fields)
	if err != nil {
		return err
	}
	t.Schema, p.changes = schema.Schema{Fields: fields}, m.changes
	t.Source = make([]int, len(fields))
	for i, f := range fields {
		c, ok := made.Lookup(f.Name)
		if !ok {
			t.Source[i] = -1
			if err := p.vanished(f.Name); err != nil {
				return err
			}
			continue
		}
		t.Source[i] = c
		column := &t.Columns[c]
		column.Iceberg, column.Change = f.Type.String(), strings.Join(m.shown[f.Name], ", ")
		if schema.Between(made.Fields[c].Type, f.Type) == schema.Widened {
			column.Fidelity = schema.Widened
		}
	}
	p.noteLayout()
	return nil
}

// vanished decides about a column of the table that the job no longer gives, though its source had it in the last run.
func (p *Plan) vanished(name string) error {
	known, err := p.knownSchemas()
	if err != nil {
		return err
	}
	had := false
	for _, last := range known {
		_, in := last.Lookup(name)
		had = had || in
	}
	if !had {
		return nil
	}
	for _, in := range p.Inputs {
		for _, f := range in.Stream.Schema.Fields() {
			if strings.EqualFold(f.Name, name) {
				return nil // the job leaves it out by itself
			}
		}
	}
	if p.job.Target.SchemaChange == "fail" {
		return fault.New(fault.Config, "the source no longer has column %s, which %s has", name, p.Target.Ident).WithCode("COLUMN_VANISHED").
			Hint("give it in the transform, or let its rows have NULL with target.schema_change: add_columns")
	}
	p.Warnings = append(p.Warnings, fmt.Sprintf("the source no longer has column %s: it is NULL in new rows", name))
	return nil
}

// distinct refuses columns that are equal without case, which no engine could tell apart.
func distinct(fields []schema.Field, where string) error {
	for i, f := range fields {
		if k := slices.IndexFunc(fields[:i], func(g schema.Field) bool { return strings.EqualFold(f.Name, g.Name) }); k >= 0 {
			return fault.New(fault.Config, "%s has the columns %s and %s, which are equal without case", where, fields[k].Name, f.Name).
				Hint("give one of them another name: %s AS …", f.Name)
		}
	}
	return nil
}

// merger makes the schema that a table has after the run, and the changes that lead to it.
type merger struct {
	plan    *Plan
	last    int // the highest field id given so far
	changes []catalog.Change
	shown   map[string][]string // what plan shows, by top-level column
}

func (m *merger) note(path, text string) {
	top, rest, nested := strings.Cut(path, ".")
	if nested {
		text = rest + " " + text
	}
	if m.shown == nil {
		m.shown = map[string][]string{}
	}
	m.shown[top] = append(m.shown[top], text)
}

// fields merges the columns made into those of the table, or of a struct in it with the id parent.
func (m *merger) fields(parent int, path string, have, made []schema.Field) ([]schema.Field, error) {
	out := slices.Clone(have)
	for i, f := range have {
		at := under(path, f.Name)
		k := slices.IndexFunc(made, func(g schema.Field) bool { return strings.EqualFold(f.Name, g.Name) })
		if k < 0 {
			if f.Required {
				return nil, fault.New(fault.Config, "%s needs a value for the required column %s, which the job does not give", m.plan.Target.Ident, at)
			}
			continue
		}
		var err error
		if out[i].Type, err = m.merge(f, made[k].Type, at); err != nil {
			return nil, err
		}
	}
	for _, g := range made {
		if slices.ContainsFunc(have, func(f schema.Field) bool { return strings.EqualFold(f.Name, g.Name) }) {
			continue
		}
		at := under(path, g.Name)
		if m.plan.job.Target.SchemaChange == "fail" {
			return nil, fault.New(fault.Config, "the job gives column %s, which %s does not have", at, m.plan.Target.Ident).WithCode("NEW_COLUMN").
				Hint("leave it out of the SELECT, or let firn add it with target.schema_change: add_columns")
		}
		g.Required = false
		one := schema.Schema{Fields: []schema.Field{g}}
		m.last = schema.AssignIDs(&one, m.last)
		out = append(out, one.Fields[0])
		m.changes = append(m.changes, catalog.Change{Parent: parent, Field: one.Fields[0]})
		m.note(at, "added")
	}
	return out, nil
}

// merge gives the type that column f has after the run, whose values have the type made.
func (m *merger) merge(f schema.Field, made schema.Type, at string) (schema.Type, error) {
	switch {
	case f.Type.Kind == schema.Struct && made.Kind == schema.Struct:
		fields, err := m.fields(f.ID, at, f.Type.Fields, made.Fields)
		f.Type.Fields = fields
		return f.Type, err
	case f.Type.Kind == made.Kind && made.Nested():
		fields := slices.Clone(f.Type.Fields)
		for i, child := range fields {
			var err error
			if fields[i].Type, err = m.merge(child, made.Fields[i].Type, under(at, child.Name)); err != nil {
				return f.Type, err
			}
		}
		f.Type.Fields = fields
		return f.Type, nil
	case schema.Between(made, f.Type) != schema.Lossy:
		return f.Type, nil
	case schema.Between(f.Type, made) == schema.Widened && m.plan.job.Target.SchemaChange == "evolve":
		m.changes = append(m.changes, catalog.Change{Field: schema.Field{ID: f.ID, Name: f.Name, Type: made}, Promote: true})
		m.note(at, f.Type.String()+" → "+made.String())
		return made, nil
	}
	e := fault.New(fault.Config, "column %s is %s, and %s in the table: values could change", at, made, f.Type).WithCode("INCOMPATIBLE_COLUMN")
	if schema.Between(f.Type, made) == schema.Widened {
		return f.Type, e.Hint("write CAST(%s AS %s) AS %s in the transform, or widen the table's column with target.schema_change: evolve", at, f.Type.SparkSQL(), f.Name)
	}
	return f.Type, e.Hint("write CAST(%s AS %s) AS %s in the transform", at, f.Type.SparkSQL(), f.Name)
}

func under(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
