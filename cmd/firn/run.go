package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/firn-data/firn/etl"
	"github.com/firn-data/firn/etl/plan"
)

// runFlags are the flags of run alone.
type runFlags struct {
	skipEmpty      bool
	tempDir, table string
}

func (a *app) runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run JOB|SOURCE",
		Short: "Run a job and commit its rows, exactly once",
		Long: `Run reads the job's source, transforms the rows and commits them as one snapshot. Running the same run id or interval
again changes nothing and says so. Progress goes to standard error; standard output holds the report alone.

A job is a file *.yaml. A source is a path, a glob or a URL; it runs as the job that firn init writes for it: named after
the file or table, appending to raw.<name>.`,
		Example: `  firn run orders.csv
  firn run 'data/*.csv.gz' --table sales.orders
  firn run '${ORDERS_DSN}#public.orders'
  firn run orders.yaml
  firn run orders.yaml --interval-start 2024-01-31T05:00Z --interval-end 2024-01-31T06:00Z
  firn run orders.yaml --set target.mode=overwrite --set source.path=new.csv
  firn run orders.yaml -o json | jq .rows`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return a.run(cmd, args[0], f) },
	}
	a.outputFlag(cmd, "text", "json")
	a.intervalFlags(cmd)
	a.setFlag(cmd)
	cmd.Flags().StringVar(&f.table, "table", "", "target table, namespace.table, instead of the job's")
	cmd.Flags().StringVar(&a.runID, "run-id", "", "id of the run (default: made from job and interval, or random)")
	cmd.Flags().BoolVar(&a.fullRefresh, "full-refresh", false, "read from the beginning and replace table and state")
	cmd.Flags().BoolVar(&a.redo, "redo", false, "run a committed interval again (every mode but append)")
	cmd.Flags().BoolVar(&a.strict, "strict", false, "take the plan's warnings as errors")
	cmd.Flags().BoolVar(&f.skipEmpty, "skip-empty", false, "exit 99 when no row was written")
	cmd.Flags().StringVar(&f.tempDir, "tmp-dir", "", "folder for temp files")
	return cmd
}

func (a *app) run(cmd *cobra.Command, arg string, f runFlags) error {
	r, bound, err := a.attempt(cmd, arg, f)
	if a.output == "json" {
		if e := writeJSON(a.stdout, r); e != nil && err == nil {
			err = e
		}
	} else if bound {
		printReport(a.stdout, r)
	}
	if err == nil && f.skipEmpty && nothingDone(r) {
		fmt.Fprintf(a.stderr, "exit %d: nothing to do: run it again when there is something new\n", exitEmpty)
		return errSilent{exitEmpty}
	}
	return err
}

// attempt loads, binds and runs. The report is there also when it fails; bound tells whether it got so far as to have read
// job and table.
func (a *app) attempt(cmd *cobra.Command, arg string, f runFlags) (r *etl.Report, bound bool, err error) {
	var o etl.BindOptions
	if f.table != "" {
		a.set = append(a.set, "target.table="+f.table)
	}
	j, err := a.loadJob(arg)
	if err != nil {
		return etl.FailedReport(nil, o, err), false, err
	}
	o, err = a.bindOptions()
	if err != nil {
		return etl.FailedReport(j, o, err), false, err
	}
	progress := newProgress(a.stderr, a.log())
	defer progress.stop()
	o.TempDir, o.Events = f.tempDir, progress.events()
	p, err := etl.Bind(cmd.Context(), j, o)
	if err != nil {
		return etl.FailedReport(j, o, err), false, err
	}
	defer p.Close()
	progress.expect(p.Plan)
	r, err = p.Run(cmd.Context())
	return r, true, err
}

// nothingDone reports whether no row was written or removed.
func nothingDone(r *etl.Report) bool {
	return r.Rows.Written == 0 && (r.Outcome == plan.Empty || r.Outcome == plan.AlreadyCommitted || r.Outcome == plan.Committed && r.Files == 0)
}
