package schema

import (
	"fmt"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/extensions"
)

// FieldIDKey is the Arrow field metadata key of an Iceberg field id, as Parquet's Arrow mapping names it.
const FieldIDKey = "PARQUET:field_id"

// Physical is a Parquet physical type.
type Physical uint8

const (
	NoPhysical Physical = iota // nested types have none of their own
	ParquetBoolean
	ParquetInt32
	ParquetInt64
	ParquetFloat
	ParquetDouble
	ParquetByteArray
	ParquetFixed
)

// Row is one line of the type table.
type Row struct {
	Kind    Kind
	iceberg string         // name in the Iceberg spec
	spark   string         // Spark SQL name
	Spark   bool           // Spark SQL can hold the type's values as this type (uuid, fixed and time can't)
	arrow   arrow.DataType // nil where the type has parameters
	Parquet Physical       // of unparameterised types; Decimal and Fixed: Type.Physical
	Logical string         // Parquet logical type, as the Parquet format names it; "" for none
}

var rows = [...]Row{
	Invalid:       {Invalid, "invalid", "VOID", false, nil, NoPhysical, ""},
	Boolean:       {Boolean, "boolean", "BOOLEAN", true, arrow.FixedWidthTypes.Boolean, ParquetBoolean, ""},
	Int:           {Int, "int", "INT", true, arrow.PrimitiveTypes.Int32, ParquetInt32, ""},
	Long:          {Long, "long", "BIGINT", true, arrow.PrimitiveTypes.Int64, ParquetInt64, ""},
	Float:         {Float, "float", "FLOAT", true, arrow.PrimitiveTypes.Float32, ParquetFloat, ""},
	Double:        {Double, "double", "DOUBLE", true, arrow.PrimitiveTypes.Float64, ParquetDouble, ""},
	Decimal:       {Decimal, "decimal", "DECIMAL", true, nil, NoPhysical, "DECIMAL"},
	Date:          {Date, "date", "DATE", true, arrow.FixedWidthTypes.Date32, ParquetInt32, "DATE"},
	Time:          {Time, "time", "TIME", false, arrow.FixedWidthTypes.Time64us, ParquetInt64, "TIME"},
	Timestamp:     {Timestamp, "timestamp", "TIMESTAMP_NTZ", true, &arrow.TimestampType{Unit: arrow.Microsecond}, ParquetInt64, "TIMESTAMP"},
	TimestampTZ:   {TimestampTZ, "timestamptz", "TIMESTAMP", true, &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, ParquetInt64, "TIMESTAMP"},
	TimestampNS:   {TimestampNS, "timestamp_ns", "TIMESTAMP_NTZ_NS", false, &arrow.TimestampType{Unit: arrow.Nanosecond}, ParquetInt64, "TIMESTAMP"},
	TimestampTZNS: {TimestampTZNS, "timestamptz_ns", "TIMESTAMP_NS", false, &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "UTC"}, ParquetInt64, "TIMESTAMP"},
	String:        {String, "string", "STRING", true, arrow.BinaryTypes.String, ParquetByteArray, "STRING"},
	UUID:          {UUID, "uuid", "STRING", false, extensions.NewUUIDType(), ParquetFixed, "UUID"},
	Fixed:         {Fixed, "fixed", "BINARY", false, nil, ParquetFixed, ""},
	Binary:        {Binary, "binary", "BINARY", true, arrow.BinaryTypes.Binary, ParquetByteArray, ""},
	Struct:        {Struct, "struct", "STRUCT", true, nil, NoPhysical, ""},
	List:          {List, "list", "ARRAY", true, nil, NoPhysical, "LIST"},
	Map:           {Map, "map", "MAP", true, nil, NoPhysical, "MAP"},
}

// Rows is the whole table, for tests that walk every type through a mapping.
func Rows() []Row { return rows[1:] }

// Name is the row's Iceberg name.
func (r Row) Name() string { return r.iceberg }

// Row is the table's row of the type.
func (t Type) Row() Row { return rows[t.Kind] }

