package parquet

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/firn-data/firn/internal/fault"
	firnmem "github.com/firn-data/firn/internal/memory"
	"github.com/firn-data/firn/internal/predicate"
	"github.com/firn-data/firn/internal/schema"
)

// foreign writes a file with arrow-go, each text (a JSON array of rows) as one row group.
func foreign(t testing.TB, sc *arrow.Schema, groups ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := pqarrow.NewFileWriter(sc, &out, parquet.NewWriterProperties(parquet.WithStats(true)), pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups {
		rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, sc, strings.NewReader(g))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// readJSON reads a file and gives its rows as JSON, one line a row.
func readJSON(t testing.TB, data []byte, want schema.Schema, o ReadOptions) (string, error) {
	t.Helper()
	if o.Alloc == nil {
		alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
		defer alloc.AssertSize(t, 0)
		o.Alloc = alloc
	}
	f, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	for rec, err := range f.Read(context.Background(), want, o) {
		if err != nil {
			return out.String(), err
		}
		if !rec.Schema().Equal(want.Arrow()) {
			t.Errorf("the batch has schema %s, want %s", rec.Schema(), want.Arrow())
		}
		if o.BatchRows > 0 && rec.NumRows() > int64(o.BatchRows) {
			t.Errorf("a batch has %d rows", rec.NumRows())
		}
		for i := range int(rec.NumRows()) {
			row := map[string]any{}
			for c, f := range rec.Schema().Fields() {
				row[f.Name] = rec.Column(c).GetOneForMarshal(i)
			}
			b, err := json.Marshal(row)
			if err != nil {
				t.Fatal(err)
			}
			out.Write(append(b, '\n'))
		}
		rec.Release()
	}
	return out.String(), nil
}

func field(id int, name string, t schema.Type) schema.Field {
	return schema.Field{ID: id, Name: name, Type: t}
}

var (
	tInt, tLong, tDouble, tString = schema.Type{Kind: schema.Int}, schema.Type{Kind: schema.Long}, schema.Type{Kind: schema.Double}, schema.Type{Kind: schema.String}
)

func structOf(fields ...schema.Field) schema.Type {
	return schema.Type{Kind: schema.Struct, Fields: fields}
}
func listOf(f schema.Field) schema.Type {
	return schema.Type{Kind: schema.List, Fields: []schema.Field{f}}
}
func mapOf(k, v schema.Field) schema.Type {
	k.Required = true
	return schema.Type{Kind: schema.Map, Fields: []schema.Field{k, v}}
}

// TestEvolvedSchemasAreReadById writes a table's first schema and reads it by a later one: fields renamed, reordered, dropped,
// added and promoted, at every depth.
func TestEvolvedSchemasAreReadById(t *testing.T) {
	before := schema.Schema{Fields: []schema.Field{
		field(1, "id", tInt), field(2, "gone", tString),
		field(3, "s", structOf(field(4, "a", tInt), field(5, "b", tString), field(6, "c", tInt))),
		field(7, "l", listOf(field(8, "element", structOf(field(9, "x", tInt), field(10, "y", tString))))),
		field(11, "m", mapOf(field(12, "key", tString), field(13, "value", structOf(field(14, "p", tInt))))),
		field(20, "f", schema.Type{Kind: schema.Float}), field(21, "d", schema.DecimalOf(9, 2)),
	}}
	after := schema.Schema{Fields: []schema.Field{
		field(7, "list", listOf(field(8, "element", structOf(field(15, "new", tLong), field(10, "renamed", tString), field(9, "x", tLong))))),
		field(3, "s", structOf(field(5, "bee", tString), field(16, "deep", structOf(field(17, "z", tString))), field(4, "a", tLong))),
		field(11, "m", mapOf(field(12, "key", tString), field(13, "value", structOf(field(18, "q", tString))))),
		field(1, "id", tLong), field(19, "added", tString), field(20, "f", tDouble), field(21, "d", schema.DecimalOf(20, 2)),
	}}
	data := foreign(t, before.Arrow(),
		`[{"id": 1, "gone": "x", "s": {"a": 7, "b": "bb", "c": 1}, "l": [{"x": 1, "y": "one"}, null, {"x": null, "y": null}], "m": [{"key": "k", "value": {"p": 1}}, {"key": "n", "value": null}], "f": 0.5, "d": "1.25"}]`,
		`[{"id": 2, "s": null, "l": [], "m": []}, {"id": null, "s": {"a": null}, "l": null, "m": null, "d": "-0.01"}]`)
	got, err := readJSON(t, data, after, ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"added":null,"d":"1.25","f":0.5,"id":1,"list":[{"new":null,"renamed":"one","x":1},null,{"new":null,"renamed":null,"x":null}],"m":[{"key":"k","value":{"q":null}},{"key":"n","value":null}],"s":{"a":7,"bee":"bb","deep":null}}
{"added":null,"d":null,"f":null,"id":2,"list":[],"m":[],"s":null}
{"added":null,"d":"-0.01","f":null,"id":null,"list":null,"m":null,"s":{"a":null,"bee":null,"deep":null}}
`
	if got != want {
		t.Errorf("read\n%s\nwant\n%s", got, want)
	}
}

func TestFilesWithoutIdsAreReadByName(t *testing.T) {
	sc := arrow.NewSchema([]arrow.Field{{Name: "ID", Type: arrow.PrimitiveTypes.Int32, Nullable: true}, {Name: "S", Nullable: true, Type: arrow.StructOf(arrow.Field{Name: "Inner", Type: arrow.BinaryTypes.String, Nullable: true})}}, nil)
	data := foreign(t, sc, `[{"ID": 1, "S": {"Inner": "x"}}]`)
	want := schema.Schema{Fields: []schema.Field{field(5, "s", structOf(field(6, "inner", tString), field(7, "other", tInt))), field(4, "id", tLong)}}
	if got, err := readJSON(t, data, want, ReadOptions{}); err != nil || got != `{"id":1,"s":{"inner":"x","other":null}}`+"\n" {
		t.Errorf("%s, %v", got, err)
	}
}

func TestOnlyPromotionsChangeATypeOnRead(t *testing.T) {
	data := foreign(t, schema.Schema{Fields: []schema.Field{field(1, "c", tLong)}}.Arrow(), `[{"c": 1}]`)
	for _, typ := range []schema.Type{tInt, tString, tDouble, schema.DecimalOf(18, 0), listOf(field(2, "element", tLong)), structOf(field(2, "c", tLong))} {
		_, err := readJSON(t, data, schema.Schema{Fields: []schema.Field{field(1, "c", typ)}}, ReadOptions{})
		if !fault.Is(err, fault.Config) || !strings.Contains(err.Error(), "column c") {
			t.Errorf("long as %s: %v", typ, err)
		}
	}
	required := field(9, "absent", tLong)
	required.Required = true
	if _, err := readJSON(t, data, schema.Schema{Fields: []schema.Field{field(1, "c", tLong), required}}, ReadOptions{}); !fault.Is(err, fault.Data) {
		t.Errorf("a required column that the file lacks: %v", err)
	}
}

func TestRowGroupsColumnsAndBatchesAreChosen(t *testing.T) {
	sc := schema.Schema{Fields: []schema.Field{field(1, "id", tLong), field(2, "t", tString)}}
	data := foreign(t, sc.Arrow(), `[{"id": 1, "t": "a"}, {"id": 2, "t": "b"}, {"id": 3, "t": "c"}]`, `[{"id": 4, "t": "d"}]`, `[{"id": 5}]`)
	f, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if g := f.Groups(); len(g) != 3 || g[0].Rows != 3 || g[1].Bytes <= 0 || f.Rows() != 5 {
		t.Errorf("groups %v, %d rows", g, f.Rows())
	}
	for _, c := range []struct {
		want schema.Schema
		o    ReadOptions
		text string
	}{
		{schema.Schema{Fields: sc.Fields[:1]}, ReadOptions{BatchRows: 2}, `{"id":1} {"id":2} {"id":3} {"id":4} {"id":5}`},
		{schema.Schema{Fields: sc.Fields[1:]}, ReadOptions{Groups: []int{2, 0}}, `{"t":null} {"t":"a"} {"t":"b"} {"t":"c"}`},
		{schema.Schema{Fields: []schema.Field{field(9, "none", tInt)}}, ReadOptions{BatchRows: 1, Groups: []int{0}}, `{"none":null} {"none":null} {"none":null}`},
		{schema.Schema{}, ReadOptions{Groups: []int{1}}, `{}`},
	} {
		got, err := readJSON(t, data, c.want, c.o)
		if err != nil || strings.TrimSpace(strings.ReplaceAll(got, "\n", " ")) != c.text {
			t.Errorf("%v: %s, %v", c.o, got, err)
		}
	}
}

func TestReadingReservesFromTheBudget(t *testing.T) {
	g := newGenerator(7)
	var rows []string
	for i := range 5000 {
		rows = append(rows, fmt.Sprintf(`{"id": %d, "t": "%x"}`, i, g.Uint64()))
	}
	sc := schema.Schema{Fields: []schema.Field{field(1, "id", tLong), field(2, "t", tString)}}
	data := foreign(t, sc.Arrow(), "["+strings.Join(rows, ",")+"]")
	for _, limit := range []int64{256 << 10, 64 << 20} {
		b := firnmem.NewBudget(limit)
		got, err := readJSON(t, data, sc, ReadOptions{Budget: b})
		if err != nil || strings.Count(got, "\n") != 5000 {
			t.Errorf("%d rows, %v", strings.Count(got, "\n"), err)
		}
		if b.Used() != 0 || b.Peak() == 0 || b.Peak() > limit {
			t.Errorf("of %d bytes: peak %d, %d stay reserved", limit, b.Peak(), b.Used())
		}
	}
}

// TestStatisticsLeaveOutRowGroups asks which of three row groups may hold a row for which a condition is TRUE.
func TestStatisticsLeaveOutRowGroups(t *testing.T) {
	sc := schema.Schema{Fields: []schema.Field{field(1, "i", tInt), field(2, "s", tString), field(3, "x", tDouble), field(4, "d", schema.DecimalOf(9, 2)),
		field(5, "big", schema.DecimalOf(30, 2)), field(6, "day", schema.Type{Kind: schema.Date}), field(7, "ts", schema.Type{Kind: schema.TimestampTZ})}}
	data := foreign(t, sc.Arrow(),
		`[{"i": 1, "s": "a", "x": 1, "d": "1.00", "big": "-5.00", "day": "2024-01-01", "ts": "2024-01-01T00:00:00Z"}, {"i": 10, "s": "c", "x": 2, "d": "2.00", "big": "5.00", "day": "2024-01-31", "ts": "2024-01-31T00:00:00Z"}]`,
		`[{"i": 11, "s": "d", "x": 3, "d": "3.00", "big": "6.00", "day": "2024-02-01", "ts": "2024-02-01T00:00:00Z"}, {"i": 20}]`,
		`[{"s": "é"}, {"s": "z"}]`)
	want := slices.Clone(sc.Fields)
	want[0].Type = tLong // promoted since
	f, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	cmp := func(op predicate.Op, column string, v ...any) predicate.Predicate {
		return predicate.Predicate{Op: op, Column: column, Values: v}
	}
	for _, c := range []struct {
		p    predicate.Predicate
		want string
	}{
		{predicate.True(), "012"},
		{cmp(predicate.Eq, "i", int64(10)), "0"}, {cmp(predicate.Eq, "I", int64(15)), "1"}, {cmp(predicate.Eq, "i", int64(21)), ""}, {cmp(predicate.In, "i", int64(0), int64(12)), "1"},
		{cmp(predicate.Lt, "i", int64(11)), "0"}, {cmp(predicate.LtEq, "i", int64(11)), "01"}, {cmp(predicate.Gt, "i", int64(10)), "1"}, {cmp(predicate.GtEq, "i", int64(10)), "01"},
		{cmp(predicate.NotEq, "i", int64(1)), "01"}, {cmp(predicate.IsNull, "i"), "2"}, {cmp(predicate.IsNotNull, "i"), "01"},
		{cmp(predicate.Eq, "s", "b"), "0"}, {cmp(predicate.GtEq, "s", "e"), "2"}, {cmp(predicate.IsNull, "s"), "1"},
		{cmp(predicate.Lt, "x", 1.5), "0"}, {cmp(predicate.Gt, "x", 2.5), "01"}, // NaN is larger than all, and in no bound
		{cmp(predicate.Eq, "x", math.NaN()), "01"}, {cmp(predicate.Eq, "x", math.Copysign(0, -1)), ""},
		{cmp(predicate.Eq, "d", decimal128.FromI64(300)), "1"}, {cmp(predicate.Lt, "big", decimal128.FromI64(-499)), "0"}, {cmp(predicate.Gt, "big", decimal128.FromI64(500)), "1"},
		{cmp(predicate.Eq, "day", arrow.Date32(19754)), "1"}, {cmp(predicate.Lt, "ts", arrow.Timestamp(1706745600000000)), "0"},
		{cmp(predicate.Eq, "nope", int64(1)), "012"}, {cmp(predicate.Eq, "i", "text"), "01"},
		{predicate.All(cmp(predicate.Gt, "i", int64(5)), cmp(predicate.Lt, "s", "b")), "0"},
		{predicate.Predicate{Op: predicate.Or, Args: []predicate.Predicate{cmp(predicate.Eq, "i", int64(20)), cmp(predicate.Eq, "s", "z")}}, "12"},
	} {
		got := ""
		for g := range f.Groups() {
			if f.MayMatch(g, schema.Schema{Fields: want}, c.p) {
				got += fmt.Sprint(g)
			}
		}
		if got != c.want {
			t.Errorf("%s: row groups %q, want %q", c.p, got, c.want)
		}
	}
	absent := schema.Schema{Fields: []schema.Field{field(30, "new", tInt)}}
	if f.MayMatch(0, absent, cmp(predicate.Eq, "new", int32(1))) || !f.MayMatch(0, absent, cmp(predicate.IsNull, "new")) {
		t.Error("a column that the file lacks is all NULL")
	}
	rows := 0
	for rec, err := range f.Read(context.Background(), schema.Schema{Fields: want}, ReadOptions{Where: cmp(predicate.Gt, "i", int64(10))}) {
		if err != nil {
			t.Fatal(err)
		}
		rows += int(rec.NumRows())
		rec.Release()
	}
	if rows != 2 {
		t.Errorf("%d rows of the one group that may match", rows)
	}
}

// TestADamagedFileIsAnError cuts a file everywhere and turns every byte of it.
func TestADamagedFileIsAnError(t *testing.T) {
	sc := schema.Schema{Fields: []schema.Field{field(1, "id", tLong), field(2, "t", tString)}}
	data := foreign(t, sc.Arrow(), `[{"id": 1, "t": "a"}, {"id": 2, "t": "b"}]`)
	lenient := ReadOptions{Alloc: memory.DefaultAllocator} // the Parquet library forgets buffers when it fails
	for n := range data {
		if _, err := readJSON(t, data[:n], sc, lenient); !fault.Is(err, fault.Data) {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
	refused := 0
	for n := range data {
		for _, flip := range []byte{0xff, 0x01, 0x80} {
			bad := bytes.Clone(data)
			bad[n] ^= flip
			if _, err := readJSON(t, bad, sc, lenient); err != nil {
				refused++
			}
		}
	}
	if refused == 0 {
		t.Error("no damage is found")
	}
}

func FuzzRead(f *testing.F) {
	sc := schema.Schema{Fields: []schema.Field{field(1, "id", tLong), field(2, "l", listOf(field(3, "element", structOf(field(4, "t", tString), field(5, "d", schema.DecimalOf(9, 2))))))}}
	data := foreign(f, sc.Arrow(), `[{"id": 1, "l": [{"t": "a", "d": "1.00"}]}, {"id": null, "l": null}]`, `[{"id": 3, "l": []}]`)
	f.Add(data, 0, byte(0))
	f.Add(data, len(data)-20, byte(7))
	f.Fuzz(func(t *testing.T, data []byte, at int, change byte) {
		if len(data) > 1<<16 {
			return
		}
		if at >= 0 && at < len(data) {
			data = bytes.Clone(data)
			data[at] ^= change
		}
		r, err := Open(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for rec, err := range r.Read(context.Background(), sc, ReadOptions{Where: predicate.Predicate{Op: predicate.Eq, Column: "id", Values: []any{int64(1)}}}) {
			if err != nil {
				return
			}
			rec.Release()
		}
	})
}
