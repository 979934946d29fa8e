package main

import (
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/spf13/cobra"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/etl"
)

func (a *app) readCommand() *cobra.Command {
	var rows int
	var snapshot int64
	where := ""
	cmd := &cobra.Command{
		Use: "read TABLE", Short: "Print a table's rows", Args: usage(cobra.ExactArgs(1)),
		Long: `Read prints a table's rows, of the current snapshot or of an earlier one. As csv, a NULL is an empty cell and an empty
string is ""; as json, each row is one object on a line, its columns in the table's order.`,
		Example: "  firn read sales.orders -n 5\n  firn read sales.orders --where \"total > 100 AND day >= DATE'2024-01-31'\"\n  firn read sales.orders -o csv > orders.csv\n  firn read sales.orders_quarantine -o json | jq .reason",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withTable(cmd, args[0], func(_ *catalog.Lake, t *catalog.Table) error { return a.read(cmd, t, snapshot, where, rows) })
		},
	}
	cmd.Flags().IntVarP(&rows, "rows", "n", 0, "rows to print; 0: all")
	cmd.Flags().StringVar(&where, "where", "", "condition in Spark SQL; rows for which it is TRUE are printed")
	cmd.Flags().Int64Var(&snapshot, "snapshot", 0, "snapshot to read instead of the current one")
	a.outputFlag(cmd, "table", "csv", "json")
	return cmd
}

func (a *app) read(cmd *cobra.Command, t *catalog.Table, snapshot int64, where string, rows int) error {
	p := newPrinter(a.stdout, a.output, t.Schema.Arrow())
	left := rows
	for rec, err := range etl.Read(cmd.Context(), t, catalog.ReadOptions{Snapshot: snapshot, Alloc: memory.NewGoAllocator()}, where) {
		if err != nil {
			return err
		}
		n := int(rec.NumRows())
		if rows > 0 {
			n = min(n, left)
			left -= n
		}
		err := p.print(rec, n)
		rec.Release()
		if err != nil {
			return err
		}
		if rows > 0 && left == 0 {
			break
		}
	}
	return p.flush()
}
