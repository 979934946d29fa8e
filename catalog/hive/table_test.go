package hive

import (
	"context"
	"strings"
	"testing"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/apache/thrift/lib/go/thrift"

	"github.com/firn-data/firn/internal/fault"
)

func metadata(t *testing.T, props iceberg.Properties) table.Metadata {
	t.Helper()
	s := iceberg.NewSchema(0,
		iceberg.NestedField{ID: 1, Name: "id", Type: iceberg.PrimitiveTypes.Int64, Required: true, Doc: "the key"},
		iceberg.NestedField{ID: 2, Name: "at", Type: iceberg.PrimitiveTypes.TimestampTz},
		iceberg.NestedField{ID: 3, Name: "tags", Type: &iceberg.ListType{ElementID: 4, Element: iceberg.PrimitiveTypes.UUID}},
		iceberg.NestedField{ID: 5, Name: "by", Type: &iceberg.MapType{KeyID: 6, KeyType: iceberg.PrimitiveTypes.String, ValueID: 7, ValueType: iceberg.DecimalTypeOf(12, 2)}},
		iceberg.NestedField{ID: 8, Name: "in", Type: &iceberg.StructType{FieldList: []iceberg.NestedField{{ID: 9, Name: "a", Type: iceberg.FixedTypeOf(4)}, {ID: 10, Name: "b", Type: iceberg.PrimitiveTypes.Time}}}})
	md, err := table.NewMetadata(s, iceberg.UnpartitionedSpec, table.UnsortedSortOrder, "s3://b/t", props)
	if err != nil {
		t.Fatal(err)
	}
	return md
}

// over sends a record over the wire and gives what arrives.
func over(t *testing.T, r *record) *record {
	t.Helper()
	ctx, buf := context.Background(), thrift.NewTMemoryBuffer()
	p := thrift.NewTBinaryProtocolConf(buf, nil)
	if err := writeRecord(ctx, p, r); err != nil {
		t.Fatal(err)
	}
	if err := p.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	out, err := readRecord(ctx, p, 0)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestWhatIsNotIcebergsIsWrittenBackAsItWasRead(t *testing.T) {
	sd := newRecord(str(storageLocation, "s3://b/t"), nested(storageSerde, newRecord(str(2, "org.example.SerDe"))), field{99, thrift.I64, int64(7)})
	r := newRecord(str(tableName, "t"), nested(tableStorage, sd), field{77, thrift.SET, listOf(thrift.STRING, []string{"x"})},
		pairs(tableParameters, mapOf(map[string]string{"foreign": "kept", "firn.state.gone": "{}", "COLUMN_STATS_ACCURATE": "{}", metadataLocation: "old", "storage_handler": "h"})))
	got := over(t, r)
	describe(got, metadata(t, iceberg.Properties{"firn.state.j": "{}", "gc.enabled": "false", "long": strings.Repeat("x", maxParameter+1)}), "new", "old")
	got = over(t, got)
	params := got.strings(tableParameters)
	for k, want := range map[string]string{"foreign": "kept", "storage_handler": "h", "firn.state.gone": "", "COLUMN_STATS_ACCURATE": "", metadataLocation: "new", previousLocation: "old",
		"firn.state.j": "{}", "external.table.purge": "false", "long": "", "table_type": "ICEBERG", "EXTERNAL": "TRUE", "snapshot-count": "0"} {
		if params[k] != want {
			t.Errorf("parameter %s is %q, want %q", k, params[k], want)
		}
	}
	if l, _ := got.get(77).(*list); len(l.texts()) != 1 {
		t.Error("an unknown field of the table was lost")
	}
	gsd := got.record(tableStorage)
	if n, _ := gsd.get(99).(int64); n != 7 || gsd.record(storageSerde).text(2) != "org.example.SerDe" {
		t.Errorf("the storage descriptor changed: %+v", gsd)
	}
}

func TestColumnsAreHives(t *testing.T) {
	got := columns(metadata(t, nil).CurrentSchema())
	want := []string{"bigint", "timestamp with local time zone", "array<string>", "map<string,decimal(12,2)>", "struct<a:binary,b:string>"}
	for i, w := range want {
		if got[i].text(2) != w {
			t.Errorf("column %s is %s, want %s", got[i].text(1), got[i].text(2), w)
		}
	}
	if got[0].text(3) != "the key" || got[1].get(3) != nil {
		t.Errorf("comments: %v, %v", got[0].get(3), got[1].get(3))
	}
}

func TestOnlyServersThatCompareAreBelievedTo(t *testing.T) {
	for v, want := range map[string]bool{"4.0.1": true, "4.0.0": true, "4.0.0-beta-1": true, "10.0.0": true, "4.0.0-alpha-2": false, "3.0": false, "3.1.3": false, "": false, "vendor": false} {
		if compares(v) != want {
			t.Errorf("%q compares: %v", v, !want)
		}
	}
}

func TestAddressesOfMetastores(t *testing.T) {
	for uri, want := range map[string]string{"thrift://h": "h:9083", "thrift://h:1": "h:1", "thrift://[::1]:2": "[::1]:2", "http://h:1": "", "h:9083": "", "thrift://": "", "thrift://user:word@h": ""} {
		got, err := address(uri)
		if got != want || (err != nil) != (want == "") || err != nil && (!fault.Is(err, fault.Config) || strings.Contains(err.Error(), "word@")) {
			t.Errorf("%s: %q, %v", uri, got, err)
		}
	}
}

func TestTimesAreReadAsHiveWritesThem(t *testing.T) {
	for text, want := range map[string]string{"300s": "5m0s", "5m": "5m0s", "300000ms": "5m0s", " 300 ": "5m0s"} {
		if d, ok := duration(text); !ok || d.String() != want {
			t.Errorf("%q is %s, %v", text, d, ok)
		}
	}
	if _, ok := duration("soon"); ok {
		t.Error("soon was read")
	}
}
