package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firn-data/firn/etl"
	"github.com/firn-data/firn/etl/plan"
	"github.com/firn-data/firn/internal/fault"
)

func (a *app) runCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run JOB",
		Short: "Run a job and commit its rows, exactly once",
		Long: `Run reads the job's source, transforms the rows and commits them as one snapshot. Running the same run id or interval
again changes nothing and says so. Progress goes to standard error; standard output holds the report alone.`,
		Example: "  firn run orders.yaml\n  firn run orders.yaml --interval-start 2024-01-31T05:00Z --interval-end 2024-01-31T06:00Z\n  firn run orders.yaml -o json | jq .rows",
		Args:    usage(cobra.ExactArgs(1)),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.runJob(cmd, args[0]) },
	}
	intervalFlags(cmd, a)
	f := cmd.Flags()
	f.StringVar(&a.runID, "run-id", "", "id of the run (default: made from job and interval, or random)")
	f.BoolVar(&a.fullRefresh, "full-refresh", false, "read from the beginning and replace table and state")
	f.BoolVar(&a.redo, "redo", false, "run a committed interval again (every mode but append)")
	f.BoolVar(&a.strict, "strict", false, "take the plan's warnings as errors")
	f.BoolVar(&a.skipEmpty, "skip-empty", false, "exit 99 when no row was written")
	f.StringVar(&a.tempDir, "tmp-dir", "", "folder for temp files")
	f.StringVarP(&a.output, "output", "o", "text", "text or json")
	return cmd
}

func (a *app) runJob(cmd *cobra.Command, path string) error {
	ctx := cmd.Context()
	j, err := a.loadJob(path)
	if err != nil {
		return err
	}
	progress := newProgress(a.stderr)
	defer progress.stop()
	o, err := a.bindOptions(progress.events())
	if err != nil {
		return err
	}
	p, err := etl.Bind(ctx, j, o)
	if err != nil {
		return err
	}
	defer p.Close()
	r, err := p.Run(ctx)
	progress.stop()
	if a.output == "json" {
		enc := json.NewEncoder(a.stdout)
		enc.SetIndent("", "  ")
		if e := enc.Encode(r); e != nil {
			return e
		}
	} else {
		printReport(a.stdout, r)
	}
	if err != nil {
		return err
	}
	if a.skipEmpty && r.Rows.Written == 0 {
		fmt.Fprintln(a.stderr, "exit 99: nothing to do")
		return errSilent{99}
	}
	return nil
}

// printReport is the report for people.
func printReport(w io.Writer, r *etl.Report) {
	head := map[plan.Outcome]string{
		plan.Committed: "committed", plan.AlreadyCommitted: "already committed: nothing changed", plan.Empty: "nothing to read: nothing changed",
		plan.Failed: "failed: the table is untouched", plan.Interrupted: "interrupted: nothing was committed", plan.Unknown: "the outcome is unknown",
	}[r.Outcome]
	fmt.Fprintf(w, "%s → %s: %s\n", r.Job, r.Table, head)
	if r.Interval != nil {
		fmt.Fprintf(w, "  interval     [%s, %s)\n", r.Interval.Start.Format(time.RFC3339), r.Interval.End.Format(time.RFC3339))
	}
	if r.Snapshot != nil {
		fmt.Fprintf(w, "  snapshot     %d\n", *r.Snapshot)
	}
	if r.Rows.Read > 0 || r.Outcome == plan.Committed {
		parts := []string{fmt.Sprintf("%d read", r.Rows.Read), fmt.Sprintf("%d written", r.Rows.Written)}
		for _, x := range []struct {
			n    int64
			what string
		}{{r.Rows.Filtered, "filtered"}, {r.Rows.Deduplicated, "deduplicated"}, {r.Rows.Quarantined, "quarantined"}} {
			if x.n > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", x.n, x.what))
			}
		}
		fmt.Fprintf(w, "  rows         %s\n", strings.Join(parts, ", "))
		fmt.Fprintf(w, "  bytes        %s read, %s written in %d files\n", size(r.Bytes.Read), size(r.Bytes.Written), r.Files)
		fmt.Fprintf(w, "  time         %.2f s (commit %.2f s), peak memory budget %s\n", r.Seconds.Total, r.Seconds.Commit, size(r.PeakMemory))
	}
	for _, x := range r.Warnings {
		fmt.Fprintf(w, "  warning      %s\n", x)
	}
	switch {
	case r.Quarantine != nil:
		fmt.Fprintf(w, "%d rows quarantined: firn read %s\n", r.Rows.Quarantined, r.Quarantine.Table)
	case r.Outcome == plan.Committed:
		fmt.Fprintf(w, "next: firn read %s\n", r.Table)
	}
}

