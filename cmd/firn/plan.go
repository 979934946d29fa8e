package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firn-data/firn/etl"
	"github.com/firn-data/firn/etl/plan"
)

func (a *app) planCommand() *cobra.Command {
	var explain, detailed bool
	cmd := &cobra.Command{
		Use:   "plan JOB",
		Short: "Show what a run would do, without doing it",
		Long: `Plan binds the job to its source and table. It shows every column's way from source to table as exact, widened or lossy,
how the source is cut into splits, the bounds of the run, the engine and why, and what would change in the table.`,
		Example: `  firn plan orders.yaml
  firn plan orders.yaml --interval-start 2024-01-31T05:00Z --interval-end 2024-01-31T06:00Z
  firn plan orders.yaml --explain
  firn plan orders.yaml --detailed-exitcode   # 2 when a run would change something`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return a.plan(cmd, args[0], explain, detailed) },
	}
	a.outputFlag(cmd, "text", "json")
	a.intervalFlags(cmd)
	a.setFlag(cmd)
	cmd.Flags().BoolVar(&explain, "explain", false, "print the operator tree")
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "print JSON, and exit 2 when a run would change something, 0 when not")
	cmd.Flags().StringVar(&a.runID, "run-id", "", "id of the run")
	cmd.Flags().BoolVar(&a.fullRefresh, "full-refresh", false, "plan a full refresh")
	cmd.Flags().BoolVar(&a.redo, "redo", false, "plan a committed interval again")
	cmd.Flags().BoolVar(&a.strict, "strict", false, "take warnings as errors")
	return cmd
}

func (a *app) plan(cmd *cobra.Command, arg string, explain, detailed bool) error {
	j, err := a.loadJob(arg)
	if err != nil {
		return err
	}
	o, err := a.bindOptions()
	if err != nil {
		return err
	}
	o.Describe = !explain
	p, err := etl.Bind(cmd.Context(), j, o)
	if err != nil {
		return err
	}
	defer p.Close()
	v := p.View()
	switch {
	case explain && p.Program != nil:
		fmt.Fprint(a.stdout, p.Program.Explain())
	case detailed || a.output == "json":
		if err := writeJSON(a.stdout, v); err != nil {
			return err
		}
	default:
		printPlan(a.stdout, v)
	}
	if detailed && v.Pending {
		fmt.Fprintf(a.stderr, "exit %d: changes are pending: firn run %s makes them\n", exitPending, shellWord(arg))
		return errSilent{exitPending}
	}
	return nil
}

// printPlan is the plan for people.
func printPlan(w io.Writer, v *plan.View) {
	if v.Committed {
		fmt.Fprintf(w, "%s → %s: run %s is committed already; nothing would change\n", v.Job, v.Table, v.RunID)
		return
	}
	fmt.Fprintf(w, "%s → %s (%s)\n", v.Job, v.Table, v.Mode)
	fmt.Fprintf(w, "  run          %s\n", v.RunID)
	if v.Interval != nil {
		fmt.Fprintf(w, "  interval     [%s, %s)\n", v.Interval.Start.Format(time.RFC3339), v.Interval.End.Format(time.RFC3339))
	}
	fmt.Fprintf(w, "  engine       %s: %s; %s, %s of memory\n", v.Engine.Name, v.Engine.Reason, count(int64(v.Workers), "worker"), size(v.Memory))
	for _, s := range v.Sources {
		printSource(w, s)
	}
	for _, x := range []struct {
		what string
		list []string
	}{{"partition", v.Partition}, {"sort", v.Sort}} {
		if len(x.list) > 0 {
			fmt.Fprintf(w, "  %-12s %s\n", x.what, strings.Join(x.list, ", "))
		}
	}
	fmt.Fprintln(w)
	printColumns(w, v.Columns)
	fmt.Fprintln(w)
	for _, c := range v.Changes {
		fmt.Fprintf(w, "would: %s\n", c)
	}
	if !v.Pending {
		fmt.Fprintln(w, "nothing new to read: a run would change nothing")
	}
	for _, s := range v.Sources {
		for _, n := range s.Notes {
			fmt.Fprintf(w, "note: %s\n", n)
		}
	}
	for _, n := range v.Notes {
		fmt.Fprintf(w, "note: %s\n", n)
	}
	for _, x := range v.Warnings {
		fmt.Fprintf(w, "warning: %s\n", x)
	}
}

// printSource says what would be read of a source, and how.
func printSource(w io.Writer, s plan.SourceView) {
	fmt.Fprintf(w, "  source       %s: %s %s", s.Name, s.Kind, s.Stream)
	if s.Bytes != nil {
		fmt.Fprintf(w, ", %s", size(*s.Bytes))
	}
	if s.Splits != "" {
		fmt.Fprintf(w, " in %s", s.Splits)
	}
	fmt.Fprintln(w)
	if len(s.Position.To) > 0 {
		fmt.Fprintf(w, "  position     from %s up to %s\n", orBeginning(s.Position.From), s.Position.To)
	}
}

// printColumns is every column's way: source, Arrow, Iceberg, and what happens to its values.
func printColumns(w io.Writer, columns []plan.ColumnView) {
	rows := [][]string{{"column", "source", "arrow", "iceberg", "values"}}
	for _, c := range columns {
		values := c.Fidelity
		if c.Change != "" {
			values += ", " + c.Change
		}
		source := c.Source
		if source == "" {
			source = "(expression)"
		}
		rows = append(rows, []string{c.Name, source, c.Arrow, c.Iceberg, values})
	}
	width := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, c := range r {
			width[i] = max(width[i], len([]rune(c)))
		}
	}
	for _, r := range rows {
		var b strings.Builder
		for i, c := range r {
			b.WriteString("  " + c + strings.Repeat(" ", width[i]-len([]rune(c))))
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}
