// Package csv reads delimited text: local files and globs, plain, gzip or zstd, in parallel, every value exactly or as a
// bad row with its line and column.
//
//	source:
//	  kind: csv
//	  path: raw/*.csv.gz
//	  schema: [{name: id, type: bigint}, {name: total, type: "decimal(18,2)"}]
package csv

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/quantity"
	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/sources"
)

// Config is the source's part of a job file. What is left unsaid of the dialect is sniffed from a sample.
type Config struct {
	Path       []string       `yaml:"path" doc:"file, glob, or a list of them; - is the standard input" example:"raw/*.csv.gz"`
	Store      string         `yaml:"store" doc:"name of the lake whose store has the files; default: the job's own" example:"prod"`
	OnNoFiles  string         `yaml:"on_no_files" default:"fail" oneof:"fail empty" doc:"what to do when path names no file"`
	Columns    []string       `yaml:"columns" doc:"columns to read; default: all" example:"[id, total]"`
	Schema     []ColumnSpec   `yaml:"schema" doc:"types of columns; those not listed are inferred"`
	Infer      string         `yaml:"infer" default:"sample" oneof:"sample full none" doc:"what types are inferred from; none: all strings"`
	OnBadRow   string         `yaml:"on_bad_row" default:"fail" oneof:"fail quarantine fill" doc:"fill pads short rows with NULL and folds long ones into the last cell; other bad rows then fail the run"`
	Delimiter  *string        `yaml:"delimiter" doc:"one byte between cells; default: sniffed" example:","`
	Quote      *string        `yaml:"quote" doc:"one byte around cells, or empty for none; default: a double quote"`
	Escape     *string        `yaml:"escape" doc:"how a quote is written inside quotes: a double quote doubles it, a backslash stands before it; default: sniffed" example:"\\"`
	Header     *bool          `yaml:"header" doc:"whether the first row holds names; default: sniffed"`
	Comment    string         `yaml:"comment" doc:"lines that start with this byte are left out"`
	SkipLines  int            `yaml:"skip_lines" default:"0" doc:"lines to leave out at the start"`
	SkipFooter int            `yaml:"skip_footer" default:"0" doc:"lines to leave out at the end"`
	NullValues []string       `yaml:"null_values" doc:"unquoted cells that are NULL; default: the empty one" example:"['', '\\N']"`
	Trim       bool           `yaml:"trim" default:"false" doc:"take spaces around unquoted cells away"`
	Encoding   string         `yaml:"encoding" default:"utf-8" doc:"utf-8, utf-16, utf-16le, utf-16be, latin1 or windows-1252; a byte order mark decides where there is one"`
	MaxRow     quantity.Bytes `yaml:"max_row" default:"16MiB" doc:"bytes of the longest row; an unclosed quote stops here"`
}

// ColumnSpec is the type of one column.
type ColumnSpec struct {
	Name   string `yaml:"name" doc:"name of the column"`
	Type   string `yaml:"type" doc:"its type" example:"decimal(18,2)"`
	Format string `yaml:"format" doc:"how its text is written, in Java's pattern letters" example:"dd.MM.yyyy"`
}

// maxMaxRow bounds max_row: a row must fit in a chunk, whose places have 32 bits.
const maxMaxRow = 1 << 30

// maxRow is max_row in bytes.
func (c *Config) maxRow() int {
	if c.MaxRow == 0 {
		return 16 << 20
	}
	return int(c.MaxRow)
}

// Kind implements sources.Config.
func (*Config) Kind() string { return "csv" }

// Validate implements sources.Config.
func (c *Config) Validate() error {
	bad := func(path, format string, args ...any) error {
		return fault.New(fault.Config, format, args...).At(fault.Place{Path: path})
	}
	if len(c.Path) == 0 {
		return bad("path", "csv needs a path")
	}
	if c.Delimiter != nil && (len(*c.Delimiter) != 1 || strings.ContainsAny(*c.Delimiter, "\r\n\"")) {
		return bad("delimiter", "a delimiter is one byte, not %q", *c.Delimiter)
	}
	if c.Quote != nil && len(*c.Quote) > 1 {
		return bad("quote", "a quote is one byte, or empty for none, not %q", *c.Quote)
	}
	if len(c.Comment) > 1 {
		return bad("comment", "a comment starts with one byte, not %q", c.Comment)
	}
	if c.Escape != nil && *c.Escape != `\` && *c.Escape != `"` && (c.Quote == nil || *c.Escape != *c.Quote) {
		return bad("escape", "an escape is the quote or a backslash, not %q", *c.Escape)
	}
	if err := checkEncoding(c.Encoding); err != nil {
		return bad("encoding", "%s", err)
	}
	if c.MaxRow > maxMaxRow {
		return bad("max_row", "max_row is at most 1GiB")
	}
	for i, s := range c.Schema {
		t, err := schema.Parse(s.Type)
		if err != nil {
			return bad(fmt.Sprintf("schema[%d].type", i), "%s", err)
		}
		if t.Nested() {
			return bad(fmt.Sprintf("schema[%d].type", i), "a csv column cannot be %s", t)
		}
		if err := readable(t); err != nil {
			return bad(fmt.Sprintf("schema[%d].type", i), "%s", err)
		}
		if _, err := s.column(); err != nil {
			return bad(fmt.Sprintf("schema[%d].format", i), "%s", err)
		}
	}
	return nil
}

// Fingerprint implements sources.Config.
func (c *Config) Fingerprint() map[string]string {
	paths := slices.Clone(c.Path)
	out := map[string]string{"kind": "csv", "path": strings.Join(paths, " ")}
	if c.Store != "" {
		out["store"] = c.Store
	}
	return out
}

// Open implements sources.Config.
func (c *Config) Open(_ context.Context, env sources.Env) (sources.Source, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if env.Cursor != nil {
		return nil, fault.New(fault.Config, "files have no cursor").At(fault.Place{Path: "cursor"}).Hint("use interval: {column: %s}, or interval: {by: path}", env.Cursor.Column)
	}
	return &source{cfg: *c, env: env, chunk: chunkBytes}, nil
}

var _ sources.Config = (*Config)(nil)