func size(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}

func (a *app) planCommand() *cobra.Command {
	var explain bool
	cmd := &cobra.Command{
		Use:     "plan JOB",
		Short:   "Show what a run would do, without doing it",
		Long:    "Plan binds the job to its source and table and shows every column's way from source to table, the bounds of the run,\nand what would change in the table.",
		Example: "  firn plan orders.yaml\n  firn plan orders.yaml --explain",
		Args:    usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			j, err := a.loadJob(args[0])
			if err != nil {
				return err
			}
			o, err := a.bindOptions(nil)
			if err != nil {
				return err
			}
			p, err := etl.Bind(cmd.Context(), j, o)
			if err != nil {
				return err
			}
			defer p.Close()
			if explain && p.Program != nil {
				fmt.Fprint(a.stdout, p.Program.Explain())
				return nil
			}
			printPlan(a.stdout, p)
			return nil
		},
	}
	intervalFlags(cmd, a)
	cmd.Flags().BoolVar(&explain, "explain", false, "print the operator tree")
	cmd.Flags().BoolVar(&a.fullRefresh, "full-refresh", false, "plan a full refresh")
	cmd.Flags().BoolVar(&a.strict, "strict", false, "take warnings as errors")
	return cmd
}

func printPlan(w io.Writer, p *etl.Plan) {
	if p.Session.Committed {
		fmt.Fprintf(w, "%s: run %s is committed already; nothing would change\n", p.Job, p.RunID)
		return
	}
	what := "exists"
	if !p.Target.Exists {
		what = "would be created at " + p.Target.Location
	}
	fmt.Fprintf(w, "%s → %s (%s), %s\n", p.Job, p.Target.Ident, p.Target.Mode, what)
	fmt.Fprintf(w, "engine %s: %s; %d workers, %s of memory\n", p.Engine.Name, p.Engine.Reason, p.Workers, size(p.Memory))
	for _, in := range p.Inputs {
		fmt.Fprintf(w, "source %s: %s %s", in.Name, in.Kind, in.Stream.Name)
		if in.Bytes >= 0 {
			fmt.Fprintf(w, ", %s", size(in.Bytes))
		}
		if len(in.Request.To) > 0 {
			fmt.Fprintf(w, ", from %s up to %s", orBeginning(in.Request.From), in.Request.To)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "\n%-24s %-24s %-20s %s\n", "column", "arrow", "iceberg", "values")
	for _, c := range p.Target.Columns {
		fmt.Fprintf(w, "%-24s %-24s %-20s %s", c.Name, c.Arrow, c.Iceberg, c.Fidelity)
		if c.Change != "" {
			fmt.Fprintf(w, ", %s", c.Change)
		}
		fmt.Fprintln(w)
	}
	for _, in := range p.Inputs {
		for _, n := range in.Stream.Notes {
			fmt.Fprintf(w, "note: %s %s\n", n.Column, n.Text)
		}
	}
	for _, x := range p.Warnings {
		fmt.Fprintf(w, "warning: %s\n", x)
	}
}

func orBeginning(p []byte) string {
	if len(p) == 0 {
		return "the beginning"
	}
	return string(p)
}

func (a *app) validateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "validate JOB",
		Short: "Check a job file without touching anything",
		Args:  usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			j, err := a.loadJob(args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(a.stdout, "%s is valid: job %s → %s\n", args[0], j.Name, j.Target.Table)
			return nil
		},
	}
}

func unknownOutput(o string) error {
	return fault.New(fault.Usage, "-o %s is unknown", o).Hint("use table, csv or json")
}
