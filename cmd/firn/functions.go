package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/firn-data/firn/transform/expr"
)

func (a *app) functionsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "functions", Short: "List the SQL functions of the native engine", Args: usage(cobra.NoArgs), Example: "  firn functions | grep date",
		RunE: func(*cobra.Command, []string) error {
			for _, f := range expr.Functions() {
				fmt.Fprintf(a.stdout, "%-44s %s\n", f.Usage, f.Doc)
			}
			return nil
		},
	}
}
