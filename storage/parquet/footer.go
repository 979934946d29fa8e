package parquet

import (
	"maps"
	"slices"

	"github.com/firn-data/firn/internal/schema"
)

// createdBy has the form that parquet-java parses; it ignores the statistics of files whose writer it can't name.
const createdBy = "firn version 1.0.0 (build 1)"

// rowGroup describes a finished row group.
type rowGroup struct {
	start, rows int64
	chunks      []chunk
}

// newNodes makes the tree of fields and lists its leaf columns in file order.
func newNodes(fields []schema.Field, out *encoder) (nodes []*node, columns []*column) {
	var add func(f schema.Field, path []string, def, rep uint8) *node
	add = func(f schema.Field, path []string, def, rep uint8) *node {
		if !f.Required {
			def++
		}
		n := &node{field: f, path: append(slices.Clone(path), f.Name), def: def, rep: rep}
		t := f.Type
		switch t.Kind {
		case schema.Struct:
			for _, child := range t.Fields {
				n.children = append(n.children, add(child, n.path, def, rep))
			}
		case schema.List, schema.Map:
			group, names := "list", []string{"element"}
			if t.Kind == schema.Map {
				group, names = "key_value", []string{"key", "value"}
			}
			for i, child := range t.Fields {
				child.Name = names[i]
				n.children = append(n.children, add(child, append(slices.Clone(n.path), group), def+1, rep+1))
			}
		default:
			n.column = newColumn(f, n.path, def, rep, out)
			columns = append(columns, n.column)
		}
		return n
	}
	for _, f := range fields {
		nodes = append(nodes, add(f, nil, 0, 0))
	}
	return nodes, columns
}

// depth is how many levels t nests.
func depth(t schema.Type) (n int) {
	for _, f := range t.Fields {
		n = max(n, 1+depth(f.Type))
	}
	return n
}

// hollow says whether t has a struct without fields.
func hollow(t schema.Type) bool {
	return t.Kind == schema.Struct && len(t.Fields) == 0 || slices.ContainsFunc(t.Fields, func(f schema.Field) bool { return hollow(f.Type) })
}

// Repetition, converted types and logical types of parquet.thrift.
const (
	required, optional, repeated = 0, 1, 2

	convertedUTF8, convertedMap, convertedList, convertedDecimal, convertedDate = 0, 1, 3, 5, 6
	convertedTimeMicros, convertedTimestampMicros                               = 8, 10

	logicalString, logicalMap, logicalList, logicalDecimal, logicalDate = 1, 2, 3, 5, 6
	logicalTime, logicalTimestamp, logicalUUID                          = 7, 8, 14
)

var physicalTypes = map[schema.Physical]int32{
	schema.ParquetBoolean: 0, schema.ParquetInt32: 1, schema.ParquetInt64: 2, schema.ParquetFloat: 4, schema.ParquetDouble: 5,
	schema.ParquetByteArray: 6, schema.ParquetFixed: 7,
}

// elements counts the schema elements of a field.
func elements(f schema.Field) int {
	n := 1
	if f.Type.Kind == schema.List || f.Type.Kind == schema.Map {
		n++
	}
	for _, child := range f.Type.Fields {
		n += elements(child)
	}
	return n
}

func appendElements(c *compact, nodes []*node) {
	for _, n := range nodes {
		t := n.field.Type
		c.item()
		if n.column != nil {
			p, length := t.Physical()
			c.i32(1, physicalTypes[p])
			if p == schema.ParquetFixed {
				c.i32(2, int32(length))
			}
		}
		if n.field.Required {
			c.i32(3, required)
		} else {
			c.i32(3, optional)
		}
		c.str(4, n.path[len(n.path)-1])
		switch t.Kind {
		case schema.Struct:
			c.i32(5, int32(len(n.children)))
		case schema.List, schema.Map:
			c.i32(5, 1)
		}
		appendAnnotation(c, t, n.field.ID)
		c.end()
		if t.Kind == schema.List || t.Kind == schema.Map {
			c.item()
			c.i32(3, repeated)
			c.str(4, map[schema.Kind]string{schema.List: "list", schema.Map: "key_value"}[t.Kind])
			c.i32(5, int32(len(n.children)))
			c.end()
		}
		appendElements(c, n.children)
	}
}

// appendAnnotation writes the converted and the logical type, for old readers and new. Local times carry the legacy annotation, too,
// as the format asks; nanoseconds have none.
// Source: https://github.com/apache/parquet-format/blob/master/LogicalTypes.md
func appendAnnotation(c *compact, t schema.Type, id int) {
	converted := func(v int32) { c.i32(6, v) }
	fieldID := func() {
		if id > 0 {
			c.i32(9, int32(id))
		}
	}
	logical := func(arm int16) {
		fieldID()
		c.begin(10)
		c.empty(arm)
		c.end()
	}
	timed := func(arm int16, utc bool, unit int16) {
		fieldID()
		c.begin(10)
		c.begin(arm)
		c.bool(1, utc)
		c.begin(2)
		c.empty(unit)
		c.end()
		c.end()
		c.end()
	}
	const micros, nanos = 2, 3
	switch t.Kind {
	case schema.String:
		converted(convertedUTF8)
		logical(logicalString)
	case schema.List:
		converted(convertedList)
		logical(logicalList)
	case schema.Map:
		converted(convertedMap)
		logical(logicalMap)
	case schema.Decimal:
		converted(convertedDecimal)
		c.i32(7, int32(t.Scale))
		c.i32(8, int32(t.Precision))
		fieldID()
		c.begin(10)
		c.begin(logicalDecimal)
		c.i32(1, int32(t.Scale))
		c.i32(2, int32(t.Precision))
		c.end()
		c.end()
	case schema.Date:
		converted(convertedDate)
		logical(logicalDate)
	case schema.Time:
		converted(convertedTimeMicros)
		timed(logicalTime, false, micros)
	case schema.Timestamp, schema.TimestampTZ:
		converted(convertedTimestampMicros)
		timed(logicalTimestamp, t.Kind == schema.TimestampTZ, micros)
	case schema.TimestampNS, schema.TimestampTZNS:
		timed(logicalTimestamp, t.Kind == schema.TimestampTZNS, nanos)
	case schema.UUID:
		logical(logicalUUID)
	default:
		fieldID()
	}
}

