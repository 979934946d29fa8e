package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

//go:embed cases.json
var casesJSON []byte

// Case is one comparison: every contender does the same work on the same input.
type Case struct {
	Name       string      `json:"name"`
	Title      string      `json:"title"`
	Rows       int64       `json:"rows,omitempty"`  // that every contender must write, at scale 1
	Input      string      `json:"input,omitempty"` // file under the data folder, or a description
	Note       string      `json:"note,omitempty"`
	Goal       *Goal       `json:"goal,omitempty"`
	Limit      *Limit      `json:"limit,omitempty"`
	Contenders []Contender `json:"contenders"`
}

// Goal says how many times as fast as another the first contender should be.
type Goal struct {
	Against string  `json:"against"`
	Ratio   float64 `json:"ratio"`
}

// Limit is a bound on a figure itself: wall in seconds, rss in bytes.
type Limit struct {
	Figure string  `json:"figure"`
	Of     string  `json:"of"`
	AtMost float64 `json:"at_most"`
	Why    string  `json:"why"`
}

// Contender is one program with its arguments. {NAME} in them is replaced; {out} is an empty folder of each run.
type Contender struct {
	Name   string   `json:"name"`
	Argv   []string `json:"argv"`
	Before []string `json:"before,omitempty"` // run before each measured run, not timed
	Files  string   `json:"files,omitempty"`  // the Parquet files it writes, for rows, checksum and bytes
	Inner  bool     `json:"inner,omitempty"`  // it prints seconds=N on standard output: those count
	Rounds int      `json:"rounds,omitempty"` // instead of the flag's
}

// cases are the ones named, or all.
func cases(names string) ([]Case, error) {
	var all []Case
	if err := json.Unmarshal(casesJSON, &all); err != nil {
		return nil, fmt.Errorf("cases.json: %w", err)
	}
	if names == "" {
		return all, nil
	}
	var out []Case
	for _, name := range strings.Split(names, ",") {
		i := slices.IndexFunc(all, func(c Case) bool { return c.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no case %q in cases.json", name)
		}
		out = append(out, all[i])
	}
	return out, nil
}
