package main

import (
	"github.com/spf13/cobra"

	"github.com/firn-data/firn/etl"
	"github.com/firn-data/firn/internal/fault"
)

func (a *app) schemaCommand() *cobra.Command {
	var report, lakes, plan bool
	cmd := &cobra.Command{
		Use:   "schema [--lakes-file | --report | --plan]",
		Short: "Print the JSON Schema of the job file, the lakes file, the report or the plan",
		Long: `Schema prints a JSON Schema (draft 2020-12) for editors and programs. An editor that knows it completes and checks job
files while they are written.`,
		Example: "  firn schema > job.schema.json      # then: # yaml-language-server: $schema=job.schema.json\n  firn schema --report",
		Args:    usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			given := 0
			what := etl.JobSchema
			for _, x := range []struct {
				given bool
				what  func() any
			}{{report, etl.ReportSchema}, {lakes, etl.LakesSchema}, {plan, etl.PlanSchema}} {
				if x.given {
					given++
					what = x.what
				}
			}
			if given > 1 {
				return fault.New(fault.Usage, "schema prints one schema at a time").Hint("give one of --lakes-file, --report, --plan, or none for the job file")
			}
			return writeJSON(a.stdout, what())
		},
	}
	cmd.Flags().BoolVar(&report, "report", false, "the report that firn run -o json prints")
	cmd.Flags().BoolVar(&lakes, "lakes-file", false, "the lakes file")
	cmd.Flags().BoolVar(&plan, "plan", false, "the plan that firn plan -o json prints")
	return cmd
}
