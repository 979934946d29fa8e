package parquet

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/bitutil"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/schema"
)

const (
	// A page ends at maxPageRows slots or maxPageBytes before compression: the defaults of Iceberg's Java writers. Pages of three times
	// the rows make a file 0.3 % smaller, prune worse, and cost three times the memory.
	maxPageRows  = 20_000
	maxPageBytes = 1 << 20
	// hardPageBytes is the most that a page may take: the format counts its bytes in 31 bits, and compression may add some.
	hardPageBytes = 1<<31 - 1<<24
	// squeezeSlots is how many a page must have to be ended early where memory is short.
	squeezeSlots = 4 << 10
	// What a column's first page must come down to, in percent, for the column to be compressed, and for the fastest level to do. Pages
	// under minJudgedBytes are too small to tell.
	skipPercent    = 92
	harderPercent  = 60
	minJudgedBytes = 4 << 10
)

// column writes the pages of one leaf column, one chunk after the other. Pages are complete, encoded and compressed, as they fill.
type column struct {
	field  schema.Field
	path   []string
	maxDef uint8 // definition level of a value that is there
	maxRep uint8

	out    *encoder
	values values
	codec  codec
	begun  bool // a page is compressed

	// the pending page
	rows, slots, nulls int
	valid              []byte  // flat columns: validity, once there is a null
	def, rep           []uint8 // nested columns

	// the open chunk
	pages    spool
	index    pageIndex
	chunk    chunk
	firstRow int64 // of the pending page, in the row group
	extent   extent

	total ColumnMetric // over the closed row groups
	whole extent
}

// encoder is what the columns of a file share.
type encoder struct {
	codec  codec
	page   []byte
	packed []byte
	header compact
}

// chunk describes a column chunk for the footer.
type chunk struct {
	raw                          int64 // bytes before compression, with page headers
	values                       int64 // slots, nulls included
	nulls                        int64
	dataPages                    [encodings]int32
	dictPages                    int32
	codec                        int32
	start                        int64 // of its first page in the file
	dataStart                    int64
	size                         int64
	lo, hi                       []byte
	exactLo                      bool
	exactHi                      bool
	columnIndex                  []byte // nil where there is none
	offsetIndex                  []byte
	columnIndexAt, offsetIndexAt int64
}

func newColumn(f schema.Field, path []string, maxDef, maxRep uint8, out *encoder) *column {
	c := &column{field: f, path: path, maxDef: maxDef, maxRep: maxRep, out: out, values: newValues(f.Type), codec: out.codec}
	o := byBytes
	switch p, _ := f.Type.Physical(); p {
	case schema.ParquetBoolean, schema.ParquetInt32, schema.ParquetInt64:
		o = byInt
	case schema.ParquetFloat, schema.ParquetDouble:
		o = byFloat
	}
	c.extent.order, c.whole.order = o, o
	return c
}

// errAt names the column in an error of its values.
func (c *column) errAt(err error) error {
	if f, ok := err.(*fault.Error); ok && f.Place.Field == "" {
		named := *f
		named.Place.Field = pathText(c.path)
		return &named
	}
	return err
}

// writeFlat appends n slots of a top-level column from off, all valid if the column is required.
func (c *column) writeFlat(a arrow.Array, off, n int) error {
	valid := validity(a).at(off)
	if c.maxDef == 0 && valid.count(n) < n {
		return errRequired(c.path)
	}
	for n > 0 {
		_, size := c.values.pending()
		if size >= maxPageBytes || c.slots >= maxPageRows || c.values.full() {
			if err := c.endPage(); err != nil {
				return err
			}
			size = 0
		}
		k := min(n, maxPageRows-c.slots)
		if valid.count(k) == 0 { // such an array may have no memory for values
			c.addValidity(valid, k)
			off, n, valid = off+k, n-k, valid.at(k)
			continue
		}
		k = c.values.fit(a, off, k, maxPageBytes-size)
		c.addValidity(valid, k)
		if err := c.values.gather(a, off, k, valid); err != nil {
			return c.errAt(err)
		}
		off, n, valid = off+k, n-k, valid.at(k)
	}
	return nil
}

