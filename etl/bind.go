package etl

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/etl/plan"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/memory"
	"github.com/firn-data/firn/transform"
)

// Bind binds a job to the real schemas of its source and its table. It changes nothing anywhere.
func Bind(ctx context.Context, j *Job, o BindOptions) (*Plan, error) {
	p := newPlan(j, o)
	if err := p.bind(ctx); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// newPlan settles what depends on no schema.
func newPlan(j *Job, o BindOptions) *Plan {
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	if o.Lake == "" {
		o.Lake = j.Lake
	}
	limit, workers := resources(j, o)
	p := &Plan{Plan: &plan.Plan{Job: j.Name, Attempt: attemptID(), Interval: o.Interval, RunID: o.RunID, Memory: limit, Workers: workers,
		Engine: chooseEngine(j)}, job: j, opts: o}
	if p.RunID == "" {
		p.RunID = runID(j.Name, o.Interval)
	}
	p.alloc, p.bud = memory.NewAllocator(limit/4), memory.NewBudget(limit)
	p.opts.Events = p.counted(o.Events)
	p.temp = memory.NewDir(tempDir(o), p.Attempt)
	return p
}

// chooseEngine picks what executes the job. A step that the native engine cannot run is refused when it is compiled.
func chooseEngine(j *Job) plan.Choice {
	if j.Engine == "native" {
		return plan.Choice{Name: "native", Reason: "the job asks for it"}
	}
	return plan.Choice{Name: "native", Reason: "it runs every step"}
}

// counted passes events on and adds up the bytes that sources report.
func (p *Plan) counted(outer *Events) *Events {
	e := Events{}
	if outer != nil {
		e = *outer
	}
	next := e.Read
	e.Read = func(source string, rows, bytes int64) {
		p.bytesRead.Add(bytes)
		if next != nil {
			next(source, rows, bytes)
		}
	}
	return &e
}

func (p *Plan) bind(ctx context.Context) error {
	if err := p.checkInterval(); err != nil {
		return err
	}
	var err error
	if p.lake, err = OpenLake(ctx, p.opts.Lakes, p.opts.Lake, p.opts.Events); err != nil {
		return p.lakeNamed(err)
	}
	if err := p.beginSession(ctx); err != nil {
		return err
	}
	if p.Session.Committed {
		return nil
	}
	if err := p.bindSources(ctx); err != nil {
		return err
	}
	if err := p.bindTransform(); err != nil {
		return err
	}
	if err := p.bindTarget(); err != nil {
		return err
	}
	if p.opts.Strict && len(p.Warnings) > 0 {
		return fault.New(fault.Config, "the plan has warnings, which --strict forbids: %s", strings.Join(p.Warnings, "; "))
	}
	return nil
}

// lakeNamed puts the place in the job file on an error about the name of its lake.
func (p *Plan) lakeNamed(err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Place.Path == "lake" && p.job.Lake != "" && p.opts.Lake == p.job.Lake {
		f.At(p.job.Place("lake"))
	}
	return err
}

func (p *Plan) checkInterval() error {
	needs := p.job.Target.Mode == string(catalog.ReplaceInterval) || p.job.NeedsInterval()
	for _, s := range p.job.Sources {
		needs = needs || s.Interval != nil
	}
	switch i := p.Interval; {
	case needs && i == nil:
		return fault.New(fault.Usage, "job %s works by interval", p.Job).Hint("give --interval-start and --interval-end")
	case i != nil && !i.Start.Before(i.End):
		return fault.New(fault.Usage, "the interval [%s, %s) is empty", i.Start.Format(time.RFC3339), i.End.Format(time.RFC3339)).
			Hint("the end must be after the start; in Airflow use CronDataIntervalTimetable")
	}
	return nil
}

// beginSession settles table and state.
func (p *Plan) beginSession(ctx context.Context) error {
	id, err := catalog.ParseIdent(p.job.Target.Table)
	if err != nil {
		return place(err, p.job.Place("target.table"))
	}
	p.Target.Ident, p.Target.Mode = id, catalog.Mode(p.job.Target.Mode)
	q := p.job.Quarantine.Table
	if q == "" {
		q = id.String() + "_quarantine"
	}
	if p.Quarantine.Ident, err = catalog.ParseIdent(q); err != nil {
		return place(err, p.job.Place("quarantine.table"))
	}
	p.Quarantine.MaxRows, p.Quarantine.MaxShare = p.job.Quarantine.MaxRows, float64(p.job.Quarantine.MaxShare)
	p.Session, err = p.lake.Begin(ctx, p.request())
	if err != nil {
		return err
	}
	p.Warnings = append(p.Warnings, p.Session.Notes...)
	if s := p.job.Sources[p.job.Tracked()]; p.Target.Mode == catalog.Append && s.Cursor == nil && s.Interval == nil && p.Interval == nil && !p.opts.FullRefresh {
		p.Warnings = append(p.Warnings, "append without cursor or interval: each run with a new run id adds everything again")
	}
	return nil
}

func (p *Plan) request() catalog.Request {
	r := catalog.Request{Ident: p.Target.Ident, Job: p.Job, RunID: p.RunID, Mode: p.Target.Mode, Fingerprint: p.fingerprint(), FullRefresh: p.opts.FullRefresh, Redo: p.opts.Redo}
	if p.job.Sources[p.job.Tracked()].Cursor == nil {
		r.Interval = p.Interval
	}
	return r
}

// params are the run's values as SQL sees them.
func (p *Plan) params() map[string]any {
	out := map[string]any{"run_id": p.RunID, "job": p.Job, "run_started": p.opts.Now}
	for k, v := range p.job.Params {
		out[k] = v
	}
	if p.Interval != nil {
		out["interval_start"], out["interval_end"] = p.Interval.Start, p.Interval.End
	}
	return out
}

func (p *Plan) bindTransform() error {
	steps := make([]transform.Step, len(p.job.Transform))
	for i, s := range p.job.Transform {
		path := fmt.Sprintf("transform[%d]", i)
		steps[i] = transform.Step{SQL: s.SQL, OnError: transform.OnBad(s.OnError), At: p.job.Place(path + ".sql")}
		if s.Dedupe != nil {
			steps[i].Dedupe = &transform.Dedupe{Key: s.Dedupe.Key, Order: s.Dedupe.Order}
			steps[i].At = p.job.Place(path + ".dedupe")
		}
		for k, e := range s.Expect {
			steps[i].Expect = append(steps[i].Expect, transform.Expectation{Name: e.Name, Check: e.Check, OnFail: transform.OnBad(e.OnFail), At: p.job.Place(fmt.Sprintf("%s.expect[%d].check", path, k))})
		}
	}
	var inputs []transform.Input
	for _, in := range p.Inputs {
		inputs = append(inputs, transform.Input{Name: in.Name, Schema: in.Stream.Schema})
	}
	var err error
	if p.Program, err = transform.Compile(steps, inputs, p.params(), p.opts.Now); err != nil {
		return err
	}
	p.pushDown()
	for _, w := range p.Program.Warnings() {
		p.Warnings = append(p.Warnings, w.Text)
	}
	return nil
}

// place puts a place on an error that has none.
func place(err error, at fault.Place) error {
	if fault.PlaceOf(err) != (fault.Place{}) {
		return err
	}
	return fault.Wrap(fault.ClassOf(err), err, "in the job").At(at)
}
