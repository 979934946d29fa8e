package catalog

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"github.com/firn-data/firn/internal/partition"
	"github.com/firn-data/firn/internal/schema"
)

// fromIceberg maps a table's schema.
func fromIceberg(s *iceberg.Schema) (schema.Schema, error) {
	fields, err := fieldsFromIceberg(s.Fields())
	return schema.Schema{Fields: fields}, err
}

func fieldsFromIceberg(in []iceberg.NestedField) ([]schema.Field, error) {
	out := make([]schema.Field, len(in))
	for i, f := range in {
		t, err := typeFromIceberg(f.Type)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		out[i] = schema.Field{ID: f.ID, Name: f.Name, Type: t, Required: f.Required, Doc: f.Doc}
	}
	return out, nil
}

func typeFromIceberg(t iceberg.Type) (schema.Type, error) {
	switch t := t.(type) {
	case iceberg.DecimalType:
		return schema.DecimalOf(t.Precision(), t.Scale()), nil
	case iceberg.FixedType:
		return schema.Type{Kind: schema.Fixed, Length: t.Len()}, nil
	case *iceberg.StructType:
		fields, err := fieldsFromIceberg(t.FieldList)
		return schema.Type{Kind: schema.Struct, Fields: fields}, err
	case *iceberg.ListType:
		fields, err := fieldsFromIceberg([]iceberg.NestedField{t.ElementField()})
		return schema.Type{Kind: schema.List, Fields: fields}, err
	case *iceberg.MapType:
		fields, err := fieldsFromIceberg([]iceberg.NestedField{t.KeyField(), t.ValueField()})
		return schema.Type{Kind: schema.Map, Fields: fields}, err
	}
	for _, r := range schema.Rows() {
		if r.Name() == t.String() {
			return schema.Type{Kind: r.Kind}, nil
		}
	}
	return schema.Type{}, fmt.Errorf("type %s is not known", t)
}

// toIceberg maps a schema whose fields have ids.
func toIceberg(s schema.Schema, id int) *iceberg.Schema {
	return iceberg.NewSchema(id, fieldsToIceberg(s.Fields)...)
}

func fieldsToIceberg(in []schema.Field) []iceberg.NestedField {
	out := make([]iceberg.NestedField, len(in))
	for i, f := range in {
		out[i] = iceberg.NestedField{ID: f.ID, Name: f.Name, Type: typeToIceberg(f.Type), Required: f.Required, Doc: f.Doc}
	}
	return out
}

var primitives = map[schema.Kind]iceberg.Type{
	schema.Boolean: iceberg.PrimitiveTypes.Bool, schema.Int: iceberg.PrimitiveTypes.Int32, schema.Long: iceberg.PrimitiveTypes.Int64,
	schema.Float: iceberg.PrimitiveTypes.Float32, schema.Double: iceberg.PrimitiveTypes.Float64, schema.Date: iceberg.PrimitiveTypes.Date,
	schema.Time: iceberg.PrimitiveTypes.Time, schema.Timestamp: iceberg.PrimitiveTypes.Timestamp, schema.TimestampTZ: iceberg.PrimitiveTypes.TimestampTz,
	schema.TimestampNS: iceberg.PrimitiveTypes.TimestampNs, schema.TimestampTZNS: iceberg.PrimitiveTypes.TimestampTzNs,
	schema.String: iceberg.PrimitiveTypes.String, schema.UUID: iceberg.PrimitiveTypes.UUID, schema.Binary: iceberg.PrimitiveTypes.Binary,
}

func typeToIceberg(t schema.Type) iceberg.Type {
	switch t.Kind {
	case schema.Decimal:
		return iceberg.DecimalTypeOf(t.Precision, t.Scale)
	case schema.Fixed:
		return iceberg.FixedTypeOf(t.Length)
	case schema.Struct:
		return &iceberg.StructType{FieldList: fieldsToIceberg(t.Fields)}
	case schema.List:
		e := t.Fields[0]
		return &iceberg.ListType{ElementID: e.ID, Element: typeToIceberg(e.Type), ElementRequired: e.Required}
	case schema.Map:
		k, v := t.Fields[0], t.Fields[1]
		return &iceberg.MapType{KeyID: k.ID, KeyType: typeToIceberg(k.Type), ValueID: v.ID, ValueType: typeToIceberg(v.Type), ValueRequired: v.Required}
	}
	return primitives[t.Kind]
}

func specFromIceberg(s iceberg.PartitionSpec) (partition.Spec, error) {
	out := partition.Spec{ID: s.ID()}
	for _, f := range s.Fields() {
		t, err := partition.ParseTransform(f.Transform.String())
		if err != nil {
			return out, err
		}
		out.Fields = append(out.Fields, partition.Field{SourceID: f.SourceID(), FieldID: f.FieldID, Name: f.Name, Transform: t})
	}
	return out, nil
}

