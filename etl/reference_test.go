package etl

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/firn-data/firn/etl/job"
	"github.com/firn-data/firn/etl/plan"
	"github.com/firn-data/firn/internal/reference"
)

const update = "make reference"

const generated = "<!-- Made from the struct tags by " + update + ". Edit those. -->\n\n"

func of[T any](tag string) []reference.Field { return reference.Of(reflect.TypeFor[T](), tag) }

// pages are docs/reference, each made from the tags of the structs that the code decodes into or prints.
func pages() map[string]string {
	jobs := "# All fields of the job file\n\n" + generated + "[The job file](../job.md) explains them; `firn schema` prints them as JSON Schema. A field without a default is empty, or required where the text says so.\n\n" +
		reference.Markdown("", of[job.Job]("yaml")) + "\n`source` is one source, which SQL calls `input`; `sources` maps names to several. Their fields depend on `kind`.\n"
	for _, k := range SourceKinds() {
		jobs += fmt.Sprintf("\n## kind: %s\n\n%s", k.Name, reference.Markdown("", k.Fields))
	}
	return map[string]string{
		"job.md":   jobs,
		"lakes.md": "# All fields of the lakes file\n\n" + generated + "`firn init lake` writes one to begin with; `firn schema --lakes-file` prints the fields as JSON Schema.\n\n" + reference.Markdown("", of[job.Lakes]("yaml")),
		"report.md": "# The report\n\n" + generated + "`firn run -o json` prints this object, also when it fails. A field may be added; none is renamed or given another meaning. `firn schema --report` prints the JSON Schema.\n\n" +
			reference.Markdown("", of[plan.Report]("json")) +
			"\n# The plan\n\n`firn plan -o json` prints this object, and `--detailed-exitcode` too. `firn schema --plan` prints the JSON Schema.\n\n" + reference.Markdown("", of[plan.View]("json")),
	}
}

func TestReferencePagesSayWhatTheCodeDoes(t *testing.T) {
	for name, want := range pages() {
		path := filepath.Join("../docs/reference", name)
		if os.Getenv("FIRN_REWRITE") != "" {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != want {
			t.Errorf("%s differs from the struct tags: %s", path, update)
		}
	}
}

func TestEveryFieldIsDocumented(t *testing.T) {
	var walk func(path string, fields []reference.Field)
	walk = func(path string, fields []reference.Field) {
		for _, f := range fields {
			if f.Doc == "" {
				t.Errorf("%s%s has no doc tag", path, f.Name)
			}
			walk(path+f.Name+".", f.Fields)
			if f.Elem != nil {
				walk(path+f.Name+"[].", f.Elem.Fields)
			}
		}
	}
	walk("job: ", of[job.Job]("yaml"))
	walk("lakes: ", of[job.Lakes]("yaml"))
	walk("report: ", of[plan.Report]("json"))
	walk("plan: ", of[plan.View]("json"))
	for _, k := range SourceKinds() {
		walk("kind "+k.Name+": ", k.Fields)
	}
}

// TestSchemasTakeWhatTheDecoderTakes checks the examples, and broken copies of one, against the JSON Schema of jobs.
func TestSchemasTakeWhatTheDecoderTakes(t *testing.T) {
	root := asJSON(t, JobSchema())
	files, err := filepath.Glob("../examples/*/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no examples", err)
	}
	for _, f := range files {
		body, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		s := root
		if strings.HasSuffix(f, "lakes.yaml") {
			s = asJSON(t, LakesSchema())
		}
		if why := (validator{s}).check(s, fromYAML(t, string(body)), "$"); why != "" {
			t.Errorf("%s: %s", f, why)
		}
	}
	for _, text := range []string{
		"job: a\nsource: {kind: csv, path: x}", "job: a\nsource: {kind: csv, path: x}\ntarget: {table: a.b}\nx: 1", "job: a\ntarget: {table: a.b}",
		"job: a\nsource: {kind: csw, path: x}\ntarget: {table: a.b}", "job: a\nsource: {kind: csv, paht: x}\ntarget: {table: a.b}", "job: a\nsource: {kind: csv, path: x, trim: maybe}\ntarget: {table: a.b}",
		"job: a\nsource: {kind: csv, path: x}\ntarget: {table: a.b, mode: apend}",
	} {
		if (validator{root}).check(root, fromYAML(t, text), "$") == "" {
			t.Errorf("the schema takes %q", text)
		}
	}
	r := asJSON(t, ReportSchema())
	p := &plan.Plan{Job: "a"}
	if why := (validator{r}).check(r, asJSON(t, p.NewReport()), "$"); why != "" {
		t.Errorf("a report: %s", why)
	}
	v := asJSON(t, PlanSchema())
	if why := (validator{v}).check(v, asJSON(t, p.View()), "$"); why != "" {
		t.Errorf("a plan: %s", why)
	}
}

