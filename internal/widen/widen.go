// Package widen turns Arrow columns into the canonical Arrow type of a table column without changing a value: smaller
// integers and floats into larger ones, coarser times into microseconds, dictionaries and views into plain columns,
// and nested columns field by field. What could change a value is an error (I4).
package widen

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/internal/schema"
)

// Record gives rec's columns the order and types of to: columns[i] is the index in rec of to's field i, or -1 for a
// column of nulls. rec stays the caller's; the result is new and the caller's to release.
func Record(alloc memory.Allocator, rec arrow.RecordBatch, to *arrow.Schema, columns []int) (arrow.RecordBatch, error) {
	out := make([]arrow.Array, 0, len(columns))
	defer func() {
		for _, a := range out {
			a.Release()
		}
	}()
	for i, c := range columns {
		want := to.Field(i)
		if c < 0 {
			out = append(out, array.MakeArrayOfNull(alloc, want.Type, int(rec.NumRows())))
			continue
		}
		a, err := Array(alloc, rec.Column(c), want.Type)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", want.Name, err)
		}
		out = append(out, a)
	}
	return array.NewRecordBatch(to, out, rec.NumRows()), nil
}

// Array gives a the type to, which is a canonical type. a stays the caller's; the result is the caller's to release and
// may share a's memory.
func Array(alloc memory.Allocator, a arrow.Array, to arrow.DataType) (arrow.Array, error) {
	from := a.DataType()
	if arrow.TypeEqual(from, to, arrow.CheckMetadata()) {
		a.Retain()
		return a, nil
	}
	if nested(to) {
		return nestedArray(alloc, a, to)
	}
	switch x := a.(type) {
	case *array.Dictionary:
		return dictionary(alloc, x, to)
	case array.ExtensionArray:
		if _, ok := to.(arrow.ExtensionType); !ok {
			return Array(alloc, x.Storage(), to)
		}
	}
	fromType, fidelity, err := schema.FromArrow(from)
	if err != nil {
		return nil, err
	}
	toType, _, err := schema.FromArrow(to)
	if err != nil {
		return nil, err
	}
	if fidelity == schema.Lossy || schema.Between(fromType, toType) == schema.Lossy {
		return nil, fmt.Errorf("%s does not fit into %s without a CAST", from, to)
	}
	return leaf(alloc, a, to)
}

func nested(t arrow.DataType) bool {
	switch t.ID() {
	case arrow.STRUCT, arrow.LIST, arrow.MAP:
		return true
	}
	return false
}

// nestedArray converts the children and puts them under a parent of type to, whose own buffers are shared.
func nestedArray(alloc memory.Allocator, a arrow.Array, to arrow.DataType) (arrow.Array, error) {
	if a.DataType().ID() != to.ID() {
		return listLike(alloc, a, to)
	}
	var want []arrow.DataType
	switch t := to.(type) {
	case *arrow.StructType:
		return structArray(alloc, a.(*array.Struct), t)
	case *arrow.ListType:
		want = []arrow.DataType{t.Elem()}
	case *arrow.MapType:
		want = []arrow.DataType{t.Elem()} // the entries struct
	}
	data := a.Data()
	if len(data.Children()) != len(want) {
		return nil, fmt.Errorf("%s does not fit into %s", a.DataType(), to)
	}
	children := make([]arrow.ArrayData, len(want))
	for i, child := range data.Children() {
		c := array.MakeFromData(child)
		conv, err := Array(alloc, c, want[i])
		c.Release()
		if err != nil {
			return nil, err
		}
		defer conv.Release()
		children[i] = conv.Data()
	}
	out := array.NewData(to, data.Len(), data.Buffers(), children, data.NullN(), data.Offset())
	defer out.Release()
	return array.MakeFromData(out), nil
}

