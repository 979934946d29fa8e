package transform

import (
	"github.com/apache/arrow-go/v18/arrow"

	"github.com/firn-data/firn/internal/fault"
)

func compileDedupe(s Step, _ *arrow.Schema, _ string) (stage, error) {
	return nil, fault.New(fault.Config, "dedupe is not built yet").At(s.At).Hint("remove duplicates in the source's query")
}
