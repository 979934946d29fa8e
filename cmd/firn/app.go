package main

import (
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/spelling"
)

// app is what all commands share: where they read and print, and the flags.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer

	lake, lakes, logFormat string
	output                 string
	set                    []string

	start, end, runID         string
	fullRefresh, redo, strict bool
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "firn",
		Short: "Pack loose data into Apache Iceberg tables",
		Long: `firn reads databases and files as Arrow batches, transforms them with Spark SQL, writes Parquet and commits one
Iceberg snapshot, exactly once. A job is a short YAML file.`,
		Example: `  firn run orders.csv                      # a file becomes the table raw.orders of ./lakehouse
  firn read raw.orders                     # look at it
  firn init orders.csv --to orders.yaml    # the job behind it, to go on from
  firn plan orders.yaml                    # what a run would do
  firn run orders.yaml`,
		Args:          unknownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.PersistentFlags().StringVar(&a.lake, "lake", "", "lake to use instead of the job's")
	root.PersistentFlags().StringVar(&a.lakes, "lakes", "", "lakes file (default ./lakes.yaml, then $XDG_CONFIG_HOME/firn/lakes.yaml)")
	root.PersistentFlags().StringVar(&a.logFormat, "log-format", "text", "log lines on standard error as text or json")
	root.PersistentPreRunE = func(*cobra.Command, []string) error { return oneOf("--log-format", a.logFormat, "text", "json") }
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(a.runCommand(), a.initCommand(), a.discoverCommand(), a.validateCommand(), a.planCommand(), a.previewCommand(),
		a.showCommand(), a.runsCommand(), a.readCommand(), a.stateCommand(), a.rollbackCommand(), a.doctorCommand(), a.locksCommand(),
		a.sourcesCommand(), a.functionsCommand(), a.schemaCommand(), a.versionCommand())
	return root
}

// log is where the command tells what it does.
func (a *app) log() *slog.Logger {
	if a.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(a.stderr, nil))
	}
	return slog.New(slog.NewTextHandler(a.stderr, nil))
}

// unknownCommand refuses what is not a command of cmd.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	e := fault.New(fault.Usage, "unknown command %q", args[0])
	if near := spelling.Nearest(args[0], names); near != "" {
		return e.Hint("did you mean %s %s?", cmd.CommandPath(), near)
	}
	return e.Hint("%s --help lists the commands", cmd.CommandPath())
}

// flagError says which flag was meant.
func flagError(cmd *cobra.Command, err error) error {
	e := fault.New(fault.Usage, "%s", err)
	name, unknown := strings.CutPrefix(err.Error(), "unknown flag: --")
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near := spelling.Nearest(name, names); unknown && near != "" {
		return e.Hint("did you mean --%s?", near)
	}
	return e.Hint("%s --help lists the flags", cmd.CommandPath())
}

// usage makes cobra's complaints about arguments usage errors.
func usage(f cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := f(cmd, args); err != nil {
			return fault.New(fault.Usage, "%s", err).Hint("usage: %s", cmd.UseLine())
		}
		return nil
	}
}

// oneOf checks the value of a flag.
func oneOf(flag, value string, words ...string) error {
	for _, w := range words {
		if value == w {
			return nil
		}
	}
	e := fault.New(fault.Usage, "%s %s is unknown", flag, value)
	if near := spelling.Nearest(value, words); near != "" {
		return e.Hint("did you mean %s?", near)
	}
	return e.Hint("use %s", strings.Join(words, ", "))
}

// outputFlag adds -o, whose first word is the default, and checks it before the command runs.
func (a *app) outputFlag(cmd *cobra.Command, words ...string) {
	form := cmd.Flags().StringP("output", "o", words[0], strings.Join(words, ", "))
	do := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := oneOf("-o", *form, words...); err != nil {
			return err
		}
		a.output = *form
		return do(cmd, args)
	}
}

// intervalFlags adds the run's interval.
func (a *app) intervalFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.start, "interval-start", "", "start of the run's interval, included: 2024-01-31T05:00Z")
	cmd.Flags().StringVar(&a.end, "interval-end", "", "end of the run's interval, not included")
}

// setFlag adds --set.
func (a *app) setFlag(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&a.set, "set", nil, "change a value of the job: path=value, as in target.mode=overwrite or source.path[0]=b.csv; may be repeated")
}
