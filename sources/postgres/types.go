package postgres

import (
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/sources"
)

// Object ids of built-in types, from the server's pg_type.dat.
const (
	oidBool, oidBytea, oidChar, oidName, oidInt8, oidInt2, oidInt4, oidText, oidOID = 16, 17, 18, 19, 20, 21, 23, 25, 26
	oidFloat4, oidFloat8, oidBPChar, oidVarchar, oidDate, oidTime                   = 700, 701, 1042, 1043, 1082, 1083
	oidTimestamp, oidTimestamptz, oidNumeric, oidUUID, oidJSON, oidXML              = 1114, 1184, 1700, 2950, 114, 142
)

// column is one column of what is read: its type on the server, how it is selected and what it becomes.
type column struct {
	name     string
	oid      uint32 // of the base type, domains resolved
	element  uint32 // element type of an array, else 0
	typmod   int32
	typeName string // as the server spells it: numeric(18,2)[]
	notNull  bool

	typ    schema.Type
	asText bool   // selected as name::text
	note   string // what plan shows; empty when the type is kept
	decode decoder
}

// mapType decides what a column becomes. Types without an exact counterpart are read as the server's text.
func mapType(c *column) {
	oid := c.oid
	if c.element != 0 {
		oid = c.element
	}
	typ, dec, exact := scalar(oid, c.typmod)
	if !exact {
		typ, dec, c.asText = schema.Type{Kind: schema.String}, decodeText, true
		c.note = c.typeName + " is read as text"
		if oid == oidNumeric {
			c.note = c.typeName + " has no fixed precision of at most 38 digits, so it is read as text: name one with a query that casts, such as " + c.name + "::numeric(38,6)"
		}
	}
	c.typ, c.decode = typ, dec
	if c.element != 0 {
		c.typ, c.decode = schema.ListOf(typ), arrayDecoder(dec)
	}
}

// selectExpr is the column in a SELECT list.
func (c *column) selectExpr() string {
	q := quoteIdent(c.name)
	switch {
	case c.asText && c.element != 0:
		return q + "::text[]"
	case c.asText:
		return q + "::text"
	}
	return q
}

func (c *column) field() arrow.Field {
	return arrow.Field{Name: c.name, Type: c.typ.Arrow(), Nullable: !c.notNull, Metadata: arrow.MetadataFrom(map[string]string{sources.NativeType: c.typeName})}
}

// scalar maps the types that have an exact counterpart.
func scalar(oid uint32, typmod int32) (schema.Type, decoder, bool) {
	kind := func(k schema.Kind, d decoder) (schema.Type, decoder, bool) { return schema.Type{Kind: k}, d, true }
	switch oid {
	case oidBool:
		return kind(schema.Boolean, decodeBool)
	case oidInt2:
		return kind(schema.Int, decodeInt2)
	case oidInt4:
		return kind(schema.Int, decodeInt4)
	case oidInt8:
		return kind(schema.Long, decodeInt8)
	case oidOID:
		return kind(schema.Long, decodeOID)
	case oidFloat4:
		return kind(schema.Float, decodeFloat4)
	case oidFloat8:
		return kind(schema.Double, decodeFloat8)
	case oidText, oidVarchar, oidBPChar, oidName, oidJSON, oidXML:
		return kind(schema.String, decodeText)
	case oidBytea:
		return kind(schema.Binary, decodeBytes)
	case oidDate:
		return kind(schema.Date, decodeDate)
	case oidTime:
		return kind(schema.Time, decodeTime)
	case oidTimestamp:
		return kind(schema.Timestamp, decodeTimestamp)
	case oidTimestamptz:
		return kind(schema.TimestampTZ, decodeTimestamp)
	case oidUUID:
		return kind(schema.UUID, decodeUUID)
	case oidNumeric:
		p, s, ok := numericTypmod(typmod)
		if !ok {
			return schema.Type{}, nil, false
		}
		return schema.DecimalOf(p, s), decodeNumeric(p, s), true
	}
	return schema.Type{}, nil, false
}

// numericTypmod reads precision and scale out of a type modifier; ok is false when Iceberg has no such decimal. A negative
// scale, numeric(3,-2), holds up to 10^5: decimal(5, 0). A scale above the precision, numeric(3,5), is decimal(5, 5).
func numericTypmod(typmod int32) (p, s int, ok bool) {
	if typmod < 4 {
		return 0, 0, false
	}
	p = int((typmod - 4) >> 16 & 0xffff)
	s = int((typmod-4)&0x7ff^1024) - 1024
	if s < 0 {
		p, s = p-s, 0
	}
	p = max(p, s)
	return p, s, p <= 38
}

func quoteIdent(s string) string   { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
func quoteLiteral(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func (c *column) String() string { return fmt.Sprintf("%s %s", c.name, c.typeName) }