func (c *column) addValidity(valid bitmap, n int) {
	nulls := n - valid.count(n)
	if nulls > 0 || c.nulls > 0 {
		old := (c.slots + 7) / 8
		if c.nulls == 0 {
			c.valid = grow(c.valid[:0], old)
			for i := range c.valid {
				c.valid[i] = 0xff
			}
		}
		if need := (c.slots + n + 7) / 8; need > old {
			c.valid = grow(c.valid, need-old)
			clear(c.valid[old:])
		}
		if valid.bits == nil {
			bitutil.SetBitsTo(c.valid, int64(c.slots), int64(n), true)
		} else {
			bitutil.CopyBitmap(valid.bits, valid.off, n, c.valid, c.slots)
		}
	}
	c.rows += n
	c.slots += n
	c.nulls += nulls
}

// endPage completes the pending page.
func (c *column) endPage() error {
	if c.slots == 0 {
		return nil
	}
	page := c.appendLevels(c.out.page[:0])
	page, enc, ext, err := c.values.seal(page)
	c.out.page = page
	if err != nil {
		return c.errAt(err)
	}
	if len(page) > hardPageBytes {
		return fault.New(fault.Data, "a row has %d MiB in one column, and a Parquet page holds less than 2 GiB", len(page)>>20).At(fault.Place{Field: pathText(c.path)})
	}
	packed := c.compress(page, enc)
	c.begun = true
	h := c.out.pageHeader(page, packed)
	h.begin(5)
	h.i32(1, int32(c.slots))
	h.i32(2, int32(enc))
	h.i32(3, int32(rle))
	h.i32(4, int32(rle))
	h.end()
	header := h.stop()
	start := c.pages.n
	c.pages.write(header)
	c.pages.write(packed)
	c.chunk.raw += int64(len(header) + len(page))
	c.chunk.values += int64(c.slots)
	c.chunk.nulls += int64(c.nulls)
	c.chunk.dataPages[enc]++
	c.index.add(c, start, c.firstRow, ext)
	c.extent.merge(ext)
	c.firstRow += int64(c.rows)
	c.rows, c.slots, c.nulls = 0, 0, 0
	c.def, c.rep = c.def[:0], c.rep[:0]
	return nil
}

// appendLevels begins a data page of version 1, which every reader knows: levels with their length before them, compressed with the values.
// Version 2 keeps levels apart, for readers that skip pages by them; those go by the page index.
func (c *column) appendLevels(dst []byte) []byte {
	if c.maxRep > 0 {
		dst = appendLevels(dst, c.rep, c.maxRep)
	}
	switch {
	case c.maxDef == 0:
	case c.maxRep > 0 || c.maxDef > 1 || len(c.def) > 0:
		dst = appendLevels(dst, c.def, c.maxDef)
	case c.nulls == 0 || c.nulls == c.slots:
		n := binary.PutUvarint(make([]byte, 10), uint64(c.slots)<<1)
		dst = binary.LittleEndian.AppendUint32(dst, uint32(n+1))
		dst = binary.AppendUvarint(dst, uint64(c.slots)<<1)
		if c.nulls == 0 {
			dst = append(dst, 1)
		} else {
			dst = append(dst, 0)
		}
	default: // the validity bits are a packed run already
		groups := (c.slots + 7) / 8
		n := binary.PutUvarint(make([]byte, 10), uint64(groups)<<1|1)
		dst = binary.LittleEndian.AppendUint32(dst, uint32(n+groups))
		dst = binary.AppendUvarint(dst, uint64(groups)<<1|1)
		dst = append(dst, c.valid[:groups]...)
	}
	return dst
}

func appendLevels(dst []byte, levels []uint8, most uint8) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = appendHybrid(dst, levels, uint(bits.Len8(most)))
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

