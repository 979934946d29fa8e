package etl

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/etl/plan"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/partition"
	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/internal/spelling"
)

// bindTarget maps the transform's columns to the table's, or plans the table.
func (p *Plan) bindTarget() error {
	made, fidelity, err := schema.SchemaFromArrow(p.Program.Schema())
	if err != nil {
		return fault.Wrap(fault.Config, err, "the last step").Hint("cast the column to a type that Iceberg has")
	}
	if err := distinct(made.Fields, "the last step"); err != nil {
		return err
	}
	t := &p.Target
	t.FileBytes, t.QuarantineBadRows = int64(p.job.Target.FileSize), p.job.Target.OnError == "quarantine"
	for i, f := range made.Fields {
		t.Columns = append(t.Columns, plan.Column{Name: f.Name, Arrow: p.Program.Schema().Field(i).Type.String(), Iceberg: f.Type.String(), Fidelity: fidelity[i]})
	}
	if p.Session.Table != nil {
		err = p.bindExisting(made)
	} else {
		err = p.planTable(made)
	}
	if err != nil {
		return err
	}
	return p.bindMode()
}

// planTable plans the table that the commit creates. Columns are optional but for those of the key.
func (p *Plan) planTable(made schema.Schema) error {
	t := &p.Target
	for i := range made.Fields {
		f := &made.Fields[i]
		f.Required = slices.ContainsFunc(p.job.Target.Key, func(k string) bool { return strings.EqualFold(k, f.Name) })
		t.Source = append(t.Source, i)
	}
	schema.AssignIDs(&made, 0)
	t.Schema = made
	t.Location = newLocation(p.lake, t.Ident)
	t.Properties = p.properties()
	var err error
	if t.Spec, err = p.spec(made, p.job.Target.Partition); err != nil {
		return err
	}
	if err := partitionable(t.Spec, made); err != nil {
		return place(err, p.job.Place("target.partition"))
	}
	t.Sort, err = p.sortOrder(made)
	return err
}

// properties of a created table: firn's, the lake's, the job's.
func (p *Plan) properties() map[string]string {
	out := catalog.DefaultProperties()
	maps.Copy(out, p.lake.Defaults)
	maps.Copy(out, p.job.Target.Properties)
	return out
}

// newLocation is a folder that no other table has.
func newLocation(l *catalog.Lake, id catalog.Ident) string {
	var b [4]byte
	rand.Read(b[:])
	return fmt.Sprintf("%s/%s.db/%s-%s", l.Warehouse, id.Namespace, id.Table, hex.EncodeToString(b[:]))
}

func (p *Plan) spec(s schema.Schema, exprs []string) (partition.Spec, error) {
	spec := partition.Spec{}
	for i, text := range exprs {
		at := p.job.Place(fmt.Sprintf("target.partition[%d]", i))
		e, err := partition.ParseExpr(text)
		if err != nil {
			return spec, fault.New(fault.Config, "%s", err).At(at)
		}
		c, ok := s.Lookup(e.Column)
		if !ok {
			return spec, noColumn(s, e.Column, "to partition by", at)
		}
		f := s.Fields[c]
		if _, err := e.Transform.ResultType(f.Type); err != nil {
			return spec, fault.New(fault.Config, "%s", err).At(at)
		}
		e.Column = f.Name
		spec.Fields = append(spec.Fields, partition.Field{SourceID: f.ID, FieldID: 1000 + i, Name: e.FieldName(), Transform: e.Transform})
	}
	return spec, nil
}

// partitionable refuses specs that manifests cannot hold or that no other engine reads: Trino and Spark read no table whose partitions are
// fixed values, and the writer of manifests takes one field of decimals.
func partitionable(spec partition.Spec, s schema.Schema) error {
	decimals := 0
	for _, f := range spec.Fields {
		c := slices.IndexFunc(s.Fields, func(c schema.Field) bool { return c.ID == f.SourceID })
		if c < 0 {
			continue // of a nested column, or of one that is gone
		}
		made, err := f.Transform.ResultType(s.Fields[c].Type)
		if err != nil {
			continue
		}
		if made.Kind == schema.Decimal {
			decimals++
		}
		if made.Kind == schema.Fixed {
			return fault.New(fault.Config, "column %s cannot make partitions: Trino and Spark read no table with partitions of %s", s.Fields[c].Name, made).Hint("use bucket(N, %s)", s.Fields[c].Name)
		}
		if decimals > 1 {
			return fault.New(fault.Config, "column %s cannot make partitions too: firn writes tables with partitions of one decimal column at most", s.Fields[c].Name).Hint("use bucket(N, %s)", s.Fields[c].Name)
		}
	}
	return nil
}

