package etl

import (
	"context"
	"encoding/json"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/internal/fault"
)

// JobState is what a job remembers in its table, to be looked at and changed. Close it after use.
type JobState struct {
	Job   string
	Table catalog.Ident

	lake        *catalog.Lake
	fingerprint map[string]string // of what the job reads now; nil: not known
	attempt     string
}

// OpenState opens the state of a job.
func OpenState(ctx context.Context, j *Job, o BindOptions) (*JobState, error) {
	p := newPlan(j, o)
	defer p.temp.Close()
	s, err := OpenStateByName(ctx, j.Target.Table, j.Name, p.opts)
	if err != nil {
		return nil, place(err, j.Place("target.table"))
	}
	s.fingerprint = p.request().Fingerprint
	return s, nil
}

// OpenStateByName opens the state of a job whose file is not at hand. It cannot be adopted.
func OpenStateByName(ctx context.Context, table, job string, o BindOptions) (*JobState, error) {
	id, err := catalog.ParseIdent(table)
	if err != nil {
		return nil, err
	}
	l, err := OpenLake(ctx, o.Lakes, o.Lake, o.Events)
	if err != nil {
		return nil, err
	}
	return &JobState{Job: job, Table: id, lake: l, attempt: attemptID()}, nil
}

// Close gives the lake's connections back.
func (s *JobState) Close() error { return CloseLake(s.lake) }

// Find reads the state. Its State is nil when the job has none.
func (s *JobState) Find(ctx context.Context) (catalog.Finding, error) {
	t, err := s.lake.Load(ctx, s.Table)
	if err != nil {
		return catalog.Finding{}, err
	}
	return t.State(ctx, s.Job)
}

// Set puts the job at a position, a JSON value that its source understands.
func (s *JobState) Set(ctx context.Context, position json.RawMessage) error {
	if !json.Valid(position) {
		return fault.New(fault.Usage, "the position %q is not JSON", position).Hint(`text needs quotes: '"2024-01-31"'`)
	}
	return s.change(ctx, func(old *catalog.State) (*catalog.State, error) {
		st := s.orNew(old)
		st.Position = position
		return st, nil
	})
}

// Adopt lets the job go on from its state although it reads something else now, or the table was replaced meanwhile.
func (s *JobState) Adopt(ctx context.Context) error {
	if s.fingerprint == nil {
		return fault.New(fault.Usage, "only a job's file says what it reads now").Hint("give the job's file instead of its name")
	}
	return s.change(ctx, func(old *catalog.State) (*catalog.State, error) {
		if old == nil {
			return nil, fault.New(fault.NoInput, "%s has no state of job %s", s.Table, s.Job)
		}
		old.Fingerprint = s.fingerprint
		return old, nil
	})
}

// Drop forgets the state: the job's next run starts from the beginning.
func (s *JobState) Drop(ctx context.Context) error {
	return s.change(ctx, func(old *catalog.State) (*catalog.State, error) {
		if old == nil {
			return nil, fault.New(fault.NoInput, "%s has no state of job %s", s.Table, s.Job)
		}
		return nil, nil
	})
}

func (s *JobState) change(ctx context.Context, edit func(*catalog.State) (*catalog.State, error)) error {
	return s.lake.ChangeState(ctx, s.Table, s.Job, s.attempt, edit)
}

func (s *JobState) orNew(old *catalog.State) *catalog.State {
	if old == nil {
		return &catalog.State{Fingerprint: s.fingerprint}
	}
	return old
}