// structArray finds each field by its name without case; one that a lacks is null.
func structArray(alloc memory.Allocator, a *array.Struct, to *arrow.StructType) (arrow.Array, error) {
	data, from := a.Data(), a.DataType().(*arrow.StructType)
	children := make([]arrow.ArrayData, to.NumFields())
	used := 0
	for i, f := range to.Fields() {
		at := slices.IndexFunc(from.Fields(), func(g arrow.Field) bool { return strings.EqualFold(f.Name, g.Name) })
		var child arrow.Array
		if at < 0 {
			if !f.Nullable {
				return nil, fmt.Errorf("%s has no field %s, which %s requires", from, f.Name, to)
			}
			child = array.MakeArrayOfNull(alloc, f.Type, data.Offset()+data.Len())
		} else {
			used++
			c := array.MakeFromData(data.Children()[at])
			var err error
			child, err = Array(alloc, c, f.Type)
			c.Release()
			if err != nil {
				return nil, err
			}
		}
		defer child.Release()
		children[i] = child.Data()
	}
	if used < from.NumFields() {
		return nil, fmt.Errorf("%s does not fit into %s: it has other fields", from, to)
	}
	out := array.NewData(to, data.Len(), data.Buffers(), children, data.NullN(), data.Offset())
	defer out.Release()
	return array.MakeFromData(out), nil
}

// listLike copies large, fixed-size and view lists into plain ones.
func listLike(alloc memory.Allocator, a arrow.Array, to arrow.DataType) (arrow.Array, error) {
	l, ok := a.(array.ListLike)
	if !ok || to.ID() != arrow.LIST {
		return nil, fmt.Errorf("%s does not fit into %s", a.DataType(), to)
	}
	values, err := Array(alloc, l.ListValues(), to.(*arrow.ListType).Elem())
	if err != nil {
		return nil, err
	}
	defer values.Release()
	offsets := memory.NewResizableBuffer(alloc)
	defer offsets.Release()
	offsets.Resize(4 * (a.Len() + 1))
	clear(offsets.Bytes())
	o := arrow.Int32Traits.CastFromBytes(offsets.Bytes())
	for i := range a.Len() {
		start, end := l.ValueOffsets(i)
		if end > math.MaxInt32 || i > 0 && int64(o[i]) != start {
			return nil, fmt.Errorf("%s: lists whose values overlap or exceed 2 GiB are not supported", a.DataType())
		}
		o[i], o[i+1] = int32(start), int32(end)
	}
	valid := validity(alloc, a)
	if valid != nil {
		defer valid.Release()
	}
	data := array.NewData(to, a.Len(), []*memory.Buffer{valid, offsets}, []arrow.ArrayData{values.Data()}, a.NullN(), 0)
	defer data.Release()
	return array.MakeFromData(data), nil
}

// dictionary looks every index up.
func dictionary(alloc memory.Allocator, d *array.Dictionary, to arrow.DataType) (arrow.Array, error) {
	values, err := Array(alloc, d.Dictionary(), to)
	if err != nil {
		return nil, err
	}
	defer values.Release()
	b := array.NewBuilder(alloc, to)
	defer b.Release()
	b.Reserve(d.Len())
	for i := range d.Len() {
		if d.IsNull(i) || values.IsNull(d.GetValueIndex(i)) {
			b.AppendNull()
			continue
		}
		if err := appendValue(b, values, d.GetValueIndex(i)); err != nil {
			return nil, err
		}
	}
	return b.NewArray(), nil
}

func appendValue(b array.Builder, a arrow.Array, i int) error {
	switch b := b.(type) {
	case *array.StringBuilder:
		b.Append(a.(*array.String).Value(i))
	case *array.BinaryBuilder:
		b.Append(a.(*array.Binary).Value(i))
	case *array.Int32Builder:
		b.Append(a.(*array.Int32).Value(i))
	case *array.Int64Builder:
		b.Append(a.(*array.Int64).Value(i))
	case *array.Float64Builder:
		b.Append(a.(*array.Float64).Value(i))
	case *array.Decimal128Builder:
		b.Append(a.(*array.Decimal128).Value(i))
	case *array.FixedSizeBinaryBuilder:
		b.Append(a.(*array.FixedSizeBinary).Value(i))
	default:
		return b.AppendValueFromString(a.ValueStr(i))
	}
	return nil
}

// validity is a's null bitmap from bit 0, or nil when nothing is null.
func validity(alloc memory.Allocator, a arrow.Array) *memory.Buffer {
	if a.NullN() == 0 {
		return nil
	}
	buf := memory.NewResizableBuffer(alloc)
	buf.Resize(int(bitutil.BytesForBits(int64(a.Len()))))
	clear(buf.Bytes())
	bitutil.CopyBitmap(a.NullBitmapBytes(), a.Data().Offset(), a.Len(), buf.Bytes(), 0)
	return buf
}
