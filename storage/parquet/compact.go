package parquet

import "encoding/binary"

// compact writes the structs of parquet.thrift in Thrift's compact protocol. Fields go in by rising id.
// Source: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
type compact struct {
	b     []byte
	last  int16 // id of the last field of the open struct
	outer [12]int16
	depth int
}

const (
	compactTrue   = 1
	compactFalse  = 2
	compactI16    = 4
	compactI32    = 5
	compactI64    = 6
	compactBinary = 8
	compactList   = 9
	compactStruct = 12
)

func (c *compact) field(id int16, typ byte) {
	if d := id - c.last; d > 0 && d <= 15 {
		c.b = append(c.b, byte(d)<<4|typ)
	} else {
		c.b = binary.AppendVarint(append(c.b, typ), int64(id))
	}
	c.last = id
}

func (c *compact) i16(id int16, v int16) {
	c.field(id, compactI16)
	c.b = binary.AppendVarint(c.b, int64(v))
}

func (c *compact) i32(id int16, v int32) {
	c.field(id, compactI32)
	c.b = binary.AppendVarint(c.b, int64(v))
}

func (c *compact) i64(id int16, v int64) {
	c.field(id, compactI64)
	c.b = binary.AppendVarint(c.b, v)
}

func (c *compact) bool(id int16, v bool) {
	if v {
		c.field(id, compactTrue)
	} else {
		c.field(id, compactFalse)
	}
}

func (c *compact) str(id int16, s string) {
	c.field(id, compactBinary)
	c.itemStr(s)
}

func (c *compact) bytes(id int16, s []byte) {
	c.field(id, compactBinary)
	c.itemBytes(s)
}

// begin opens a struct that is a field; end closes it.
func (c *compact) begin(id int16) {
	c.field(id, compactStruct)
	c.item()
}

// item opens a struct that is an element of a list; end closes it.
func (c *compact) item() {
	c.outer[c.depth] = c.last
	c.depth++
	c.last = 0
}

func (c *compact) end() {
	c.b = append(c.b, 0)
	c.depth--
	c.last = c.outer[c.depth]
}

// empty is a field whose struct has no fields, as the arms of parquet.thrift's unions.
func (c *compact) empty(id int16) {
	c.begin(id)
	c.end()
}

// list opens a list of n elements, which follow.
func (c *compact) list(id int16, typ byte, n int) {
	c.field(id, compactList)
	if n < 15 {
		c.b = append(c.b, byte(n)<<4|typ)
		return
	}
	c.b = binary.AppendUvarint(append(c.b, 0xf0|typ), uint64(n))
}

func (c *compact) itemI32(v int32) { c.b = binary.AppendVarint(c.b, int64(v)) }
func (c *compact) itemI64(v int64) { c.b = binary.AppendVarint(c.b, v) }
func (c *compact) itemStr(s string) {
	c.b = append(binary.AppendUvarint(c.b, uint64(len(s))), s...)
}
func (c *compact) itemBytes(s []byte) {
	c.b = append(binary.AppendUvarint(c.b, uint64(len(s))), s...)
}
func (c *compact) itemBool(v bool) {
	if v {
		c.b = append(c.b, compactTrue)
	} else {
		c.b = append(c.b, compactFalse)
	}
}

// stop ends the outermost struct.
func (c *compact) stop() []byte {
	c.b = append(c.b, 0)
	return c.b
}
