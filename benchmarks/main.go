// Command benchmarks measures firn beside what a user would take instead: the same work, on the same data, in turn within one run, as
// whole processes. `make bench` sets everything up and calls it; the results stay in the tree.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Results is one run of the benchmark: the result file.
type Results struct {
	Date    string       `json:"date"`
	Machine string       `json:"machine"`
	Scale   string       `json:"scale"`
	Cases   []CaseResult `json:"cases"`
}

// CaseResult is what one case gave.
type CaseResult struct {
	Case
	Command string `json:"command"`
	Runs    []Run  `json:"runs"`
}

// Run is all samples of one contender, in order.
type Run struct {
	Contender string   `json:"contender"`
	Samples   []Sample `json:"samples"`
	Output    Output   `json:"output"`
}

func main() {
	if err := bench(); err != nil {
		fmt.Fprintln(os.Stderr, "benchmarks:", err)
		os.Exit(1)
	}
}

func bench() error {
	names := flag.String("cases", "", "cases to run, parted by commas; all without it")
	rounds := flag.Int("rounds", 5, "how often each contender runs")
	firn := flag.String("firn", "bin/firn", "the binary")
	here := flag.String("dir", "benchmarks", "this folder")
	page := flag.Bool("page", false, "write the page and the plots from the newest result file, and measure nothing")
	note := flag.String("name", time.Now().UTC().Format("2006-01-02"), "name of the result file")
	flag.Parse()
	if *page {
		return writePage(*here)
	}
	chosen, err := cases(*names)
	if err != nil {
		return err
	}
	r, err := newRunner(*firn, *here)
	if err != nil {
		return err
	}
	file := filepath.Join(*here, "results", *note+".json")
	for _, c := range chosen {
		got, err := r.play(c, *rounds)
		if err != nil {
			return fmt.Errorf("case %s: %w", c.Name, err)
		}
		got.Command = fmt.Sprintf("make bench CASES=%s ROUNDS=%d", c.Name, *rounds)
		if err := r.keep(file, *got); err != nil {
			return err
		}
	}
	return writePage(*here)
}

// keep puts a case's result into the result file, in place of an older one of the same name.
func (r *runner) keep(file string, got CaseResult) error {
	res, err := load(file)
	if errors.Is(err, os.ErrNotExist) {
		res, err = &Results{}, nil
	}
	if err != nil {
		return err
	}
	res.Date, res.Machine, res.Scale = time.Now().UTC().Format(time.RFC3339), machine(), filepath.Base(r.vars["data"])
	if i := slices.IndexFunc(res.Cases, func(c CaseResult) bool { return c.Name == got.Name }); i >= 0 {
		res.Cases[i] = got
	} else {
		res.Cases = append(res.Cases, got)
	}
	return save(file, res)
}

func load(file string) (*Results, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	res := &Results{}
	if err := json.Unmarshal(b, res); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return res, nil
}

func newRunner(firn, here string) (*runner, error) {
	abs := func(p string) string {
		a, err := filepath.Abs(p)
		if err != nil {
			return p
		}
		return a
	}
	r := &runner{vars: map[string]string{"firn": abs(firn), "here": abs(here)}, env: os.Environ()}
	for name, variable := range map[string]string{"data": "BENCH_DATA", "python": "BENCH_PYTHON", "spark": "BENCH_SPARK", "dsn": "BENCH_DSN", "psql": "BENCH_PSQL"} {
		v := os.Getenv(variable)
		if v == "" {
			return nil, fmt.Errorf("%s is not set: run make bench", variable)
		}
		r.vars[name] = v
	}
	r.env = append(r.env, "HERE="+r.vars["here"], "DATA="+r.vars["data"], "DSN="+r.vars["dsn"])
	return r, nil
}

// play runs a case: one round to warm up, then the contenders in turn, round by round, so that a slow minute of the machine hits all.
func (r *runner) play(c Case, rounds int) (*CaseResult, error) {
	res := &CaseResult{Case: c, Runs: make([]Run, len(c.Contenders))}
	most := 0
	for i, k := range c.Contenders {
		res.Runs[i].Contender = k.Name
		most = max(most, k.rounds(rounds))
	}
	for round := 0; round <= most; round++ {
		for i, k := range c.Contenders {
			if round > k.rounds(rounds) {
				continue
			}
			s, o, err := r.once(k)
			if err != nil {
				return nil, err
			}
			if round == 0 {
				res.Runs[i].Output = o
				continue
			}
			fmt.Fprintf(os.Stderr, "%-10s %-45s round %d: %6.3f s, %6.2f CPU s, %5d MiB\n", c.Name, k.Name, round, s.Seconds(), s.CPU, s.RSS>>20)
			res.Runs[i].Samples = append(res.Runs[i].Samples, s)
		}
	}
	return res, res.verify(r.vars["data"])
}

func (c Contender) rounds(flag int) int {
	if c.Rounds > 0 {
		return c.Rounds
	}
	return flag
}

func (r *runner) once(c Contender) (Sample, Output, error) {
	out, err := os.MkdirTemp("", "firn-bench-")
	if err != nil {
		return Sample{}, Output{}, err
	}
	defer os.RemoveAll(out)
	s, err := r.measure(c, out)
	if err != nil {
		return s, Output{}, err
	}
	o, err := r.look(c, out)
	return s, o, err
}

// verify checks that every contender wrote the same rows.
func (c *CaseResult) verify(data string) error {
	var first *Run
	for i := range c.Runs {
		run := &c.Runs[i]
		if c.Contenders[i].Files == "" {
			continue
		}
		if first == nil {
			first = run
		}
		if run.Output.Rows != first.Output.Rows || run.Output.Checksum != first.Output.Checksum {
			return fmt.Errorf("%s wrote %d rows with sum %s, %s %d with %s", run.Contender, run.Output.Rows, run.Output.Checksum, first.Contender, first.Output.Rows, first.Output.Checksum)
		}
		if filepath.Base(data) == "sf1" && run.Output.Rows != c.Rows {
			return fmt.Errorf("%s wrote %d rows, want %d", run.Contender, run.Output.Rows, c.Rows)
		}
	}
	return nil
}

func save(path string, res *Results) error {
	b, err := json.MarshalIndent(res, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}

// machine describes the processor in a line.
func machine() string {
	model := runtime.GOARCH
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for _, line := range strings.Split(string(b), "\n") {
			if name, ok := strings.CutPrefix(line, "model name"); ok {
				model = strings.TrimLeft(name, "\t :")
				break
			}
		}
	}
	kernel, _ := exec.Command("uname", "-sr").Output()
	return fmt.Sprintf("%s, %d cores, %s, %s", model, runtime.NumCPU(), strings.TrimSpace(string(kernel)), runtime.Version())
}