// compress packs a page. The column's first page decides how its later ones are packed. Deltas have little left to gain: where they gain next
// to nothing the column stays uncompressed, which saves the writer and every reader the time. Text that hardly comes down at the
// fastest level, as short codes without a pattern of their own, is tried harder. All chunks of a column keep to one codec, since parquet-go
// reads a column with the codec of its first chunk.
func (c *column) compress(page []byte, enc encoding) []byte {
	if c.codec.compress == nil {
		return page
	}
	c.out.packed = c.codec.compress(c.out.packed[:0], page)
	if c.begun || len(page) < minJudgedBytes {
		return c.out.packed
	}
	percent := len(c.out.packed) * 100 / len(page)
	switch {
	case enc == deltaBinaryPacked && percent > skipPercent:
		c.codec = uncompressed
		return page
	case enc == deltaLength && percent > harderPercent && c.codec.harder != nil:
		c.codec.compress = c.codec.harder
		c.out.packed = c.codec.compress(c.out.packed[:0], page)
	}
	return c.out.packed
}

// pageHeader begins the header of a page.
func (e *encoder) pageHeader(page, packed []byte) *compact {
	e.header = compact{b: e.header.b[:0]}
	h := &e.header
	h.i32(1, 0) // a data page
	h.i32(2, int32(len(page)))
	h.i32(3, int32(len(packed)))
	h.i32(4, int32(crc32.ChecksumIEEE(packed)))
	return h
}

// endChunk writes the chunk to w and begins the next.
func (c *column) endChunk(w *countingWriter) (chunk, error) {
	if err := c.endPage(); err != nil {
		return chunk{}, err
	}
	c.chunk.start = w.n
	dict, n := c.values.dictionary(c.out.page[:0])
	c.out.page = dict
	if n > 0 {
		packed := dict
		if c.codec.compress != nil {
			c.out.packed = c.codec.compress(c.out.packed[:0], dict)
			packed = c.out.packed
		}
		if err := c.writeDictionary(w, dict, packed, n); err != nil {
			return chunk{}, err
		}
	}
	c.chunk.dataStart = w.n
	if err := c.pages.drain(w); err != nil {
		return chunk{}, err
	}
	done := c.chunk
	done.size, done.codec = w.n-done.start, c.codec.id
	done.lo, done.hi, done.exactLo, done.exactHi = c.extent.plainBounds(c.field.Type)
	done.columnIndex, done.offsetIndex = c.index.encode(done.dataStart)
	c.total.Bytes += done.size
	c.total.Values += done.values
	c.total.Nulls += done.nulls
	c.whole.merge(&c.extent)
	c.values.reset()
	c.extent.reset()
	c.index.reset()
	c.chunk, c.firstRow = chunk{}, 0
	return done, nil
}

func (c *column) writeDictionary(w *countingWriter, dict, packed []byte, n int) error {
	h := &c.out.header
	*h = compact{b: h.b[:0]}
	h.i32(1, 2) // a dictionary page
	h.i32(2, int32(len(dict)))
	h.i32(3, int32(len(packed)))
	h.i32(4, int32(crc32.ChecksumIEEE(packed)))
	h.begin(7)
	h.i32(1, int32(n))
	h.i32(2, int32(plain))
	h.end()
	header := h.stop()
	c.chunk.raw += int64(len(header) + len(dict))
	c.chunk.dictPages = 1
	if _, err := w.Write(header); err != nil {
		return err
	}
	_, err := w.Write(packed)
	return err
}

// size is about how many bytes the open chunk would take if it ended now.
func (c *column) size() int64 {
	if c.slots == 0 && c.pages.n == 0 {
		return 0
	}
	rest := int64(c.values.estimate() + (len(c.def)+len(c.rep))/4)
	if c.nulls > 0 {
		rest += int64(c.slots) / 8
	}
	switch {
	case c.codec.compress == nil:
	case c.chunk.raw > 0:
		rest = rest * c.pages.n / c.chunk.raw
	case c.extent.order == byBytes: // as good as any guess before the first page
		rest /= 3
	}
	return c.pages.n + rest + 64
}

// squeeze ends a page that is worth it and gives back the memory that it waited in.
func (c *column) squeeze() error {
	if c.slots < squeezeSlots {
		return nil
	}
	if err := c.endPage(); err != nil {
		return err
	}
	c.values.shrink()
	c.valid, c.def, c.rep = nil, nil, nil
	return nil
}

// held is the memory of the column, in bytes.
func (c *column) held() int64 {
	return c.pages.held + c.values.held() + int64(cap(c.valid)+cap(c.def)+cap(c.rep)) + c.index.held()
}
