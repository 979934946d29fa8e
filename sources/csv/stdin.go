package csv

import (
	"bytes"
	"io"
	"slices"

	"github.com/firn-data/firn/internal/fault"
)

// standardInput is the path of what the program is given.
const standardInput = "-"

// replay lets what can be read only once be read for its sample and then from its beginning.
type replay struct {
	opened int
	kept   bytes.Buffer // what the sample took
}

// open gives the input: the first time as it comes, the second time from its beginning.
func (p *replay) open(in io.Reader) (io.Reader, error) {
	if in == nil {
		return nil, fault.New(fault.Config, "there is no standard input to read").At(fault.Place{Path: "path"}).Hint("give a path")
	}
	p.opened++
	switch p.opened {
	case 1:
		return io.TeeReader(in, &p.kept), nil
	case 2:
		return io.MultiReader(&p.kept, in), nil
	}
	return nil, fault.New(fault.Config, "standard input can be read only once").At(fault.Place{Path: "path"}).Hint("read a file, or do without infer: full")
}

// readsStdin reports whether standard input is among the files.
func (s *source) readsStdin() bool { return slices.Contains(s.files, standardInput) }
