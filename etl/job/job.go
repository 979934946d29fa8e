package job

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/quantity"
	"github.com/firn-data/firn/internal/spelling"
	"github.com/firn-data/firn/sources"
)

// Job is a job file.
type Job struct {
	Name       string         `yaml:"job" doc:"name of the job; it names the job's state in the table" example:"orders_hourly"`
	Lake       string         `yaml:"lake" doc:"a name from the lakes file; left out: the embedded ./lakehouse"`
	Engine     string         `yaml:"engine" default:"auto" oneof:"auto native spark" doc:"what executes the job"`
	Params     map[string]any `yaml:"params" doc:"values of the job's own :name parameters"`
	Transform  []Step         `yaml:"transform" doc:"steps in order; input is what the step before gave"`
	Quarantine Quarantine     `yaml:"quarantine" doc:"where rows that are set aside go, and how many may"`
	Target     Target         `yaml:"target" doc:"the table and how rows get into it"`
	Resources  Resources      `yaml:"resources" doc:"memory and workers"`

	Sources []Source `yaml:"-"`
	SHA256  string   `yaml:"-"` // of the file before interpolation, and of what Options.Set changes

	places        map[string]fault.Place
	needsInterval bool
}

// Tracked is the index of the source whose cursor or interval bounds the run: the first where none has one. The others are
// read whole.
func (j *Job) Tracked() int {
	for i, s := range j.Sources {
		if s.Cursor != nil || s.Interval != nil {
			return i
		}
	}
	return 0
}

// NeedsInterval reports whether a template of the job names the run's interval.
func (j *Job) NeedsInterval() bool { return j.needsInterval }

// Source is one source of the job: its kind's config, and the bounds that the engine handles.
type Source struct {
	Name     string
	Config   sources.Config
	Cursor   *sources.Cursor
	Interval *sources.IntervalBy
	OnBadRow string

	path string // in the file: source, or sources.NAME
}

// Step is one step of the transform.
type Step struct {
	SQL     string        `yaml:"sql" doc:"a SELECT in Spark SQL"`
	OnError string        `yaml:"on_error" default:"fail" oneof:"fail quarantine" doc:"what to do with a row on which the SQL fails"`
	Dedupe  *Dedupe       `yaml:"dedupe" doc:"keep one row of each key"`
	Expect  []Expectation `yaml:"expect" doc:"conditions that rows should meet"`
}

// Dedupe keeps one row of each key.
type Dedupe struct {
	Key   []string `yaml:"key" doc:"columns that identify a row"`
	Order []string `yaml:"order" doc:"which row is first and so stays" example:"[updated_at DESC]"`
}

// Expectation is a condition that rows should meet.
type Expectation struct {
	Name   string `yaml:"name" doc:"name of the rule in reports and in the quarantine"`
	Check  string `yaml:"check" doc:"a condition in Spark SQL; only TRUE passes" example:"total >= 0"`
	OnFail string `yaml:"on_fail" default:"fail" oneof:"fail warn quarantine" doc:"what to do with a row that does not meet it"`
}

// Quarantine is where bad rows go.
type Quarantine struct {
	Table    string           `yaml:"table" doc:"default: the target with _quarantine at its end"`
	MaxRows  int64            `yaml:"max_rows" default:"1000" doc:"more than this fails the run at once; the quarantine is kept"`
	MaxShare quantity.Percent `yaml:"max_share" default:"10%" doc:"a larger share of the rows read fails the run at its end"`
}

// Target is the table.
type Target struct {
	Table        string            `yaml:"table" doc:"namespace.table" example:"sales.orders"`
	Mode         string            `yaml:"mode" default:"append" oneof:"append overwrite replace_interval overwrite_partitions upsert" doc:"what the run's rows replace"`
	Interval     string            `yaml:"interval" doc:"date or timestamp column of the target; required by replace_interval"`
	Key          []string          `yaml:"key" doc:"columns that identify a row; required by upsert"`
	Partition    []string          `yaml:"partition" doc:"used when the table is created" example:"[days(ordered_at), bucket(16, id)]"`
	Sort         []string          `yaml:"sort" doc:"sort order of the table's files" example:"[ordered_at]"`
	SchemaChange string            `yaml:"schema_change" default:"fail" oneof:"fail add_columns evolve" doc:"what to do when the rows have other columns than the table"`
	FileSize     quantity.Bytes    `yaml:"file_size" default:"256MiB" doc:"size at which a data file is closed and the next begun"`
	OnError      string            `yaml:"on_error" default:"fail" oneof:"fail quarantine" doc:"what to do with a row that the table refuses"`
	AllowEmpty   bool              `yaml:"allow_empty" default:"false" doc:"let overwrite replace the table by nothing"`
	Properties   map[string]string `yaml:"properties" doc:"Iceberg table properties"`
}

// Resources bound a run.
type Resources struct {
	Memory  quantity.Bytes `yaml:"memory" default:"auto" doc:"auto: a quarter of the machine's or cgroup's memory, at least 256MiB"`
	Workers int            `yaml:"workers" default:"0" doc:"0: all cores"`
}

// Options are what a file is read with.
type Options struct {
	File    string // for places in errors
	Lookup  Lookup
	Set     []string                // path=value: values of the file that are changed before it is read
	Sources []func() sources.Config // one for each kind
}

