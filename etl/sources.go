package etl

import (
	"context"
	"encoding/json"

	"github.com/firn-data/firn/etl/job"
	"github.com/firn-data/firn/etl/plan"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/sources"
)

// tracked is the input whose position the job remembers; the others are read whole in every run.
func (p *Plan) tracked() *plan.Input { return p.Inputs[p.job.Tracked()] }

// fingerprint says what the job reads: of several sources each one's fields, with its name before them.
func (p *Plan) fingerprint() map[string]string {
	out := map[string]string{}
	for _, s := range p.job.Sources {
		prefix := ""
		if len(p.job.Sources) > 1 {
			prefix = s.Name + "."
		}
		for k, v := range s.Config.Fingerprint() {
			out[prefix+k] = v
		}
		if s.Cursor != nil {
			out[prefix+"cursor"] = s.Cursor.Column
		}
	}
	return out
}

// bindSources opens the sources and fixes their upper bounds.
func (p *Plan) bindSources(ctx context.Context) error {
	known, err := p.knownSchemas()
	if err != nil {
		return err
	}
	read := map[string]*schema.Schema{}
	for i, s := range p.job.Sources {
		var from sources.Position
		if st := p.Session.State; st != nil && i == p.job.Tracked() {
			from = st.Position
		}
		in, err := p.bindSource(ctx, s, from, known[s.Name], len(p.job.Sources) == 1 || s.Interval != nil)
		if err != nil {
			return err
		}
		found, _, err := schema.SchemaFromArrow(in.Stream.Schema)
		if err != nil {
			return fault.Wrap(fault.Config, err, "source %s", s.Name)
		}
		read[s.Name] = &found
	}
	if len(read) == 1 {
		p.keep.schema, err = json.Marshal(read[p.job.Sources[0].Name])
	} else {
		p.keep.schema, err = json.Marshal(read)
	}
	return err
}

// knownSchemas are the sources' schemas in the job's state: of one source its own, of several an object by their names.
func (p *Plan) knownSchemas() (map[string]*schema.Schema, error) {
	out := map[string]*schema.Schema{}
	st := p.Session.State
	if st == nil || len(st.Schema) == 0 {
		return out, nil
	}
	var err error
	if len(p.job.Sources) == 1 {
		one := &schema.Schema{}
		err = json.Unmarshal(st.Schema, one)
		out[p.job.Sources[0].Name] = one
	} else {
		err = json.Unmarshal(st.Schema, &out)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Config, err, "read the source schema in the state of job %s", p.Job)
	}
	return out, nil
}

// bindSource opens a source, reads its schema and fixes its upper bound. byInterval: the run's interval bounds its rows.
func (p *Plan) bindSource(ctx context.Context, s job.Source, from sources.Position, known *schema.Schema, byInterval bool) (*plan.Input, error) {
	env := sources.Env{Name: s.Name, Alloc: p.alloc, Budget: p.bud, Events: p.opts.Events, Temp: p.temp, Workers: p.Workers, Now: p.opts.Now,
		Cursor: s.Cursor, ByColumn: s.Interval, Known: known, BadRows: s.OnBadRow, Stores: p.stores, Stdin: p.opts.Stdin}
	cfg, err := s.Filled(job.Values{Job: p.Job, RunID: p.RunID, Started: p.opts.Now, Interval: p.Interval})
	if err != nil {
		return nil, err
	}
	src, err := cfg.Open(ctx, env)
	if err != nil {
		return nil, err
	}
	in := &plan.Input{Name: s.Name, Kind: s.Config.Kind(), Source: src, Bytes: -1, QuarantineBadRows: s.OnBadRow == "quarantine"}
	p.Inputs = append(p.Inputs, in)
	streams, err := src.Streams(ctx)
	if err != nil {
		return nil, err
	}
	in.Stream = streams[0]
	for _, n := range in.Stream.Notes {
		if n.Warning {
			p.Warnings = append(p.Warnings, n.String())
		}
	}
	to, err := src.Bound(ctx, in.Stream.Name, from)
	if err != nil {
		return nil, err
	}
	if c, ok := src.(sources.Clock); ok {
		notes, err := c.CursorNotes(ctx, in.Stream.Name)
		if err != nil {
			return nil, err
		}
		for _, n := range notes {
			p.Warnings = append(p.Warnings, n.String())
		}
	}
	in.Request = sources.Request{Stream: in.Stream.Name, From: from, To: to, Params: p.params()}
	if byInterval {
		in.Request.Interval = p.Interval
	}
	if sz, ok := src.(sources.Sizer); ok {
		if in.Bytes, err = sz.Size(ctx, in.Request); err != nil {
			return nil, err
		}
	}
	if sp, ok := src.(sources.Splitter); ok && p.opts.Describe {
		if in.Splits, err = sp.DescribeSplits(ctx, in.Request); err != nil {
			return nil, err
		}
	}
	return in, nil
}

// pushDown tells sources with types of their own which columns and rows the program reads. Text is read whole: which of its
// rows are bad must not depend on what the SQL reads.
func (p *Plan) pushDown() {
	for _, in := range p.Inputs {
		if in.Kind == "parquet" || in.Kind == "postgres" {
			in.Request.Columns, in.Request.Where = p.Program.Columns(in.Name), p.Program.Where(in.Name)
		}
	}
}
