package hive

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/thrift/lib/go/thrift"
)

// record is a Thrift struct as it came over the wire: every field with its id and type, whether this client knows it or not. A table
// that is read, changed and written back so loses nothing that a newer server put there.
type record struct{ fields []field }

type field struct {
	id    int16
	typ   thrift.TType
	value any // bool, int8, int16, int32, int64, float64, string, *record, *list, *mapping
}

// list is a Thrift list or set.
type list struct {
	element thrift.TType
	values  []any
}

// mapping is a Thrift map, in the order of the wire.
type mapping struct {
	key, value thrift.TType
	keys       []any
	values     []any
}

func newRecord(fields ...field) *record { return &record{fields} }

func str(id int16, v string) field      { return field{id, thrift.STRING, v} }
func i32(id int16, v int32) field       { return field{id, thrift.I32, v} }
func i64(id int16, v int64) field       { return field{id, thrift.I64, v} }
func boolean(id int16, v bool) field    { return field{id, thrift.BOOL, v} }
func nested(id int16, r *record) field  { return field{id, thrift.STRUCT, r} }
func elements(id int16, l *list) field  { return field{id, thrift.LIST, l} }
func pairs(id int16, m *mapping) field  { return field{id, thrift.MAP, m} }
func recordsOf(rs ...*record) (l *list) { return listOf(thrift.STRUCT, rs) }

func listOf[T any](t thrift.TType, in []T) *list {
	l := &list{element: t}
	for _, v := range in {
		l.values = append(l.values, v)
	}
	return l
}

// get is the value of a field, or nil.
func (r *record) get(id int16) any {
	if r == nil {
		return nil
	}
	for _, f := range r.fields {
		if f.id == id {
			return f.value
		}
	}
	return nil
}

// set puts a field in place of the one of its id, or adds it.
func (r *record) set(f field) {
	for i := range r.fields {
		if r.fields[i].id == f.id {
			r.fields[i] = f
			return
		}
	}
	r.fields = append(r.fields, f)
}

func (r *record) text(id int16) string    { v, _ := r.get(id).(string); return v }
func (r *record) number(id int16) int64   { v, _ := r.get(id).(int64); return v }
func (r *record) enum(id int16) int32     { v, _ := r.get(id).(int32); return v }
func (r *record) record(id int16) *record { v, _ := r.get(id).(*record); return v }
func (r *record) records(id int16) []*record {
	l, _ := r.get(id).(*list)
	if l == nil {
		return nil
	}
	var out []*record
	for _, v := range l.values {
		if x, ok := v.(*record); ok {
			out = append(out, x)
		}
	}
	return out
}

// texts is a list of strings.
func (l *list) texts() []string {
	if l == nil {
		return nil
	}
	var out []string
	for _, v := range l.values {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// strings is a map from string to string, as it may be changed: replace it with set and mapOf.
func (r *record) strings(id int16) map[string]string {
	out := map[string]string{}
	if m, ok := r.get(id).(*mapping); ok && m != nil {
		for i, k := range m.keys {
			key, ok1 := k.(string)
			value, ok2 := m.values[i].(string)
			if ok1 && ok2 {
				out[key] = value
			}
		}
	}
	return out
}

func mapOf(m map[string]string) *mapping {
	out := &mapping{key: thrift.STRING, value: thrift.STRING}
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		out.keys, out.values = append(out.keys, k), append(out.values, m[k])
	}
	return out
}

// maxDepth bounds the nesting of what a server sends.
const maxDepth = 64

func readRecord(ctx context.Context, p thrift.TProtocol, depth int) (*record, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("a struct is nested more than %d levels deep", maxDepth)
	}
	if _, err := p.ReadStructBegin(ctx); err != nil {
		return nil, err
	}
	r := &record{}
	for {
		_, typ, id, err := p.ReadFieldBegin(ctx)
		if err != nil {
			return nil, err
		}
		if typ == thrift.STOP {
			return r, p.ReadStructEnd(ctx)
		}
		v, err := readValue(ctx, p, typ, depth+1)
		if err != nil {
			return nil, err
		}
		r.fields = append(r.fields, field{id, typ, v})
		if err := p.ReadFieldEnd(ctx); err != nil {
			return nil, err
		}
	}
}

