package postgres

import (
	"context"
	"fmt"

	"github.com/firn-data/firn/sources"
)

// DescribeSplits implements sources.Splitter.
func (s *source) DescribeSplits(ctx context.Context, r sources.Request) (string, error) {
	if _, _, _, err := s.begin(ctx, r); err != nil {
		return "", err
	}
	n := len(s.ranges(ctx))
	if s.snapshot == "" || n == 1 {
		return "1 query", nil
	}
	return fmt.Sprintf("%d page ranges over %d connections", n, s.cfg.Connections), nil
}

var _ sources.Splitter = (*source)(nil)
