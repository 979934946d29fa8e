package job

import (
	"fmt"
	"net/url"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/internal/spelling"
	"github.com/firn-data/firn/sources"
)

// Draft is the job of a source that was named on a command line: a path, a glob or a URL. It loads into raw.<name>.
type Draft struct {
	Name string // of the job and the table
	Kind string
	// Path or, for a database, DSN and Table say what is read, as the job file writes them.
	Path, DSN, Table string
	// Hidden are the values of variables in DSN that came with the source and do not belong into a file.
	Hidden map[string]string
}

// extensions are the kinds of files by the end of their name, after .gz or .zst.
var extensions = []struct{ ext, kind string }{
	{".csv", "csv"}, {".tsv", "csv"}, {".psv", "csv"}, {".txt", "csv"}, {".tab", "csv"}, {".dat", "csv"}, {".json", "json"}, {".jsonl", "json"}, {".ndjson", "json"}, {".parquet", "parquet"}, {".pq", "parquet"}}

// IsSource reports whether a command's argument names a source rather than a job file, which is called *.yaml or *.yml.
func IsSource(arg string) bool {
	low := strings.ToLower(arg)
	if strings.HasSuffix(low, ".yaml") || strings.HasSuffix(low, ".yml") {
		return false
	}
	return arg == "-" || strings.Contains(arg, "://") || strings.HasPrefix(arg, "${") || strings.ContainsAny(arg, "*?[") || fileKind(arg) != ""
}

// fileKind is the kind of a file by its name, or empty.
func fileKind(name string) string {
	low := strings.ToLower(name)
	for _, packed := range []string{".gz", ".zst", ".zstd"} {
		low = strings.TrimSuffix(low, packed)
	}
	for _, x := range extensions {
		if strings.HasSuffix(low, x.ext) {
			return x.kind
		}
	}
	return ""
}

// NewDraft makes the draft of a source. Variables in arg are looked up to see what it is, and stay variables in the draft. A
// database's URL that names no table is an error, beside which the draft comes back: it can still be asked what there is.
func NewDraft(arg string, lookup Lookup) (*Draft, error) {
	d := &decoder{lookup: lookup}
	text := d.interpolate(nil, "", arg)
	if len(d.errs) > 0 {
		return nil, fault.New(fault.Usage, "%s", messageOf(d.errs[0]))
	}
	if strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://") {
		return postgresDraft(arg, text)
	}
	kind, name := fileKind(text), text
	if strings.Contains(text, "://") {
		u, err := url.Parse(text)
		if err != nil {
			return nil, fault.New(fault.Usage, "the source is not a URL")
		}
		kind, name = fileKind(u.Path), u.Path
		if kind != "" && u.User != nil {
			return nil, fault.New(fault.Usage, "credentials do not belong into a URL of files").Hint("put them into the store of a lake, and name it with --lake")
		}
	}
	switch {
	case text == "-":
		kind, name = "csv", "stdin"
	case kind == "":
		return nil, unknownSource(arg)
	}
	return &Draft{Name: nameOf(name), Kind: kind, Path: arg}, nil
}

func unknownSource(arg string) error {
	shown, ext := arg, path.Ext(arg)
	if scheme, _, isURL := strings.Cut(arg, "://"); isURL { // it may hold a password
		shown, ext = scheme+"://…", ""
	}
	if strings.Contains(strings.ToLower(arg), "password") {
		shown, ext = "…", ""
	}
	e := fault.New(fault.Usage, "%s: neither a job file nor a source that firn knows by its name", shown)
	var all []string
	for _, x := range extensions {
		all = append(all, x.ext)
	}
	if near := spelling.Nearest(ext, append(all, ".yaml")); ext != "" && near != "" {
		return e.Hint("did you mean %s?", strings.TrimSuffix(arg, ext)+near)
	}
	return e.Hint("a job is *.yaml; a source ends in %s, also with .gz or .zst, or starts with postgres://", strings.Join(all, " "))
}

// postgresDraft takes postgres://user@host/database#schema.table. A password goes into a variable.
func postgresDraft(arg, text string) (*Draft, error) {
	_, table, _ := strings.Cut(text, "#")
	dsn, _, _ := strings.Cut(arg, "#")
	plain, _, _ := strings.Cut(text, "#")
	out := &Draft{Name: nameOf(strings.ReplaceAll(table[strings.LastIndexByte(table, '.')+1:], `"`, "")), Kind: "postgres", DSN: dsn, Table: table}
	if dsn != plain { // it is a variable already
		return out, out.complete()
	}
	u, err := url.Parse(plain)
	if err != nil {
		return nil, fault.New(fault.Usage, "the source is not a URL: percent-encode special characters in the password")
	}
	if _, has := u.User.Password(); has || u.Query().Has("password") {
		out.DSN, out.Hidden = "${POSTGRES_DSN}", map[string]string{"POSTGRES_DSN": plain}
	}
	return out, out.complete()
}

// complete reports whether the draft says all that a job needs.
func (d *Draft) complete() error {
	if d.Kind == "postgres" && d.Table == "" {
		return fault.New(fault.Usage, "the URL names no table").Hint("put it after #, as in postgres://user@host/database#public.orders; firn discover lists them")
	}
	return nil
}

