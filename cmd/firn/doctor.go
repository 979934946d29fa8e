package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/firn-data/firn/etl"
	"github.com/firn-data/firn/internal/fault"
)

func (a *app) doctorCommand() *cobra.Command {
	var temp string
	cmd := &cobra.Command{
		Use:   "doctor [JOB]",
		Short: "Try a lake, and a job, step by step, and say how to mend what fails",
		Long: `Doctor tries what a run needs: temp files, the lake's store and catalog and, with a job, its sources, its table and a
Trino server if the lake names one. What it writes it removes. The exit code is that of the first failure.`,
		Args:    usage(cobra.MaximumNArgs(1)),
		Example: "  firn doctor\n  firn doctor --lake prod\n  firn doctor orders.yaml",
		RunE:    func(cmd *cobra.Command, args []string) error { return a.doctor(cmd, args, temp) },
	}
	cmd.Flags().StringVar(&temp, "tmp-dir", "", "folder for temp files")
	a.intervalFlags(cmd)
	a.setFlag(cmd)
	a.outputFlag(cmd, "text", "json")
	return cmd
}

// examined is a step as -o json prints it.
type examined struct {
	Part   string `json:"part"`
	Step   string `json:"step"`
	Status string `json:"status"` // ok, warn, fail
	Note   string `json:"note,omitempty"`
	Error  string `json:"error,omitempty"`
	Fix    string `json:"fix,omitempty"`
}

func (a *app) doctor(cmd *cobra.Command, args []string, temp string) error {
	var j *etl.Job
	if len(args) == 1 {
		var err error
		if j, err = a.loadJob(args[0]); err != nil {
			return err
		}
	}
	o, err := a.bindOptions()
	if err != nil {
		return err
	}
	o.TempDir = temp
	var first error
	steps, failed := []examined{}, 0
	etl.Doctor(cmd.Context(), j, o, func(e etl.Examination) {
		x := examined{Part: e.Part, Step: e.Name, Status: "ok", Note: e.Note, Fix: e.Fix}
		switch {
		case e.Err != nil:
			x.Status, x.Error = "fail", e.Err.Error()
			failed++
			if first == nil {
				first = e.Err
			}
		case e.Fix != "":
			x.Status = "warn"
		}
		steps = append(steps, x)
		if a.output == "text" {
			a.printExamined(x)
		}
	})
	if a.output == "json" {
		enc := json.NewEncoder(a.stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(steps); err != nil {
			return err
		}
	}
	if first != nil {
		return fault.New(fault.ClassOf(first), "%d of %d steps failed", failed, len(steps)).Hint("mend the first one, then run firn doctor again")
	}
	return nil
}

func (a *app) printExamined(x examined) {
	fmt.Fprintf(a.stdout, "%-4s  %s: %s", x.Status, x.Part, x.Step)
	if x.Note != "" {
		fmt.Fprintf(a.stdout, " (%s)", x.Note)
	}
	fmt.Fprintln(a.stdout)
	if x.Error != "" {
		fmt.Fprintf(a.stdout, "      %s\n", x.Error)
	}
	if x.Fix != "" {
		fmt.Fprintf(a.stdout, "      → %s\n", x.Fix)
	}
}
