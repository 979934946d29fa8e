// Package sources is the contract between firn and what it reads from. A connector is one package under sources/ (or
// outside this repository): a Config that opens a Source.
package sources

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	arrowmem "github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/check"
	"github.com/firn-data/firn/internal/event"
	"github.com/firn-data/firn/internal/memory"
	"github.com/firn-data/firn/internal/predicate"
	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/storage"
)

// These names are what a source is written with; they are declared on the floor below.
type (
	Batch     = batch.Batch
	Origin    = batch.Origin
	BadRow    = batch.BadRow
	Out       = batch.Out
	Interval  = batch.Interval
	Predicate = predicate.Predicate
	Schema    = schema.Schema
	Field     = schema.Field
	Type      = schema.Type
	Events    = event.Events
	Budget    = memory.Budget
	Allocator = arrowmem.Allocator
)

// Position is how far a stream has been read: a JSON value that only its source understands. firn stores it with the
// rows it covers (I1) and compares it byte for byte. Empty means the beginning.
type Position = json.RawMessage

// Mode says what a stream's rows mean.
type Mode string

const (
	Rows    Mode = "rows"    // every row stands for itself
	Changes Mode = "changes" // rows carry _op and _seq; splits come in order
)

// Stream is one logical table of a source.
type Stream struct {
	Name   string
	Schema *arrow.Schema // Arrow types exactly as Read delivers them
	Key    []string      // columns that identify a row, if the source knows
	Mode   Mode
	Notes  []Note   // what a plan should show about columns
	Infer  []string // columns whose type was inferred from a sample
}

// Note is a remark on a column for plan and discover: "all null in the sample: string".
type Note struct {
	Column string
	Text   string
	// Warning marks what may surprise: shown by run as well, and an error with --strict.
	Warning bool
}

// String is the note with the column that it is about, if it is about one.
func (n Note) String() string {
	if n.Column == "" {
		return n.Text
	}
	return n.Column + ": " + n.Text
}

// Source is a connector bound to its config. Streams, Bound and Splits are called one at a time, in that order; Close
// may be called at any time, more than once, and ends what is still under way. Errors carry a fault class.
type Source interface {
	// Streams lists what can be read. It may read a bounded sample.
	Streams(ctx context.Context) ([]Stream, error)
	// Bound fixes the upper end of a run once, before the first split: end offsets, maximum key, listing. A source that
	// has no positions gives an empty one.
	Bound(ctx context.Context, stream string, from Position) (to Position, err error)
	// Splits are pulled while earlier ones are being read; the sequence ends at r.To. Calls of the iterator are
	// serialised; each Split is read by one worker.
	Splits(ctx context.Context, r Request) iter.Seq2[Split, error]
	Close() error
}

// Request says what to read of a stream.
type Request struct {
	Stream   string
	Columns  []string  // nil: all, in the stream's order; else exactly these, in this order
	Where    Predicate // rows for which it is not TRUE may be left out; see Pushdown
	From, To Position
	Interval *Interval
	Params   map[string]any // typed named parameters: string, int64, float64, bool, time.Time
}

// Split is an independently readable part of a stream. Read gives its batches away (I5) and reports rows that cannot
// be read exactly through out.BadRow; it returns when all is read, ctx ends or out refuses, and leaves no goroutine.
// The schema of every batch equals Stream.Schema projected to Request.Columns. ID differs from that of every other split
// of the request. A Read that failed with fault.Unavailable or fault.Retry before it gave anything may be called again, and
// reads from the beginning; once it gave something, a failure of the service ends the attempt.
//
// Package sourcetest tests all of this.
type Split interface {
	ID() string
	Read(ctx context.Context, out Out) error
}

// Sizer is an optional ability of a Source: an estimate of the bytes a request reads, -1 when unknown.
type Sizer interface {
	Size(ctx context.Context, r Request) (int64, error)
}

// Lister is an optional ability of a Config whose server holds many tables: what there is to choose from. Only what the
// connection needs has to be set.
type Lister interface {
	List(ctx context.Context, env Env) ([]Listed, error)
}