// nameOf makes the name of a job and a table: raw/Orders-2024.csv.gz is orders_2024, data/*.parquet is data.
func nameOf(location string) string {
	parts := strings.Split(strings.Trim(location, "/"), "/")
	for _, part := range slices.Backward(parts) {
		base, _, _ := strings.Cut(part, ".")
		if n := identifier(base); n != "" {
			return n
		}
	}
	return "data"
}

func identifier(s string) string {
	var b strings.Builder
	for _, c := range strings.ToLower(s) {
		if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' {
			b.WriteRune(c)
		} else if t := b.String(); t != "" && !strings.HasSuffix(t, "_") {
			b.WriteByte('_')
		}
	}
	out := strings.Trim(b.String(), "_")
	if out != "" && out[0] <= '9' {
		out = "t_" + out
	}
	return out[:min(len(out), 80)]
}

// Lookup adds the draft's hidden values to a lookup.
func (d *Draft) Lookup(next Lookup) Lookup {
	return func(name string) (string, bool) {
		if v, ok := d.Hidden[name]; ok {
			return v, true
		}
		if next == nil {
			return "", false
		}
		return next(name)
	}
}

// YAML is the job. With a stream it is what a person goes on from: with the columns' types and notes on what to try.
// Without one it is the job that runs at once, whose types are inferred.
func (d *Draft) YAML(c sources.Config, s *sources.Stream) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("job: %s", d.Name)
	line("source:")
	line("  kind: %s", d.Kind)
	if d.Kind == "postgres" {
		line("  dsn: %s", quoted(d.DSN))
		line("  table: %s", quoted(d.Table))
	} else {
		line("  path: %s", quoted(d.Path))
	}
	if s != nil {
		d.teach(line, c, s)
	}
	line("target:")
	line("  table: raw.%s", d.Name)
	if s != nil {
		line("  mode: append                 # or overwrite, replace_interval, overwrite_partitions, upsert")
		if day := dayColumn(s); day != "" {
			line("  # partition: [%s]", quoted("days("+day+")"))
		}
	}
	return b.String()
}

// teach writes what a new user would look for next.
func (d *Draft) teach(line func(string, ...any), c sources.Config, s *sources.Stream) {
	if hasField(c, "schema") {
		line("  schema:                      # as found in a sample; values are read exactly as these types, or are bad rows")
		for _, f := range s.Schema.Fields() {
			t, _, err := schema.FromArrow(f.Type)
			if err != nil {
				continue
			}
			note := ""
			for _, n := range s.Notes {
				if n.Column == f.Name {
					note = "   # " + n.Text
				}
			}
			line("    - {name: %s, type: %s}%s", quoted(f.Name), quoted(typeName(t)), note)
		}
	}
	if hasField(c, "on_bad_row") {
		line("  on_bad_row: fail             # quarantine: set bad rows aside in raw.%s_quarantine and go on", d.Name)
	}
	if at := timeColumn(s); at != "" && d.Kind == "postgres" {
		line("  # cursor: {column: %s, lag: 5m}   # read only what is new since the last run", at)
	}
	line("# transform:                    # Spark SQL over the rows; left out, they stay as they are")
	line("#   - sql: SELECT * FROM input")
}

// typeName is a type as a job's schema writes it.
func typeName(t schema.Type) string {
	if t.Row().Spark {
		return strings.ToLower(t.SparkSQL())
	}
	return t.String()
}

// timeColumn is a column that may serve as a cursor: a timestamp whose name says that it moves with changes.
func timeColumn(s *sources.Stream) string {
	for _, f := range s.Schema.Fields() {
		t, _, err := schema.FromArrow(f.Type)
		low := strings.ToLower(f.Name)
		if err == nil && (t.Kind == schema.Timestamp || t.Kind == schema.TimestampTZ) && (strings.Contains(low, "updat") || strings.Contains(low, "modif") || strings.Contains(low, "chang")) {
			return f.Name
		}
	}
	return ""
}

// dayColumn is the first column that a table could be partitioned by days of.
func dayColumn(s *sources.Stream) string {
	for _, f := range s.Schema.Fields() {
		t, _, err := schema.FromArrow(f.Type)
		if err == nil && (t.Kind == schema.Date || t.Kind == schema.Timestamp || t.Kind == schema.TimestampTZ) {
			return f.Name
		}
	}
	return ""
}

// hasField reports whether a kind's config has a field.
func hasField(c sources.Config, name string) bool {
	return slices.ContainsFunc(fieldsOf(reflect.TypeOf(c).Elem()), func(f field) bool { return f.name == name })
}

// quoted writes a YAML value on one line, in quotes where it could be read as something else.
func quoted(s string) string {
	plain := s != "" && !slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off", "y", "n", "~"}, strings.ToLower(s))
	for i, c := range []byte(s) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_'
		if !letter && (i == 0 && c != '/' || !strings.ContainsRune("0123456789./-", rune(c))) {
			plain = false
		}
	}
	if plain {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(s) + `"`
}
