package csv

import (
	"fmt"
	"unsafe"

	"github.com/firn-data/firn/internal/datepattern"
	"github.com/firn-data/firn/internal/schema"
)

const microsPerDay = 86_400_000_000

// column is the column that a line of schema describes.
func (c ColumnSpec) column() (column, error) {
	t, err := schema.Parse(c.Type)
	if err != nil {
		return column{}, err
	}
	out := column{name: c.Name, typ: t, format: c.Format}
	if c.Format == "" {
		return out, nil
	}
	if t.Kind != schema.Date && t.Kind != schema.Timestamp && t.Kind != schema.TimestampTZ {
		return column{}, fmt.Errorf("a format is for dates and timestamps, not for %s", typeName(out))
	}
	p, bad := datepattern.New(c.Format, true)
	if bad != nil {
		return column{}, fmt.Errorf("%q cannot be read by: %s", c.Format, bad)
	}
	if p.HasZone() && t.Kind != schema.TimestampTZ {
		return column{}, fmt.Errorf("%q reads an offset, which a %s would lose: make it a timestamp", c.Format, typeName(out))
	}
	out.pattern = p
	return out, nil
}

// formatted reads a text by the column's format: µs since 1970. A text without an offset is in UTC.
func (c column) formatted(s []byte) (int64, bool) {
	if len(s) == 0 {
		return 0, false
	}
	return c.pattern.ParseExact(unsafe.String(unsafe.SliceData(s), len(s)))
}

// formattedDay reads a date by the column's format; a time of day in it would be lost, and is refused.
func (c column) formattedDay(s []byte) (int32, bool) {
	v, ok := c.formatted(s)
	day := v / microsPerDay
	return int32(day), ok && v%microsPerDay == 0 && day == int64(int32(day))
}
