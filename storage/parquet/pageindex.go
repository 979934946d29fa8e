package parquet

import (
	"github.com/firn-data/firn/internal/schema"
)

// pageIndex collects the column index and the offset index of an open chunk.
// Source: https://github.com/apache/parquet-format/blob/master/PageIndex.md
type pageIndex struct {
	pages   []indexedPage
	bounds  []byte // of the pages, one after the other
	last    extent // of the last page that has one
	rising  bool
	falling bool
	unknown bool // a page with values has no bounds: the format then allows no column index
	typ     schema.Type
}

type indexedPage struct {
	start, size int64 // in the chunk, header included
	firstRow    int64
	nulls       int64
	lo, hi      int // lengths in bounds
	empty       bool
}

func (x *pageIndex) add(c *column, start, firstRow int64, ext *extent) {
	x.typ = c.field.Type
	p := indexedPage{start: start, size: c.pages.n - start, firstRow: firstRow, nulls: int64(c.nulls), empty: c.nulls == c.slots}
	lo, hi, _, _ := ext.plainBounds(x.typ)
	switch {
	case p.empty:
	case lo == nil || hi == nil:
		x.unknown = true
	default:
		p.lo, p.hi = len(lo), len(hi)
		x.bounds = append(append(x.bounds, lo...), hi...)
		x.order(ext)
	}
	x.pages = append(x.pages, p)
}

func (x *pageIndex) order(ext *extent) {
	if !x.last.set {
		x.last.order = ext.order
		x.rising, x.falling = true, true
	} else {
		up, down := x.last.steps(ext)
		x.rising, x.falling = x.rising && up, x.falling && down
		x.last.reset()
	}
	x.last.merge(ext)
}

// encode gives the ColumnIndex, nil where there can't be one, and the OffsetIndex of a chunk whose data pages begin at base.
func (x *pageIndex) encode(base int64) (columnIndex, offsetIndex []byte) {
	var c compact
	c.list(1, compactStruct, len(x.pages))
	for _, p := range x.pages {
		c.item()
		c.i64(1, base+p.start)
		c.i32(2, int32(p.size))
		c.i64(3, p.firstRow)
		c.end()
	}
	offsetIndex = c.stop()
	if x.unknown {
		return nil, offsetIndex
	}
	c = compact{}
	c.list(1, compactTrue, len(x.pages))
	for _, p := range x.pages {
		c.itemBool(p.empty)
	}
	x.encodeBounds(&c, 2, func(p indexedPage) (skip, n int) { return 0, p.lo })
	x.encodeBounds(&c, 3, func(p indexedPage) (skip, n int) { return p.lo, p.hi })
	order := int32(0)
	if x.rising {
		order = 1
	} else if x.falling {
		order = 2
	}
	c.i32(4, order)
	c.list(5, compactI64, len(x.pages))
	for _, p := range x.pages {
		c.itemI64(p.nulls)
	}
	return c.stop(), offsetIndex
}

func (x *pageIndex) encodeBounds(c *compact, id int16, which func(indexedPage) (skip, n int)) {
	c.list(id, compactBinary, len(x.pages))
	at := 0
	for _, p := range x.pages {
		skip, n := which(p)
		c.itemBytes(x.bounds[at+skip : at+skip+n])
		at += p.lo + p.hi
	}
}

func (x *pageIndex) reset() {
	x.pages, x.bounds = x.pages[:0], x.bounds[:0]
	x.last.reset()
	x.rising, x.falling, x.unknown = false, false, false
}

func (x *pageIndex) held() int64 { return int64(64*cap(x.pages) + cap(x.bounds)) }

var magic = []byte("PAR1")
