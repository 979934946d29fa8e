package catalog

import (
	"slices"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/schema"
)

// evolve adds columns to the metadata being built. A column that another commit added meanwhile, with the same id, is left.
func evolve(b *table.MetadataBuilder, base table.Metadata, add []schema.Field) error {
	current := base.CurrentSchema()
	fields := slices.Clone(current.Fields())
	for _, f := range add {
		if _, there := current.FindFieldByID(f.ID); !there {
			fields = append(fields, fieldsToIceberg([]schema.Field{f})...)
		}
	}
	if len(fields) == len(current.Fields()) {
		return nil
	}
	next := 0
	for _, s := range base.Schemas() {
		next = max(next, s.ID+1)
	}
	s := iceberg.NewSchemaWithIdentifiers(next, current.IdentifierFieldIDs, fields...)
	if err := b.AddSchema(s); err != nil {
		return fault.Wrap(fault.Bug, err, "add columns")
	}
	if err := b.SetCurrentSchemaID(-1); err != nil {
		return fault.Wrap(fault.Bug, err, "add columns")
	}
	return nil
}