// noColumn says which columns there are instead.
func noColumn(s schema.Schema, name, what string, at fault.Place) error {
	e := fault.New(fault.Config, "there is no column %q %s", name, what).At(at)
	names := make([]string, len(s.Fields))
	for i, f := range s.Fields {
		names[i] = f.Name
	}
	if near := spelling.Nearest(name, names); near != "" {
		return e.Hint("did you mean %s?", near)
	}
	return e.Hint("there are %s", strings.Join(names, ", "))
}

func (p *Plan) sortOrder(s schema.Schema) (partition.SortOrder, error) {
	order := partition.SortOrder{}
	for i, text := range p.job.Target.Sort {
		at := p.job.Place(fmt.Sprintf("target.sort[%d]", i))
		e, err := partition.ParseSortExpr(text)
		if err != nil {
			return order, fault.New(fault.Config, "%s", err).At(at)
		}
		c, ok := s.Lookup(e.Column)
		if !ok {
			return order, noColumn(s, e.Column, "to sort by", at)
		}
		order.ID = 1
		order.Fields = append(order.Fields, partition.SortField{SourceID: s.Fields[c].ID, Transform: e.Transform, Descending: e.Descending, NullsLast: e.NullsLast})
	}
	return order, nil
}

// noteLayout says where the job would lay the table out otherwise than it is.
func (p *Plan) noteLayout() {
	t, j := &p.Target, p.job.Target
	for _, x := range []struct {
		what      string
		job, have []string
	}{{"partition", j.Partition, t.Spec.Expressions(t.Schema)}, {"sort", j.Sort, t.Sort.Expressions(t.Schema)}} {
		if len(x.job) > 0 && !sameExpressions(x.job, x.have) {
			p.Notes = append(p.Notes, fmt.Sprintf("target.%s [%s] is used on creation only: the table has [%s]", x.what, strings.Join(x.job, ", "), strings.Join(x.have, ", ")))
		}
	}
}

// sameExpressions compares what a job writes with what a table has.
func sameExpressions(job, table []string) bool {
	return slices.EqualFunc(job, table, func(a, b string) bool {
		x, err := partition.ParseSortExpr(a)
		y, berr := partition.ParseSortExpr(b)
		x.Column, y.Column = strings.ToLower(x.Column), strings.ToLower(y.Column)
		return err == nil && berr == nil && x == y
	})
}

// quarantineTarget looks the quarantine table up, or plans it.
func (p *Plan) quarantineTarget(ctx context.Context) (*plan.Target, error) {
	t := &plan.Target{Ident: p.Quarantine.Ident, Mode: catalog.Append, FileBytes: 64 << 20}
	tab, err := p.lake.Load(ctx, t.Ident)
	switch {
	case err == nil:
		t.Exists, t.Location, t.Spec, t.Properties = true, tab.Location, tab.Spec, tab.Properties()
		for _, f := range plan.QuarantineSchema().Fields {
			if _, ok := tab.Schema.Lookup(f.Name); !ok {
				return nil, fault.New(fault.Config, "%s is not a quarantine table: it has no column %s", t.Ident, f.Name).Hint("name another table in quarantine.table")
			}
		}
		t.Schema = tab.Schema
		return t, nil
	case !errors.Is(err, catalog.ErrNoTable):
		return nil, err
	}
	t.Schema = plan.QuarantineSchema()
	schema.AssignIDs(&t.Schema, 0)
	t.Location, t.Properties = newLocation(p.lake, t.Ident), catalog.DefaultProperties()
	t.Spec, err = p.spec(t.Schema, []string{plan.QuarantinePartition})
	return t, err
}
