package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firn-data/firn/etl"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/reference"
	"github.com/firn-data/firn/internal/spelling"
)

func (a *app) sourcesCommand() *cobra.Command {
	return &cobra.Command{
		Use: "sources [KIND]", Short: "List the kinds of sources, or the fields of one", Args: usage(cobra.MaximumNArgs(1)),
		Example: "  firn sources\n  firn sources csv",
		RunE: func(_ *cobra.Command, args []string) error {
			kinds := etl.SourceKinds()
			if len(args) == 0 {
				for _, k := range kinds {
					fmt.Fprintf(a.stdout, "%-10s %s\n", k.Name, strings.Join(names(k.Fields), ", "))
				}
				return nil
			}
			var known []string
			for _, k := range kinds {
				if k.Name == args[0] {
					a.printFields("", k.Fields)
					return nil
				}
				known = append(known, k.Name)
			}
			e := fault.New(fault.Usage, "unknown kind of source %q", args[0])
			if near := spelling.Nearest(args[0], known); near != "" {
				return e.Hint("did you mean %s?", near)
			}
			return e.Hint("there are %s", strings.Join(known, ", "))
		},
	}
}

func names(fields []reference.Field) (out []string) {
	for _, f := range fields {
		out = append(out, f.Name)
	}
	return out
}

// printFields prints a line for each field, and one more for what it means.
func (a *app) printFields(prefix string, fields []reference.Field) {
	for _, f := range fields {
		what := f.Type()
		if len(f.OneOf) > 0 {
			what = strings.Join(f.OneOf, " | ")
		}
		if f.Default != "" {
			what += " (default " + f.Default + ")"
		}
		fmt.Fprintf(a.stdout, "%s%s: %s\n%s    %s\n", prefix, f.Name, what, prefix, f.Doc)
		switch {
		case f.Kind == reference.Struct:
			a.printFields(prefix+"  ", f.Fields)
		case f.Elem != nil && f.Elem.Kind == reference.Struct:
			a.printFields(prefix+"  ", f.Elem.Fields)
		}
	}
}