// Physical is the Parquet physical type, and its length in bytes where that is ParquetFixed.
// Decimals take the smallest of INT32, INT64 and a fixed array, as the Iceberg spec's Parquet appendix asks.
func (t Type) Physical() (p Physical, length int) {
	switch t.Kind {
	case Decimal:
		switch {
		case t.Precision <= 9:
			return ParquetInt32, 0
		case t.Precision <= 18:
			return ParquetInt64, 0
		}
		return ParquetFixed, decimalBytes(t.Precision)
	case Fixed:
		return ParquetFixed, t.Length
	case UUID:
		return ParquetFixed, 16
	}
	return rows[t.Kind].Parquet, 0
}

// decimalBytes is the fewest bytes that hold any two's complement integer of p decimal digits.
func decimalBytes(p int) int { return fixedDecimal[p] }

var fixedDecimal = [39]int{0, 1, 1, 2, 2, 3, 3, 4, 4, 4, 5, 5, 6, 6, 6, 7, 7, 8, 8, 9, 9, 9, 10, 10, 11, 11, 11, 12, 12, 13, 13, 13, 14, 14, 15, 15, 16, 16, 16}

// Arrow is the canonical Arrow type: what every batch in firn carries for t.
func (t Type) Arrow() arrow.DataType {
	switch t.Kind {
	case Decimal:
		return &arrow.Decimal128Type{Precision: int32(t.Precision), Scale: int32(t.Scale)}
	case Fixed:
		return &arrow.FixedSizeBinaryType{ByteWidth: t.Length}
	case Struct:
		fields := make([]arrow.Field, len(t.Fields))
		for i, f := range t.Fields {
			fields[i] = f.Arrow()
		}
		return arrow.StructOf(fields...)
	case List:
		return arrow.ListOfField(t.Fields[0].Arrow())
	case Map:
		return arrow.MapOfFields(t.Fields[0].Arrow(), t.Fields[1].Arrow())
	}
	return rows[t.Kind].arrow
}

// Arrow is the field as an Arrow field, with its id in the metadata where it has one.
func (f Field) Arrow() arrow.Field {
	a := arrow.Field{Name: f.Name, Type: f.Type.Arrow(), Nullable: !f.Required}
	if f.ID > 0 {
		a.Metadata = arrow.MetadataFrom(map[string]string{FieldIDKey: strconv.Itoa(f.ID)})
	}
	return a
}

// Fidelity says what happens to values on the way from one type to another.
type Fidelity uint8

const (
	Exact   Fidelity = iota // same values, same type
	Widened                 // same values, wider type
	Lossy                   // values may change or be refused: firn never does this by itself (I4)
)

func (f Fidelity) String() string { return [...]string{"exact", "widened", "lossy"}[f] }

