package etl

import (
	"context"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/etl/job"
	"github.com/firn-data/firn/etl/native"
	"github.com/firn-data/firn/etl/plan"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/sources"
)

// Inspect binds a job to its sources and compiles its transform. No lake is opened: what the table says is left out. The
// plan can be previewed and looked at, but not run.
func Inspect(ctx context.Context, j *Job, o BindOptions) (*Plan, error) {
	p := newPlan(j, o)
	p.Session = &catalog.Session{}
	if err := p.inspect(ctx); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func (p *Plan) inspect(ctx context.Context) error {
	if err := p.checkInterval(); err != nil {
		return err
	}
	if err := p.bindSources(ctx); err != nil {
		return err
	}
	return p.bindTransform()
}

// PreviewRows is how many rows of each source a preview reads at most.
const PreviewRows = native.PreviewRows

// Preview runs the transform on the first rows of the sources and gives up to n of its rows, and the rows that were refused
// on the way. Nothing is written. The caller releases the batches.
func (p *Plan) Preview(ctx context.Context, n int) ([]arrow.RecordBatch, *plan.BadRows, error) {
	if p.Program == nil {
		return nil, nil, fault.New(fault.Config, "run %s is committed already: there is nothing to preview", p.RunID)
	}
	return native.Preview(ctx, p.Plan, plan.Env{Alloc: p.alloc, Budget: p.bud, Temp: p.temp, Workers: 1, Events: p.opts.Events, Now: p.opts.Now}, n)
}

// Draft is the job of a draft whose source the plan inspected, with the columns' types as they were found.
func (p *Plan) Draft(d *Draft) string { return d.YAML(p.job.Sources[0].Config, &p.Inputs[0].Stream) }

// List gives the tables of a database that a draft names without one of them.
func List(ctx context.Context, d *Draft, lookup job.Lookup, o BindOptions) ([]sources.Listed, error) {
	named := *d
	named.Table = "any.table" // a job needs one; listing does not look at it
	j, err := Load(strings.NewReader(named.YAML(nil, nil)), Options{File: "the job of " + d.Name, Lookup: d.Lookup(lookup)})
	if err != nil {
		return nil, err
	}
	l, ok := j.Sources[0].Config.(sources.Lister)
	if !ok {
		return nil, fault.New(fault.Usage, "sources of kind %s have no tables to list", d.Kind)
	}
	p := newPlan(j, o)
	defer p.Close()
	return l.List(ctx, sources.Env{Name: "input", Alloc: p.alloc, Budget: p.bud, Events: p.opts.Events, Temp: p.temp, Workers: 1, Now: p.opts.Now, Stores: p.stores})
}
