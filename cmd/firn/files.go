package main

import (
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/firn-data/firn/etl"
	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/spelling"
)

// lookup gives the values of ${NAME} and ${file:PATH}.
func lookup(name string) (string, bool) {
	if path, ok := strings.CutPrefix(name, "file:"); ok {
		b, err := os.ReadFile(path)
		return strings.TrimRight(string(b), "\r\n"), err == nil
	}
	return os.LookupEnv(name)
}

// loadJob reads a job file, or makes the job of a source: a path, a glob or a URL.
func (a *app) loadJob(arg string) (*etl.Job, error) {
	if etl.IsSource(arg) {
		draft, err := etl.NewDraft(arg, lookup)
		if err != nil {
			return nil, err
		}
		return etl.Load(strings.NewReader(draft.YAML(nil, nil)), etl.Options{File: "the job of " + draft.Name, Lookup: draft.Lookup(lookup), Set: a.set})
	}
	if ext := filepath.Ext(arg); ext != "" && ext != ".yaml" && ext != ".yml" {
		_, err := etl.NewDraft(arg, lookup)
		return nil, err
	}
	f, err := open(arg)
	if errors.Is(err, os.ErrNotExist) {
		return nil, noJob(arg, err)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return etl.Load(f, etl.Options{File: arg, Lookup: lookup, Set: a.set})
}

// noJob says what the name of a job that is not there may have meant.
func noJob(arg string, err error) error {
	stem := func(path string) string { return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)) }
	there, _ := filepath.Glob(filepath.Join(filepath.Dir(arg), "*.y*ml"))
	names := map[string]string{}
	for _, path := range there {
		names[stem(path)] = path
	}
	if near := spelling.Nearest(stem(arg), slices.Sorted(maps.Keys(names))); near != "" {
		return fault.Wrap(fault.NoInput, errors.Unwrap(err), "open %s", arg).Hint("did you mean %s?", names[near])
	}
	return fault.New(fault.NoInput, "there is no job file %s", arg).Hint("name a job file, or a source; firn init SOURCE writes a job")
}

func open(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		class := fault.NoInput
		if errors.Is(err, os.ErrPermission) {
			class = fault.Permission
		}
		return nil, fault.Wrap(class, errors.Unwrap(err), "open %s", path)
	}
	return f, nil
}

// loadLakes reads the lakes file, if there is one.
func (a *app) loadLakes() (*etl.Lakes, error) {
	paths := []string{a.lakes}
	if a.lakes == "" {
		paths = []string{"lakes.yaml"}
		if dir := configDir(); dir != "" {
			paths = append(paths, filepath.Join(dir, "firn", "lakes.yaml"))
		}
	}
	for _, p := range paths {
		f, err := open(p)
		if errors.Is(err, os.ErrNotExist) && a.lakes == "" {
			continue
		}
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return etl.LoadLakes(f, etl.Options{File: p, Lookup: lookup})
	}
	return nil, nil
}

// configDir is the user's configuration folder as the XDG Base Directory Specification has it, or empty.
func configDir() string {
	if dir := os.Getenv("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".config")
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

// parseTime reads a time in ISO 8601; one without a zone is in UTC.
func parseTime(s string) (t time.Time, err error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err = time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return t, err
}

// bindOptions gathers what a job is bound with, and sets the runtime's memory limit to match.
func (a *app) bindOptions() (etl.BindOptions, error) {
	lakes, err := a.loadLakes()
	if err != nil {
		return etl.BindOptions{}, err
	}
	i, err := a.interval()
	if err != nil {
		return etl.BindOptions{}, err
	}
	mem := limitMemory()
	return etl.BindOptions{Lakes: lakes, Lake: a.lake, RunID: a.runID, Interval: i, FullRefresh: a.fullRefresh, Redo: a.redo, Strict: a.strict,
		MemoryBytes: mem, Now: time.Now(), Stdin: a.stdin}, nil
}
