package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/firn-data/firn/etl"
	"github.com/firn-data/firn/etl/plan"
)

func (a *app) previewCommand() *cobra.Command {
	n := 0
	cmd := &cobra.Command{
		Use:   "preview SOURCE|JOB",
		Short: "Run the transform on the first rows and print what comes out; nothing is written",
		Long: fmt.Sprintf(`Preview reads up to %d rows of each source, runs the job's steps on them and prints the first rows of the result. No lake
is opened and nothing is written. Rows that are refused on the way are named on standard error.`, etl.PreviewRows),
		Example: "  firn preview orders.csv\n  firn preview orders.yaml -n 5\n  firn preview orders.yaml -o json | jq .total",
		Args:    usage(cobra.ExactArgs(1)),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.preview(cmd, args[0], n) },
	}
	a.outputFlag(cmd, "table", "csv", "json")
	a.intervalFlags(cmd)
	a.setFlag(cmd)
	cmd.Flags().IntVarP(&n, "rows", "n", 10, "rows to print")
	return cmd
}

func (a *app) preview(cmd *cobra.Command, arg string, n int) error {
	p, err := a.inspect(cmd, arg)
	if err != nil {
		return err
	}
	defer p.Close()
	rows, bad, err := p.Preview(cmd.Context(), max(n, 1))
	if err != nil {
		return err
	}
	out := newPrinter(a.stdout, a.output, p.Program.Schema())
	for _, rec := range rows {
		if e := out.print(rec, int(rec.NumRows())); e != nil && err == nil {
			err = e
		}
		rec.Release()
	}
	if err == nil {
		err = out.flush()
	}
	for _, r := range bad.Rows {
		fmt.Fprintf(a.stderr, "refused: %s\n", plan.Describe(r))
	}
	if bad.Total > int64(len(bad.Rows)) {
		fmt.Fprintf(a.stderr, "refused: %d rows in all\n", bad.Total)
	}
	return err
}

// inspect binds a job or a source to its schema, without a lake.
func (a *app) inspect(cmd *cobra.Command, arg string) (*etl.Plan, error) {
	j, err := a.loadJob(arg)
	if err != nil {
		return nil, err
	}
	o, err := a.bindOptions()
	if err != nil {
		return nil, err
	}
	o.Describe = true
	return etl.Inspect(cmd.Context(), j, o)
}
