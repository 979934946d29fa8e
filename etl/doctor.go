package etl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/etl/job"
	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/check"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/sources"
	"github.com/firn-data/firn/storage"
)

// Examination is one step of Doctor: what was tried, of what, and how it went.
type Examination struct {
	Part string // lake, store, catalog, source NAME, table, trino, temp
	check.Step
}

// Doctor tries what a run needs, step by step: the lake's store and catalog, and, with a job, its sources, its table, and a Trino
// server if the lake names one. It goes on after a failure where that makes sense. What it writes it removes. done is called after
// each step.
func Doctor(ctx context.Context, j *Job, o BindOptions, done func(Examination)) {
	d := &doctor{tell: done, o: o}
	if j != nil {
		d.forJob(j)
	}
	d.temp(j)
	lake := d.lake(ctx)
	if lake != nil {
		defer CloseLake(lake)
		d.store(ctx, lake)
		d.catalog(ctx, lake)
	}
	if j == nil {
		return
	}
	d.sources(ctx, j)
	if lake == nil {
		return
	}
	t := d.table(ctx, lake, j)
	d.plan(ctx, j)
	d.trino(ctx, t)
}

type doctor struct {
	tell func(Examination)
	o    BindOptions
}

// forJob takes from the job what was not said otherwise: its lake, and the last whole hour for a job that works by interval.
func (d *doctor) forJob(j *Job) {
	if d.o.Lake == "" {
		d.o.Lake = j.Lake
	}
	needs := j.Target.Mode == string(catalog.ReplaceInterval) || j.NeedsInterval()
	for _, s := range j.Sources {
		needs = needs || s.Interval != nil
	}
	if needs && d.o.Interval == nil {
		now := time.Now().UTC().Truncate(time.Hour)
		d.o.Interval = &batch.Interval{Start: now.Add(-time.Hour), End: now}
	}
}

// step tells of one step, and reports whether it went well. fix is for when it did not; without one the error's own counts.
func (d *doctor) step(part, name string, err error, note, fix string) bool {
	switch {
	case err == nil:
		fix = ""
	case fix == "":
		fix = fault.HintOf(err)
	}
	d.tell(Examination{part, check.Step{Name: name, Err: err, Note: note, Fix: fix}})
	return err == nil
}

func (d *doctor) all(part string, steps []check.Step) {
	for _, s := range steps {
		d.tell(Examination{part, s})
	}
}