// FromArrow maps an Arrow type to the Iceberg type that holds all its values, and says whether that widens it.
// An Arrow type without such a type is an error that names it.
func FromArrow(dt arrow.DataType) (Type, Fidelity, error) {
	switch t := dt.(type) {
	case *arrow.BooleanType:
		return Type{Kind: Boolean}, Exact, nil
	case *arrow.Int32Type:
		return Type{Kind: Int}, Exact, nil
	case *arrow.Int8Type, *arrow.Int16Type, *arrow.Uint8Type, *arrow.Uint16Type:
		return Type{Kind: Int}, Widened, nil
	case *arrow.Int64Type:
		return Type{Kind: Long}, Exact, nil
	case *arrow.Uint32Type:
		return Type{Kind: Long}, Widened, nil
	case *arrow.Uint64Type:
		return DecimalOf(20, 0), Widened, nil
	case *arrow.Float16Type:
		return Type{Kind: Float}, Widened, nil
	case *arrow.Float32Type:
		return Type{Kind: Float}, Exact, nil
	case *arrow.Float64Type:
		return Type{Kind: Double}, Exact, nil
	case arrow.DecimalType:
		if t.GetPrecision() > 38 || t.GetScale() < 0 || t.GetScale() > t.GetPrecision() {
			return Type{}, Lossy, fmt.Errorf("%s has no Iceberg type: decimals have 1 to 38 digits and a scale of 0 to that", dt)
		}
		f := Exact
		if dt.ID() != arrow.DECIMAL128 {
			f = Widened
		}
		return DecimalOf(int(t.GetPrecision()), int(t.GetScale())), f, nil
	case *arrow.Date32Type:
		return Type{Kind: Date}, Exact, nil
	case *arrow.Time32Type:
		return Type{Kind: Time}, Widened, nil
	case *arrow.Time64Type:
		if t.Unit == arrow.Nanosecond {
			return Type{Kind: Time}, Lossy, nil
		}
		return Type{Kind: Time}, Exact, nil
	case *arrow.TimestampType:
		return fromTimestamp(t)
	case *arrow.StringType:
		return Type{Kind: String}, Exact, nil
	case *arrow.LargeStringType, *arrow.StringViewType:
		return Type{Kind: String}, Widened, nil
	case *arrow.BinaryType:
		return Type{Kind: Binary}, Exact, nil
	case *arrow.LargeBinaryType, *arrow.BinaryViewType:
		return Type{Kind: Binary}, Widened, nil
	case *arrow.FixedSizeBinaryType:
		return Type{Kind: Fixed, Length: t.ByteWidth}, Exact, nil
	case *extensions.UUIDType:
		return Type{Kind: UUID}, Exact, nil
	case *arrow.DictionaryType:
		inner, _, err := FromArrow(t.ValueType)
		return inner, Widened, err
	case *arrow.StructType:
		fields, f, err := fromArrowFields(t.Fields())
		return Type{Kind: Struct, Fields: fields}, f, err
	case *arrow.MapType:
		fields, f, err := fromArrowFields([]arrow.Field{t.KeyField(), t.ItemField()})
		if err != nil {
			return Type{}, Lossy, err
		}
		fields[0].Name, fields[0].Required, fields[1].Name = "key", true, "value"
		return Type{Kind: Map, Fields: fields}, f, nil
	case arrow.ListLikeType:
		fields, f, err := fromArrowFields([]arrow.Field{t.ElemField()})
		if err != nil {
			return Type{}, Lossy, err
		}
		if dt.ID() != arrow.LIST {
			f = max(f, Widened)
		}
		fields[0].Name = "element"
		return Type{Kind: List, Fields: fields}, f, nil
	}
	return Type{}, Lossy, fmt.Errorf("arrow type %s has no Iceberg type", dt)
}

func fromTimestamp(t *arrow.TimestampType) (Type, Fidelity, error) {
	kind := Timestamp
	if t.TimeZone != "" {
		kind = TimestampTZ
	}
	switch t.Unit {
	case arrow.Microsecond:
		if kind == TimestampTZ && t.TimeZone != "UTC" {
			return Type{Kind: kind}, Widened, nil
		}
		return Type{Kind: kind}, Exact, nil
	case arrow.Nanosecond:
		return Type{Kind: kind + 2}, Exact, nil
	}
	return Type{Kind: kind}, Widened, nil
}

func fromArrowFields(in []arrow.Field) ([]Field, Fidelity, error) {
	worst := Exact
	out := make([]Field, len(in))
	for i, a := range in {
		f, fid, err := FieldFromArrow(a)
		if err != nil {
			return nil, Lossy, err
		}
		out[i], worst = f, max(worst, fid)
	}
	return out, worst, nil
}

// FieldFromArrow maps an Arrow field with its nullability and, where present, its field id.
func FieldFromArrow(a arrow.Field) (Field, Fidelity, error) {
	t, fid, err := FromArrow(a.Type)
	if err != nil {
		return Field{}, Lossy, fmt.Errorf("%s: %w", a.Name, err)
	}
	f := Field{Name: a.Name, Type: t, Required: !a.Nullable}
	if v, ok := a.Metadata.GetValue(FieldIDKey); ok {
		if id, err := strconv.Atoi(v); err == nil {
			f.ID = id
		}
	}
	return f, fid, nil
}

// SchemaFromArrow maps a whole schema and tells the fidelity of each column.
func SchemaFromArrow(s *arrow.Schema) (Schema, []Fidelity, error) {
	out := Schema{Fields: make([]Field, s.NumFields())}
	fid := make([]Fidelity, s.NumFields())
	for i, a := range s.Fields() {
		var err error
		if out.Fields[i], fid[i], err = FieldFromArrow(a); err != nil {
			return Schema{}, nil, err
		}
	}
	return out, fid, nil
}
