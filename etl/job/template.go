package job

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/secret"
	"github.com/firn-data/firn/internal/spelling"
	"github.com/firn-data/firn/sources"
	"github.com/firn-data/firn/transform/expr"
)

// templated are the fields of a source whose text, also further down, may hold {{ interval_start | yyyy-MM-dd }}: where
// data lie and what a request asks for.
var templated = map[string]bool{"path": true, "url": true, "params": true, "headers": true, "body": true}

// Values are what templates can name.
type Values struct {
	Job, RunID string
	Started    time.Time
	Interval   *batch.Interval // nil: none
}

// instants and words are the names in templates.
var (
	instants = []string{"interval_start", "interval_end", "run_started"}
	words    = []string{"run_id", "job"}
)

// isoInstant is how a time without a pattern is written.
const isoInstant = "yyyy-MM-dd'T'HH:mm:ss'Z'"

// template is one {{ name | pattern }} in a text.
type template struct{ name, pattern string }

// nextTemplate parts text at its first template. ok is false when there is none.
func nextTemplate(text string) (before string, t template, after string, ok bool, err error) {
	before, rest, ok := strings.Cut(text, "{{")
	if !ok {
		return text, t, "", false, nil
	}
	inner, after, closed := strings.Cut(rest, "}}")
	if !closed {
		return "", t, "", false, fmt.Errorf("{{ is never closed by }}")
	}
	name, pattern, given := strings.Cut(inner, "|")
	t = template{strings.TrimSpace(name), strings.TrimSpace(pattern)}
	switch {
	case slices.Contains(words, t.name) && !given:
	case slices.Contains(words, t.name):
		return "", t, "", false, fmt.Errorf("{{ %s }} takes no pattern", t.name)
	case !slices.Contains(instants, t.name):
		all := append(slices.Clone(instants), words...)
		hint := "use " + strings.Join(all, ", ")
		if near := spelling.Nearest(t.name, all); near != "" {
			hint = "did you mean " + near + "?"
		}
		return "", t, "", false, fault.New(fault.Config, "there is no value %q for a template", t.name).Hint("%s", hint)
	case t.pattern == "":
		t.pattern = isoInstant
	}
	if t.pattern != "" {
		if _, err := expr.FormatInstant(t.pattern, time.Unix(0, 0)); err != nil {
			return "", t, "", false, fmt.Errorf("%q is not a date pattern of Spark: %w", t.pattern, err)
		}
	}
	return before, t, after, true, nil
}

// checkTemplate finds what is wrong with a text's templates, and whether one needs an interval.
func checkTemplate(text string) (needsInterval bool, err error) {
	for {
		_, t, after, ok, err := nextTemplate(text)
		if err != nil || !ok {
			return needsInterval, err
		}
		needsInterval = needsInterval || strings.HasPrefix(t.name, "interval_")
		text = after
	}
}

// fill replaces the templates in text.
func (v Values) fill(text string) (string, error) {
	var b strings.Builder
	for {
		before, t, after, ok, err := nextTemplate(text)
		b.WriteString(before)
		if err != nil || !ok {
			return b.String(), err
		}
		s, err := v.value(t)
		if err != nil {
			return "", err
		}
		b.WriteString(s)
		text = after
	}
}

func (v Values) value(t template) (string, error) {
	at := v.Started
	switch t.name {
	case "run_id":
		return v.RunID, nil
	case "job":
		return v.Job, nil
	case "interval_start", "interval_end":
		if v.Interval == nil {
			return "", fault.New(fault.Usage, "{{ %s }} needs an interval", t.name).Hint("give --interval-start and --interval-end")
		}
		if at = v.Interval.Start; t.name == "interval_end" {
			at = v.Interval.End
		}
	}
	return expr.FormatInstant(t.pattern, at)
}

// Filled is the source's config with the values of a run in its templates. The config itself stays as it is: its
// fingerprint must not change from run to run.
func (s Source) Filled(v Values) (sources.Config, error) {
	out, err := filled(reflect.ValueOf(s.Config), false, v.fill)
	if err != nil {
		return nil, err
	}
	return out.Interface().(sources.Config), nil
}

// filled copies v with fill applied to the texts of templated fields.
func filled(v reflect.Value, on bool, fill func(string) (string, error)) (reflect.Value, error) {
	switch v.Kind() {
	case reflect.String:
		if !on {
			return v, nil
		}
		s, err := fill(v.String())
		return reflect.ValueOf(s).Convert(v.Type()), err
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return v, nil
		}
		in, err := filled(v.Elem(), on, fill)
		if err != nil {
			return v, err
		}
		out := reflect.New(v.Type()).Elem()
		if v.Kind() == reflect.Interface {
			out.Set(in)
			return out, nil
		}
		out.Set(reflect.New(v.Type().Elem()))
		out.Elem().Set(in)
		return out, nil
	case reflect.Slice:
		if v.IsNil() {
			return v, nil
		}
		out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			e, err := filled(v.Index(i), on, fill)
			if err != nil {
				return v, err
			}
			out.Index(i).Set(e)
		}
		return out, nil
	case reflect.Map:
		if v.IsNil() {
			return v, nil
		}
		out := reflect.MakeMap(v.Type())
		for _, k := range v.MapKeys() {
			e, err := filled(v.MapIndex(k), on, fill)
			if err != nil {
				return v, err
			}
			out.SetMapIndex(k, e)
		}
		return out, nil
	case reflect.Struct:
		return filledStruct(v, on, fill)
	}
	return v, nil
}

func filledStruct(v reflect.Value, on bool, fill func(string) (string, error)) (reflect.Value, error) {
	if _, hidden := v.Interface().(secret.String); hidden {
		return v, nil
	}
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	for _, f := range fieldsOf(v.Type()) {
		e, err := filled(v.FieldByIndex(f.index), on || templated[f.name], fill)
		if err != nil {
			return v, err
		}
		out.FieldByIndex(f.index).Set(e)
	}
	return out, nil
}

// mayHoldTemplate reports whether the text at a path is under a templated field of a source.
func mayHoldTemplate(path string) bool {
	if !strings.HasPrefix(path, "source") {
		return false
	}
	for _, part := range strings.Split(path, ".") {
		if name, _, _ := strings.Cut(part, "["); templated[name] {
			return true
		}
	}
	return false
}
