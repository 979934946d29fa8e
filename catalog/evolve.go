package catalog

import (
	"slices"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/schema"
)

// Change is one change of a table's schema that a commit makes: a new column, or another type of an old one.
type Change struct {
	Parent  int          // field id of the struct that gets the column; 0: the table
	Field   schema.Field // a new column with all its ids; or the id and the new type of a column
	Promote bool         // Field.Type is a promotion of the column's type
}

// changed gives a schema with the changes made that it does not have yet.
func changed(s schema.Schema, changes []Change) schema.Schema {
	for _, c := range changes {
		s.Fields = changedFields(s.Fields, 0, c)
	}
	return s
}

func changedFields(in []schema.Field, parent int, c Change) []schema.Field {
	out := make([]schema.Field, len(in), len(in)+1)
	for i, f := range in {
		switch {
		case c.Promote && f.ID == c.Field.ID && schema.Between(f.Type, c.Field.Type) == schema.Widened:
			f.Type = c.Field.Type
		case f.Type.Nested():
			id := -1 // lists and maps get no columns
			if f.Type.Kind == schema.Struct {
				id = f.ID
			}
			f.Type.Fields = changedFields(f.Type.Fields, id, c)
		}
		out[i] = f
	}
	if there := slices.ContainsFunc(in, func(f schema.Field) bool { return f.ID == c.Field.ID }); !c.Promote && parent == c.Parent && !there {
		out = append(out, c.Field)
	}
	return out
}

// evolve puts the changed schema into the metadata being built.
func evolve(b *table.MetadataBuilder, base table.Metadata, changes []Change) error {
	if len(changes) == 0 {
		return nil
	}
	current := base.CurrentSchema()
	have, err := fromIceberg(current)
	if err != nil {
		return fault.Wrap(fault.Config, err, "read the schema")
	}
	want := changed(have, changes)
	if slices.EqualFunc(have.Fields, want.Fields, func(a, b schema.Field) bool { return a.ID == b.ID && a.Type.Equal(b.Type) }) {
		return nil
	}
	next := 0
	for _, s := range base.Schemas() {
		next = max(next, s.ID+1)
	}
	s := iceberg.NewSchemaWithIdentifiers(next, current.IdentifierFieldIDs, fieldsToIceberg(want.Fields)...)
	if err := b.AddSchema(s); err != nil {
		return fault.Wrap(fault.Bug, err, "change the schema")
	}
	if err := b.SetCurrentSchemaID(-1); err != nil {
		return fault.Wrap(fault.Bug, err, "change the schema")
	}
	return nil
}

// fits checks that files written for c's plan may still be added: every planned field is there with the same or a promoted type,
// no new column is required, and the ids of columns that the plan adds were not given to others.
func fits(t *Table, c Commit) error {
	for _, ch := range c.Changes {
		if err := changeFits(t, c.Ident, ch); err != nil {
			return err
		}
	}
	planned := map[int]schema.Field{}
	for _, f := range c.Planned.Fields {
		planned[f.ID] = f
	}
	have := map[int]bool{}
	for _, f := range changed(t.Schema, c.Changes).Fields {
		have[f.ID] = true
		p, ok := planned[f.ID]
		if !ok && f.Required {
			return fault.New(fault.Retry, "%s got the required column %s during the run", c.Ident, f.Name).Hint("run again")
		}
		if ok && (schema.Between(p.Type, f.Type) == schema.Lossy || f.Required && !p.Required) {
			return fault.New(fault.Retry, "column %s of %s changed from %s to %s during the run", f.Name, c.Ident, p.Type, f.Type).Hint("run again")
		}
	}
	for _, p := range c.Planned.Fields {
		if !have[p.ID] {
			return fault.New(fault.Retry, "column %s of %s was dropped during the run", p.Name, c.Ident).Hint("run again")
		}
	}
	for _, f := range c.Files {
		if t.md.PartitionSpecByID(f.SpecID) == nil {
			return fault.New(fault.Retry, "the partition spec of %s was removed during the run", c.Ident).Hint("run again")
		}
	}
	return nil
}

// changeFits checks that a planned change means on t what it meant on the table that it was planned for.
func changeFits(t *Table, id Ident, c Change) error {
	if c.Promote {
		return nil // the column's type is compared with the plan's afterwards
	}
	fields := t.Schema.Fields
	if c.Parent != 0 {
		fields = childrenOf(fields, c.Parent)
	}
	for _, f := range fields {
		same := f.ID == c.Field.ID && f.Name == c.Field.Name && f.Type.Equal(c.Field.Type)
		if same {
			return nil
		}
		if f.ID == c.Field.ID || strings.EqualFold(f.Name, c.Field.Name) {
			return fault.New(fault.Retry, "%s got the column %s during the run, which adds %s", id, f.Name, c.Field.Name).Hint("run again")
		}
	}
	if t.LastColumnID() >= c.Field.ID {
		return fault.New(fault.Retry, "%s got other columns during the run, which adds %s", id, c.Field.Name).Hint("run again")
	}
	return nil
}

// childrenOf finds the fields of the struct with an id.
func childrenOf(fields []schema.Field, id int) []schema.Field {
	for _, f := range fields {
		if f.ID == id {
			return f.Type.Fields
		}
		if f.Type.Nested() {
			if in := childrenOf(f.Type.Fields, id); in != nil {
				return in
			}
		}
	}
	return nil
}
