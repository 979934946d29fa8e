package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// writePage writes README.md and the plots from the newest result file.
func writePage(here string) error {
	files, err := filepath.Glob(filepath.Join(here, "results", "*.json"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("there is no result file under %s/results", here)
	}
	newest := slices.Max(files)
	res, err := load(newest)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(here, "plots"), 0o755); err != nil {
		return err
	}
	var p strings.Builder
	fmt.Fprintf(&p, "# Benchmarks\n\nWritten by `make bench` from [%s](results/%s): edit the program, not this page.\n\n", filepath.Base(newest), filepath.Base(newest))
	fmt.Fprintf(&p, "%s; %s. TPC-H lineitem at scale %s, warm page cache, whole processes, contenders in turn within one run after a round to warm up. Seconds are medians, with\n", res.Date[:10], res.Machine, strings.TrimPrefix(res.Scale, "sf"))
	fmt.Fprintf(&p, "the least and the most; a ratio is the median over rounds of the pairs within a round. Rows and `sum(l_extendedprice)` of what each wrote are compared by DuckDB. The cases are data:\n[cases.json](cases.json).\n")
	for _, c := range res.Cases {
		c.section(&p)
		if len(c.Runs) > 1 {
			if err := os.WriteFile(filepath.Join(here, "plots", c.Name+".svg"), []byte(c.plot()), 0o644); err != nil {
				return err
			}
		}
	}
	if err := os.WriteFile(filepath.Join(here, "README.md"), []byte(p.String()), 0o644); err != nil {
		return err
	}
	return summarize(filepath.Join(here, "..", "README.md"), res)
}

// The project's README holds the summary between these lines.
const summaryBegin, summaryEnd = "<!-- benchmarks: written by make bench -->\n", "<!-- end of benchmarks -->"

// summarize writes a line for each case with several contenders into the project's README, if that has a place for it.
func summarize(readme string, res *Results) error {
	b, err := os.ReadFile(readme)
	if err != nil {
		return err
	}
	before, rest, ok1 := strings.Cut(string(b), summaryBegin)
	_, after, ok2 := strings.Cut(rest, summaryEnd)
	if !ok1 || !ok2 {
		return nil
	}
	var t strings.Builder
	t.WriteString("| 6 million rows of TPC-H lineitem | firn | others |\n|---|---|---|\n")
	for _, c := range res.Cases {
		if len(c.Runs) < 2 {
			continue
		}
		var others []string
		for _, r := range c.Runs[1:] {
			others = append(others, fmt.Sprintf("%s %.1f s", r.Contender, quartiles(r.Samples, Sample.Seconds)[1]))
		}
		rss := quartiles(c.Runs[0].Samples, func(s Sample) float64 { return float64(s.RSS) })[1] / (1 << 20)
		fmt.Fprintf(&t, "| %s | **%.1f s**, %.0f MiB | %s |\n", c.Title, quartiles(c.Runs[0].Samples, Sample.Seconds)[1], rss, strings.Join(others, "; "))
	}
	return os.WriteFile(readme, []byte(before+summaryBegin+t.String()+summaryEnd+after), 0o644)
}

func (c *CaseResult) section(p *strings.Builder) {
	fmt.Fprintf(p, "\n## %s\n\n", heading(c.Title))
	if c.Goal != nil {
		got := c.ratio(c.Goal.Against)
		fmt.Fprintf(p, "**%.2f times** as fast as %s; the goal is %g: %s.\n\n", got, c.Goal.Against, c.Goal.Ratio, verdict(got >= c.Goal.Ratio))
	}
	if l := c.Limit; l != nil {
		got, text := c.figure(l)
		fmt.Fprintf(p, "%s; the limit is %s (%s): %s.\n\n", text, format(l.Figure, l.AtMost), l.Why, verdict(got <= l.AtMost))
	}
	if len(c.Runs) > 1 {
		fmt.Fprintf(p, "![%s](plots/%s.svg)\n\n", c.Title, c.Name)
	}
	fmt.Fprintf(p, "| | seconds | CPU s | peak MiB | output | as fast as firn |\n|---|---|---|---|---|---|\n")
	for i, r := range c.Runs {
		q := quartiles(r.Samples, Sample.Seconds)
		cpu := quartiles(r.Samples, func(s Sample) float64 { return s.CPU })
		rss := quartiles(r.Samples, func(s Sample) float64 { return float64(s.RSS) })
		out, times := "", ""
		if r.Output.Bytes > 0 {
			out = fmt.Sprintf("%.1f MB in %d files", float64(r.Output.Bytes)/1e6, r.Output.Files)
			out = strings.Replace(out, " 1 files", " 1 file", 1)
		}
		if i > 0 {
			times = fmt.Sprintf("1/%.2f", c.ratio(r.Contender))
		}
		fmt.Fprintf(p, "| %s | %.2f (%.2f–%.2f) | %.2f | %.0f | %s | %s |\n", r.Contender, q[1], q[0], q[2], cpu[1], rss[1]/(1<<20), out, times)
	}
	if c.Note != "" {
		fmt.Fprintf(p, "\n%s\n", c.Note)
	}
	fmt.Fprintf(p, "\n    %s\n", c.Command)
}

