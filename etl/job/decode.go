// Package job is the job file and the lakes file: their structs, strict decoding with places and "did you mean",
// interpolation, and the rules that hold between fields.
package job

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/quantity"
	"github.com/firn-data/firn/internal/secret"
	"github.com/firn-data/firn/internal/spelling"
)

// Lookup gives the value of a variable for ${NAME} and of a file for ${file:PATH}; ok is false when there is none. The
// library reads no environment by itself.
type Lookup func(name string) (value string, ok bool)

// decoder fills structs from YAML by their `yaml`, `default` and `oneof` tags.
type decoder struct {
	file   string
	lookup Lookup
	errs   []error
	places map[string]fault.Place // where each value's text starts, by its path
	lines  []string               // of the file
	given  map[*yaml.Node]bool    // what came from --set instead of the file

	needsInterval bool    // a template names the run's interval
	values        []value // what variables and files gave
}

// value is what a reference such as ${NAME} stands for. It may be a secret.
type value struct{ reference, text string }

// redact takes the values of variables and files out of a message: the file's own words take their place.
func (d *decoder) redact(msg string) string {
	for _, v := range d.values {
		msg = strings.ReplaceAll(msg, strconv.Quote(v.text), "the value of "+v.reference)
		if len(v.text) >= 4 {
			msg = strings.ReplaceAll(msg, v.text, v.reference)
		}
	}
	return msg
}

// at is where a node stands.
func (d *decoder) at(n *yaml.Node, path string) fault.Place {
	if n == nil { // not from a file
		return fault.Place{Path: path}
	}
	if d.given[n] {
		return fault.Place{File: "--set", Path: path}
	}
	return fault.Place{File: d.file, Line: int64(n.Line), Column: n.Column, Path: path}
}

// maxErrors bounds how many problems of one file are reported at once.
const maxErrors = 20

// textStart is where a value's own text starts: after its quote, or in the line below | and >.
func (d *decoder) textStart(n *yaml.Node, path string) fault.Place {
	p := d.at(n, path)
	switch {
	case n.Kind != yaml.ScalarNode || p.Line == 0:
	case n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		p.Column++
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 && n.Line < len(d.lines):
		below := d.lines[n.Line]
		p.Line, p.Column = p.Line+1, 1+len(below)-len(strings.TrimLeft(below, " "))
	}
	return p
}

func (d *decoder) fail(n *yaml.Node, path, format string, args ...any) *fault.Error {
	e := fault.New(fault.Config, format, args...).At(d.at(n, path))
	if len(d.errs) < maxErrors {
		d.errs = append(d.errs, e)
	}
	return e
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// raw are the fields whose text is never interpolated: SQL brings its own parameters.
var raw = map[string]bool{"sql": true, "check": true, "query": true}

var variable = regexp.MustCompile(`\$\$|\$\{([^}]*)\}`)

// interpolate replaces ${NAME}, ${NAME:-default} and ${file:PATH}; $$ is a dollar.
func (d *decoder) interpolate(n *yaml.Node, path, text string) string {
	return variable.ReplaceAllStringFunc(text, func(m string) string {
		if m == "$$" {
			return "$"
		}
		name := m[2 : len(m)-1]
		def, hasDef := "", false
		if i := strings.Index(name, ":-"); i >= 0 {
			name, def, hasDef = name[:i], name[i+2:], true
		}
		if d.lookup != nil {
			if v, ok := d.lookup(name); ok {
				d.values = append(d.values, value{m, v})
				return v
			}
		}
		if !hasDef {
			if f, ok := strings.CutPrefix(name, "file:"); ok {
				d.fail(n, path, "the file %s cannot be read", f).Hint("write it, or give a default: ${%s:-value}", name)
			} else {
				d.fail(n, path, "the variable %s is not set", name).Hint("set it, or give a default: ${%s:-value}", name)
			}
		}
		return def
	})
}

// decode fills v, which is addressable, from n.
func (d *decoder) decode(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if d.places != nil {
		d.places[path] = d.textStart(n, path)
	}
	if v.Kind() == reflect.Pointer {
		if n.Tag == "!!null" {
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		d.decode(n, v.Elem(), path)
		return
	}
	switch v.Interface().(type) {
	case secret.String:
		d.scalar(n, path, func(s string) error { v.Set(reflect.ValueOf(secret.New(s))); return nil })
		return
	case time.Duration:
		d.scalar(n, path, func(s string) error {
			t, err := time.ParseDuration(s)
			v.SetInt(int64(t))
			if err != nil {
				return fmt.Errorf("%q is not a duration such as 5s or 10m", s)
			}
			return nil
		})
		return
	case quantity.Bytes:
		d.scalar(n, path, func(s string) error {
			b, err := quantity.ParseBytes(s)
			v.SetInt(int64(b))
			return err
		})
		return
	case quantity.Percent:
		d.scalar(n, path, func(s string) error {
			p, err := quantity.ParsePercent(s)
			v.SetFloat(float64(p))
			return err
		})
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, v, path)
	case reflect.Slice:
		d.list(n, v, path)
	case reflect.Map:
		d.mapping(n, v, path)
	case reflect.Interface:
		d.any(n, v, path)
	case reflect.String:
		d.scalar(n, path, func(s string) error { v.SetString(s); return nil })
	case reflect.Bool:
		d.scalar(n, path, func(s string) error {
			b, err := strconv.ParseBool(s)
			v.SetBool(b)
			if err != nil {
				return fmt.Errorf("%q is not true or false", s)
			}
			return nil
		})
	case reflect.Int, reflect.Int64:
		d.scalar(n, path, func(s string) error {
			i, err := strconv.ParseInt(s, 10, 64)
			v.SetInt(i)
			if err != nil {
				return fmt.Errorf("%q is not an integer", s)
			}
			return nil
		})
	default:
		d.fail(n, path, "fields of type %s cannot be decoded", v.Type())
	}
}

// scalar hands a value's text, interpolated, to set. A text that came from interpolation is not shown in errors.
func (d *decoder) scalar(n *yaml.Node, path string, set func(string) error) {
	if n.Kind != yaml.ScalarNode {
		d.fail(n, path, "a single value is expected").Hint("%s", quoteHint(n))
		return
	}
	text := n.Value
	if !raw[path[1+strings.LastIndexByte(path, '.'):]] {
		text = d.interpolate(n, path, text)
	}
	if mayHoldTemplate(path) && !d.template(n, path, text) {
		return
	}
	if err := set(text); err != nil {
		msg := err.Error()
		if text != n.Value {
			msg = strings.ReplaceAll(msg, strconv.Quote(text), "the value of "+n.Value)
		}
		d.fail(n, path, "%s", msg)
	}
}

// quoteHint helps with {{ name }} written without quotes, which YAML takes for a mapping.
func quoteHint(n *yaml.Node) string {
	if n.Kind == yaml.MappingNode && n.Style&yaml.FlowStyle != 0 {
		return "a text that starts with { needs quotes"
	}
	return ""
}

// template checks the templates in a text.
func (d *decoder) template(n *yaml.Node, path, text string) bool {
	needs, err := checkTemplate(text)
	if err != nil {
		d.fail(n, path, "%s", messageOf(err)).Hint("%s", fault.HintOf(err))
		return false
	}
	d.needsInterval = d.needsInterval || needs
	return true
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind == yaml.ScalarNode && v.Type().Elem().Kind() == reflect.String { // one value is a list of one
		if n.Tag == "!!null" {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		d.decode(n, v.Index(0), path)
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.fail(n, path, "a list is expected").Hint("%s", quoteHint(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, c := range n.Content {
		d.decode(c, v.Index(i), fmt.Sprintf("%s[%d]", path, i))
	}
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, path, "a mapping is expected")
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i].Value
		e := reflect.New(v.Type().Elem()).Elem()
		d.decode(n.Content[i+1], e, join(path, k))
		v.SetMapIndex(reflect.ValueOf(k), e)
	}
}

// any decodes a value of the file's own type.
func (d *decoder) any(n *yaml.Node, v reflect.Value, path string) {
	var out any
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" {
		text := d.interpolate(n, path, n.Value)
		if mayHoldTemplate(path) && !d.template(n, path, text) {
			return
		}
		out = text
	} else if err := n.Decode(&out); err != nil {
		d.fail(n, path, "%s", err)
		return
	}
	if out != nil {
		v.Set(reflect.ValueOf(out))
	}
}

// field is one field of a struct as the file knows it.
type field struct {
	name, def string
	oneof     []string
	index     []int
}

// fieldsOf lists a struct's fields; embedded structs count as their own fields.
func fieldsOf(t reflect.Type) (out []field) {
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "" || name == "-" {
			continue
		}
		out = append(out, field{name: name, def: f.Tag.Get("default"), oneof: strings.Fields(f.Tag.Get("oneof")), index: f.Index})
	}
	return out
}

