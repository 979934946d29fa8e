package parquet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/extensions"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/internal/schema"
)

// The tests' model of a value: nil, bool, int64 (integers, dates, times), float32, float64, decimal128.Num, []byte (strings,
// binaries, uuids), and []any (a struct's fields, a list's elements, a map's keys and values in turn).

// generator makes random schemas and values from a seed.
type generator struct {
	*rand.Rand
	nextID int
}

func newGenerator(seed uint64) *generator { return &generator{Rand: rand.New(rand.NewPCG(seed, 7))} }

var leafTypes = []schema.Type{
	{Kind: schema.Boolean}, {Kind: schema.Int}, {Kind: schema.Long}, {Kind: schema.Float}, {Kind: schema.Double},
	schema.DecimalOf(1, 0), schema.DecimalOf(9, 2), schema.DecimalOf(10, 3), schema.DecimalOf(18, 18), schema.DecimalOf(19, 4), schema.DecimalOf(38, 10),
	{Kind: schema.Date}, {Kind: schema.Time}, {Kind: schema.Timestamp}, {Kind: schema.TimestampTZ}, {Kind: schema.TimestampNS}, {Kind: schema.TimestampTZNS},
	{Kind: schema.String}, {Kind: schema.UUID}, {Kind: schema.Fixed, Length: 5}, {Kind: schema.Fixed, Length: 70}, {Kind: schema.Binary},
}

func (g *generator) field(name string, t schema.Type, required bool) schema.Field {
	g.nextID++
	f := schema.Field{ID: g.nextID, Name: name, Type: t, Required: required}
	f.Type.Fields = nil
	for _, child := range t.Fields {
		f.Type.Fields = append(f.Type.Fields, g.field(child.Name, child.Type, child.Required))
	}
	return f
}

func (g *generator) typ(depth int) schema.Type {
	if depth == 0 || g.IntN(3) > 0 {
		return leafTypes[g.IntN(len(leafTypes))]
	}
	switch g.IntN(3) {
	case 0:
		t := schema.ListOf(g.typ(depth - 1))
		t.Fields[0].Required = g.IntN(3) == 0
		return t
	case 1:
		t := schema.MapOf(leafTypes[g.IntN(len(leafTypes))], g.typ(depth-1))
		t.Fields[1].Required = g.IntN(3) == 0
		return t
	}
	var fields []schema.Field
	for i := range 1 + g.IntN(3) {
		fields = append(fields, schema.Field{Name: fmt.Sprintf("f%d", i), Type: g.typ(depth - 1), Required: g.IntN(3) == 0})
	}
	return schema.StructOf(fields...)
}

func (g *generator) schema(columns, depth int) (s schema.Schema) {
	for i := range columns {
		s.Fields = append(s.Fields, g.field(fmt.Sprintf("c%d", i), g.typ(depth), g.IntN(3) == 0))
	}
	return s
}

// column gives a function that makes the values of one column: few or many distinct ones, rising or not, with few or many nulls.
func (g *generator) column(f schema.Field) func() any {
	distinct := []int{1, 3, 100, 1 << 30}[g.IntN(4)]
	nulls := []int{0, 1, 30, 99, 100}[g.IntN(5)]
	var pool []any
	return func() any {
		if !f.Required && g.IntN(100) < nulls {
			return nil
		}
		if len(pool) < distinct {
			pool = append(pool, g.value(f.Type))
			return pool[len(pool)-1]
		}
		return pool[g.IntN(len(pool))]
	}
}

func (g *generator) value(t schema.Type) any {
	switch t.Kind {
	case schema.Boolean:
		return g.IntN(2) == 0
	case schema.Int, schema.Date:
		return int64(int32(g.int(32)))
	case schema.Float:
		return pick(g, float32(math.NaN()), float32(math.Inf(1)), float32(math.Copysign(0, -1)), 0, math.MaxFloat32, math.SmallestNonzeroFloat32, float32(g.NormFloat64()), float32(g.NormFloat64()))
	case schema.Double:
		return pick(g, math.NaN(), math.Inf(-1), math.Copysign(0, -1), 0, math.MaxFloat64, math.SmallestNonzeroFloat64, g.NormFloat64(), g.NormFloat64())
	case schema.Decimal:
		limit := decimal128.GetScaleMultiplier(t.Precision)
		one := decimal128.FromI64(1)
		n := pick(g, limit.Sub(one), one.Sub(limit), decimal128.FromI64(0), decimal128.FromI64(int64(g.IntN(9))-4), decimal128.New(g.Int64N(1<<62), g.Uint64()))
		if !n.FitsInPrecision(int32(t.Precision)) {
			_, n = n.Div(limit)
		}
		return n
	case schema.String:
		const letters = "aZ0 'é漢🙂\U0010ffff"
		s := []rune(strings.Repeat(string(pick(g, []rune(letters)...)), g.length()))
		if len(s) > 0 {
			s[g.IntN(len(s))] = pick(g, []rune(letters)...)
		}
		return []byte(string(s))
	case schema.UUID:
		return g.bytes(16)
	case schema.Fixed:
		return g.bytes(t.Length)
	case schema.Binary:
		return g.bytes(g.length())
	case schema.Struct:
		v := make([]any, len(t.Fields))
		for i, f := range t.Fields {
			v[i] = g.optional(f)
		}
		return v
	case schema.List:
		v := []any{}
		for range pick(g, 0, 1, 2, g.IntN(40)) {
			v = append(v, g.optional(t.Fields[0]))
		}
		return v
	case schema.Map:
		v := []any{}
		for range pick(g, 0, 1, 2, g.IntN(10)) {
			v = append(v, g.value(t.Fields[0].Type), g.optional(t.Fields[1]))
		}
		return v
	}
	return g.int(64)
}

