package csv

import (
	"fmt"
	"strconv"
	"strings"
)

// maxMaxRow bounds max_row: a row must fit in a chunk, whose places have 32 bits.
const maxMaxRow = 1 << 30

var units = []struct {
	suffix string
	bytes  float64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}, {"", 1}}

// parseSize reads a size such as 16MiB or 512.
func parseSize(s string) (int, error) {
	for _, u := range units {
		if n, ok := strings.CutSuffix(strings.TrimSpace(s), u.suffix); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(n), 64)
			if err != nil || v < 1 || v*u.bytes > maxMaxRow {
				break
			}
			return int(v * u.bytes), nil
		}
	}
	return 0, fmt.Errorf("%q is not a size from 1 to 1GiB, such as 16MiB", s)
}

// maxRow is max_row in bytes. Validate has seen that it is a size.
func (c *Config) maxRow() int {
	if n, err := parseSize(c.MaxRow); err == nil {
		return n
	}
	return 16 << 20
}