// Listed is one table that a Lister found.
type Listed struct {
	Name  string `json:"name"`  // as a job names it
	Rows  int64  `json:"rows"`  // estimate; -1: unknown
	Bytes int64  `json:"bytes"` // on disk; -1: unknown
}

// Splitter is an optional ability of a Source: how a request is cut into splits, in words, found without reading rows.
type Splitter interface {
	DescribeSplits(ctx context.Context, r Request) (string, error)
}

// NativeType is the key of an Arrow field's metadata under which a source may put its own name of the column's type.
const NativeType = "firn.native-type"

// Pushdown is an optional ability of a Source: the conjuncts of where that every delivered row satisfies exactly; the
// rest stay in the plan.
type Pushdown interface {
	Pushed(stream string, where Predicate) (exact []Predicate)
}

// Acknowledger is an optional ability of a Source, called once after the commit that holds the rows up to to.
type Acknowledger interface {
	Acknowledge(ctx context.Context, stream string, to Position) error
}

// Clock is an optional ability of a Source with a time cursor: whether the source could see the oldest running write
// transaction, and if not, why late rows may be skipped. Plan shows it.
type Clock interface {
	CursorNotes(ctx context.Context, stream string) ([]Note, error)
}

// Checker is an optional ability of a Source for `firn doctor`: it tries, step by step, what a run will need.
type Checker interface {
	Check(ctx context.Context) []Check
}

// Check is one step of Checker: "connects", "may export a snapshot", "index on updated_at".
type Check = check.Step

// Config is a source's part of the job file, decoded strictly by its struct tags: `yaml` names the field, `default` its
// default, `doc` its reference text, `example` an example. Secrets are secret.String. Config is the factory.
type Config interface {
	// Kind is the word after `kind:`.
	Kind() string
	// Validate checks the fields without touching anything outside; errors carry the config path in Place.Path.
	Validate() error
	// Open binds the config. Env is used for as long as the source lives.
	Open(ctx context.Context, env Env) (Source, error)
	// Fingerprint identifies what is read, before interpolation of secrets: kind, host and table, or store and path.
	// Two jobs with one fingerprint read the same data.
	Fingerprint() map[string]string
}

// Cursor is the job's `cursor:` block, given to a source that makes positions from it.
type Cursor struct {
	Column  string `yaml:"column" doc:"column that grows with every new or changed row"`
	Lag     string `yaml:"lag" default:"0" doc:"how far to stay behind: a duration for time cursors, a count for integer ones" example:"5m"`
	Initial any    `yaml:"initial" doc:"where the first run starts; null means the beginning"`
	Param   string `yaml:"param" doc:"request parameter that carries the cursor, for http sources" example:"since"`
}

// IntervalBy is the job's `interval:` block: rows belong to the interval by a column, or files by their path.
type IntervalBy struct {
	Column string `yaml:"column" doc:"date or timestamp column; rows with start <= column < end are read"`
	By     string `yaml:"by" doc:"path: the interval is in the file names" example:"path"`
}

// Env is everything a source gets from outside. Nothing in it is nil except where said.
type Env struct {
	Name      string // the source's name in the job
	Stores    StoreFor
	Alloc     arrowmem.Allocator
	Budget    *memory.Budget
	Events    *event.Events // may be nil
	Temp      *memory.Dir
	Workers   int
	Now       time.Time // the run's start
	Cursor    *Cursor   // may be nil
	ByColumn  *IntervalBy
	BatchRows int // rows a batch should have; 0: the source's choice
	// Known is the schema of the job's last committed run, from which this one starts; nil on the first.
	Known *schema.Schema
	// Stdin is the standard input, for a source whose path is -; nil where there is none.
	Stdin io.Reader
	// BadRows says whether a bad row ends the run ("fail") or not ("quarantine", "fill"): csv pads and folds under fill.
	BadRows string
}

// StoreFor finds the store of a location; name is a lake's name or empty for the job's own.
type StoreFor func(name, location string) (storage.Store, error)