func (d *decoder) structure(n *yaml.Node, v reflect.Value, path string) {
	fields := fieldsOf(v.Type())
	if n.Kind == yaml.ScalarNode && n.Tag != "!!null" && len(fields) > 0 && fields[0].name == "column" { // short form: cursor: updated_at
		d.decode(n, v.FieldByIndex(fields[0].index), join(path, fields[0].name))
		d.defaults(v, fields, map[string]bool{fields[0].name: true})
		return
	}
	if n.Kind != yaml.MappingNode {
		d.fail(n, path, "a mapping is expected")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		at := slices.IndexFunc(fields, func(f field) bool { return f.name == key.Value })
		if at < 0 {
			d.unknown(key, path, fields)
			continue
		}
		if seen[key.Value] {
			d.fail(key, join(path, key.Value), "%s is given twice", key.Value)
		}
		seen[key.Value] = true
		f := fields[at]
		target := v.FieldByIndex(f.index)
		d.decode(n.Content[i+1], target, join(path, f.name))
		if len(f.oneof) > 0 && target.Kind() == reflect.String && !slices.Contains(f.oneof, target.String()) {
			d.fail(n.Content[i+1], join(path, f.name), "%q is not one of %s", target.String(), strings.Join(f.oneof, ", "))
		}
	}
	d.defaults(v, fields, seen)
}

// defaults sets the fields that the file leaves out, also those of mappings that it leaves out.
func (d *decoder) defaults(v reflect.Value, fields []field, seen map[string]bool) {
	for _, f := range fields {
		target := v.FieldByIndex(f.index)
		if _, hidden := target.Interface().(secret.String); !seen[f.name] && target.Kind() == reflect.Struct && !hidden {
			d.defaults(target, fieldsOf(target.Type()), nil)
			continue
		}
		if seen[f.name] || f.def == "" || target.Kind() == reflect.Pointer || target.Kind() == reflect.Slice {
			continue
		}
		n := &yaml.Node{Kind: yaml.ScalarNode, Value: f.def}
		d.decode(n, target, f.name)
	}
}

func (d *decoder) unknown(key *yaml.Node, path string, fields []field) {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	if path == "" && slices.Contains(names, "job") { // the job's own fields that are taken apart before the others
		names = append([]string{"source", "sources"}, names...)
	}
	e := d.fail(key, join(path, key.Value), "unknown field %q", key.Value)
	if near := spelling.Nearest(key.Value, names); near != "" {
		e.Hint("did you mean %s?", near)
		return
	}
	e.Hint("known fields: %s", strings.Join(names, ", "))
}