// footer is the file's metadata.
func (w *Writer) footer() ([]byte, error) {
	iceberg, err := icebergSchema(w.schema)
	if err != nil {
		return nil, err
	}
	metadata := map[string]string{icebergSchemaKey: iceberg}
	maps.Copy(metadata, w.o.Metadata)
	var c compact
	c.i32(1, 2)
	n := 1
	for _, f := range w.schema.Fields {
		n += elements(f)
	}
	c.list(2, compactStruct, n)
	c.item()
	c.str(4, "table")
	c.i32(5, int32(len(w.nodes)))
	c.end()
	appendElements(&c, w.nodes)
	c.i64(3, w.rows)
	c.list(4, compactStruct, len(w.groups))
	for i := range w.groups {
		w.appendRowGroup(&c, i)
	}
	c.list(5, compactStruct, len(metadata))
	for _, k := range slices.Sorted(maps.Keys(metadata)) {
		c.item()
		c.str(1, k)
		c.str(2, metadata[k])
		c.end()
	}
	c.str(6, createdBy)
	c.list(7, compactStruct, len(w.columns))
	for range w.columns {
		c.item()
		c.empty(1) // the order of the type
		c.end()
	}
	return c.stop(), nil
}

func (w *Writer) appendRowGroup(c *compact, ordinal int) {
	g := &w.groups[ordinal]
	var raw, size int64
	c.item()
	c.list(1, compactStruct, len(g.chunks))
	for i := range g.chunks {
		k := &g.chunks[i]
		raw += k.raw
		size += k.size
		c.item()
		c.i64(2, k.start)
		c.begin(3)
		w.columns[i].appendMetadata(c, k)
		c.end()
		if k.offsetIndex != nil {
			c.i64(4, k.offsetIndexAt)
			c.i32(5, int32(len(k.offsetIndex)))
		}
		if k.columnIndex != nil {
			c.i64(6, k.columnIndexAt)
			c.i32(7, int32(len(k.columnIndex)))
		}
		c.end()
	}
	c.i64(2, raw)
	c.i64(3, g.rows)
	if len(w.sorting) > 0 {
		c.list(4, compactStruct, len(w.sorting))
		for _, s := range w.sorting {
			c.item()
			c.i32(1, int32(s.column))
			c.bool(2, s.descending)
			c.bool(3, s.nullsFirst)
			c.end()
		}
	}
	c.i64(5, g.start)
	c.i64(6, size)
	if ordinal < 1<<15 {
		c.i16(7, int16(ordinal))
	}
	c.end()
}

// appendMetadata writes a chunk's ColumnMetaData.
func (col *column) appendMetadata(c *compact, k *chunk) {
	p, _ := col.field.Type.Physical()
	c.i32(1, physicalTypes[p])
	used := []int32{int32(rle)} // of the levels
	stats := 0
	for e, n := range k.dataPages {
		if n > 0 {
			stats++
			if e != int(rle) {
				used = append(used, int32(e))
			}
		}
	}
	if k.dictPages > 0 && k.dataPages[plain] == 0 {
		used = append(used, int32(plain))
	}
	c.list(2, compactI32, len(used))
	for _, e := range used {
		c.itemI32(e)
	}
	c.list(3, compactBinary, len(col.path))
	for _, s := range col.path {
		c.itemStr(s)
	}
	c.i32(4, k.codec)
	c.i64(5, k.values)
	c.i64(6, k.raw)
	c.i64(7, k.size)
	c.i64(9, k.dataStart)
	if k.dictPages > 0 {
		c.i64(11, k.start)
	}
	c.begin(12)
	c.i64(3, k.nulls)
	if k.hi != nil {
		c.bytes(5, k.hi)
	}
	if k.lo != nil {
		c.bytes(6, k.lo)
	}
	if k.hi != nil {
		c.bool(7, k.exactHi)
	}
	if k.lo != nil {
		c.bool(8, k.exactLo)
	}
	c.end()
	c.list(13, compactStruct, stats+int(k.dictPages))
	encodingStats := func(page, e int, n int32) {
		c.item()
		c.i32(1, int32(page))
		c.i32(2, int32(e))
		c.i32(3, n)
		c.end()
	}
	if k.dictPages > 0 {
		encodingStats(2, int(plain), k.dictPages)
	}
	for e, n := range k.dataPages {
		if n > 0 {
			encodingStats(0, e, n)
		}
	}
}
