// Package transform compiles a job's steps, which are Spark SQL, expectations and deduplication, into a program that runs
// over Arrow batches.
package transform

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/internal/event"
	"github.com/firn-data/firn/internal/fault"
	firnmem "github.com/firn-data/firn/internal/memory"
	"github.com/firn-data/firn/transform/expr"
	"github.com/firn-data/firn/transform/parse"
)

// OnBad says what becomes of a row that a step refuses.
type OnBad string

const (
	Fail       OnBad = "fail"
	Quarantine OnBad = "quarantine"
	Warn       OnBad = "warn" // expectations only: the row goes on
)

// Step is one step of a job: exactly one of SQL, Dedupe and Expect.
type Step struct {
	SQL     string
	OnError OnBad // of SQL; empty: fail
	Dedupe  *Dedupe
	Expect  []Expectation
	At      fault.Place // where the SQL text starts in the job file, and its path: transform[0].sql
}

// Dedupe keeps one row of each key: the first by Order, ties by the other columns from left to right.
type Dedupe struct {
	Key   []string
	Order []string
}

// Expectation is a condition that rows should meet; only TRUE passes.
type Expectation struct {
	Name   string
	Check  string
	OnFail OnBad // empty: fail
	At     fault.Place
}

// Input is one of the job's sources. The first step calls it by its name, or input when it is the only one.
type Input struct {
	Name   string
	Schema *arrow.Schema
}

// Params are the values of :name parameters: string, int64, float64, bool, time.Time (a TIMESTAMP) or nil.
type Params map[string]any

// Env is what a program runs with.
type Env struct {
	Alloc   memory.Allocator
	Budget  *firnmem.Budget
	Temp    *firnmem.Dir
	Workers int
	Events  *event.Events
	Now     time.Time
}

// Warning is what a plan should say of a program.
type Warning struct {
	Text string
	At   fault.Place
}

// Program is a compiled transform. It is immutable and may be started more than once.
type Program struct {
	inputs   []Input
	plan     *plan
	root     node
	reads    map[string]int // operators of the inputs
	origins  []origin       // of the result's columns
	warnings []Warning
}

// Compile binds the steps to the inputs' schemas. Errors are of class Config, with the place in the job file, Spark's
// error class as their code and, where there is one, the way out.
func Compile(steps []Step, inputs []Input, params Params, now time.Time) (*Program, error) {
	if len(inputs) == 0 {
		return nil, fault.New(fault.Config, "the job has no source")
	}
	p := &Program{inputs: inputs, reads: map[string]int{}}
	first := tables{}
	for _, in := range inputs {
		first = first.with(in.Name, newRead(in))
	}
	if err := p.steps(steps, first, params, now); err != nil {
		return nil, err
	}
	p.origins = originsOf(p.root)
	p.plan = arrange(p.root)
	p.plan.mark()
	p.plan.prune()
	for id, n := range p.plan.nodes {
		if r, ok := n.(*readNode); ok {
			p.reads[r.name] = id
		}
	}
	return p, nil
}

// steps compiles the steps one after the other.
func (p *Program) steps(steps []Step, first tables, params Params, now time.Time) error {
	if len(p.inputs) > 1 && (len(steps) == 0 || steps[0].SQL == "") {
		at := fault.Place{Path: "sources"}
		if len(steps) > 0 {
			at = steps[0].At
		}
		return fault.New(fault.Config, "the job has %d sources, and its first step is no SQL that says how they come together", len(p.inputs)).At(at).
			Hint("begin with a sql step that names them")
	}
	in := first[strings.ToLower(p.inputs[0].Name)].node
	p.root = in
	for n := range steps {
		s := steps[n]
		named := tables{}.with("input", in)
		if n == 0 {
			for _, t := range first {
				named = named.with(t.name, t.node)
			}
			if len(p.inputs) > 1 && first["input"].node == nil {
				delete(named, "input")
			}
		}
		var err error
		switch {
		case s.SQL != "":
			var c *compiler
			if p.root, c, err = compileSQL(&s, named, params, now, fmt.Sprintf("sql[%d]", n)); err == nil {
				p.warnings = append(p.warnings, c.warnings...)
				err = p.unused(n, first, c)
			}
		case s.Dedupe != nil:
			p.root, err = compileDedupe(&s, in, now)
		default:
			p.root, err = compileExpect(&s, in, params, now, fmt.Sprintf("expect[%d]", n))
		}
		if err != nil {
			return err
		}
		in = p.root
	}
	return nil
}

// unused refuses a first step that leaves a source out: its position would go on over rows that nobody read.
func (p *Program) unused(step int, first tables, c *compiler) error {
	if step > 0 {
		return nil
	}
	reached := map[node]bool{}
	for _, n := range arrange(p.root).nodes {
		reached[n] = true
	}
	for _, in := range p.inputs {
		if !reached[first[strings.ToLower(in.Name)].node] {
			return fault.New(fault.Config, "the first step does not read the source %s", in.Name).At(c.step.At).Hint("name it in FROM or JOIN, or take it out of the job")
		}
	}
	return nil
}

// Schema is what the last step gives.
func (p *Program) Schema() *arrow.Schema { return p.root.schema() }

// Warnings are what a plan should say of the program.
func (p *Program) Warnings() []Warning { return p.warnings }

// Phases is the order in which inputs must be fed, several at a time where they stand together: the build sides of joins
// first.
func (p *Program) Phases() [][]string {
	var out [][]string
	for _, n := range p.plan.nodes {
		if r, ok := n.(*readNode); ok {
			out = append(out, []string{r.name})
		}
	}
	return out
}

// Columns lists the columns of an input that the program reads; nil means all.
func (p *Program) Columns(input string) []string {
	if id, ok := p.reads[input]; ok {
		return p.plan.nodes[id].(*readNode).columns()
	}
	return nil
}

// Explain is the program as text, one operator a line, the last first, and below each what it reads. The format is stable.
func (p *Program) Explain() string {
	var b strings.Builder
	explain(&b, p.root, "")
	return b.String()
}

func explain(b *strings.Builder, n node, indent string) {
	for _, line := range strings.Split(n.describe(), "\n") {
		fmt.Fprintf(b, "%s%s\n", indent, line)
		indent += "  "
	}
	for _, in := range n.inputs() {
		explain(b, in, indent)
	}
}

// place puts an error of the parser or the binder at its place in the job file.
func place(err error, sql string, at fault.Place) error {
	f := fault.New(fault.Config, "%s", err)
	pos := parse.Pos(0)
	var pe *parse.Error
	var be *expr.Error
	switch {
	case errors.As(err, &pe):
		pos, f.Code = pe.Pos, pe.Code
	case errors.As(err, &be):
		pos, f.Code, f.Hints = be.Pos, be.Code, be.Hint
	default:
		return err
	}
	line, column := parse.LineColumn(sql, pos)
	if at.Line > 0 {
		if line == 1 {
			column += at.Column - 1
		} else {
			column += max(at.Column-1, 0)
		}
		line += int(at.Line) - 1
	}
	at.Line, at.Column = int64(line), column
	f.Place = at
	if f.Code == "NEEDS_SPARK" && f.Hints == "" {
		f.Hints = "write it with what firn functions lists; the Spark engine is not built in yet"
	}
	return f
}
