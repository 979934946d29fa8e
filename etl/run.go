package etl

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/etl/native"
	"github.com/firn-data/firn/etl/plan"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/memory"
	"github.com/firn-data/firn/internal/predicate"
	"github.com/firn-data/firn/sources"
	"github.com/firn-data/firn/storage"
	"github.com/firn-data/firn/storage/layout"
)

// Run executes the plan and commits it, exactly once. The report is complete also beside an error.
func (p *Plan) Run(ctx context.Context) (*Report, error) {
	start := time.Now()
	r := p.NewReport()
	err := p.run(ctx, r)
	r.Seconds.Total = time.Since(start).Seconds()
	r.PeakMemory = p.bud.Peak()
	if err != nil {
		r.SetError(err)
	}
	return r, err
}

func (p *Plan) run(ctx context.Context, r *Report) error {
	if p.Session.Committed {
		r.Outcome = plan.AlreadyCommitted
		r.Snapshot = snapshot(p.Session.Snapshot)
		return nil
	}
	in := p.tracked()
	r.Position = plan.Position{From: in.Request.From, To: in.Request.To}
	p.sweep()
	eng := &native.Engine{Store: p.lake.Store, OpenQuarantine: p.quarantineTarget}
	p.opts.Events.OnStage("read")
	res, err := eng.Execute(ctx, p.Plan, p.env())
	if res != nil {
		r.Rows, r.Operators, r.Bytes, r.Seconds, r.Files = res.Rows, res.Operators, res.Bytes, res.Seconds, len(res.Files)
		r.Bytes.Read = p.bytesRead.Load()
	}
	if err != nil && (res == nil || len(res.Quarantine) == 0) {
		return err
	}
	commit := time.Now()
	defer func() { r.Seconds.Commit = time.Since(commit).Seconds() }()
	p.opts.Events.OnStage("commit")
	// The quarantine is committed first: the target's snapshot names it.
	if len(res.Quarantine) > 0 {
		id, qerr := p.commitQuarantine(ctx, res)
		if qerr != nil {
			p.lake.Discard(ctx, res.Files)
			return errors.Join(err, qerr)
		}
		r.Quarantine = &plan.Quarantined{Table: p.Quarantine.Ident.String(), Snapshot: id}
	}
	if err != nil {
		return err
	}
	return p.commit(ctx, r, eng, res)
}

func (p *Plan) env() plan.Env {
	return plan.Env{Alloc: p.alloc, Budget: p.bud, Temp: p.temp, Workers: p.Workers, Events: p.opts.Events, Now: p.opts.Now}
}

// sweepAge is how old a temp file must be to belong to an attempt that died.
const sweepAge = 24 * time.Hour

// sweep removes what attempts that died left in the temp folder and in the target's namespace, by name and by age (I6). What cannot be
// removed now is somebody else's, or goes another time.
func (p *Plan) sweep() {
	n, err := memory.Sweep(tempDir(p.opts), sweepAge, p.opts.Now)
	if err == nil && n > 0 {
		p.opts.Events.OnWarn(fmt.Sprintf("removed %d folders of temp files of attempts that died", n))
	}
	s, ok := p.lake.Store.(storage.Sweeper)
	if !ok {
		return
	}
	n, err = s.Sweep(path.Dir(newLocation(p.lake, p.Target.Ident)), sweepAge, p.opts.Now)
	if err == nil && n > 0 {
		p.opts.Events.OnWarn(fmt.Sprintf("removed %d temp files of attempts that died", n))
	}
}

func snapshot(id int64) *int64 {
	if id == 0 {
		return nil
	}
	return &id
}

