package csv

import (
	"context"
	"fmt"

	"github.com/firn-data/firn/sources"
)

// DescribeSplits implements sources.Splitter. How many chunks a compressed file has is known only after reading it.
func (s *source) DescribeSplits(ctx context.Context, r sources.Request) (string, error) {
	bytes, err := s.Size(ctx, r)
	if err != nil {
		return "", err
	}
	count := func(n int64, noun string) string {
		if n == 1 {
			return "1 " + noun
		}
		return fmt.Sprintf("%d %ss", n, noun)
	}
	n := int64(len(s.files))
	return fmt.Sprintf("%s, %s of %d MiB or more", count(n, "file"), count(max(n, (bytes+chunkBytes-1)/chunkBytes), "chunk"), chunkBytes>>20), nil
}

var _ sources.Splitter = (*source)(nil)
