package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/internal/fault"
)

func (a *app) rollbackCommand() *cobra.Command {
	var to int64
	var run string
	cmd := &cobra.Command{
		Use:   "rollback TABLE --to SNAPSHOT | --run ID",
		Short: "Make an earlier snapshot current, and put every job's state back with it",
		Long: `Rollback takes back what was committed after a snapshot, or after a run. Each job's position goes back in the same
commit, so that its next run loads once what was taken away.`,
		Args:    usage(cobra.ExactArgs(1)),
		Example: "  firn rollback sales.orders --to 7433278310472394811\n  firn rollback sales.orders --run orders-20240131T050000Z-20240131T060000Z",
		RunE: func(cmd *cobra.Command, args []string) error {
			if (to == 0) == (run == "") {
				return fault.New(fault.Usage, "rollback needs either --to SNAPSHOT or --run ID").Hint("firn runs %s lists both", args[0])
			}
			return a.withTable(cmd, args[0], func(l *catalog.Lake, t *catalog.Table) error {
				snapshots := t.Snapshots()
				if run != "" {
					i := slices.IndexFunc(snapshots, func(s catalog.Snapshot) bool { return s.OnMain && s.Summary["firn.run-id"] == run })
					if i < 0 {
						return fault.New(fault.NoInput, "%s has no run %s", t.Ident, run).Hint("firn runs %s lists them", t.Ident)
					}
					to = snapshots[i].ID
				}
				if err := l.Rollback(cmd.Context(), t.Ident, to, "rollback"); err != nil {
					return err
				}
				fmt.Fprintf(a.stdout, "%s is at snapshot %d again; the next run of each job goes on from there\n", t.Ident, to)
				return nil
			})
		},
	}
	cmd.Flags().Int64Var(&to, "to", 0, "snapshot to go back to")
	cmd.Flags().StringVar(&run, "run", "", "run whose snapshot to go back to")
	return cmd
}