func (g *generator) optional(f schema.Field) any {
	if !f.Required && g.IntN(5) == 0 {
		return nil
	}
	return g.value(f.Type)
}

func (g *generator) int(bits int) int64 {
	return pick(g, math.MinInt64, math.MaxInt64, 0, -1, int64(g.IntN(100)), g.Int64()>>g.IntN(64)) >> (64 - bits)
}

func (g *generator) length() int { return pick(g, 0, 1, 7, 8, 9, 16, 17, 63, 64, 65, g.IntN(300)) }

func (g *generator) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(pick(g, 0, 0xff, g.IntN(256), g.IntN(256)))
	}
	return b
}

func pick[T any](g *generator, of ...T) T { return of[g.IntN(len(of))] }

// build appends a value to a builder.
func build(b array.Builder, t schema.Type, v any) {
	if v == nil {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(v.(bool))
	case *array.Int32Builder:
		b.Append(int32(v.(int64)))
	case *array.Int64Builder:
		b.Append(v.(int64))
	case *array.Date32Builder:
		b.Append(arrow.Date32(v.(int64)))
	case *array.Time64Builder:
		b.Append(arrow.Time64(v.(int64)))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(v.(int64)))
	case *array.Float32Builder:
		b.Append(v.(float32))
	case *array.Float64Builder:
		b.Append(v.(float64))
	case *array.Decimal128Builder:
		b.Append(v.(decimal128.Num))
	case *array.StringBuilder:
		b.Append(string(v.([]byte)))
	case *array.BinaryBuilder:
		b.Append(v.([]byte))
	case *array.FixedSizeBinaryBuilder:
		b.Append(v.([]byte))
	case *extensions.UUIDBuilder:
		b.AppendBytes([16]byte(v.([]byte)))
	case *array.StructBuilder:
		b.Append(true)
		for i, f := range t.Fields {
			build(b.FieldBuilder(i), f.Type, v.([]any)[i])
		}
	case *array.ListBuilder:
		b.Append(true)
		for _, e := range v.([]any) {
			build(b.ValueBuilder(), t.Fields[0].Type, e)
		}
	case *array.MapBuilder:
		b.Append(true)
		for i, e := range v.([]any) {
			if i%2 == 0 {
				build(b.KeyBuilder(), t.Fields[0].Type, e)
			} else {
				build(b.ItemBuilder(), t.Fields[1].Type, e)
			}
		}
	default:
		panic(fmt.Sprintf("no %T", b))
	}
}

// valueAt reads a value back from any Arrow form of it.
func valueAt(a arrow.Array, i int) any {
	a = storageOf(a)
	if a.IsNull(i) {
		return nil
	}
	switch a := a.(type) {
	case *array.Boolean:
		return a.Value(i)
	case *array.Int32:
		return int64(a.Value(i))
	case *array.Int64:
		return a.Value(i)
	case *array.Date32:
		return int64(a.Value(i))
	case *array.Time64:
		return int64(a.Value(i))
	case *array.Timestamp:
		return int64(a.Value(i))
	case *array.Float32:
		return a.Value(i)
	case *array.Float64:
		return a.Value(i)
	case *array.Decimal128:
		return a.Value(i)
	case *array.String:
		return []byte(a.Value(i))
	case *array.Binary:
		return a.Value(i)
	case *array.FixedSizeBinary:
		return a.Value(i)
	case *array.Struct:
		v := make([]any, a.NumField())
		for k := range v {
			v[k] = valueAt(a.Field(k), i)
		}
		return v
	case *array.List:
		v := []any{}
		start, end := a.ValueOffsets(i)
		for k := start; k < end; k++ {
			v = append(v, valueAt(a.ListValues(), int(k)))
		}
		return v
	case *array.Map:
		v := []any{}
		start, end := a.ValueOffsets(i)
		for k := start; k < end; k++ {
			v = append(v, valueAt(a.Keys(), int(k)), valueAt(a.Items(), int(k)))
		}
		return v
	}
	panic(fmt.Sprintf("no %T", a))
}

// text tells values apart exactly: NaNs and zeros by their bits.
func text(v any) string {
	switch v := v.(type) {
	case float32:
		return fmt.Sprintf("f%08x", math.Float32bits(v))
	case float64:
		return fmt.Sprintf("d%016x", math.Float64bits(v))
	case decimal128.Num:
		return v.BigInt().String()
	case []byte:
		return fmt.Sprintf("%q", v)
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = text(e)
		}
		return "[" + strings.Join(parts, " ") + "]"
	}
	return fmt.Sprint(v)
}

