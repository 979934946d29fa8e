package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestThePageSaysWhatTheResultsSay(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "benchmarks")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	readme := filepath.Join(dir, "..", "README.md")
	if err := os.WriteFile(readme, []byte("before\n"+summaryBegin+"old\n"+summaryEnd+"\nafter\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	run := func(name string, seconds ...float64) Run {
		r := Run{Contender: name}
		for _, s := range seconds {
			r.Samples = append(r.Samples, Sample{Wall: s, RSS: 1 << 20})
		}
		return r
	}
	res := &Results{Date: "2024-01-31T00:00:00Z", Cases: []CaseResult{
		{Case: Case{Name: "a", Title: "one", Goal: &Goal{Against: "other", Ratio: 2}}, Runs: []Run{run("firn", 1, 2, 1), run("other", 3, 2, 2.5)}},
		{Case: Case{Name: "b", Title: "two", Limit: &Limit{Figure: "wall", Of: "firn", AtMost: 0.15}}, Runs: []Run{run("firn", 0.2)}},
	}}
	if err := save(filepath.Join(dir, "results", "x.json"), res); err != nil {
		t.Fatal(err)
	}
	if err := writePage(dir); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"**2.50 times** as fast as other; the goal is 2: met", "firn takes: **200 ms**; the limit is 150 ms (): **not met**", "| other | 2.50 (2.00–3.00)"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	if b, err := os.ReadFile(readme); err != nil || !strings.Contains(string(b), "| one | **1.0 s**, 1 MiB | other 2.5 s |") || strings.Contains(string(b), "old") || !strings.HasSuffix(string(b), "\nafter\n") {
		t.Errorf("the summary: %v:\n%s", err, b)
	}
	if svg, err := os.ReadFile(filepath.Join(dir, "plots", "a.svg")); err != nil || !strings.Contains(string(svg), "one: seconds") {
		t.Errorf("the plot: %v: %s", err, svg)
	}
}

func TestEveryCaseComparesWhatItNames(t *testing.T) {
	all, err := cases("")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		names := map[string]bool{}
		for _, k := range c.Contenders {
			names[k.Name] = true
		}
		if c.Goal != nil && !names[c.Goal.Against] || c.Limit != nil && !names[c.Limit.Of] || c.Contenders[0].Name != "firn" {
			t.Errorf("case %s names a contender that it lacks", c.Name)
		}
	}
	if _, err := cases("csv,none"); err == nil {
		t.Error("an unknown case was accepted")
	}
}
