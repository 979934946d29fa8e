// Package parquet reads Parquet files: local ones and those of an object store, by row group and column, each value exactly.
// Files of one job may differ as a table's files do after its schema evolved.
//
//	source:
//	  kind: parquet
//	  path: s3://lake/raw/orders/*.parquet
//	  columns: [id, total, ordered_at]
package parquet

import (
	"context"
	"fmt"
	"strings"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/sources"
	"github.com/firn-data/firn/sources/files"
)

// Config is the source's part of a job file.
type Config struct {
	Path      []string     `yaml:"path" doc:"file, glob, or a list of them" example:"raw/*.parquet"`
	Store     string       `yaml:"store" doc:"a lake whose store holds the files; default: the job's own" example:"prod"`
	OnNoFiles string       `yaml:"on_no_files" default:"fail" oneof:"fail empty" doc:"what to do when path names no file"`
	Columns   []string     `yaml:"columns" doc:"columns to read; default: all" example:"[id, total]"`
	Schema    []ColumnSpec `yaml:"schema" doc:"types of columns that are to be wider than in the files, or microseconds where they have nanoseconds; needed for all columns when there may be no file"`
	OnBadRow  string       `yaml:"on_bad_row" default:"fail" oneof:"fail quarantine" doc:"what to do with a row whose value its type cannot hold"`
}

// ColumnSpec is the type of one column.
type ColumnSpec struct {
	Name string `yaml:"name" doc:"name of the column"`
	Type string `yaml:"type" doc:"its type" example:"timestamp_ntz"`
}

// Kind implements sources.Config.
func (*Config) Kind() string { return "parquet" }

// Validate implements sources.Config.
func (c *Config) Validate() error {
	if len(c.Path) == 0 {
		return fault.New(fault.Config, "parquet needs a path").At(fault.Place{Path: "path"})
	}
	for i, s := range c.Schema {
		if _, err := schema.Parse(s.Type); err != nil {
			return fault.New(fault.Config, "%s", err).At(fault.Place{Path: fmt.Sprintf("schema[%d].type", i)})
		}
	}
	return nil
}

// Fingerprint implements sources.Config.
func (c *Config) Fingerprint() map[string]string {
	out := map[string]string{"kind": "parquet", "path": strings.Join(c.Path, " ")}
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
	return &source{cfg: *c, env: env, paths: files.Paths{Stores: env.Stores, Store: c.Store, Path: c.Path, OnNoFiles: c.OnNoFiles}}, nil
}

var _ sources.Config = (*Config)(nil)