// Load reads a job file. All problems found are reported together, each of class Config with its place.
func Load(r io.Reader, o Options) (*Job, error) {
	body, err := io.ReadAll(r)
	if err != nil {
		return nil, fault.Wrap(fault.NoInput, err, "read %s", o.File)
	}
	d := &decoder{file: o.File, lookup: o.Lookup, places: map[string]fault.Place{}, lines: strings.Split(string(body), "\n")}
	root, err := document(body, o.File)
	if err != nil {
		return nil, err
	}
	j := &Job{places: d.places}
	sum := sha256.Sum256([]byte(strings.Join(append([]string{string(body)}, o.Set...), "\x00")))
	j.SHA256 = hex.EncodeToString(sum[:])
	if err := d.override(root, o.Set); err != nil {
		return nil, err
	}
	rest, src := takeSources(root)
	d.structure(rest, reflect.ValueOf(j).Elem(), "")
	d.sources(j, root, src, o.Sources)
	if len(d.errs) == 0 {
		d.rules(j)
	}
	j.needsInterval = d.needsInterval
	return j, d.problems()
}

// problems joins what was found, in the order of the file, without the values of variables (I10).
func (d *decoder) problems() error {
	for _, err := range d.errs {
		var f *fault.Error
		if errors.As(err, &f) {
			f.Msg, f.Hints = d.redact(f.Msg), d.redact(f.Hints)
		}
	}
	slices.SortStableFunc(d.errs, func(a, b error) int { return int(fault.PlaceOf(a).Line - fault.PlaceOf(b).Line) })
	return errors.Join(d.errs...)
}

// document parses YAML into its root mapping.
func document(body []byte, file string) (*yaml.Node, error) {
	var doc yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(body)).Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, fault.New(fault.Config, "the file is empty").At(fault.Place{File: file})
		}
		return nil, broken(err, file)
	}
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, fault.New(fault.Config, "the file is not a mapping of fields").At(fault.Place{File: file, Line: 1, Column: 1})
	}
	return doc.Content[0], nil
}

// broken is a YAML parser's error, with the line that it names.
func broken(err error, file string) error {
	at, text := fault.Place{File: file}, strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		if number, message, ok := strings.Cut(rest, ": "); ok {
			if n, err := strconv.ParseInt(number, 10, 64); err == nil {
				at.Line, text = n, message
			}
		}
	}
	return fault.New(fault.Config, "the file is not YAML: %s", text).At(at).Hint("look at indentation, brackets and quotes there and above")
}

// takeSources parts `source:` and `sources:` from the other fields.
func takeSources(root *yaml.Node) (rest *yaml.Node, src []*yaml.Node) {
	out := *root
	out.Content = nil
	for i := 0; i+1 < len(root.Content); i += 2 {
		if k := root.Content[i].Value; k == "source" || k == "sources" {
			src = append(src, root.Content[i], root.Content[i+1])
			continue
		}
		out.Content = append(out.Content, root.Content[i], root.Content[i+1])
	}
	return &out, src
}

func (d *decoder) sources(j *Job, root *yaml.Node, src []*yaml.Node, kinds []func() sources.Config) {
	switch {
	case len(src) == 0:
		if len(d.errs) == 0 { // else it may be a misspelt field, which is reported
			d.fail(root, "source", "the job has no source").Hint("add source: with a kind")
		}
	case len(src) > 2:
		d.fail(src[2], "sources", "give source or sources, not both")
	case src[0].Value == "source":
		d.source(j, "input", src[1], "source", kinds)
	case src[1].Kind != yaml.MappingNode || len(src[1].Content) == 0:
		d.fail(src[1], "sources", "sources is a mapping from names to sources")
	default:
		for i := 0; i+1 < len(src[1].Content); i += 2 {
			name := src[1].Content[i].Value
			d.source(j, name, src[1].Content[i+1], "sources."+name, kinds)
		}
	}
}

// source decodes one source: kind, cursor and interval are the engine's, the rest is the kind's.
func (d *decoder) source(j *Job, name string, n *yaml.Node, path string, kinds []func() sources.Config) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, path, "a source is a mapping with a kind")
		return
	}
	s := Source{Name: name, path: path}
	own := *n
	own.Content = nil
	kind := ""
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		switch k.Value {
		case "kind":
			kind = v.Value
		case "cursor":
			s.Cursor = &sources.Cursor{}
			d.decode(v, reflect.ValueOf(s.Cursor).Elem(), path+".cursor")
		case "interval":
			s.Interval = &sources.IntervalBy{}
			d.decode(v, reflect.ValueOf(s.Interval).Elem(), path+".interval")
		default:
			own.Content = append(own.Content, k, v)
		}
	}
	var names []string
	for _, make := range kinds {
		c := make()
		if names = append(names, c.Kind()); c.Kind() == kind {
			s.Config = c
		}
	}
	slices.Sort(names)
	if s.Config == nil {
		e := d.fail(n, path+".kind", "unknown kind of source %q", kind)
		if near := spelling.Nearest(kind, names); near != "" {
			e.Hint("did you mean %s?", near)
		} else {
			e.Hint("there are %s", strings.Join(names, ", "))
		}
		return
	}
	v := reflect.ValueOf(s.Config).Elem()
	d.structure(&own, v, path)
	if f := v.FieldByName("OnBadRow"); f.IsValid() {
		s.OnBadRow = f.String()
	}
	if err := s.Config.Validate(); err != nil && len(d.errs) == 0 {
		at := fault.PlaceOf(err)
		where, ok := d.places[join(path, at.Path)]
		if !ok {
			where = d.at(n, path)
		}
		where.Path = join(path, at.Path)
		d.errs = append(d.errs, fault.New(fault.Config, "%s", messageOf(err)).At(where).Hint("%s", fault.HintOf(err)))
	}
	j.Sources = append(j.Sources, s)
}

func messageOf(err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Msg
	}
	return err.Error()
}

// Place is where a value stands in the file, for errors about it.
func (j *Job) Place(path string) fault.Place { return j.places[path] }
