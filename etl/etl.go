// Package etl is the library's front door: Load a job file, Bind it to real schemas, Run the plan.
//
//	j, err := etl.Load(file, etl.Options{File: "job.yaml", Lookup: lookup})
//	p, err := etl.Bind(ctx, j, etl.BindOptions{})
//	defer p.Close()
//	report, err := p.Run(ctx)
//
// The library prints nothing, exits nowhere, installs no signal handler and reads no environment.
package etl

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/etl/job"
	"github.com/firn-data/firn/etl/plan"
	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/event"
	"github.com/firn-data/firn/internal/memory"
	"github.com/firn-data/firn/sources/all"
)

// Events are callbacks that tell what a run does.
type Events = event.Events

// Job is a decoded job file.
type Job = job.Job

// Lakes is a decoded lakes file.
type Lakes = job.Lakes

// Report is what a run did.
type Report = plan.Report

// Options are what files are read with.
type Options struct {
	File   string     // name of the file, for places in errors
	Lookup job.Lookup // values of ${NAME} and ${file:PATH}
	Set    []string   // path=value: values of a job that are changed before it is read
}

// Load reads a job file.
func Load(r io.Reader, o Options) (*Job, error) {
	return job.Load(r, job.Options{File: o.File, Lookup: o.Lookup, Set: o.Set, Sources: all.Kinds()})
}

// Draft is the job of a source named by a path, a glob or a URL.
type Draft = job.Draft

// IsSource reports whether text names a source rather than a job file.
func IsSource(text string) bool { return job.IsSource(text) }

// NewDraft makes the job of a source: named after the file or table, appending to raw.<name>.
func NewDraft(source string, lookup job.Lookup) (*Draft, error) { return job.NewDraft(source, lookup) }

// LoadLakes reads a lakes file.
func LoadLakes(r io.Reader, o Options) (*Lakes, error) {
	return job.LoadLakes(r, job.Options{File: o.File, Lookup: o.Lookup})
}

// BindOptions are what a run is started with.
type BindOptions struct {
	Lakes       *Lakes // nil: only the embedded lake
	Lake        string // overrides the job's
	RunID       string // empty: made from job and interval, or random
	Interval    *batch.Interval
	FullRefresh bool
	Redo        bool
	Strict      bool   // warnings of the plan are errors
	Describe    bool   // find out what only people want to know: how sources are cut into splits
	TempDir     string // empty: the system's
	MemoryBytes int64  // what the machine or cgroup has; 0: unknown
	Now         time.Time
	Stdin       io.Reader // what a source with the path - reads; nil: such a source is refused
	Events      *Events
}

// Plan is a bound job. Close it after use.
type Plan struct {
	*plan.Plan
	Session *catalog.Session

	job       *Job
	opts      BindOptions
	lake      *catalog.Lake
	temp      *memory.Dir
	alloc     *memory.Allocator
	bud       *memory.Budget
	bytesRead atomic.Int64

	changes []catalog.Change // of the table's schema, which the commit makes
	keep    struct {
		schema []byte // of the source, as JSON: part of the state
	}
}

// FailedReport is the report of a run that failed before it was bound; j is nil when not even the job could be read.
func FailedReport(j *Job, o BindOptions, err error) *Report {
	p := &plan.Plan{RunID: o.RunID, Interval: o.Interval}
	if j != nil {
		p.Job = j.Name
		if id, ierr := catalog.ParseIdent(j.Target.Table); ierr == nil {
			p.Target.Ident = id
		}
		if p.RunID == "" && o.Interval != nil {
			p.RunID = runID(j.Name, o.Interval)
		}
	}
	r := p.NewReport()
	r.SetError(err)
	return r
}

// View describes the plan for people and programs.
func (p *Plan) View() *plan.View {
	v := p.Plan.View()
	if v.Committed = p.Session.Committed; !v.Committed {
		v.Changes, v.Pending = p.Changes()
	}
	return v
}

// Close gives back what the plan holds.
func (p *Plan) Close() error {
	var errs []error
	for _, in := range p.Inputs {
		errs = append(errs, in.Source.Close())
	}
	if p.lake != nil {
		errs = append(errs, CloseLake(p.lake))
	}
	if p.temp != nil {
		errs = append(errs, p.temp.Close())
	}
	return errors.Join(errs...)
}

// absolute makes a local location absolute, so that a table's metadata can be read from any folder.
func absolute(location string) string {
	if strings.Contains(location, "://") {
		return strings.TrimRight(location, "/")
	}
	if a, err := filepath.Abs(location); err == nil {
		return a
	}
	return location
}

// attemptID is 64 random bits.
func attemptID() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// runID is the id of a run that was given none.
func runID(name string, i *batch.Interval) string {
	if i == nil {
		return name + "-" + attemptID()
	}
	return fmt.Sprintf("%s-%s-%s", name, i.Start.UTC().Format("20060102T150405Z"), i.End.UTC().Format("20060102T150405Z"))
}

// resources settles the budget and the number of workers.
func resources(j *Job, o BindOptions) (bytes int64, workers int) {
	bytes = int64(j.Resources.Memory)
	if bytes == 0 {
		bytes = max(o.MemoryBytes/4, 256<<20)
	}
	workers = j.Resources.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	return bytes, workers
}

func tempDir(o BindOptions) string {
	if o.TempDir != "" {
		return o.TempDir
	}
	return os.TempDir()
}