func asJSON(t *testing.T, v any) (out map[string]any) {
	t.Helper()
	b, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func fromYAML(t *testing.T, text string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return asJSON(t, v)
}

// validator knows the keywords of JSON Schema that internal/reference writes.
type validator struct{ root map[string]any }

func (s validator) check(schema map[string]any, v any, at string) string {
	for key, arg := range schema {
		why := ""
		switch key {
		case "$ref":
			defs := s.root["$defs"].(map[string]any)
			why = s.check(defs[strings.TrimPrefix(arg.(string), "#/$defs/")].(map[string]any), v, at)
		case "type":
			types, ok := arg.([]any)
			if !ok {
				types = []any{arg}
			}
			if !slices.Contains(types, typeOf(v)) && !(slices.Contains(types, any("number")) && typeOf(v) == "integer") {
				why = fmt.Sprintf("%s is %v, not %v", at, v, arg)
			}
		case "const":
			if v != arg {
				why = fmt.Sprintf("%s is not %v", at, arg)
			}
		case "enum":
			if !slices.Contains(arg.([]any), v) {
				why = fmt.Sprintf("%s: %v is not one of %v", at, v, arg)
			}
		case "pattern":
			if text, ok := v.(string); ok && !regexp.MustCompile(arg.(string)).MatchString(text) {
				why = fmt.Sprintf("%s: %s does not match %s", at, text, arg)
			}
		case "required":
			for _, name := range arg.([]any) {
				if m, ok := v.(map[string]any); ok && m[name.(string)] == nil {
					if _, there := m[name.(string)]; !there {
						why = fmt.Sprintf("%s has no %s", at, name)
					}
				}
			}
		case "anyOf", "oneOf":
			why = s.some(arg.([]any), v, at, key == "oneOf")
		case "items":
			if list, ok := v.([]any); ok {
				for i, e := range list {
					if why == "" {
						why = s.check(arg.(map[string]any), e, fmt.Sprintf("%s[%d]", at, i))
					}
				}
			}
		case "properties":
			why = s.properties(schema, v, at)
		case "additionalProperties":
			if _, has := schema["properties"]; !has {
				why = s.properties(schema, v, at)
			}
		}
		if why != "" {
			return why
		}
	}
	return ""
}

func (s validator) some(list []any, v any, at string, one bool) string {
	ok, last := 0, ""
	for _, x := range list {
		if why := s.check(x.(map[string]any), v, at); why == "" {
			ok++
		} else {
			last = why
		}
	}
	if ok == 0 {
		return last
	}
	if one && ok > 1 {
		return fmt.Sprintf("%s matches %d of oneOf", at, ok)
	}
	return ""
}

func (s validator) properties(schema map[string]any, v any, at string) string {
	m, ok := v.(map[string]any)
	if !ok {
		return ""
	}
	props, _ := schema["properties"].(map[string]any)
	for k, e := range m {
		p, known := props[k].(map[string]any)
		if !known {
			if schema["additionalProperties"] == false {
				return fmt.Sprintf("%s has the unknown field %s", at, k)
			}
			if p, known = schema["additionalProperties"].(map[string]any); !known {
				continue
			}
		}
		if why := s.check(p, e, at+"."+k); why != "" {
			return why
		}
	}
	return ""
}

func typeOf(v any) any {
	switch x := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case float64:
		if x == float64(int64(x)) {
			return "integer"
		}
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	}
	return "object"
}
