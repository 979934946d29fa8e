// Package quantity is the sizes and shares that configuration files write as text.
package quantity

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/firn-data/firn/internal/reference"
)

// Bytes is a size: 16MiB, 1GB, 512.
type Bytes int64

// Percent is a share: 10% is 0.1.
type Percent float64

// ReferenceKind implements reference.Typed.
func (Bytes) ReferenceKind() reference.Kind { return reference.Size }

// ReferenceKind implements reference.Typed.
func (Percent) ReferenceKind() reference.Kind { return reference.Share }

var units = []struct {
	suffix string
	factor float64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}, {"", 1}}

// ParseBytes reads a size. "auto" is 0.
func ParseBytes(s string) (Bytes, error) {
	s = strings.TrimSpace(s)
	if s == "auto" {
		return 0, nil
	}
	for _, u := range units {
		if body, ok := strings.CutSuffix(s, u.suffix); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(body), 64)
			if err != nil || !(0 <= f*u.factor && f*u.factor < math.MaxInt64) {
				break
			}
			return Bytes(f * u.factor), nil
		}
	}
	return 0, fmt.Errorf("%q is not a size such as 256MiB", s)
}

// ParsePercent reads a share.
func ParsePercent(s string) (Percent, error) {
	body, ok := strings.CutSuffix(strings.TrimSpace(s), "%")
	f, err := strconv.ParseFloat(body, 64)
	if !ok || err != nil || !(0 <= f && f <= 100) {
		return 0, fmt.Errorf("%q is not a share such as 10%%", s)
	}
	return Percent(f / 100), nil
}
