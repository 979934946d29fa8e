// Package partition holds Iceberg's partition transforms, sort orders and partition values, and computes them over
// Arrow columns.
package partition

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/firn-data/firn/internal/schema"
)

// Kind is a partition transform of the Iceberg spec.
type Kind uint8

const (
	Identity Kind = iota
	Bucket
	Truncate
	Year
	Month
	Day
	Hour
	Void
)

var kindNames = [...]string{"identity", "bucket", "truncate", "year", "month", "day", "hour", "void"}

// Transform is a partition transform with its parameter: N of bucket[N], W of truncate[W].
type Transform struct {
	Kind  Kind
	Param int
}

// String is the transform as table metadata spells it: bucket[16], day.
func (t Transform) String() string {
	if t.Kind == Bucket || t.Kind == Truncate {
		return fmt.Sprintf("%s[%d]", kindNames[t.Kind], t.Param)
	}
	return kindNames[t.Kind]
}

// ParseTransform reads a transform as table metadata spells it.
func ParseTransform(text string) (Transform, error) {
	name, rest, found := strings.Cut(text, "[")
	for k, n := range kindNames {
		if n != name {
			continue
		}
		t := Transform{Kind: Kind(k)}
		if t.Kind != Bucket && t.Kind != Truncate {
			if found {
				break
			}
			return t, nil
		}
		p, err := strconv.Atoi(strings.TrimSuffix(rest, "]"))
		if !found || err != nil || p < 1 {
			break
		}
		t.Param = p
		return t, nil
	}
	return Transform{}, fmt.Errorf("%q is not a partition transform", text)
}

// Field is one field of a partition spec.
type Field struct {
	SourceID  int // field id of the column it is made from
	FieldID   int // its own id, 1000 and up
	Name      string
	Transform Transform
}

// Spec is a partition spec; no fields means unpartitioned.
type Spec struct {
	ID     int
	Fields []Field
}

// SortField is one field of a sort order.
type SortField struct {
	SourceID   int
	Transform  Transform
	Descending bool
	NullsLast  bool
}

// SortOrder is a table's sort order; order 0 is unsorted.
type SortOrder struct {
	ID     int
	Fields []SortField
}

// Tuple is the partition values of a data file, one for each field of its spec, nil for null. Values have the Go type of
// the transform's result: bool, int32 (also date, year, month, day, hour and bucket), int64 (also time and timestamps,
// in µs), float32, float64, string, []byte, [16]byte for uuid, decimal128.Num.
type Tuple []any

// Expr is a partition or sort expression as a job writes it: a column name, days(c), bucket(16, c), truncate(4, c).
type Expr struct {
	Transform  Transform
	Column     string
	Descending bool
	NullsLast  bool
}

var call = regexp.MustCompile(`^(?i)([a-z]+)\(\s*(?:(\d+)\s*,\s*)?(.+?)\s*\)$`)

var callKinds = map[string]Kind{
	"identity": Identity, "bucket": Bucket, "truncate": Truncate, "year": Year, "years": Year, "month": Month, "months": Month,
	"day": Day, "days": Day, "date": Day, "hour": Hour, "hours": Hour, "void": Void,
}

// ParseExpr reads one expression of a job's partition list. A name that is not a known call is a column.
func ParseExpr(text string) (Expr, error) {
	text = strings.TrimSpace(text)
	m := call.FindStringSubmatch(text)
	if m == nil {
		if text == "" || strings.ContainsAny(text, "()") {
			return Expr{}, fmt.Errorf("%q is not a column or a transform such as days(c) or bucket(16, c)", text)
		}
		return Expr{Column: text}, nil
	}
	k, ok := callKinds[strings.ToLower(m[1])]
	if !ok {
		return Expr{}, fmt.Errorf("unknown transform %q: use identity, bucket, truncate, years, months, days or hours", m[1])
	}
	e := Expr{Transform: Transform{Kind: k}, Column: m[3]}
	needs := k == Bucket || k == Truncate
	if needs != (m[2] != "") {
		return Expr{}, fmt.Errorf("%q: %s", text, map[bool]string{true: "needs a number first, such as " + kindNames[k] + "(16, c)", false: "takes only a column"}[needs])
	}
	if needs {
		e.Transform.Param, _ = strconv.Atoi(m[2])
		if e.Transform.Param < 1 {
			return Expr{}, fmt.Errorf("%q: the number must be at least 1", text)
		}
	}
	return e, nil
}

// ParseSortExpr reads one expression of a job's sort list: an Expr with an optional ASC or DESC and NULLS FIRST or LAST.
// Nulls come first ascending and last descending unless said, as in Spark.
func ParseSortExpr(text string) (Expr, error) {
	words := strings.Fields(text)
	desc, nulls := false, ""
	if n := len(words); n > 2 && strings.EqualFold(words[n-2], "nulls") {
		nulls = strings.ToLower(words[n-1])
		if nulls != "first" && nulls != "last" {
			return Expr{}, fmt.Errorf("%q: nulls are FIRST or LAST", text)
		}
		words = words[:n-2]
	}
	if n := len(words); n > 1 {
		switch strings.ToLower(words[n-1]) {
		case "desc":
			desc, words = true, words[:n-1]
		case "asc":
			words = words[:n-1]
		}
	}
	e, err := ParseExpr(strings.Join(words, " "))
	e.Descending = desc
	e.NullsLast = nulls == "last" || nulls == "" && desc
	return e, err
}

// FieldName is the partition field name that Iceberg's Java library gives: c, c_bucket, c_trunc, c_year, c_month, c_day, c_hour.
func (e Expr) FieldName() string {
	suffix := [...]string{"", "_bucket", "_trunc", "_year", "_month", "_day", "_hour", "_null"}
	return e.Column + suffix[e.Transform.Kind]
}

// ResultType is the type of t's values over a column of type in, or an error when the spec does not allow it.
func (t Transform) ResultType(in schema.Type) (schema.Type, error) {
	refuse := func() (schema.Type, error) {
		return schema.Type{}, fmt.Errorf("%s does not apply to %s", t, in)
	}
	dateLike := in.Kind == schema.Date
	timeLike := in.Kind >= schema.Timestamp && in.Kind <= schema.TimestampTZNS
	switch t.Kind {
	case Identity, Void:
		if in.Nested() {
			return refuse()
		}
		return in, nil
	case Bucket:
		switch in.Kind {
		case schema.Boolean, schema.Float, schema.Double, schema.Struct, schema.List, schema.Map:
			return refuse()
		}
		return schema.Type{Kind: schema.Int}, nil
	case Truncate:
		switch in.Kind {
		case schema.Int, schema.Long, schema.Decimal, schema.String, schema.Binary:
			return in, nil
		}
		return refuse()
	case Day:
		if dateLike || timeLike {
			return schema.Type{Kind: schema.Date}, nil
		}
	case Year, Month:
		if dateLike || timeLike {
			return schema.Type{Kind: schema.Int}, nil
		}
	case Hour:
		if timeLike {
			return schema.Type{Kind: schema.Int}, nil
		}
	}
	return refuse()
}