func readValue(ctx context.Context, p thrift.TProtocol, typ thrift.TType, depth int) (any, error) {
	switch typ {
	case thrift.BOOL:
		return p.ReadBool(ctx)
	case thrift.BYTE:
		return p.ReadByte(ctx)
	case thrift.I16:
		return p.ReadI16(ctx)
	case thrift.I32:
		return p.ReadI32(ctx)
	case thrift.I64:
		return p.ReadI64(ctx)
	case thrift.DOUBLE:
		return p.ReadDouble(ctx)
	case thrift.STRING:
		return p.ReadString(ctx)
	case thrift.STRUCT:
		return readRecord(ctx, p, depth)
	case thrift.LIST, thrift.SET:
		return readList(ctx, p, typ, depth)
	case thrift.MAP:
		return readMap(ctx, p, depth)
	}
	return nil, fmt.Errorf("the server sent a value of type %d, which Thrift does not have", typ)
}

func readList(ctx context.Context, p thrift.TProtocol, typ thrift.TType, depth int) (*list, error) {
	begin, end := p.ReadListBegin, p.ReadListEnd
	if typ == thrift.SET {
		begin, end = p.ReadSetBegin, p.ReadSetEnd
	}
	element, n, err := begin(ctx)
	if err != nil {
		return nil, err
	}
	l := &list{element: element}
	for range n {
		v, err := readValue(ctx, p, element, depth+1)
		if err != nil {
			return nil, err
		}
		l.values = append(l.values, v)
	}
	return l, end(ctx)
}

func readMap(ctx context.Context, p thrift.TProtocol, depth int) (*mapping, error) {
	key, value, n, err := p.ReadMapBegin(ctx)
	if err != nil {
		return nil, err
	}
	m := &mapping{key: key, value: value}
	for range n {
		k, err := readValue(ctx, p, key, depth+1)
		if err != nil {
			return nil, err
		}
		v, err := readValue(ctx, p, value, depth+1)
		if err != nil {
			return nil, err
		}
		m.keys, m.values = append(m.keys, k), append(m.values, v)
	}
	return m, p.ReadMapEnd(ctx)
}

func writeRecord(ctx context.Context, p thrift.TProtocol, r *record) error {
	if err := p.WriteStructBegin(ctx, ""); err != nil {
		return err
	}
	for _, f := range r.fields {
		if err := p.WriteFieldBegin(ctx, "", f.typ, f.id); err != nil {
			return err
		}
		if err := writeValue(ctx, p, f.typ, f.value); err != nil {
			return err
		}
		if err := p.WriteFieldEnd(ctx); err != nil {
			return err
		}
	}
	if err := p.WriteFieldStop(ctx); err != nil {
		return err
	}
	return p.WriteStructEnd(ctx)
}

func writeValue(ctx context.Context, p thrift.TProtocol, typ thrift.TType, value any) error {
	switch v := value.(type) {
	case bool:
		return p.WriteBool(ctx, v)
	case int8:
		return p.WriteByte(ctx, v)
	case int16:
		return p.WriteI16(ctx, v)
	case int32:
		return p.WriteI32(ctx, v)
	case int64:
		return p.WriteI64(ctx, v)
	case float64:
		return p.WriteDouble(ctx, v)
	case string:
		return p.WriteString(ctx, v)
	case *record:
		return writeRecord(ctx, p, v)
	case *list:
		return writeList(ctx, p, typ, v)
	case *mapping:
		return writeMap(ctx, p, v)
	}
	return fmt.Errorf("a value of type %T has no Thrift type", value)
}

func writeList(ctx context.Context, p thrift.TProtocol, typ thrift.TType, l *list) error {
	begin, end := p.WriteListBegin, p.WriteListEnd
	if typ == thrift.SET {
		begin, end = p.WriteSetBegin, p.WriteSetEnd
	}
	if err := begin(ctx, l.element, len(l.values)); err != nil {
		return err
	}
	for _, v := range l.values {
		if err := writeValue(ctx, p, l.element, v); err != nil {
			return err
		}
	}
	return end(ctx)
}

func writeMap(ctx context.Context, p thrift.TProtocol, m *mapping) error {
	if err := p.WriteMapBegin(ctx, m.key, m.value, len(m.keys)); err != nil {
		return err
	}
	for i := range m.keys {
		if err := writeValue(ctx, p, m.key, m.keys[i]); err != nil {
			return err
		}
		if err := writeValue(ctx, p, m.value, m.values[i]); err != nil {
			return err
		}
	}
	return p.WriteMapEnd(ctx)
}
