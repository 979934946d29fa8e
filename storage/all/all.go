// Package all is the one list of stores: it opens them by scheme, each with retries around what is safe to repeat.
package all

import (
	"strings"

	"github.com/firn-data/firn/internal/event"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/storage"
	"github.com/firn-data/firn/storage/local"
	"github.com/firn-data/firn/storage/s3"
)

// Config is how stores are reached; a nil S3 means that there is none.
type Config struct {
	S3     *s3.Config
	Events *event.Events // may be nil
}

// Open gives the store of a location.
func Open(location string, c Config) (storage.Store, error) {
	scheme, _, ok := strings.Cut(location, "://")
	switch {
	case !ok, scheme == "file":
		return local.New(), nil
	case scheme == "s3", scheme == "s3a", scheme == "s3n":
		if c.S3 == nil {
			return nil, fault.New(fault.Config, "%s needs an S3 store, and the lake names none", location).At(fault.Place{Path: "store.s3"}).
				Hint("add store: {s3: {endpoint: …, access_key: …, secret_key: …}} to the lake")
		}
		cfg := *c.S3
		cfg.Repeat = Repeat(c.Events)
		s, err := s3.New(cfg)
		if err != nil {
			return nil, err
		}
		return Retry(s, c.Events), nil
	}
	return nil, fault.New(fault.Config, "%s:// is not a store that firn knows", scheme).Hint("use a local path, file:// or s3://")
}
