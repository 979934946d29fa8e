package plan

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/sources"
)

// View is a plan for people and programs: what `firn plan` prints. A field is added, never renamed.
type View struct {
	V          int          `json:"v" doc:"version of this object"`
	Job        string       `json:"job" doc:"name of the job"`
	RunID      string       `json:"run_id" doc:"id that the run would have"`
	Table      string       `json:"table" doc:"the target table"`
	Mode       string       `json:"mode" doc:"what the run's rows replace"`
	Engine     EngineView   `json:"engine" doc:"what would execute the plan, and why"`
	Interval   *Interval    `json:"interval" doc:"the half-open window of time that the run covers; null without one"`
	Committed  bool         `json:"committed" doc:"whether the run is committed already"`
	Pending    bool         `json:"pending" doc:"whether a run would change something"`
	Changes    []string     `json:"changes" doc:"what a run would change in the table"`
	Location   string       `json:"location" doc:"where the table is, or would be"`
	Partition  []string     `json:"partition" doc:"how the table is partitioned"`
	Sort       []string     `json:"sort" doc:"how the rows of its files are sorted"`
	Columns    []ColumnView `json:"columns" doc:"every column's way into the table"`
	Sources    []SourceView `json:"sources" doc:"what would be read"`
	Quarantine string       `json:"quarantine" doc:"table that rows are set aside in"`
	Workers    int          `json:"workers" doc:"workers that would run side by side"`
	Memory     int64        `json:"memory" doc:"memory budget in bytes"`
	Notes      []string     `json:"notes" doc:"what is good to know"`
	Warnings   []string     `json:"warnings" doc:"what the user should know; errors with --strict"`
}

// EngineView is the engine and why it was chosen.
type EngineView struct {
	Name   string `json:"name" doc:"native or spark"`
	Reason string `json:"reason" doc:"why"`
}

// ColumnView is one column's way into the table.
type ColumnView struct {
	Name     string `json:"name" doc:"name of the column"`
	Source   string `json:"source" doc:"type in the source; empty for what an expression makes"`
	Arrow    string `json:"arrow" doc:"Arrow type that the transform gives"`
	Iceberg  string `json:"iceberg" doc:"type in the table"`
	Fidelity string `json:"fidelity" doc:"what happens to its values: exact, widened or lossy"`
	Change   string `json:"change" doc:"what the run would change in the table; empty for nothing"`
}

// SourceView is what would be read of one source.
type SourceView struct {
	Name     string       `json:"name" doc:"name of the source in the job"`
	Kind     string       `json:"kind" doc:"kind of the source"`
	Stream   string       `json:"stream" doc:"file, table or query"`
	Mode     string       `json:"mode" doc:"rows or changes"`
	Key      []string     `json:"key" doc:"columns that identify a row, where the source knows"`
	Bytes    *int64       `json:"bytes" doc:"estimate of what would be read; null when unknown"`
	Splits   string       `json:"splits" doc:"how reading would be cut; empty when unknown"`
	Position Position     `json:"position" doc:"where reading would begin, and its upper bound"`
	Columns  []ColumnView `json:"columns" doc:"the source's columns"`
	Notes    []string     `json:"notes" doc:"what the source says of its columns"`
}

// ViewVersion is the version of View's JSON.
const ViewVersion = 1

// View describes the plan.
func (p *Plan) View() *View {
	v := &View{V: ViewVersion, Job: p.Job, RunID: p.RunID, Table: p.Target.Ident.String(), Mode: string(p.Target.Mode), Engine: EngineView(p.Engine),
		Location: p.Target.Location, Partition: p.Target.Spec.Expressions(p.Target.Schema), Sort: p.Target.Sort.Expressions(p.Target.Schema),
		Columns: []ColumnView{}, Sources: []SourceView{}, Changes: []string{}, Quarantine: p.Quarantine.Ident.String(), Workers: p.Workers, Memory: p.Memory,
		Notes: append([]string{}, p.Notes...), Warnings: append([]string{}, p.Warnings...)}
	if p.Interval != nil {
		v.Interval = intervalOf(*p.Interval)
	}
	for _, in := range p.Inputs {
		v.Sources = append(v.Sources, in.View())
	}
	for _, c := range p.Target.Columns {
		v.Columns = append(v.Columns, ColumnView{c.Name, p.sourceType(c.Name), c.Arrow, c.Iceberg, c.Fidelity.String(), c.Change})
	}
	return v
}

// sourceType is the type that a column has in the source that it is passed through from.
func (p *Plan) sourceType(column string) string {
	if p.Program == nil {
		return ""
	}
	from, at, ok := p.Program.Origin(column)
	if !ok {
		return ""
	}
	for _, in := range p.Inputs {
		if in.Name == from {
			return nativeType(in.Stream.Schema.Field(at))
		}
	}
	return ""
}

// nativeType is the source's own name of a column's type, or Spark SQL's where the source gives none.
func nativeType(f arrow.Field) string {
	if t, ok := f.Metadata.GetValue(sources.NativeType); ok {
		return t
	}
	t, _, err := schema.FromArrow(f.Type)
	if err != nil {
		return f.Type.String()
	}
	return t.SparkSQL()
}

// View describes what would be read of the input.
func (in *Input) View() SourceView {
	v := SourceView{Name: in.Name, Kind: in.Kind, Stream: in.Stream.Name, Mode: string(in.Stream.Mode), Key: append([]string{}, in.Stream.Key...), Splits: in.Splits,
		Position: Position{From: in.Request.From, To: in.Request.To}, Columns: []ColumnView{}, Notes: []string{}}
	if in.Bytes >= 0 {
		v.Bytes = &in.Bytes
	}
	for _, f := range in.Stream.Schema.Fields() {
		c := ColumnView{Name: f.Name, Source: nativeType(f), Arrow: f.Type.String(), Fidelity: schema.Lossy.String()}
		if t, fid, err := schema.FromArrow(f.Type); err == nil {
			c.Iceberg, c.Fidelity = t.String(), fid.String()
		}
		v.Columns = append(v.Columns, c)
	}
	for _, n := range in.Stream.Notes {
		v.Notes = append(v.Notes, n.String())
	}
	return v
}

// Changes says what a run would change in the table. pending is false when the sources have nothing new.
func (p *Plan) Changes() (what []string, pending bool) {
	if !p.Target.Exists {
		what = append(what, fmt.Sprintf("create the table %s at %s", p.Target.Ident, p.Target.Location))
	}
	for _, c := range p.Target.Columns {
		if c.Change != "" {
			what = append(what, fmt.Sprintf("column %s: %s", c.Name, c.Change))
		}
	}
	return append(what, p.rowsChange()), p.Target.Mode != catalog.Append || !p.nothingNew()
}

func (p *Plan) rowsChange() string {
	switch p.Target.Mode {
	case catalog.Overwrite:
		return "replace all rows"
	case catalog.ReplaceInterval:
		return "replace the rows of the interval"
	case catalog.OverwritePartitions:
		return "replace the partitions that occur in the new rows"
	case catalog.Upsert:
		return "replace the rows with the same key, and add the others"
	}
	return "add rows"
}

// nothingNew reports whether the stream stands where it was read to.
func (p *Plan) nothingNew() bool {
	for _, in := range p.Inputs {
		if to := in.Request.To; len(to) > 0 && !bytes.Equal(to, json.RawMessage("null")) && bytes.Equal(in.Request.From, to) {
			return true
		}
	}
	return false
}
