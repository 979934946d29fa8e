package parquet

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/internal/widen"
)

// fieldID is the id that a file gives a field; 0 for none.
func fieldID(f arrow.Field) int {
	v, ok := f.Metadata.GetValue(schema.FieldIDKey)
	if !ok {
		return 0
	}
	id, err := strconv.Atoi(v)
	if err != nil || id < 0 {
		return 0
	}
	return id
}

// childFields are the fields right below a type: of a struct, a list's element, a map's key and value.
func childFields(t arrow.DataType) []arrow.Field {
	switch t := t.(type) {
	case *arrow.StructType:
		return t.Fields()
	case *arrow.MapType:
		return []arrow.Field{t.KeyField(), t.ItemField()}
	case arrow.ListLikeType:
		return []arrow.Field{t.ElemField()}
	}
	return nil
}

// find gives the place of a wanted field among those of a file, or -1.
func find(fields []arrow.Field, want schema.Field, byName bool) int {
	at := -1
	for i, f := range fields {
		switch {
		case !byName && fieldID(f) == want.ID && want.ID > 0, byName && f.Name == want.Name:
			return i
		case byName && strings.EqualFold(f.Name, want.Name) && at < 0:
			at = i
		}
	}
	return at
}

// plan is what to read of a file for a wanted schema, and how the batches become the wanted ones.
type plan struct {
	want   schema.Schema
	to     *arrow.Schema
	byName bool
	leaves []int // by number in the file
	source []int // column of the batches for each wanted column, -1 for none; set by bind
}

