// Package all is the one list of source kinds.
package all

import (
	"github.com/firn-data/firn/sources"
	"github.com/firn-data/firn/sources/csv"
	"github.com/firn-data/firn/sources/parquet"
	"github.com/firn-data/firn/sources/postgres"
)

// Kinds makes an empty config of each kind.
func Kinds() []func() sources.Config {
	return []func() sources.Config{
		func() sources.Config { return &csv.Config{} },
		func() sources.Config { return &parquet.Config{} },
		func() sources.Config { return &postgres.Config{} },
	}
}
