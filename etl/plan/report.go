package plan

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
)

// ReportVersion is the version of Report's JSON. A field is added, never renamed or given another meaning.
const ReportVersion = 1

// Outcome is how a run ended.
type Outcome string

const (
	Committed        Outcome = "committed"         // one snapshot was added
	AlreadyCommitted Outcome = "already_committed" // an earlier attempt did it: nothing changed (I9)
	Empty            Outcome = "empty"             // nothing to read: nothing changed
	Failed           Outcome = "failed"            // nothing was committed to the target
	Interrupted      Outcome = "interrupted"       // a signal stopped it; nothing was committed
	Unknown          Outcome = "unknown"           // the commit may or may not be there
)

// Report is what a run did; it is complete also when the run failed.
type Report struct {
	V          int          `json:"v" doc:"version of this object"`
	Job        string       `json:"job" doc:"name of the job"`
	RunID      string       `json:"run_id" doc:"id of the run; the same for every attempt"`
	Attempt    string       `json:"attempt" doc:"id of this process's attempt: 64 random bits in hex"`
	Outcome    Outcome      `json:"outcome" doc:"committed, already_committed, empty, failed, interrupted or unknown"`
	Engine     string       `json:"engine" doc:"native or spark"`
	Interval   *Interval    `json:"interval" doc:"the half-open window of time that the run covers; null without one"`
	Position   Position     `json:"position" doc:"how far the stream was read before and after"`
	Rows       Rows         `json:"rows" doc:"row counts: read = written + filtered + deduplicated + quarantined, unless an operator merges or multiplies rows"`
	Operators  []Operator   `json:"operators" doc:"rows in and out of each operator of the transform"`
	Bytes      Bytes        `json:"bytes" doc:"bytes read from sources and written as Parquet"`
	Files      int          `json:"files" doc:"data files added"`
	Snapshot   *int64       `json:"snapshot_id" doc:"snapshot that holds the rows; null when none was made"`
	Quarantine *Quarantined `json:"quarantine" doc:"where quarantined rows are; null when there are none"`
	Seconds    Seconds      `json:"seconds" doc:"wall time by stage; read, transform and write overlap"`
	PeakMemory int64        `json:"peak_memory" doc:"most bytes reserved from the memory budget"`
	Error      *Error       `json:"error" doc:"what went wrong; null when nothing did"`
	Warnings   []string     `json:"warnings" doc:"what the user should know"`

	Table string `json:"table" doc:"the target table; empty when the job could not be read"`
}

// Interval is a window of time in RFC 3339.
type Interval struct {
	Start time.Time `json:"start" doc:"included"`
	End   time.Time `json:"end" doc:"not included"`
}

// Position is how far the stream was read.
type Position struct {
	From json.RawMessage `json:"from" doc:"position before the run; null at the beginning"`
	To   json.RawMessage `json:"to" doc:"position after the run; null for sources without positions"`
}

// Rows counts rows by what became of them (I3).
type Rows struct {
	Read         int64 `json:"read" doc:"rows that the sources gave, bad ones too"`
	Written      int64 `json:"written" doc:"rows in the data files; a run that fails removes them"`
	Filtered     int64 `json:"filtered" doc:"rows that a WHERE left out"`
	Deduplicated int64 `json:"deduplicated" doc:"rows that a dedupe left out"`
	Quarantined  int64 `json:"quarantined" doc:"rows set aside"`
}

// Operator counts the rows through one operator.
type Operator struct {
	Name string `json:"name" doc:"number of the step and what it is"`
	In   int64  `json:"in" doc:"rows that entered"`
	Out  int64  `json:"out" doc:"rows that left"`
}

// Bytes counts bytes.
type Bytes struct {
	Read    int64 `json:"read" doc:"bytes that sources read, compressed as they were"`
	Written int64 `json:"written" doc:"bytes of the data files"`
}

// Quarantined names the table and snapshot that hold the run's quarantined rows.
type Quarantined struct {
	Table    string `json:"table" doc:"the quarantine table"`
	Snapshot int64  `json:"snapshot_id" doc:"its snapshot with the rows"`
}

// Seconds is wall time by stage.
type Seconds struct {
	Read      float64 `json:"read" doc:"until the last row was read"`
	Transform float64 `json:"transform" doc:"in the steps that hold rows back"`
	Write     float64 `json:"write" doc:"after the last row was read, until the files were finished"`
	Commit    float64 `json:"commit" doc:"committing"`
	Total     float64 `json:"total" doc:"the whole run"`
}

// Error is a failed run's reason.
type Error struct {
	Class   string `json:"class" doc:"usage, data, no_input, unavailable, bug, unknown_outcome, retry, permission, config or interrupted"`
	Code    string `json:"code" doc:"a stable name of the error, as Spark's error classes; may be empty"`
	Place   string `json:"place" doc:"file, line, column and field; may be empty"`
	Message string `json:"message" doc:"what went wrong, for people"`
	Hint    string `json:"hint" doc:"what to do next; may be empty"`
}

// NewReport is the report of a plan before anything happened.
func (p *Plan) NewReport() *Report {
	r := &Report{V: ReportVersion, Job: p.Job, RunID: p.RunID, Attempt: p.Attempt, Engine: p.Engine.Name,
		Operators: []Operator{}, Warnings: append([]string{}, p.Warnings...)}
	if p.Target.Ident.Table != "" {
		r.Table = p.Target.Ident.String()
	}
	if p.Interval != nil {
		r.Interval = intervalOf(*p.Interval)
	}
	return r
}

func intervalOf(i batch.Interval) *Interval { return &Interval{Start: i.Start.UTC(), End: i.End.UTC()} }

// SetError puts err and the outcome that it means into the report.
func (r *Report) SetError(err error) {
	switch fault.ClassOf(err) {
	case fault.Unknown:
		r.Outcome = Unknown
	case fault.Interrupted:
		r.Outcome = Interrupted
	default:
		r.Outcome = Failed
	}
	place := fault.PlaceOf(err)
	var bad *BadRows
	if errors.As(err, &bad) && len(bad.Rows) > 0 {
		place = bad.Rows[0].Place
	}
	r.Error = &Error{Class: fault.ClassOf(err).String(), Code: fault.CodeOf(err), Place: place.String(), Message: err.Error(), Hint: fault.HintOf(err)}
}

// Balanced reports whether every row is accounted for (I3). It holds for plans whose operators neither merge nor multiply rows.
func (r *Report) Balanced() bool {
	return r.Rows.Read == r.Rows.Written+r.Rows.Filtered+r.Rows.Deduplicated+r.Rows.Quarantined
}
