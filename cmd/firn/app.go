package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firn-data/firn/etl"
	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
)

// version is set by the linker: -ldflags "-X main.version=v1.2.3".
var version = "dev"

// app is what all commands share.
type app struct {
	stdout, stderr io.Writer

	lake, lakes, output, tempDir string
	start, end, runID            string
	fullRefresh, redo, strict    bool
	skipEmpty                    bool
	limit                        int
	snapshot                     int64
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "firn",
		Short:         "Pack loose data into Apache Iceberg tables",
		Long:          "firn reads databases and files as Arrow batches, transforms them with Spark SQL, writes Parquet and commits one\nIceberg snapshot, exactly once. A job is a short YAML file.",
		Example:       "  firn run job.yaml            # run a job\n  firn plan job.yaml           # what it would do\n  firn read sales.orders       # look at the table",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.PersistentFlags().StringVar(&a.lake, "lake", "", "lake to use instead of the job's")
	root.PersistentFlags().StringVar(&a.lakes, "lakes", "", "lakes file (default ./lakes.yaml, then $XDG_CONFIG_HOME/firn/lakes.yaml)")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fault.New(fault.Usage, "%s", err).Hint("%s --help", cmd.CommandPath())
	})
	root.AddCommand(a.runCommand(), a.planCommand(), a.validateCommand(), a.showCommand(), a.runsCommand(), a.readCommand(),
		a.rollbackCommand(), a.functionsCommand(), a.sourcesCommand(), a.versionCommand())
	root.RunE = func(cmd *cobra.Command, args []string) error { return cmd.Help() }
	root.Args = usage(cobra.NoArgs)
	return root
}

// lookup gives the values of ${NAME} and ${file:PATH}.
func lookup(name string) (string, bool) {
	if path, ok := strings.CutPrefix(name, "file:"); ok {
		b, err := os.ReadFile(path)
		return strings.TrimRight(string(b), "\r\n"), err == nil
	}
	return os.LookupEnv(name)
}

func (a *app) loadJob(path string) (*etl.Job, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Wrap(fault.NoInput, errors.Unwrap(err), "open %s", path)
	}
	defer f.Close()
	return etl.Load(f, etl.Options{File: path, Lookup: lookup})
}

// loadLakes reads the lakes file, if there is one.
func (a *app) loadLakes() (*etl.Lakes, error) {
	paths := []string{a.lakes}
	if a.lakes == "" {
		paths = []string{"lakes.yaml"}
		if dir, err := os.UserConfigDir(); err == nil {
			paths = append(paths, filepath.Join(dir, "firn", "lakes.yaml"))
		}
	}
	for _, p := range paths {
		f, err := os.Open(p)
		if errors.Is(err, os.ErrNotExist) && a.lakes == "" {
			continue
		}
		if err != nil {
			return nil, fault.Wrap(fault.NoInput, errors.Unwrap(err), "open %s", p)
		}
		defer f.Close()
		return etl.LoadLakes(f, etl.Options{File: p, Lookup: lookup})
	}
	return nil, nil
}

// interval reads --interval-start and --interval-end.
func (a *app) interval() (*batch.Interval, error) {
	if a.start == "" && a.end == "" {
		return nil, nil
	}
	i := &batch.Interval{}
	for _, x := range []struct {
		flag, text string
		to         *time.Time
	}{{"--interval-start", a.start, &i.Start}, {"--interval-end", a.end, &i.End}} {
		t, err := parseTime(x.text)
		if err != nil {
			return nil, fault.New(fault.Usage, "%s %q is not a time", x.flag, x.text).Hint("write 2024-01-31T05:00:00Z or 2024-01-31; give both flags")
		}
		*x.to = t
	}
	return i, nil
}

func parseTime(s string) (t time.Time, err error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err = time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return t, err
}

func (a *app) bindOptions(events *etl.Events) (etl.BindOptions, error) {
	lakes, err := a.loadLakes()
	if err != nil {
		return etl.BindOptions{}, err
	}
	i, err := a.interval()
	if err != nil {
		return etl.BindOptions{}, err
	}
	mem := machineMemory()
	debug.SetMemoryLimit(max(mem/2, 512<<20))
	return etl.BindOptions{Lakes: lakes, Lake: a.lake, RunID: a.runID, Interval: i, FullRefresh: a.fullRefresh, Redo: a.redo, Strict: a.strict,
		TempDir: a.tempDir, MemoryBytes: mem, Now: time.Now(), Events: events}, nil
}

func intervalFlags(cmd *cobra.Command, a *app) {
	cmd.Flags().StringVar(&a.start, "interval-start", "", "start of the run's interval (included)")
	cmd.Flags().StringVar(&a.end, "interval-end", "", "end of the run's interval (not included)")
}
