package plan

import (
	"context"
	"time"

	arrowmem "github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/internal/event"
	"github.com/firn-data/firn/internal/memory"
)

// Engine executes a plan: it reads the inputs, runs the transform and leaves finished data files, which nobody can see
// until the caller commits them.
type Engine interface {
	// Execute runs p. When it fails, the files it made are removed, but for the quarantine's: a run that fails on a limit
	// still commits those, so the Result comes back beside the error when there is something to commit.
	Execute(ctx context.Context, p *Plan, env Env) (*Result, error)
}

// Env is what an engine runs with. Nothing in it is nil but Events.
type Env struct {
	Alloc   arrowmem.Allocator
	Budget  *memory.Budget
	Temp    *memory.Dir
	Workers int
	Events  *event.Events
	Now     time.Time // the run's start
}

// Result is what an engine leaves.
type Result struct {
	Files      []catalog.DataFile // of the target
	Quarantine []catalog.DataFile // of the quarantine table
	Rows       Rows
	Operators  []Operator
	Bytes      Bytes
	Seconds    Seconds
}
