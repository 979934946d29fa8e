package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/firn-data/firn/catalog"
)

func (a *app) showCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show TABLE", Short: "Show a table: columns, partitions, jobs and snapshots", Args: usage(cobra.ExactArgs(1)),
		Example: "  firn show sales.orders\n  firn show sales.orders --lake prod",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withTable(cmd, args[0], func(_ *catalog.Lake, t *catalog.Table) error { return a.show(cmd.Context(), t) })
		},
	}
}

func (a *app) show(ctx context.Context, t *catalog.Table) error {
	fmt.Fprintf(a.stdout, "%s  %s, format version %d\n%s\n\n", t.Ident, count(t.Rows(), "row"), t.FormatVersion(), t.Location)
	for _, f := range t.Schema.Fields {
		req := ""
		if f.Required {
			req = " required"
		}
		fmt.Fprintf(a.stdout, "  %-4d %-24s %s%s\n", f.ID, f.Name, f.Type, req)
	}
	for _, e := range t.Spec.Expressions(t.Schema) {
		fmt.Fprintf(a.stdout, "partition  %s\n", e)
	}
	for _, e := range t.Sort.Expressions(t.Schema) {
		fmt.Fprintf(a.stdout, "sort       %s\n", e)
	}
	states, err := t.States(ctx)
	if err != nil {
		return err
	}
	for _, job := range slices.Sorted(maps.Keys(states)) {
		if s := states[job]; s.State != nil {
			fmt.Fprintf(a.stdout, "job        %s  position %s\n", job, orBeginning(s.State.Position))
		}
	}
	fmt.Fprintln(a.stdout)
	for _, s := range t.Snapshots() {
		mark := " "
		if s.OnMain {
			mark = "*"
		}
		fmt.Fprintf(a.stdout, "%s %-20d %s  %-10s +%s rows  %s\n", mark, s.ID, time.UnixMilli(s.UnixMilli).UTC().Format(time.RFC3339), s.Operation,
			cmp.Or(s.Summary["added-records"], "0"), s.Summary["firn.run-id"])
	}
	return nil
}
