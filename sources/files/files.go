// Package files lists and opens what the file sources (csv, json, parquet) read: paths and globs, in one order that every
// run over the same files gives again.
package files

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/sources"
	"github.com/firn-data/firn/storage"
)

// Paths is the part of a file source's config that names its files.
type Paths struct {
	Stores    sources.StoreFor
	Store     string   // name of a lake; empty: the job's own store
	Path      []string // locations and globs
	OnNoFiles string   // fail or empty
}

// List resolves p: paths as they stand, the matches of each glob in byte order, a file that two of them name once. In a glob
// *, ? and [a-z] stay within a path segment, and a segment ** stands for any number of them. It does not look whether a
// path without a glob exists. No file at all is an error unless OnNoFiles is empty.
func List(ctx context.Context, p Paths) ([]string, error) {
	out, seen := []string{}, map[string]bool{}
	add := func(location string) {
		if !seen[location] {
			seen[location] = true
			out = append(out, location)
		}
	}
	for _, name := range p.Path {
		if !strings.ContainsAny(name, "*?[") {
			add(name)
			continue
		}
		found, err := p.glob(ctx, name)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			add(f)
		}
	}
	if len(out) == 0 && p.OnNoFiles != "empty" {
		return nil, fault.New(fault.NoInput, "no file matches %s", strings.Join(p.Path, ", ")).Hint("check the path, or set on_no_files: empty")
	}
	return out, nil
}

// glob lists what lies under the part before the first wildcard and keeps what matches.
func (p Paths) glob(ctx context.Context, glob string) ([]string, error) {
	pattern := strings.Split(glob, "/")
	for _, segment := range pattern {
		if _, err := path.Match(segment, ""); err != nil {
			return nil, fault.New(fault.Config, "%q is not a glob", glob).At(fault.Place{Path: "path"})
		}
	}
	st, err := p.Stores(p.Store, glob)
	if err != nil {
		return nil, err
	}
	fixed := glob[:strings.IndexAny(glob, "*?[")]
	prefix := fixed[:strings.LastIndexByte(fixed, '/')+1]
	if prefix == "" {
		prefix, pattern = "./", append([]string{"."}, pattern...)
	}
	var out []string
	for info, err := range st.List(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		if match(pattern, strings.Split(info.Location, "/")) {
			out = append(out, info.Location)
		}
	}
	slices.Sort(out)
	return out, nil
}

// match compares segment by segment; the patterns are known to be well formed.
func match(pattern, name []string) bool {
	for i, segment := range pattern {
		if segment == "**" {
			for skip := range len(name) - i + 1 {
				if match(pattern[i+1:], name[i+skip:]) {
					return true
				}
			}
			return false
		}
		if i >= len(name) {
			return false
		}
		if ok, _ := path.Match(segment, name[i]); !ok {
			return false
		}
	}
	return len(name) == len(pattern)
}

// Open opens one listed file. A file that is not there is fault.NoInput.
func (p Paths) Open(ctx context.Context, location string) (storage.Object, error) {
	st, err := p.Stores(p.Store, location)
	if err != nil {
		return nil, err
	}
	o, err := st.Open(ctx, location)
	if errors.Is(err, storage.ErrNotExist) {
		return nil, fault.New(fault.NoInput, "there is no file %s", location).At(fault.Place{Path: "path"})
	}
	return o, err
}

// Size is how many bytes the files have together.
func (p Paths) Size(ctx context.Context, locations []string) (int64, error) {
	total := int64(0)
	for _, f := range locations {
		o, err := p.Open(ctx, f)
		if err != nil {
			return -1, err
		}
		total += o.Size()
		o.Close()
	}
	return total, nil
}
