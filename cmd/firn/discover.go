package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firn-data/firn/etl"
)

func (a *app) discoverCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "discover SOURCE",
		Short: "Show what a source holds: tables, columns, types, keys",
		Long: `Discover connects to a source and shows its columns with their types in Arrow and Iceberg, its key and its size. For files
the types come from a sample. A database's URL without a #table lists its tables. firn init writes a job with them.`,
		Example: "  firn discover orders.csv\n  firn discover 's3://lake/raw/*.csv.gz' --lake prod\n  firn discover '${ORDERS_DSN}'\n  firn discover '${ORDERS_DSN}#public.orders' -o json",
		Args:    usage(cobra.ExactArgs(1)),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.discover(cmd, args[0]) },
	}
	a.outputFlag(cmd, "text", "json")
	return cmd
}

func (a *app) discover(cmd *cobra.Command, arg string) error {
	if d, err := etl.NewDraft(arg, lookup); d != nil && err != nil {
		return a.listTables(cmd, d)
	}
	p, err := a.inspect(cmd, arg)
	if err != nil {
		return err
	}
	defer p.Close()
	for _, in := range p.Inputs {
		v := in.View()
		if a.output == "json" {
			if err := writeJSON(a.stdout, v); err != nil {
				return err
			}
			continue
		}
		printSource(a.stdout, v)
		if len(v.Key) > 0 {
			fmt.Fprintf(a.stdout, "  key          %s\n", strings.Join(v.Key, ", "))
		}
		fmt.Fprintln(a.stdout)
		printColumns(a.stdout, v.Columns)
		for _, n := range v.Notes {
			fmt.Fprintf(a.stdout, "note: %s\n", n)
		}
		fmt.Fprintf(a.stdout, "next: firn preview %s; firn init %s --to %s.yaml\n", shellWord(arg), shellWord(arg), p.Job)
	}
	return nil
}

// listTables prints the tables of a database.
func (a *app) listTables(cmd *cobra.Command, d *etl.Draft) error {
	o, err := a.bindOptions()
	if err != nil {
		return err
	}
	tables, err := etl.List(cmd.Context(), d, lookup, o)
	if err != nil {
		return err
	}
	if a.output == "json" {
		return writeJSON(a.stdout, tables)
	}
	for _, t := range tables {
		line := fmt.Sprintf("%-40s", t.Name)
		if t.Bytes >= 0 {
			line += fmt.Sprintf(" %10s", size(t.Bytes))
		}
		if t.Rows >= 0 {
			line += fmt.Sprintf("  about %s", count(t.Rows, "row"))
		}
		fmt.Fprintln(a.stdout, strings.TrimRight(line, " "))
	}
	fmt.Fprintln(a.stdout, "next: firn discover 'SOURCE#schema.table'")
	return nil
}

// shellWord quotes an argument for a POSIX shell, where it needs that. A URL may hold a password, so that it is not said again.
func shellWord(s string) string {
	if strings.Contains(s, "://") {
		return "SOURCE"
	}
	for _, c := range s {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=@%+,-", c) {
			return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
		}
	}
	return s
}
