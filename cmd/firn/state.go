package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/etl"
	"github.com/firn-data/firn/internal/fault"
)

func (a *app) stateCommand() *cobra.Command {
	var table string
	cmd := &cobra.Command{
		Use:   "state JOB [show | set POSITION | adopt | drop]",
		Short: "Show or change what a job remembers in its table",
		Long: `State shows how far a job has read, or changes it. JOB is the job's file, or its name beside --table.

set puts the job at a position, a JSON value as show prints it. adopt lets the job go on although its source was described
anew, or its table replaced. drop forgets all: the next run starts from the beginning. Each change is a commit.`,
		Args: usage(cobra.RangeArgs(1, 3)),
		Example: `  firn state orders.yaml
  firn state orders.yaml set '"2024-01-31T05:00:00Z"'
  firn state orders_old drop --table sales.orders`,
		RunE: func(cmd *cobra.Command, args []string) error {
			verb := "show"
			if len(args) > 1 {
				verb = args[1]
			}
			if err := oneOf("the verb", verb, "show", "set", "adopt", "drop"); err != nil {
				return err
			}
			if want := map[bool]int{true: 3, false: 2}[verb == "set"]; len(args) > 1 && len(args) != want {
				return fault.New(fault.Usage, "%s takes %d arguments after the job", verb, want-2).Hint("usage: %s", cmd.UseLine())
			}
			s, err := a.openState(cmd, args[0], table)
			if err != nil {
				return err
			}
			defer s.Close()
			return a.doState(cmd, s, verb, args)
		},
	}
	cmd.Flags().StringVar(&table, "table", "", "table that holds the state, when JOB is a name")
	a.outputFlag(cmd, "text", "json")
	return cmd
}

func (a *app) openState(cmd *cobra.Command, job, table string) (*etl.JobState, error) {
	lakes, err := a.loadLakes()
	if err != nil {
		return nil, err
	}
	o := etl.BindOptions{Lakes: lakes, Lake: a.lake}
	if table != "" {
		return etl.OpenStateByName(cmd.Context(), table, job, o)
	}
	j, err := a.loadJob(job)
	if err != nil {
		return nil, err
	}
	return etl.OpenState(cmd.Context(), j, o)
}

func (a *app) doState(cmd *cobra.Command, s *etl.JobState, verb string, args []string) error {
	var err error
	switch verb {
	case "show":
		f, err := s.Find(cmd.Context())
		if err != nil {
			return err
		}
		return a.showState(s, f)
	case "set":
		err = s.Set(cmd.Context(), json.RawMessage(args[2]))
	case "adopt":
		err = s.Adopt(cmd.Context())
	case "drop":
		err = s.Drop(cmd.Context())
	}
	if err != nil {
		return err
	}
	said := map[string]string{"set": "is at " + args[len(args)-1], "adopt": "goes on from its position", "drop": "starts from the beginning"}[verb]
	_, err = fmt.Fprintf(a.stdout, "job %s %s in its next run to %s\n", s.Job, said, s.Table)
	return err
}

func (a *app) showState(s *etl.JobState, f catalog.Finding) error {
	if a.output == "json" {
		b, err := json.Marshal(struct {
			Job   string         `json:"job"`
			Table string         `json:"table"`
			Note  string         `json:"note,omitempty"`
			State *catalog.State `json:"state"`
		}{s.Job, s.Table.String(), f.Note, f.State})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.stdout, "%s\n", b)
		return err
	}
	if f.State == nil {
		_, err := fmt.Fprintf(a.stdout, "job %s has no state in %s: its next run starts from the beginning\n", s.Job, s.Table)
		return err
	}
	fmt.Fprintf(a.stdout, "job        %s in %s\nposition   %s\nsnapshot   %d\n", s.Job, s.Table, orBeginning(f.State.Position), f.State.Snapshot)
	for _, r := range f.State.Intervals {
		fmt.Fprintf(a.stdout, "committed  [%s, %s)\n", time.UnixMicro(r[0]).UTC().Format(time.RFC3339), time.UnixMicro(r[1]).UTC().Format(time.RFC3339))
	}
	if n := len(f.State.Runs); n > 0 {
		fmt.Fprintf(a.stdout, "last run   %s\n", f.State.Runs[n-1])
	}
	if f.Note != "" {
		fmt.Fprintf(a.stdout, "note       %s\n", f.Note)
	}
	return nil
}
