package etl

import (
	"fmt"
	"strings"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/etl/plan"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/schema"
)

// bindMode finds the columns by which the mode replaces rows.
func (p *Plan) bindMode() error {
	switch p.Target.Mode {
	case catalog.ReplaceInterval:
		return p.bindWindow()
	case catalog.OverwritePartitions:
		if len(p.Target.Spec.Fields) == 0 {
			return fault.New(fault.Config, "%s has no partitions, so overwrite_partitions has nothing to replace by", p.Target.Ident).At(p.job.Place("target.mode")).
				Hint("use overwrite, replace_interval or upsert, or give the table partitions with Trino or Spark")
		}
	case catalog.Upsert:
		return p.bindKey()
	}
	return nil
}

func (p *Plan) bindWindow() error {
	at := p.job.Place("target.interval")
	i, ok := p.Target.Schema.Lookup(p.job.Target.Interval)
	if !ok {
		return fault.New(fault.Config, "%s has no column %s", p.Target.Ident, p.job.Target.Interval).At(at)
	}
	switch f := p.Target.Schema.Fields[i]; f.Type.Kind {
	case schema.Date, schema.Timestamp, schema.TimestampTZ:
	default:
		return fault.New(fault.Config, "column %s is %s; an interval needs a date or a timestamp", f.Name, f.Type).At(at)
	}
	p.Target.Window = &plan.Window{Column: i, Interval: *p.Interval}
	return nil
}

func (p *Plan) bindKey() error {
	seen := map[int]bool{}
	for k, name := range p.job.Target.Key {
		at := p.job.Place(fmt.Sprintf("target.key[%d]", k))
		i, ok := p.Target.Schema.Lookup(name)
		switch {
		case !ok:
			return fault.New(fault.Config, "%s has no column %s", p.Target.Ident, name).At(at)
		case p.Target.Source[i] < 0:
			return fault.New(fault.Config, "the job gives no value for the key column %s", name).At(at)
		case p.Target.Schema.Fields[i].Type.Nested():
			return fault.New(fault.Config, "column %s is %s, which cannot be a key", name, p.Target.Schema.Fields[i].Type).At(at)
		case seen[i]:
			return fault.New(fault.Config, "the key names %s twice", strings.ToLower(name)).At(at)
		}
		seen[i] = true
		p.Target.Key = append(p.Target.Key, i)
	}
	return nil
}
