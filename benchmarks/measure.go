package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Sample is one run of one contender, a whole process.
type Sample struct {
	Wall  float64 `json:"wall"`            // seconds
	Inner float64 `json:"inner,omitempty"` // seconds that the program itself took for its work
	CPU   float64 `json:"cpu"`             // user and system seconds, children included
	RSS   int64   `json:"rss"`             // bytes at the peak, of the largest process
}

// Seconds is what counts.
func (s Sample) Seconds() float64 {
	if s.Inner > 0 {
		return s.Inner
	}
	return s.Wall
}

// Output is what a contender left.
type Output struct {
	Rows     int64  `json:"rows"`
	Checksum string `json:"checksum"` // sum(l_extendedprice)
	Bytes    int64  `json:"bytes"`
	Files    int    `json:"files"`
}

// limit is how long one run may take.
const limit = 10 * time.Minute

// runner runs contenders with the names that stand for paths and addresses.
type runner struct {
	vars map[string]string
	env  []string
}

func (r *runner) expand(text, out string) string {
	for k, v := range r.vars {
		text = strings.ReplaceAll(text, "{"+k+"}", v)
	}
	return strings.NewReplacer("{out}", out, "{fresh}", "b_"+strings.ReplaceAll(filepath.Base(out), "-", "_")).Replace(text)
}

func (r *runner) command(ctx context.Context, argv []string, out string) *exec.Cmd {
	args := make([]string, len(argv))
	for i, a := range argv {
		args[i] = r.expand(a, out)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	if args[0] == r.vars["firn"] && args[1] == "run" {
		cmd.Args = append(cmd.Args, "--lakes", r.vars["here"]+"/lakes.yaml")
	}
	cmd.Env = append(r.env, "OUT="+out)
	return cmd
}

var seconds = regexp.MustCompile(`(?m)^seconds=([0-9.]+)$`)

// measure runs a contender once in the folder out.
func (r *runner) measure(c Contender, out string) (Sample, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if c.Before != nil {
		if b, err := r.command(ctx, c.Before, out).CombinedOutput(); err != nil {
			return Sample{}, fmt.Errorf("%s, before the run: %w: %s", c.Name, err, b)
		}
	}
	cmd := r.command(ctx, c.Argv, out)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	err := cmd.Run()
	s := Sample{Wall: time.Since(start).Seconds()}
	if err != nil {
		return s, fmt.Errorf("%s: %w: %s%s", c.Name, err, stdout.String(), stderr.String())
	}
	u := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	s.CPU = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	s.RSS = u.Maxrss << 10
	if c.Inner {
		m := seconds.FindStringSubmatch(stdout.String())
		if m == nil {
			return s, fmt.Errorf("%s did not print seconds=", c.Name)
		}
		s.Inner, _ = strconv.ParseFloat(m[1], 64)
	}
	return s, nil
}

// look reads what a contender wrote, with a program that is none of the contenders' own reader of choice: DuckDB.
func (r *runner) look(c Contender, out string) (Output, error) {
	if c.Files == "" {
		return Output{}, nil
	}
	pattern := r.expand(c.Files, out)
	b, err := exec.Command(r.vars["python"], r.vars["here"]+"/peers/check.py", pattern).Output()
	if err != nil {
		return Output{}, fmt.Errorf("%s: read what it wrote at %s: %w", c.Name, pattern, err)
	}
	var o Output
	if _, err := fmt.Sscan(string(b), &o.Rows, &o.Checksum); err != nil {
		return o, fmt.Errorf("%s: %q: %w", c.Name, b, err)
	}
	root, _, _ := strings.Cut(pattern, "/**")
	err = filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".parquet") {
			return err
		}
		info, err := d.Info()
		if err == nil {
			o.Files++
			o.Bytes += info.Size()
		}
		return err
	})
	return o, err
}
