package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firn-data/firn/etl"
)

func (a *app) functionsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "functions", Short: "List the SQL functions of the native engine", Args: usage(cobra.NoArgs), Example: "  firn functions | grep date",
		RunE: func(*cobra.Command, []string) error {
			for _, f := range etl.Functions() {
				doc := f.Doc
				if also := f.Aliases(); len(also) > 0 {
					doc += " (also " + strings.Join(also, ", ") + ")"
				}
				fmt.Fprintf(a.stdout, "%-44s %s\n", f.Usage, doc)
			}
			return nil
		},
	}
}