// heading is a title with a capital, but for the program's own name.
func heading(title string) string {
	if strings.HasPrefix(title, "firn") {
		return title
	}
	return strings.ToUpper(title[:1]) + title[1:]
}

func verdict(ok bool) string {
	if ok {
		return "met"
	}
	return "**not met**"
}

// figure is the median of a limited figure, and the sentence about it.
func (c *CaseResult) figure(l *Limit) (float64, string) {
	for _, r := range c.Runs {
		if r.Contender != l.Of {
			continue
		}
		get := Sample.Seconds
		if l.Figure == "rss" {
			get = func(s Sample) float64 { return float64(s.RSS) }
		}
		q := quartiles(r.Samples, get)
		return q[1], fmt.Sprintf("%s %s: **%s**", r.Contender, map[string]string{"wall": "takes", "rss": "holds at most"}[l.Figure], format(l.Figure, q[1]))
	}
	return 0, ""
}

func format(figure string, v float64) string {
	if figure == "rss" {
		return fmt.Sprintf("%.0f MiB", v/(1<<20))
	}
	return fmt.Sprintf("%.0f ms", 1000*v)
}

// ratio is how many times as fast the first contender is as another: the median of the pairs.
func (c *CaseResult) ratio(against string) float64 {
	for _, r := range c.Runs {
		if r.Contender != against {
			continue
		}
		var pairs []float64
		for i := range min(len(r.Samples), len(c.Runs[0].Samples)) {
			pairs = append(pairs, r.Samples[i].Seconds()/c.Runs[0].Samples[i].Seconds())
		}
		slices.Sort(pairs)
		return middle(pairs)
	}
	return 0
}

// quartiles are the least, the median and the most.
func quartiles(samples []Sample, of func(Sample) float64) [3]float64 {
	v := make([]float64, len(samples))
	for i, s := range samples {
		v[i] = of(s)
	}
	slices.Sort(v)
	return [3]float64{v[0], middle(v), v[len(v)-1]}
}

func middle(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// plot is a bar for each contender, as long as its median, with a line from the least to the most.
func (c *CaseResult) plot() string {
	const width, bar, left, right = 760, 30, 260, 90
	most := 0.0
	for _, r := range c.Runs {
		most = max(most, quartiles(r.Samples, Sample.Seconds)[2])
	}
	x := func(v float64) float64 { return left + v/most*(width-left-right) }
	var s strings.Builder
	height := 40 + bar*len(c.Runs)
	fmt.Fprintf(&s, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="13">`+"\n", width, height)
	fmt.Fprintf(&s, `<rect width="100%%" height="100%%" fill="white"/><text x="8" y="20" font-weight="bold">%s: seconds, less is better</text>`+"\n", escape(c.Title))
	for i, r := range c.Runs {
		q, y, fill := quartiles(r.Samples, Sample.Seconds), float64(32+bar*i), "#9aa5b1"
		if i == 0 {
			fill = "#1f77b4"
		}
		fmt.Fprintf(&s, `<text x="%d" y="%g" text-anchor="end">%s</text><rect x="%d" y="%g" width="%.1f" height="%d" fill="%s"/>`, left-8, y+16, escape(r.Contender), left, y+3, x(q[1])-left, bar-10, fill)
		fmt.Fprintf(&s, `<line x1="%.1f" x2="%.1f" y1="%g" y2="%g" stroke="black"/><text x="%.1f" y="%g">%.2f</text>`+"\n", x(q[0]), x(q[2]), y+13, y+13, x(q[2])+6, y+17, q[1])
	}
	return s.String() + "</svg>\n"
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}
