package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) validateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validate JOB",
		Short: "Check a job file without touching anything",
		Long: `Validate checks fields, values, the rules between them and the grammar of the SQL. It connects to nothing; what needs the
source's schema is found by firn plan.`,
		Example: "  firn validate orders.yaml\n  for job in jobs/*.yaml; do firn validate $job; done",
		Args:    usage(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			j, err := a.loadJob(args[0])
			if err != nil {
				return err
			}
			lakes, err := a.loadLakes()
			if err != nil {
				return err
			}
			name := j.Lake
			if a.lake != "" {
				name = a.lake
			}
			if _, err := lakes.Find(name); err != nil {
				return err
			}
			fmt.Fprintf(a.stdout, "%s is valid: job %s → %s\n", args[0], j.Name, j.Target.Table)
			return nil
		},
	}
	a.setFlag(cmd)
	return cmd
}
