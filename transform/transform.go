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
	stages   []stage
	schema   *arrow.Schema
	warnings []Warning
}

// stage is one compiled step.
type stage interface {
	describe() string
	schema() *arrow.Schema
	start(e *Execution, i int) runner
}

// Compile binds the steps to the inputs' schemas. Errors are of class Config, with the place in the job file, Spark's
// error class as their code and, where there is one, the way out.
func Compile(steps []Step, inputs []Input, params Params, now time.Time) (*Program, error) {
	if len(inputs) == 0 {
		return nil, fault.New(fault.Config, "the job has no source")
	}
	p := &Program{inputs: inputs, schema: inputs[0].Schema}
	if len(inputs) > 1 {
		return nil, fault.New(fault.Config, "joining several sources is not built into the native engine yet").
			WithCode("NEEDS_SPARK").At(fault.Place{Path: "sources"}).Hint("use one source, and join in its query")
	}
	for n, s := range steps {
		var st stage
		var err error
		switch {
		case s.SQL != "":
			names := []string{"input"}
			if n == 0 {
				names = append(names, inputs[0].Name)
			}
			st, err = compileSQL(s, p.schema, names, params, now, fmt.Sprintf("sql[%d]", n))
		case s.Dedupe != nil:
			st, err = compileDedupe(s, p.schema, now)
		default:
			st, err = compileExpect(s, p.schema, params, now, fmt.Sprintf("expect[%d]", n))
		}
		if err != nil {
			return nil, err
		}
		p.stages = append(p.stages, st)
		p.schema = st.schema()
	}
	return p, nil
}

// Schema is what the last step gives.
func (p *Program) Schema() *arrow.Schema { return p.schema }

// Warnings are what a plan should say of the program.
func (p *Program) Warnings() []Warning { return p.warnings }

// Phases is the order in which inputs must be fed, several at a time where they stand together.
func (p *Program) Phases() [][]string { return [][]string{{p.inputs[0].Name}} }

// Columns lists the columns of an input that the program reads; nil means all.
func (p *Program) Columns(string) []string {
	if len(p.stages) == 0 {
		return nil
	}
	if s, ok := p.stages[0].(*sqlStage); ok {
		return s.columns()
	}
	return nil
}

// Explain is the program as text, one operator a line, the last first. The format is stable.
func (p *Program) Explain() string {
	var b strings.Builder
	indent := ""
	for i := len(p.stages) - 1; i >= 0; i-- {
		for _, line := range strings.Split(p.stages[i].describe(), "\n") {
			fmt.Fprintf(&b, "%s%s\n", indent, line)
			indent += "  "
		}
	}
	for _, in := range p.inputs {
		fmt.Fprintf(&b, "%sRead %s: %d columns\n", indent, in.Name, in.Schema.NumFields())
	}
	return b.String()
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
