package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/sources"
)

// Object ids of built-in types, from the server's pg_type.dat.
const (
	oidBool, oidBytea, oidName, oidInt8, oidInt2, oidInt4, oidText, oidOID = 16, 17, 19, 20, 21, 23, 25, 26
	oidFloat4, oidFloat8, oidBPChar, oidVarchar, oidDate, oidTime          = 700, 701, 1042, 1043, 1082, 1083
	oidTimestamp, oidTimestamptz, oidNumeric, oidUUID, oidJSON             = 1114, 1184, 1700, 2950, 114
)

// pgType is what the catalog says of a type.
type pgType struct {
	oid    uint32
	domain bool
	base   uint32 // of a domain
	typmod int32  // of a domain's base; -1 when it has none
	elem   uint32 // of an array, else 0
	delim  byte   // between elements of this type
	name   string
}

// catalog holds the types that a stream needs, by object id.
type catalog map[uint32]pgType

// loadTypes looks up types and those they are made of.
func (s *source) loadTypes(ctx context.Context, oids []uint32) (catalog, error) {
	known := catalog{}
	for len(oids) > 0 {
		list := make([]string, len(oids))
		for i, o := range oids {
			list[i] = strconv.FormatUint(uint64(o), 10)
		}
		rows, err := s.text(ctx, s.conn, "look up types", `
SELECT oid, typtype = 'd', typbasetype, typtypmod, typdelim, format_type(oid, NULL),
  CASE WHEN typcategory = 'A' AND typlen = -1 AND typname NOT IN ('int2vector', 'oidvector') THEN typelem ELSE 0 END
FROM pg_catalog.pg_type WHERE oid = ANY($1::oid[])`, "{"+strings.Join(list, ",")+"}")
		if err != nil {
			return nil, err
		}
		oids = nil
		for _, r := range rows {
			t := pgType{domain: r[1].text == "t", delim: r[4].text[0], name: r[5].text}
			if _, err := fmt.Sscan(r[0].text+" "+r[2].text+" "+r[3].text+" "+r[6].text, &t.oid, &t.base, &t.typmod, &t.elem); err != nil {
				return nil, fault.Wrap(fault.Bug, err, "read the type %s", t.name)
			}
			known[t.oid] = t
			for _, o := range []uint32{t.base, t.elem} {
				if _, have := known[o]; o != 0 && !have {
					oids = append(oids, o)
				}
			}
		}
	}
	return known, nil
}

// resolve follows domains to the type beneath, and to its modifier.
func (c catalog) resolve(oid uint32, typmod int32) (pgType, int32) {
	t := c[oid]
	for t.domain {
		if t.typmod >= 0 {
			typmod = t.typmod
		}
		t = c[t.base]
	}
	return t, typmod
}

// column is one column of what is read: its type on the server and what it becomes.
type column struct {
	name     string
	oid      uint32 // domains resolved
	typeName string // as the server spells it: numeric(18,2)[]
	notNull  bool

	typ    schema.Type
	asText bool   // sent as the server's text, not in its binary format
	note   string // what plan shows; empty when the type is kept
	vector maker
}

// maker makes a column's vector; rows is how many it has room for at first.
type maker func(alloc memory.Allocator, rows int) vector

// mapType decides what a column becomes. Types without an exact counterpart are read as the server's text.
func (c *column) mapType(types catalog, oid uint32, typmod int32) {
	t, typmod := types.resolve(oid, typmod)
	c.oid = t.oid
	scalarType := t
	if t.elem != 0 {
		scalarType, typmod = types.resolve(t.elem, typmod)
	}
	typ, mk := scalar(scalarType.oid, typmod)
	if mk == nil {
		c.asText = true
		c.note = c.typeName + " is read as text"
		if scalarType.oid == oidNumeric {
			c.note = c.typeName + " has no fixed precision of at most 38 digits, so it is read as text: name one with a query that casts, such as " + c.name + "::numeric(38,6)"
		}
		typ, mk = texts()
	}
	c.typ, c.vector = typ, mk
	if t.elem == 0 {
		return
	}
	c.typ = schema.ListOf(typ)
	parse := binaryArray
	if c.asText {
		parse = textArray(types[t.elem].delim)
	}
	arrowType := c.typ.Arrow()
	c.vector = func(alloc memory.Allocator, rows int) vector {
		return newList(alloc, arrowType, rows, mk(alloc, rows), parse)
	}
}