// plan finds the leaf columns to read.
func (f *FileReader) plan(want schema.Schema) (*plan, error) {
	p := &plan{want: want, to: want.Arrow(), byName: f.byName}
	first := make([]int, f.schema.NumFields()) // leaf that each column begins with
	next := 0
	for i, c := range f.schema.Fields() {
		first[i] = next
		next += countLeaves(c.Type)
	}
	if next != f.md.Schema.NumColumns() {
		return nil, fault.New(fault.Data, "the Parquet file's schema has a shape that Arrow cannot tell: %d leaf columns of %d", next, f.md.Schema.NumColumns())
	}
	for _, w := range want.Fields {
		at := find(f.schema.Fields(), w, f.byName)
		if at < 0 {
			continue
		}
		if err := p.need(w, f.schema.Field(at), first[at], w.Name); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func countLeaves(t arrow.DataType) (n int) {
	children := childFields(t)
	if len(children) == 0 {
		return 1
	}
	for _, c := range children {
		n += countLeaves(c.Type)
	}
	return n
}

// need adds the leaves below a field of the file that a wanted field takes. Of a struct without a wanted field one leaf is
// read for its nulls.
func (p *plan) need(want schema.Field, have arrow.Field, leaf int, path string) error {
	children := childFields(have.Type)
	if want.Type.Nested() != (len(children) > 0) || want.Type.Nested() && kindOf(have.Type) != want.Type.Kind {
		return fault.New(fault.Config, "column %s is %s in the file, and %s is wanted", path, have.Type, want.Type)
	}
	if len(children) == 0 {
		p.leaves = append(p.leaves, leaf)
		return nil
	}
	before := len(p.leaves)
	for i, c := range children {
		w, ok := p.wanted(want.Type, i, c)
		if ok {
			if err := p.need(w, c, leaf, path+"."+w.Name); err != nil {
				return err
			}
		}
		leaf += countLeaves(c.Type)
	}
	if len(p.leaves) == before {
		p.leaves = append(p.leaves, leaf-countLeaves(have.Type))
	}
	return nil
}

// wanted is the field of a wanted nested type that child i of the file's type is for.
func (p *plan) wanted(t schema.Type, i int, have arrow.Field) (schema.Field, bool) {
	if t.Kind != schema.Struct {
		return t.Fields[i], true
	}
	for _, w := range t.Fields {
		if find([]arrow.Field{have}, w, p.byName) == 0 {
			return w, true
		}
	}
	return schema.Field{}, false
}

func kindOf(t arrow.DataType) schema.Kind {
	switch t.(type) {
	case *arrow.StructType:
		return schema.Struct
	case *arrow.MapType:
		return schema.Map
	}
	return schema.List
}

// bind finds the wanted columns in batches of schema got.
func (p *plan) bind(got *arrow.Schema) error {
	p.source = make([]int, len(p.want.Fields))
	for i, w := range p.want.Fields {
		p.source[i] = find(got.Fields(), w, p.byName)
	}
	return nil
}

// convert gives a batch of the file the wanted columns and types. rec stays the caller's.
func (p *plan) convert(alloc memory.Allocator, rec arrow.RecordBatch) (arrow.RecordBatch, error) {
	cols := make([]arrow.Array, 0, len(p.source))
	defer func() {
		for _, c := range cols {
			c.Release()
		}
	}()
	for i, w := range p.want.Fields {
		var c arrow.Array
		var err error
		if at := p.source[i]; at < 0 {
			c = array.MakeArrayOfNull(alloc, p.to.Field(i).Type, int(rec.NumRows()))
		} else if c, err = p.project(alloc, rec.Column(at), w.Type, p.to.Field(i).Type); err != nil {
			return nil, fault.Wrap(fault.Config, err, "column %s", w.Name)
		}
		if w.Required && c.NullN() > 0 {
			c.Release()
			return nil, fault.New(fault.Data, "column %s is required, and the file has NULLs in it", w.Name)
		}
		cols = append(cols, c)
	}
	return array.NewRecordBatch(p.to, cols, rec.NumRows()), nil
}

func (p *plan) nulls(alloc memory.Allocator, rows int64) arrow.RecordBatch {
	cols := make([]arrow.Array, len(p.want.Fields))
	for i, f := range p.to.Fields() {
		cols[i] = array.MakeArrayOfNull(alloc, f.Type, int(rows))
		defer cols[i].Release()
	}
	return array.NewRecordBatch(p.to, cols, rows)
}

// project gives a column the wanted type: nested fields by id or name, those that are missing NULL, leaves by promotion.
func (p *plan) project(alloc memory.Allocator, a arrow.Array, want schema.Type, to arrow.DataType) (arrow.Array, error) {
	switch t := to.(type) {
	case *arrow.StructType:
		s, ok := a.(*array.Struct)
		if !ok {
			return nil, fmt.Errorf("%s does not fit into %s", a.DataType(), to)
		}
		return p.projectStruct(alloc, s, want, t)
	case *arrow.ListType:
		if l, ok := a.(*array.List); ok {
			return p.projectList(alloc, l, []schema.Type{want.Fields[0].Type}, to, t.Elem())
		}
	case *arrow.MapType:
		if m, ok := a.(*array.Map); ok {
			return p.projectList(alloc, m, []schema.Type{want.Fields[0].Type, want.Fields[1].Type}, to, t.Elem())
		}
	}
	return widen.Array(alloc, a, to)
}

func (p *plan) projectStruct(alloc memory.Allocator, s *array.Struct, want schema.Type, to *arrow.StructType) (arrow.Array, error) {
	have := s.DataType().(*arrow.StructType)
	children := make([]arrow.ArrayData, to.NumFields())
	for i, w := range want.Fields {
		var c arrow.Array
		var err error
		if at := find(have.Fields(), w, p.byName); at < 0 {
			c = array.MakeArrayOfNull(alloc, to.Field(i).Type, s.Len())
		} else if c, err = p.project(alloc, s.Field(at), w.Type, to.Field(i).Type); err != nil {
			return nil, fmt.Errorf("%s: %w", w.Name, err)
		}
		defer c.Release()
		children[i] = c.Data()
	}
	valid := validBits(alloc, s)
	if valid != nil {
		defer valid.Release()
	}
	data := array.NewData(to, s.Len(), []*memory.Buffer{valid}, children, s.NullN(), 0)
	defer data.Release()
	return array.MakeFromData(data), nil
}

// validBits is an array's null bitmap from bit 0; nil when nothing is null.
func validBits(alloc memory.Allocator, a arrow.Array) *memory.Buffer {
	if a.NullN() == 0 {
		return nil
	}
	buf := memory.NewResizableBuffer(alloc)
	buf.Resize(int(bitutil.BytesForBits(int64(a.Len()))))
	clear(buf.Bytes())
	bitutil.CopyBitmap(a.NullBitmapBytes(), a.Data().Offset(), a.Len(), buf.Bytes(), 0)
	return buf
}

// projectList keeps a list's or map's own buffers and converts what is below: one element, or the key and the value in
// the entries.
func (p *plan) projectList(alloc memory.Allocator, a arrow.Array, want []schema.Type, to, elem arrow.DataType) (arrow.Array, error) {
	below := array.MakeFromData(a.Data().Children()[0])
	defer below.Release()
	var child arrow.Array
	var err error
	if len(want) == 1 {
		child, err = p.project(alloc, below, want[0], elem)
	} else {
		child, err = p.projectEntries(alloc, below.(*array.Struct), want, elem.(*arrow.StructType))
	}
	if err != nil {
		return nil, err
	}
	defer child.Release()
	data := array.NewData(to, a.Len(), a.Data().Buffers(), []arrow.ArrayData{child.Data()}, a.NullN(), a.Data().Offset())
	defer data.Release()
	return array.MakeFromData(data), nil
}

func (p *plan) projectEntries(alloc memory.Allocator, s *array.Struct, want []schema.Type, to *arrow.StructType) (arrow.Array, error) {
	children := make([]arrow.ArrayData, len(want))
	for i, w := range want {
		c, err := p.project(alloc, s.Field(i), w, to.Field(i).Type)
		if err != nil {
			return nil, err
		}
		defer c.Release()
		children[i] = c.Data()
	}
	data := array.NewData(to, s.Len(), []*memory.Buffer{nil}, children, 0, 0)
	defer data.Release()
	return array.MakeFromData(data), nil
}
