package hive

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/apache/thrift/lib/go/thrift"

	"github.com/firn-data/firn/catalog"
)

// Parameters of a Hive table that mark it as Iceberg's, as Java's HiveTableOperations sets them.
const (
	metadataLocation = "metadata_location"
	previousLocation = "previous_metadata_location"
)

// maxParameter is how long a parameter may be: what HMS's schema on most databases holds.
const maxParameter = 32_672

// newTable is the Hive table of an Iceberg table that is created.
func newTable(id catalog.Ident, now int32) *record {
	return newRecord(str(tableName, id.Table), str(tableDatabase, id.Namespace), str(tableOwner, "firn"), i32(tableCreated, now), i32(tableAccessed, now),
		i32(tableRetention, 1<<31-1), nested(tableStorage, newRecord()), elements(tablePartitions, &list{element: thrift.STRUCT}), pairs(tableParameters, mapOf(nil)), str(tableType, "EXTERNAL_TABLE"))
}

// describe makes a Hive table say what an Iceberg table's metadata say. Fields and parameters that are not Iceberg's stay as they are.
func describe(t *record, md table.Metadata, location, previous string) {
	params := t.strings(tableParameters)
	for k := range params {
		if strings.HasPrefix(k, "firn.") { // a state that was dropped must not stay here
			delete(params, k)
		}
	}
	set := func(k, v string) {
		delete(params, k)
		if v != "" && len(v) <= maxParameter {
			params[k] = v
		}
	}
	for k, v := range md.Properties() {
		set(k, v)
	}
	set("EXTERNAL", "TRUE")
	set("table_type", "ICEBERG")
	set("uuid", md.TableUUID().String())
	params[metadataLocation] = location
	set(previousLocation, previous)
	if purge, ok := md.Properties()["gc.enabled"]; ok {
		set("external.table.purge", purge)
	}
	delete(params, "COLUMN_STATS_ACCURATE")
	describeSnapshot(set, md)
	if b, err := json.Marshal(md.CurrentSchema()); err == nil {
		set("current-schema", string(b))
	}
	set("default-partition-spec", "")
	if s := md.PartitionSpec(); !s.IsUnpartitioned() {
		if b, err := json.Marshal(s); err == nil {
			set("default-partition-spec", string(b))
		}
	}
	set("default-sort-order", "")
	if o := md.SortOrder(); !o.IsUnsorted() {
		if b, err := json.Marshal(o); err == nil {
			set("default-sort-order", string(b))
		}
	}
	t.set(pairs(tableParameters, mapOf(params)))
	describeStorage(t, md)
}

func describeSnapshot(set func(k, v string), md table.Metadata) {
	set("snapshot-count", strconv.Itoa(len(md.Snapshots())))
	s := md.CurrentSnapshot()
	if s == nil {
		for _, k := range []string{"current-snapshot-id", "current-snapshot-timestamp-ms", "current-snapshot-summary", "numFiles", "numRows", "totalSize"} {
			set(k, "")
		}
		return
	}
	set("current-snapshot-id", strconv.FormatInt(s.SnapshotID, 10))
	set("current-snapshot-timestamp-ms", strconv.FormatInt(s.TimestampMs, 10))
	if s.Summary == nil {
		return
	}
	if b, err := json.Marshal(s.Summary.Properties); err == nil {
		set("current-snapshot-summary", string(b))
	}
	for hive, ice := range map[string]string{"numFiles": "total-data-files", "numRows": "total-records", "totalSize": "total-files-size"} {
		set(hive, s.Summary.Properties[ice])
	}
}

// describeStorage sets columns and location; formats only where there are none, since Hive's own storage handler may have set its.
func describeStorage(t *record, md table.Metadata) {
	sd := t.record(tableStorage)
	if sd == nil {
		sd = newRecord()
		t.set(nested(tableStorage, sd))
	}
	sd.set(elements(storageColumns, recordsOf(columns(md.CurrentSchema())...)))
	sd.set(str(storageLocation, md.Location()))
	if sd.record(storageSerde) == nil {
		setFormats(sd)
	}
}

func setFormats(sd *record) {
	sd.set(str(storageInput, "org.apache.hadoop.mapred.FileInputFormat"))
	sd.set(str(storageOutput, "org.apache.hadoop.mapred.FileOutputFormat"))
	sd.set(boolean(5, false))
	sd.set(i32(6, 0))
	sd.set(nested(storageSerde, newRecord(str(2, "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"), pairs(3, mapOf(nil)))))
	sd.set(elements(8, &list{element: thrift.STRING}))
	sd.set(elements(9, &list{element: thrift.STRUCT}))
	sd.set(pairs(10, mapOf(nil)))
}

// columns are a schema as Hive's columns.
func columns(s *iceberg.Schema) []*record {
	var out []*record
	for _, f := range s.Fields() {
		column := newRecord(str(1, f.Name), str(2, hiveType(f.Type)))
		if f.Doc != "" {
			column.set(str(3, f.Doc))
		}
		out = append(out, column)
	}
	return out
}

// hiveType is Hive's name of a type, as Java's HiveSchemaUtil has it.
func hiveType(t iceberg.Type) string {
	switch t := t.(type) {
	case iceberg.Int32Type, iceberg.BooleanType, iceberg.DateType, iceberg.StringType, iceberg.BinaryType:
		return t.String()
	case iceberg.Int64Type:
		return "bigint"
	case iceberg.Float32Type:
		return "float"
	case iceberg.Float64Type:
		return "double"
	case iceberg.DecimalType:
		return fmt.Sprintf("decimal(%d,%d)", t.Precision(), t.Scale())
	case iceberg.TimestampType, iceberg.TimestampNsType:
		return "timestamp"
	case iceberg.TimestampTzType, iceberg.TimestampTzNsType:
		return "timestamp with local time zone"
	case iceberg.FixedType:
		return "binary"
	case *iceberg.StructType:
		parts := make([]string, len(t.FieldList))
		for i, f := range t.FieldList {
			parts[i] = f.Name + ":" + hiveType(f.Type)
		}
		return "struct<" + strings.Join(parts, ",") + ">"
	case *iceberg.ListType:
		return "array<" + hiveType(t.Element) + ">"
	case *iceberg.MapType:
		return "map<" + hiveType(t.KeyType) + "," + hiveType(t.ValueType) + ">"
	}
	return "string" // time, uuid
}
