package expr

import (
	"fmt"
	"time"
)

// FormatInstant writes a time, in UTC, by one of Spark's date patterns, as date_format does.
func FormatInstant(pattern string, t time.Time) (string, error) {
	p, bad := parsePattern(pattern, false)
	if bad != nil {
		return "", fmt.Errorf("%s", bad.msg)
	}
	out, ok := p.format(nil, t.UnixMicro())
	if !ok {
		return "", fmt.Errorf("the time does not fit the pattern")
	}
	return string(out), nil
}