func specToIceberg(s partition.Spec) (*iceberg.PartitionSpec, error) {
	fields := make([]iceberg.PartitionField, len(s.Fields))
	for i, f := range s.Fields {
		t, err := iceberg.ParseTransform(f.Transform.String())
		if err != nil {
			return nil, err
		}
		fields[i] = iceberg.PartitionField{SourceIDs: []int{f.SourceID}, FieldID: f.FieldID, Name: f.Name, Transform: t}
	}
	spec := iceberg.NewPartitionSpecID(s.ID, fields...)
	return &spec, nil
}

func sortFromIceberg(s table.SortOrder) (partition.SortOrder, error) {
	out := partition.SortOrder{ID: s.OrderID()}
	for _, f := range sortFields(s) {
		t, err := partition.ParseTransform(f.Transform.String())
		if err != nil {
			return out, err
		}
		out.Fields = append(out.Fields, partition.SortField{SourceID: f.SourceID(), Transform: t,
			Descending: f.Direction == table.SortDESC, NullsLast: f.NullOrder == table.NullsLast})
	}
	return out, nil
}

func sortFields(s table.SortOrder) (out []table.SortField) {
	for _, f := range s.Fields() {
		out = append(out, f)
	}
	return out
}

func sortToIceberg(s partition.SortOrder) (table.SortOrder, error) {
	if len(s.Fields) == 0 {
		return table.UnsortedSortOrder, nil
	}
	fields := make([]table.SortField, len(s.Fields))
	for i, f := range s.Fields {
		t, err := iceberg.ParseTransform(f.Transform.String())
		if err != nil {
			return table.SortOrder{}, err
		}
		fields[i] = table.SortField{SourceIDs: []int{f.SourceID}, Transform: t, Direction: table.SortASC, NullOrder: table.NullsFirst}
		if f.Descending {
			fields[i].Direction = table.SortDESC
		}
		if f.NullsLast {
			fields[i].NullOrder = table.NullsLast
		}
	}
	return table.NewSortOrder(max(s.ID, 1), fields)
}

// dataFile maps a finished file to a manifest's record of it.
func dataFile(f DataFile, spec iceberg.PartitionSpec, s *iceberg.Schema) (iceberg.DataFile, error) {
	tuple, logical, fixed := map[int]any{}, map[int]string{}, map[int]int{}
	i := 0
	for _, pf := range spec.Fields() {
		if i >= len(f.Partition) {
			return nil, fmt.Errorf("%s has %d partition values, its spec wants more", f.Location, len(f.Partition))
		}
		src, ok := s.FindTypeByID(pf.SourceID())
		if !ok {
			return nil, fmt.Errorf("partition field %s: no column with id %d", pf.Name, pf.SourceID())
		}
		v, l, n := partitionValue(f.Partition[i], pf.Transform.ResultType(src))
		tuple[pf.FieldID] = v
		if l != "" {
			logical[pf.FieldID] = l
		}
		if n > 0 {
			fixed[pf.FieldID] = n
		}
		i++
	}
	b, err := iceberg.NewDataFileBuilder(spec, iceberg.EntryContentData, f.Location, iceberg.ParquetFile, tuple, logical, fixed, f.Records, f.Bytes)
	if err != nil {
		return nil, err
	}
	sizes, values, nulls, nans := map[int]int64{}, map[int]int64{}, map[int]int64{}, map[int]int64{}
	lower, upper := map[int][]byte{}, map[int][]byte{}
	for id, c := range f.Columns {
		sizes[id], values[id], nulls[id] = c.Bytes, c.Values, c.Nulls
		if c.NaNs > 0 {
			nans[id] = c.NaNs
		}
		if c.Lower != nil {
			lower[id] = c.Lower
		}
		if c.Upper != nil {
			upper[id] = c.Upper
		}
	}
	b.ColumnSizes(sizes).ValueCounts(values).NullValueCounts(nulls).LowerBoundValues(lower).UpperBoundValues(upper).SplitOffsets(f.SplitOffsets)
	if len(nans) > 0 {
		b.NaNValueCounts(nans)
	}
	if f.SortOrderID > 0 {
		b.SortOrderID(f.SortOrderID)
	}
	return b.Build(), nil
}

// partitionValue gives a tuple's value the Go type that iceberg-go's manifests take.
func partitionValue(v any, t iceberg.Type) (value any, logical string, fixed int) {
	switch t := t.(type) {
	case iceberg.DateType:
		if d, ok := v.(int32); ok {
			v = iceberg.Date(d)
		}
	case iceberg.TimeType:
		if d, ok := v.(int64); ok {
			v = iceberg.Time(d)
		}
	case iceberg.TimestampType, iceberg.TimestampTzType:
		if d, ok := v.(int64); ok {
			v = iceberg.Timestamp(d)
		}
	case iceberg.UUIDType:
		if d, ok := v.([16]byte); ok {
			v = uuid.UUID(d)
		}
	case iceberg.DecimalType:
		if d, ok := v.(decimal128.Num); ok {
			v = iceberg.Decimal{Val: d, Scale: t.Scale()}
		}
	}
	return v, "", 0
}

func gunzip(b []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
