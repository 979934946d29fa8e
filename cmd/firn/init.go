package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/firn-data/firn/etl"
	"github.com/firn-data/firn/internal/fault"
)

// lakesTemplate is what firn init lake writes.
//
//go:embed lakes.yaml
var lakesTemplate string

func (a *app) initCommand() *cobra.Command {
	to := ""
	cmd := &cobra.Command{
		Use:   "init SOURCE | lake",
		Short: "Write the job of a source, or a lakes file, to go on from",
		Long: `Init looks at a source and writes a job for it: named after the file or table, with the columns' types as they were found,
appending to raw.<name>. Without --to the job goes to standard output. A file that exists is never written over.

A database is named by its URL with the table after #. A password in it stays out of the job: a variable takes its place.`,
		Example: "  firn init orders.csv --to orders.yaml\n  firn init 'data/*.csv.gz'\n  firn init '${ORDERS_DSN}#public.orders' --to orders.yaml\n  firn init lake   # writes lakes.yaml",
		Args:    usage(cobra.ExactArgs(1)),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.initJob(cmd, args[0], to) },
	}
	cmd.Flags().StringVar(&to, "to", "", "file to write")
	lake := &cobra.Command{
		Use: "lake", Short: "Write a lakes file with comments", Args: usage(cobra.NoArgs), Example: "  firn init lake\n  firn init lake --to -",
		Long: "Init lake writes lakes.yaml, which names the lakes that jobs can load into: the embedded one, and patterns for others.",
		RunE: func(*cobra.Command, []string) error {
			if to == "" {
				to = "lakes.yaml"
			}
			return a.writeNew(to, lakesTemplate, "next: look at it, then name a lake in a job: lake: prod\n")
		},
	}
	lake.Flags().StringVar(&to, "to", "", "file to write, or - (default lakes.yaml)")
	cmd.AddCommand(lake)
	return cmd
}

func (a *app) initJob(cmd *cobra.Command, arg, to string) error {
	d, err := etl.NewDraft(arg, lookup)
	if err != nil {
		return err
	}
	p, err := a.inspect(cmd, arg)
	if err != nil {
		return err
	}
	defer p.Close()
	file := to
	if to == "" || to == "-" {
		file = d.Name + ".yaml"
	}
	text := fmt.Sprintf("# Next: firn plan %s, then firn run %s. firn schema and docs/reference/job.md have all fields.\n", file, file) + p.Draft(d)
	next := fmt.Sprintf("next: firn plan %s\n", file)
	for name := range d.Hidden {
		next = fmt.Sprintf("next: set %s to the URL, then firn plan %s\n", name, file)
	}
	return a.writeNew(to, text, next)
}

// writeNew writes a file that must not exist yet and says what comes next; to standard output when it has no name.
func (a *app) writeNew(to, text, next string) error {
	if to == "" || to == "-" {
		_, err := fmt.Fprint(a.stdout, text)
		return err
	}
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	switch {
	case errors.Is(err, fs.ErrExist):
		return fault.New(fault.Usage, "%s exists already", to).Hint("name another file with --to")
	case err != nil:
		return fault.Wrap(fault.Permission, errors.Unwrap(err), "write %s", to)
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return fault.Wrap(fault.Unavailable, err, "write %s", to)
	}
	fmt.Fprintf(a.stdout, "wrote %s\n%s", to, next)
	return nil
}
