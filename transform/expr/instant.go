package expr

import (
	"fmt"
	"time"

	"github.com/firn-data/firn/internal/datepattern"
)

// FormatInstant writes a time, in UTC, by one of Spark's date patterns, as date_format does.
func FormatInstant(pattern string, t time.Time) (string, error) {
	p, bad := datepattern.New(pattern, false)
	if bad != nil {
		return "", fmt.Errorf("%s", bad.Msg)
	}
	out, ok := p.Format(nil, t.UnixMicro())
	if !ok {
		return "", fmt.Errorf("the time does not fit the pattern")
	}
	return string(out), nil
}