// table is a schema with its rows, column by column.
type table struct {
	schema  schema.Schema
	columns [][]any
}

func (g *generator) table(s schema.Schema, rows int) table {
	t := table{schema: s, columns: make([][]any, len(s.Fields))}
	for i, f := range s.Fields {
		next := g.column(f)
		for range rows {
			t.columns[i] = append(t.columns[i], next())
		}
	}
	return t
}

func (t table) rows() int { return len(t.columns[0]) }

// batch builds rows from..to; slices of a larger batch when the generator likes, so that arrays have offsets.
func (t table) batch(alloc memory.Allocator, g *generator, from, to int) arrow.RecordBatch {
	before, after := 0, 0
	if g != nil && g.IntN(2) == 0 {
		before, after = g.IntN(min(from, 20)+1), g.IntN(min(t.rows()-to, 20)+1)
	}
	b := array.NewRecordBuilder(alloc, t.schema.Arrow())
	defer b.Release()
	for i, f := range t.schema.Fields {
		for _, v := range t.columns[i][from-before : to+after] {
			build(b.Field(i), f.Type, v)
		}
	}
	rec := b.NewRecordBatch()
	if before+after == 0 {
		return rec
	}
	defer rec.Release()
	return rec.NewSlice(int64(before), int64(before+to-from))
}

// leafColumn is a leaf with what a naive reading of Dremel's paper makes of its values.
type leafColumn struct {
	field    schema.Field
	repeated bool
	values   []any
	def, rep []int
}

// leafColumns takes the whole table apart, recursively and one value at a time.
func (t table) leafColumns() []*leafColumn {
	var out []*leafColumn
	var walk func(f schema.Field, repeated bool) func(v any, def, rep, level int)
	walk = func(f schema.Field, repeated bool) func(v any, def, rep, level int) {
		var children []func(v any, def, rep, level int)
		kind := f.Type.Kind
		if !f.Type.Nested() {
			leaf := &leafColumn{field: f, repeated: repeated}
			out = append(out, leaf)
			return func(v any, def, rep, _ int) {
				if v != nil && !f.Required {
					def++
				}
				leaf.values, leaf.def, leaf.rep = append(leaf.values, v), append(leaf.def, def), append(leaf.rep, rep)
			}
		}
		for _, c := range f.Type.Fields {
			children = append(children, walk(c, repeated || kind != schema.Struct))
		}
		return func(v any, def, rep, level int) {
			if v != nil && !f.Required {
				def++
			}
			elements, _ := v.([]any)
			if v == nil || len(elements) == 0 && kind != schema.Struct {
				for _, c := range children {
					c(nil, def, rep, level)
				}
				return
			}
			if kind == schema.Struct {
				for i, c := range children {
					c(elements[i], def, rep, level)
				}
				return
			}
			for i, e := range elements {
				r := rep
				if i >= len(children) {
					r = level + 1
				}
				children[i%len(children)](e, def+1, r, level+1)
			}
		}
	}
	for i, f := range t.schema.Fields {
		add := walk(f, false)
		for _, v := range t.columns[i] {
			add(v, 0, 0, 0)
		}
	}
	return out
}

// plainBytes is a value in Parquet's PLAIN encoding, without a length.
func plainBytes(t schema.Type, v any) []byte {
	switch v := v.(type) {
	case bool:
		if v {
			return []byte{1}
		}
		return []byte{0}
	case int64:
		if p, _ := t.Physical(); p == schema.ParquetInt32 {
			return binary.LittleEndian.AppendUint32(nil, uint32(v))
		}
		return binary.LittleEndian.AppendUint64(nil, uint64(v))
	case float32:
		return binary.LittleEndian.AppendUint32(nil, math.Float32bits(v))
	case float64:
		return binary.LittleEndian.AppendUint64(nil, math.Float64bits(v))
	case decimal128.Num:
		p, n := t.Physical()
		if p != schema.ParquetFixed {
			return plainBytes(schema.Type{Kind: map[bool]schema.Kind{true: schema.Int, false: schema.Long}[p == schema.ParquetInt32]}, int64(v.LowBits()))
		}
		b := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(v.HighBits())), v.LowBits())
		return b[16-n:]
	}
	return v.([]byte)
}

// less orders values of one type as Iceberg does; NaN has no order.
func less(x, y any) bool {
	switch x := x.(type) {
	case bool:
		return !x && y.(bool)
	case int64:
		return x < y.(int64)
	case float32:
		return x < y.(float32)
	case float64:
		return x < y.(float64)
	case decimal128.Num:
		return x.Less(y.(decimal128.Num))
	}
	return bytes.Compare(x.([]byte), y.([]byte)) < 0
}

func isNaN(v any) bool {
	switch v := v.(type) {
	case float32:
		return v != v
	case float64:
		return v != v
	}
	return false
}