// temp tries the folder of temp files.
func (d *doctor) temp(j *Job) {
	dir := tempDir(d.o)
	f, err := os.CreateTemp(dir, "firn-doctor-")
	if err == nil {
		_, err = f.WriteString("firn")
		err = errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	if err != nil {
		err = fault.Wrap(fault.Permission, err, "write to %s", dir)
	}
	note := dir
	if j != nil {
		budget, workers := resources(j, d.o)
		note = fmt.Sprintf("%s; a run has %d MiB and %d workers", dir, budget>>20, workers)
	}
	d.step("temp", "takes temp files", err, note, "name a folder that can be written with --tmp-dir")
}

func (d *doctor) lake(ctx context.Context) *catalog.Lake {
	l, err := OpenLake(ctx, d.o.Lakes, d.o.Lake, d.o.Events)
	note := ""
	if l != nil {
		note = l.Warehouse
	}
	d.step("lake", "is configured", err, note, "")
	return l
}

// store writes, reads, lists and removes one small object.
func (d *doctor) store(ctx context.Context, l *catalog.Lake) {
	location, body := l.Warehouse+"/firn-doctor-"+attemptID(), []byte("written by firn doctor; it may be removed")
	if !d.step("store", "takes an object", storage.Put(ctx, l.Store, location, body, true), location, "") {
		return
	}
	err := storage.Put(ctx, l.Store, location, body, true)
	switch {
	case errors.Is(err, storage.ErrExist):
		err = nil
	case err == nil:
		err = fault.New(fault.Config, "the store wrote an object that was there already although it was asked not to").
			Hint("firn needs conditional writes (If-None-Match): update the store")
	}
	d.step("store", "refuses to create it twice", err, "", "")
	got, err := storage.ReadAll(ctx, l.Store, location)
	if err == nil && !bytes.Equal(got, body) {
		err = fault.New(fault.Config, "the store gave %d bytes back of %d", len(got), len(body))
	}
	d.step("store", "gives it back", err, "", "")
	listed := false
	err = nil
	for info, lerr := range l.Store.List(ctx, location) {
		if err = lerr; err != nil {
			break
		}
		listed = listed || info.Size == int64(len(body))
	}
	if err == nil && !listed {
		err = fault.New(fault.Config, "the store does not list an object that it has")
	}
	d.step("store", "lists it", err, "", "give the user the right to list the bucket")
	d.step("store", "removes it", l.Store.Delete(ctx, location), "", "give the user the right to delete objects: rejected commits are cleaned up")
}

func (d *doctor) catalog(ctx context.Context, l *catalog.Lake) {
	if c, ok := l.Catalog.(catalog.Checker); ok {
		d.all("catalog", c.Check(ctx))
		return
	}
	tables, err := l.Catalog.Tables(ctx, "")
	d.step("catalog", "lists its tables", err, fmt.Sprintf("%d tables", len(tables)), "")
}

// sources opens each source and asks it for its checks, or for its streams.
func (d *doctor) sources(ctx context.Context, j *Job) {
	p := newPlan(j, d.o)
	defer p.Close()
	for _, s := range j.Sources {
		part := "source " + s.Name
		values := job.Values{Job: p.Job, RunID: p.RunID, Started: p.opts.Now, Interval: p.Interval}
		cfg, err := s.Filled(values)
		if err != nil {
			d.step(part, "is configured", err, "", "")
			continue
		}
		src, err := cfg.Open(ctx, sources.Env{Name: s.Name, Alloc: p.alloc, Budget: p.bud, Events: p.opts.Events, Temp: p.temp, Workers: p.Workers, Now: p.opts.Now,
			Cursor: s.Cursor, ByColumn: s.Interval, BadRows: s.OnBadRow, Stores: p.stores, Stdin: p.opts.Stdin})
		if err != nil {
			d.step(part, "is configured", err, "", "")
			continue
		}
		if c, ok := src.(sources.Checker); ok {
			d.all(part, c.Check(ctx))
		} else {
			streams, err := src.Streams(ctx)
			note := ""
			if err == nil {
				note = fmt.Sprintf("%d columns", streams[0].Schema.NumFields())
			}
			d.step(part, "can be read", err, note, "")
		}
		src.Close()
	}
}

// table looks at the job's table: its format, and the properties that keep its metadata small.
func (d *doctor) table(ctx context.Context, l *catalog.Lake, j *Job) *catalog.Table {
	id, err := catalog.ParseIdent(j.Target.Table)
	if err != nil {
		d.step("table", "has a name", err, "", "")
		return nil
	}
	t, err := l.Load(ctx, id)
	if errors.Is(err, catalog.ErrNoTable) {
		d.step("table", "can be written", nil, id.String()+" does not exist yet: the first run creates it", "")
		return nil
	}
	if !d.step("table", "can be read", err, id.String(), "") {
		return nil
	}
	props := t.Properties()
	var missing []string
	for k, v := range catalog.DefaultProperties() {
		if strings.HasPrefix(k, "write.metadata.") || strings.HasPrefix(k, "commit.") {
			if props[k] == "" {
				missing = append(missing, k+"="+v)
			}
		}
	}
	slices.Sort(missing)
	note, fix := fmt.Sprintf("format version %d", t.FormatVersion()), ""
	if len(missing) > 0 {
		note, fix = note+"; it lacks "+strings.Join(missing, ", "), "set these table properties: without them metadata files and manifests pile up"
	}
	d.all("table", []check.Step{{Name: "keeps its metadata small", Note: note, Fix: fix}})
	if props["gc.enabled"] == "false" {
		d.all("table", []check.Step{{Name: "is cleaned up", Note: "gc.enabled=false", Fix: "set it to true: without it neither snapshots expire nor orphan files go"}})
	}
	return t
}

// plan binds the job, which compares schemas and state.
func (d *doctor) plan(ctx context.Context, j *Job) {
	p, err := Bind(ctx, j, d.o)
	note := ""
	if p != nil {
		note = fmt.Sprintf("%d columns; firn plan shows them", len(p.Target.Columns))
		p.Close()
	}
	d.step("job", "can be planned", err, note, "")
}

// trino lets the lake's Trino, if it has one, read the table, or else look into its catalog.
func (d *doctor) trino(ctx context.Context, t *catalog.Table) {
	cfg, err := d.o.Lakes.Find(d.o.Lake)
	if err != nil || cfg.Trino == nil {
		return
	}
	quoted := func(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
	sql, name := "SHOW SCHEMAS FROM "+quoted(cfg.Trino.Catalog), "sees the lake"
	if t != nil {
		sql, name = fmt.Sprintf("SELECT count(*) FROM %s.%s.%s", quoted(cfg.Trino.Catalog), quoted(t.Ident.Namespace), quoted(t.Ident.Table)), "reads the table"
	}
	first, err := askTrino(ctx, cfg.Trino.URL, cfg.Trino.User, sql)
	if err == nil && t != nil && t.Rows() >= 0 && first != fmt.Sprint(t.Rows()) {
		err = fault.New(fault.Config, "Trino counts %s rows in %s, which has %d", first, t.Ident, t.Rows())
	}
	d.step("trino", name, err, cfg.Trino.URL, "")
}
