package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/internal/fault"
)

func (a *app) locksCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "locks list | break TABLE", Short: "List or break the locks on a table", Args: unknownCommand,
		Long: `A Hive Metastore keeps writers apart by locks. A lock whose holder died is void after the server's timeout; breaking it saves
the wait. Never break the lock of a writer that still runs.`,
		Example: "  firn locks list sales.orders --lake prod\n  firn locks break sales.orders --id 4711 --lake prod",
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use: "list TABLE", Short: "List who holds a table or waits for it", Args: usage(cobra.ExactArgs(1)), Example: "  firn locks list sales.orders --lake prod",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withLocks(cmd, args[0], func(l catalog.LockLister, id catalog.Ident) error { return a.listLocks(cmd, l, id) })
		},
	})
	var lock string
	breaking := &cobra.Command{
		Use: "break TABLE", Short: "Take a lock from a dead holder", Args: usage(cobra.ExactArgs(1)), Example: "  firn locks break sales.orders --id 4711 --lake prod",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withLocks(cmd, args[0], func(l catalog.LockLister, id catalog.Ident) error { return a.breakLocks(cmd, l, id, lock) })
		},
	}
	breaking.Flags().StringVar(&lock, "id", "", "the lock to break; without it all that are held")
	cmd.AddCommand(breaking)
	return cmd
}

// withLocks opens the lake of a table whose catalog works with locks.
func (a *app) withLocks(cmd *cobra.Command, table string, do func(catalog.LockLister, catalog.Ident) error) error {
	id, err := catalog.ParseIdent(table)
	if err != nil {
		return err
	}
	return a.withLake(cmd, func(l *catalog.Lake) error {
		lister, ok := l.Catalog.(catalog.LockLister)
		if !ok {
			return fault.New(fault.Config, "the catalog of this lake works without locks").Hint("there is nothing to list or to break")
		}
		return do(lister, id)
	})
}

func (a *app) listLocks(cmd *cobra.Command, l catalog.LockLister, id catalog.Ident) error {
	locks, err := l.Locks(cmd.Context(), id)
	if err != nil {
		return err
	}
	if len(locks) == 0 {
		fmt.Fprintf(a.stdout, "nobody holds %s\n", id)
		return nil
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "id\tstate\tholder\tuser\tsince\tlast sign of life\tvoid after")
	for _, k := range locks {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s@%s\t%s\t%s\t%s\n", k.ID, k.State, k.Agent, k.User, k.Host, moment(k.Acquired), moment(k.Heartbeat), moment(k.Expires))
	}
	return w.Flush()
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

func (a *app) breakLocks(cmd *cobra.Command, l catalog.LockLister, id catalog.Ident, lock string) error {
	ids := []string{lock}
	if lock == "" {
		locks, err := l.Locks(cmd.Context(), id)
		if err != nil {
			return err
		}
		ids = ids[:0]
		for _, k := range locks {
			if k.State == "acquired" {
				ids = append(ids, k.ID)
			}
		}
	}
	for _, k := range ids {
		if err := l.Break(cmd.Context(), id, k); err != nil {
			return err
		}
		fmt.Fprintf(a.stdout, "broke lock %s on %s\n", k, id)
	}
	if len(ids) == 0 {
		fmt.Fprintf(a.stdout, "nobody holds %s\n", id)
	}
	return nil
}
