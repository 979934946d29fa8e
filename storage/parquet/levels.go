package parquet

import (
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/schema"
)

// node is a field as Parquet nests it. A list or map has one more level than its parent, since its group repeats.
type node struct {
	field    schema.Field
	path     []string
	def, rep uint8 // levels of a value that is there; of a list or map, before its repeated group
	children []*node
	column   *column // of a leaf

	rows, own, inner slots // scratch: of a column's rows, of the field, of its elements
}

// slots are the places in one array that a column's levels speak of: at is an index into it, or −1 where a parent or the value itself is
// null or has no elements.
type slots struct {
	at       []int32
	def, rep []uint8
}

// nestedRows is how many rows are taken apart at a time, fewer if they have many elements.
const nestedRows = 256

func errRequired(path []string) error {
	return fault.New(fault.Data, "a required column is NULL").At(fault.Place{Field: pathText(path)}).Hint("leave such rows out, or make the column optional")
}

func pathText(path []string) string { return strings.Join(path, ".") }

// write appends n rows of a top-level column from off.
func (f *node) write(a arrow.Array, off, n int) error {
	if f.column != nil {
		return f.column.writeFlat(storageOf(a), off, n)
	}
	s := &f.rows
	for n > 0 {
		k := min(n, nestedRows)
		for k > 1 && elementsOf(a, off, k) > maxPageRows {
			k /= 2
		}
		s.at, s.def, s.rep = grow(s.at[:0], k), grow(s.def[:0], k), grow(s.rep[:0], k)
		for i := range k {
			s.at[i], s.def[i], s.rep[i] = int32(off+i), 0, 0
		}
		if err := f.shred(a, s); err != nil {
			return err
		}
		off, n = off+k, n-k
	}
	return nil
}

// elementsOf is how many elements n lists or maps have together.
func elementsOf(a arrow.Array, off, n int) int {
	x, ok := a.(array.ListLike)
	if !ok {
		return 0
	}
	start, _ := x.ValueOffsets(off)
	_, end := x.ValueOffsets(off + n - 1)
	return int(end - start)
}

// storageOf is the array that holds an extension type's values.
func storageOf(a arrow.Array) arrow.Array {
	if x, ok := a.(array.ExtensionArray); ok {
		return x.Storage()
	}
	return a
}

// shred takes the slots of a apart into levels and values, as Dremel does.
// Source: https://research.google/pubs/dremel-interactive-analysis-of-web-scale-datasets-2/
func (f *node) shred(a arrow.Array, parent *slots) error {
	a = storageOf(a)
	s, err := f.present(a, parent)
	if err != nil {
		return err
	}
	switch f.field.Type.Kind {
	case schema.Struct:
		x := a.(*array.Struct)
		for i, c := range f.children {
			if err := c.shred(x.Field(i), s); err != nil {
				return err
			}
		}
		return nil
	case schema.List:
		x := a.(*array.List)
		return f.children[0].shred(x.ListValues(), f.elements(s, x.Offsets()[x.Data().Offset():]))
	case schema.Map:
		x := a.(*array.Map)
		elements := f.elements(s, x.Offsets()[x.Data().Offset():])
		if err := f.children[0].shred(x.Keys(), elements); err != nil {
			return err
		}
		return f.children[1].shred(x.Items(), elements)
	}
	return f.column.writeNested(a, s, f)
}

// present turns the slots of nulls into −1, and raises the level of the others if the field is optional.
func (f *node) present(a arrow.Array, parent *slots) (*slots, error) {
	valid := validity(a)
	if f.field.Required && valid.bits == nil {
		return parent, nil
	}
	s := &f.own
	s.at, s.def, s.rep = append(s.at[:0], parent.at...), append(s.def[:0], parent.def...), parent.rep
	for i, at := range s.at {
		switch {
		case at < 0:
		case valid.bits == nil || valid.get(int(at)) == 1:
			s.def[i] = f.def
		case f.field.Required:
			return nil, errRequired(f.path)
		default:
			s.at[i] = -1
		}
	}
	return s, nil
}

// elements are the slots of a list's or map's elements. They stand until the next call.
func (f *node) elements(parent *slots, offsets []int32) *slots {
	s := &f.inner
	s.at, s.def, s.rep = s.at[:0], s.def[:0], s.rep[:0]
	for i, at := range parent.at {
		if at < 0 || offsets[at] == offsets[at+1] {
			s.at, s.def, s.rep = append(s.at, -1), append(s.def, parent.def[i]), append(s.rep, parent.rep[i])
			continue
		}
		rep := parent.rep[i]
		for k := offsets[at]; k < offsets[at+1]; k++ {
			s.at, s.def, s.rep = append(s.at, k), append(s.def, f.def+1), append(s.rep, rep)
			rep = f.rep + 1
		}
	}
	return s
}

// writeNested appends the levels of s, which begins with a row, and the values that it points to, run by run.
func (c *column) writeNested(a arrow.Array, s *slots, f *node) error {
	_, size := c.values.pending()
	if c.slots >= maxPageRows || size >= maxPageBytes || c.values.full() {
		if err := c.endPage(); err != nil {
			return err
		}
	}
	c.slots += len(s.at)
	c.def = append(c.def, s.def...)
	if c.maxRep == 0 {
		c.rows += len(s.at)
	} else {
		c.rep = append(c.rep, s.rep...)
		for _, r := range s.rep {
			if r == 0 {
				c.rows++
			}
		}
	}
	for i := 0; i < len(s.at); {
		if s.at[i] < 0 {
			c.nulls++
			i++
			continue
		}
		end := i + 1
		for end < len(s.at) && s.at[end] == s.at[end-1]+1 {
			end++
		}
		if err := c.values.gather(a, int(s.at[i]), end-i, bitmap{}); err != nil {
			return c.errAt(err)
		}
		i = end
	}
	return nil
}
