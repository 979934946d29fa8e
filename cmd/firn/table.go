package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/etl"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/spelling"
)

// withLake opens the lake.
func (a *app) withLake(cmd *cobra.Command, do func(*catalog.Lake) error) error {
	lakes, err := a.loadLakes()
	if err != nil {
		return err
	}
	l, err := etl.OpenLake(cmd.Context(), lakes, a.lake, nil)
	if err != nil {
		return err
	}
	defer etl.CloseLake(l)
	return do(l)
}

// withTable opens the lake and loads a table.
func (a *app) withTable(cmd *cobra.Command, name string, do func(*catalog.Lake, *catalog.Table) error) error {
	id, err := catalog.ParseIdent(name)
	if err != nil {
		return fault.Wrap(fault.Usage, err, "read the command line")
	}
	return a.withLake(cmd, func(l *catalog.Lake) error {
		t, err := l.Load(cmd.Context(), id)
		if errors.Is(err, catalog.ErrNoTable) {
			return noTable(cmd, l, id)
		}
		if err != nil {
			return err
		}
		return do(l, t)
	})
}

// noTable says what tables there are instead.
func noTable(cmd *cobra.Command, l *catalog.Lake, id catalog.Ident) error {
	e := fault.New(fault.NoInput, "%s: no such table", id)
	have, err := l.Catalog.Tables(cmd.Context(), "")
	if err != nil || len(have) == 0 {
		return e.Hint("the lake has no tables yet: firn run loads one")
	}
	names := make([]string, len(have))
	for i, t := range have {
		names[i] = t.String()
	}
	if near := spelling.Nearest(id.String(), names); near != "" {
		return e.Hint("did you mean %s?", near)
	}
	if len(names) > 10 {
		names = append(names[:10], "…")
	}
	return e.Hint("the lake has %s", strings.Join(names, ", "))
}