// commit makes the run's snapshot, unless there is nothing to tell.
func (p *Plan) commit(ctx context.Context, r *Report, eng *native.Engine, res *plan.Result) error {
	in, mode := p.tracked(), p.replacing()
	moved := !catalog.SamePosition(in.Request.From, in.Request.To)
	interval := p.request().Interval != nil
	switch {
	case mode == catalog.Overwrite && r.Rows.Written == 0 && !p.job.Target.AllowEmpty:
		return fault.New(fault.Data, "the run has no rows, and would empty %s", p.Target.Ident).Hint("if that is meant, set target.allow_empty: true")
	case mode == catalog.Overwrite || interval:
	case r.Rows.Read == 0:
		r.Outcome, r.Position.To = plan.Empty, r.Position.From
		return nil
	case r.Rows.Written == 0 && !moved:
		r.Outcome = plan.Empty
		return nil
	}
	c := catalog.Commit{Request: p.request(), Attempt: p.Attempt, Session: p.Session, Planned: p.Target.Schema, Changes: p.changes, Files: res.Files,
		PositionFrom: in.Request.From, PositionTo: in.Request.To, SourceSchema: p.keep.schema, Summary: p.summary(r),
		Replace: eng.Replace(mode, p.Plan, p.env(), res.Files)}
	if p.Session.Table == nil {
		c.Create = &catalog.NewTable{Schema: p.Target.Schema, Spec: p.Target.Spec, Sort: p.Target.Sort, Location: p.Target.Location, Properties: p.Target.Properties}
	}
	if p.Target.Mode == catalog.Upsert && (p.Session.Table == nil || mode != catalog.Upsert) {
		// Where rows are replaced by key, planning that finds a key that is there twice; here nothing is planned.
		if err := eng.CheckKeys(ctx, p.Plan, p.env(), res.Files); err != nil {
			p.lake.Discard(ctx, res.Files)
			return err
		}
	}
	done, err := p.lake.Commit(ctx, c)
	if err != nil {
		return err
	}
	r.Outcome, r.Snapshot = plan.Committed, snapshot(done.Snapshot)
	if !done.Committed {
		r.Outcome = plan.AlreadyCommitted
		return nil
	}
	for _, in := range p.Inputs {
		if a, ok := in.Source.(sources.Acknowledger); ok {
			if err := a.Acknowledge(ctx, in.Stream.Name, in.Request.To); err != nil {
				r.Warnings = append(r.Warnings, fmt.Sprintf("the rows are committed, but the source %s could not be told: %s", in.Name, err))
			}
		}
	}
	return nil
}

// replacing is the mode by which the run's rows replace others: a full refresh replaces all, whatever the job's mode.
func (p *Plan) replacing() catalog.Mode {
	if p.opts.FullRefresh {
		return catalog.Overwrite
	}
	return p.Target.Mode
}

// summary is what the snapshot says of the run besides its state.
func (p *Plan) summary(r *Report) map[string]string {
	n := func(v int64) string { return strconv.FormatInt(v, 10) }
	out := map[string]string{"firn.engine": p.Engine.Name, "firn.spec-sha256": p.job.SHA256, "firn.rows.read": n(r.Rows.Read), "firn.rows.written": n(r.Rows.Written),
		"firn.rows.filtered": n(r.Rows.Filtered), "firn.rows.deduplicated": n(r.Rows.Deduplicated), "firn.rows.quarantined": n(r.Rows.Quarantined)}
	if r.Quarantine != nil {
		out["firn.quarantine-snapshot"] = n(r.Quarantine.Snapshot)
	}
	return out
}

// commitQuarantine adds the run's bad rows to the quarantine table. Files of the run's earlier attempts are replaced, so
// that a row which two attempts met is there once.
func (p *Plan) commitQuarantine(ctx context.Context, res *plan.Result) (int64, error) {
	t, err := p.quarantineTarget(ctx)
	if err != nil {
		return 0, err
	}
	req := catalog.Request{Ident: p.Quarantine.Ident, Job: p.Job, RunID: p.RunID + "/" + p.Attempt, Mode: catalog.Append}
	s, err := p.lake.Begin(ctx, req)
	if err != nil {
		return 0, err
	}
	c := catalog.Commit{Request: req, Attempt: p.Attempt, Session: s, Planned: t.Schema, Files: res.Quarantine}
	if s.Table == nil {
		if len(res.Quarantine) > 0 {
			t.Location = locationOf(res.Quarantine[0].Location)
		}
		c.Create = &catalog.NewTable{Schema: t.Schema, Spec: t.Spec, Location: t.Location, Properties: t.Properties}
	} else {
		c.Replace = p.earlierQuarantine
	}
	done, err := p.lake.Commit(ctx, c)
	if err != nil {
		return 0, err
	}
	return done.Snapshot, nil
}

// earlierQuarantine plans the removal of what earlier attempts of the run set aside.
func (p *Plan) earlierQuarantine(ctx context.Context, head *catalog.Table) (*catalog.Replacement, error) {
	is := func(column, value string) predicate.Predicate {
		return predicate.Predicate{Op: predicate.Eq, Column: column, Values: []any{value}}
	}
	files, err := head.Files(ctx, 0, predicate.All(is("run_id", p.RunID), is("job", p.Job)))
	if err != nil {
		return nil, err
	}
	files = slices.DeleteFunc(files, func(f *catalog.File) bool { return !layout.FileOfRun(f.Location, p.RunID) })
	return &catalog.Replacement{Remove: files}, nil
}

// locationOf is the table's folder of a data file at <table>/data/xx/name.
func locationOf(file string) string {
	for range 3 {
		for i := len(file) - 1; i >= 0; i-- {
			if file[i] == '/' {
				file = file[:i]
				break
			}
		}
	}
	return file
}