// format is the column's format code in the protocol.
func (c *column) format() int16 {
	if c.asText {
		return 0
	}
	return 1
}

func (c *column) field() arrow.Field {
	return arrow.Field{Name: c.name, Type: c.typ.Arrow(), Nullable: !c.notNull, Metadata: arrow.MetadataFrom(map[string]string{sources.NativeType: c.typeName})}
}

func texts() (schema.Type, maker) {
	t := schema.Type{Kind: schema.String}
	return t, func(a memory.Allocator, rows int) vector { return newVarbytes(a, t.Arrow(), rows, isUTF8) }
}

// scalar maps the types that have an exact counterpart; the maker is nil for all others.
func scalar(oid uint32, typmod int32) (schema.Type, maker) {
	switch oid {
	case oidBool:
		return schema.Type{Kind: schema.Boolean}, func(a memory.Allocator, _ int) vector { return &bools{validity: validity{alloc: a}} }
	case oidInt2:
		return fixedMaker(schema.Int, func(f fixed[int32]) vector { return &int2s{f} })
	case oidInt4:
		return fixedMaker(schema.Int, func(f fixed[int32]) vector { return &int4s{f} })
	case oidInt8:
		return fixedMaker(schema.Long, func(f fixed[int64]) vector { return &int8s{f} })
	case oidOID:
		return fixedMaker(schema.Long, func(f fixed[int64]) vector { return &oids{f} })
	case oidFloat4:
		return fixedMaker(schema.Float, func(f fixed[float32]) vector { return &float4s{f} })
	case oidFloat8:
		return fixedMaker(schema.Double, func(f fixed[float64]) vector { return &float8s{f} })
	case oidText, oidVarchar, oidBPChar, oidName, oidJSON:
		return texts()
	case oidBytea:
		t := schema.Type{Kind: schema.Binary}
		return t, func(a memory.Allocator, rows int) vector { return newVarbytes(a, t.Arrow(), rows, nil) }
	case oidDate:
		return fixedMaker(schema.Date, func(f fixed[int32]) vector { return &dates{f} })
	case oidTime:
		return fixedMaker(schema.Time, func(f fixed[int64]) vector { return &times{f} })
	case oidTimestamp:
		return fixedMaker(schema.Timestamp, func(f fixed[int64]) vector { return &timestamps{f} })
	case oidTimestamptz:
		return fixedMaker(schema.TimestampTZ, func(f fixed[int64]) vector { return &timestamps{f} })
	case oidUUID:
		t := schema.Type{Kind: schema.UUID}
		return t, func(a memory.Allocator, rows int) vector {
			return &uuids{validity: validity{alloc: a}, typ: t.Arrow(), rows: rows}
		}
	case oidNumeric:
		if p, s, ok := numericTypmod(typmod); ok {
			t := schema.DecimalOf(p, s)
			return t, func(a memory.Allocator, rows int) vector {
				return &numerics{fixed: newFixed[decimal128.Num](a, t.Arrow(), rows), precision: p, scale: s}
			}
		}
	}
	return schema.Type{}, nil
}

func fixedMaker[T arrow.FixedWidthType](k schema.Kind, wrap func(fixed[T]) vector) (schema.Type, maker) {
	t := schema.Type{Kind: k}
	return t, func(a memory.Allocator, rows int) vector { return wrap(newFixed[T](a, t.Arrow(), rows)) }
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
