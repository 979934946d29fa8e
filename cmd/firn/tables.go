package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/spf13/cobra"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/etl"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/jsonarrow"
	"github.com/firn-data/firn/sources/all"
	"github.com/firn-data/firn/transform/expr"
)

// withTable opens the lake and loads a table.
func (a *app) withTable(cmd *cobra.Command, name string, do func(*catalog.Lake, *catalog.Table) error) error {
	lakes, err := a.loadLakes()
	if err != nil {
		return err
	}
	id, err := catalog.ParseIdent(name)
	if err != nil {
		return err
	}
	l, err := etl.OpenLake(cmd.Context(), lakes, a.lake, nil)
	if err != nil {
		return err
	}
	defer etl.CloseLake(l)
	t, err := l.Load(cmd.Context(), id)
	if err != nil {
		return err
	}
	return do(l, t)
}

func (a *app) showCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show TABLE", Short: "Show a table: columns, partitions, jobs and snapshots", Args: usage(cobra.ExactArgs(1)), Example: "  firn show sales.orders",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withTable(cmd, args[0], func(_ *catalog.Lake, t *catalog.Table) error { return a.show(t) })
		},
	}
}

func (a *app) show(t *catalog.Table) error {
	fmt.Fprintf(a.stdout, "%s  %d rows, format version %d\n%s\n\n", t.Ident, t.Rows(), t.FormatVersion(), t.Location)
	for _, f := range t.Schema.Fields {
		req := ""
		if f.Required {
			req = " required"
		}
		fmt.Fprintf(a.stdout, "  %-4d %-24s %s%s\n", f.ID, f.Name, f.Type, req)
	}
	for _, f := range t.Spec.Fields {
		fmt.Fprintf(a.stdout, "partition  %s = %s(%d)\n", f.Name, f.Transform, f.SourceID)
	}
	states, err := t.States()
	if err != nil {
		return err
	}
	for job, s := range states {
		if s.State != nil {
			fmt.Fprintf(a.stdout, "job        %s  position %s\n", job, orBeginning(s.State.Position))
		}
	}
	fmt.Fprintln(a.stdout)
	for _, s := range t.Snapshots() {
		mark := " "
		if s.OnMain {
			mark = "*"
		}
		fmt.Fprintf(a.stdout, "%s %-20d %s  %-10s +%s rows %s\n", mark, s.ID, time.UnixMilli(s.UnixMilli).UTC().Format(time.RFC3339), s.Operation, orZero(s.Summary["added-records"]), s.Summary["firn.run-id"])
	}
	return nil
}

func orZero(s string) string {
	if s == "" {
		return "0"
	}
	return s
}

func (a *app) runsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "runs TABLE", Short: "List the runs that wrote to a table", Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withTable(cmd, args[0], func(_ *catalog.Lake, t *catalog.Table) error {
				for _, s := range t.Snapshots() {
					if s.Summary["firn.job"] == "" || !s.OnMain {
						continue
					}
					fmt.Fprintf(a.stdout, "%s  %s  %s  %s written, %s quarantined  snapshot %d %s\n", time.UnixMilli(s.UnixMilli).UTC().Format(time.RFC3339), s.Summary["firn.job"], s.Summary["firn.run-id"],
						orZero(s.Summary["firn.rows.written"]), orZero(s.Summary["firn.rows.quarantined"]), s.ID, s.Summary["firn.interval"])
				}
				return nil
			})
		},
	}
}

