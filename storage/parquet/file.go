// Package parquet writes and reads one Parquet file: Arrow batches in, sizes and column statistics out; and back by
// columns, predicate and row groups. Schemas are firn's (internal/schema): every column carries an Iceberg field id.
package parquet

// File describes a finished Parquet file as an Iceberg manifest wants it.
type File struct {
	Bytes        int64                // size of the whole file
	Records      int64                // rows
	Columns      map[int]ColumnMetric // by field id, leaf columns only
	SplitOffsets []int64              // start of each row group in the file
}

// ColumnMetric is what a manifest says of one leaf column.
type ColumnMetric struct {
	Bytes  int64 // compressed size of the column over all row groups
	Values int64 // values, nulls included
	Nulls  int64
	NaNs   int64  // float and double only
	Lower  []byte // smallest value in Iceberg's single-value serialization; nil when unknown. NaN is not a bound
	Upper  []byte // largest value, or a truncated upper bound; nil when unknown
}