func (a *app) rollbackCommand() *cobra.Command {
	var to int64
	var run string
	cmd := &cobra.Command{
		Use: "rollback TABLE", Short: "Make an earlier snapshot current, and put every job's state back with it", Args: usage(cobra.ExactArgs(1)),
		Example: "  firn rollback sales.orders --to 7433278310472394811\n  firn rollback sales.orders --run orders-20240131T050000Z-20240131T060000Z",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withTable(cmd, args[0], func(l *catalog.Lake, t *catalog.Table) error {
				if run != "" {
					i := slices.IndexFunc(t.Snapshots(), func(s catalog.Snapshot) bool { return s.OnMain && s.Summary["firn.run-id"] == run })
					if i < 0 {
						return fault.New(fault.NoInput, "%s has no run %s", t.Ident, run).Hint("firn runs %s lists them", t.Ident)
					}
					to = t.Snapshots()[i].ID
				}
				if to == 0 {
					return fault.New(fault.Usage, "rollback needs --to SNAPSHOT or --run ID").Hint("firn show %s lists snapshots", t.Ident)
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

func (a *app) readCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "read TABLE", Short: "Print a table's rows", Args: usage(cobra.ExactArgs(1)), Example: "  firn read sales.orders -n 5\n  firn read sales.orders -o csv > orders.csv",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withTable(cmd, args[0], func(_ *catalog.Lake, t *catalog.Table) error { return a.read(cmd, t) })
		},
	}
	cmd.Flags().IntVarP(&a.limit, "rows", "n", 0, "rows to print; 0: all")
	cmd.Flags().Int64Var(&a.snapshot, "snapshot", 0, "snapshot to read instead of the current one")
	cmd.Flags().StringVarP(&a.output, "output", "o", "table", "table, csv or json")
	return cmd
}

func (a *app) read(cmd *cobra.Command, t *catalog.Table) error {
	p, err := newPrinter(a.stdout, a.output, t.Schema.Arrow())
	if err != nil {
		return err
	}
	left := a.limit
	for rec, err := range t.Scan(cmd.Context(), a.snapshot, memory.NewGoAllocator()) {
		if err != nil {
			return err
		}
		n := int(rec.NumRows())
		if a.limit > 0 {
			n = min(n, left)
			left -= n
		}
		err := p.print(rec, n)
		rec.Release()
		if err != nil {
			return err
		}
		if a.limit > 0 && left == 0 {
			break
		}
	}
	return p.flush()
}

// printer prints rows as a table, CSV or JSON lines.
type printer struct {
	w     io.Writer
	form  string
	csv   *csv.Writer
	names []string
	rows  [][]string // of a table
}

func newPrinter(w io.Writer, form string, s *arrow.Schema) (*printer, error) {
	p := &printer{w: w, form: form}
	for _, f := range s.Fields() {
		p.names = append(p.names, f.Name)
	}
	switch form {
	case "csv":
		p.csv = csv.NewWriter(w)
		return p, p.csv.Write(p.names)
	case "table", "json":
		return p, nil
	}
	return nil, unknownOutput(form)
}

func (p *printer) print(rec arrow.RecordBatch, n int) error {
	for i := range n {
		if p.form == "json" {
			if _, err := fmt.Fprintf(p.w, "%s\n", jsonarrow.AppendRow(nil, rec, i)); err != nil {
				return err
			}
			continue
		}
		cells := make([]string, rec.NumCols())
		for c, col := range rec.Columns() {
			if !col.IsNull(i) {
				cells[c] = jsonarrow.Text(col, i)
			} else if p.form == "table" {
				cells[c] = "NULL"
			}
		}
		if p.csv != nil {
			if err := p.csv.Write(cells); err != nil {
				return err
			}
			continue
		}
		p.rows = append(p.rows, cells)
	}
	return nil
}

func (p *printer) flush() error {
	if p.csv != nil {
		p.csv.Flush()
		return p.csv.Error()
	}
	if p.form != "table" {
		return nil
	}
	width := make([]int, len(p.names))
	for _, row := range append([][]string{p.names}, p.rows...) {
		for i, c := range row {
			width[i] = min(max(width[i], utf8.RuneCountInString(c)), 60)
		}
	}
	line := func(row []string) {
		var b strings.Builder
		for i, c := range row {
			if utf8.RuneCountInString(c) > 60 {
				c = string([]rune(c)[:59]) + "…"
			}
			fmt.Fprintf(&b, "%s%s  ", c, strings.Repeat(" ", width[i]-utf8.RuneCountInString(c)))
		}
		fmt.Fprintln(p.w, strings.TrimRight(b.String(), " "))
	}
	line(p.names)
	for _, r := range p.rows {
		line(r)
	}
	fmt.Fprintln(p.w, "("+strconv.Itoa(len(p.rows))+" rows)")
	return nil
}

func (a *app) functionsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "functions", Short: "List the SQL functions of the native engine", Args: usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			for _, f := range expr.Functions() {
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

func (a *app) sourcesCommand() *cobra.Command {
	return &cobra.Command{
		Use: "sources", Short: "List the kinds of sources", Args: usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			for _, k := range all.Kinds() {
				fmt.Fprintln(a.stdout, k().Kind())
			}
			return nil
		},
	}
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print firn's version", Args: usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(a.stdout, "firn", version)
			return err
		},
	}
}
