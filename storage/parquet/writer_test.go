package parquet

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	parquetgo "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	firnmem "github.com/firn-data/firn/internal/memory"
	"github.com/firn-data/firn/internal/schema"
)

// write writes a table in batches of random sizes, and checks that no memory is left.
func write(t testing.TB, g *generator, tab table, o Options) ([]byte, File) {
	t.Helper()
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	budget := firnmem.NewBudget(pick[int64](g, 64<<20, 1))
	o.Alloc, o.Budget = alloc, budget
	var out bytes.Buffer
	w, err := NewWriter(&out, tab.schema, o)
	if err != nil {
		t.Fatal(err)
	}
	for at, n := 0, tab.rows(); at < n; {
		k := min(n-at, g.IntN(1+n/pick(g, 1, 3, 20)))
		if err := w.Write(tab.batch(alloc, g, at, at+k)); err != nil {
			t.Fatal(err)
		}
		at += k
	}
	f, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	if left := alloc.CurrentAlloc(); left != 0 || budget.Used() != 0 {
		t.Errorf("%d bytes are not freed, %d not released", left, budget.Used())
	}
	if f.Bytes != int64(out.Len()) || f.Records != int64(tab.rows()) {
		t.Errorf("the file of %d bytes and %d rows is described as %d, %d", out.Len(), tab.rows(), f.Bytes, f.Records)
	}
	return out.Bytes(), f
}

// sameByArrow reads a file with arrow-go and compares every value.
func sameByArrow(t testing.TB, data []byte, tab table) {
	t.Helper()
	r, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	fr, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{}, memory.NewGoAllocator())
	if err != nil {
		t.Fatal(err)
	}
	got, err := fr.ReadTable(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer got.Release()
	if got.NumRows() != int64(tab.rows()) {
		t.Fatalf("%d rows, want %d", got.NumRows(), tab.rows())
	}
	for i, f := range tab.schema.Fields {
		if id := got.Schema().Field(i).Metadata.FindKey(schema.FieldIDKey); id < 0 || got.Schema().Field(i).Metadata.Values()[id] != fmt.Sprint(f.ID) {
			t.Errorf("%s: no field id %d", f.Name, f.ID)
		}
		row := 0
		for _, chunk := range got.Column(i).Data().Chunks() {
			for k := range chunk.Len() {
				if g, w := text(valueAt(chunk, k)), text(tab.columns[i][row]); g != w {
					t.Fatalf("%s of %s, row %d: got %s, want %s", f.Name, f.Type, row, g, w)
				}
				row++
			}
		}
	}
}

// sameByParquetGo reads a file with parquet-go and compares every value and every level with the naive model.
func sameByParquetGo(t testing.TB, data []byte, tab table) {
	t.Helper()
	f, err := parquetgo.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for i, leaf := range tab.leafColumns() {
		at := 0
		for _, rg := range f.RowGroups() {
			pages := rg.ColumnChunks()[i].Pages()
			for {
				page, err := pages.ReadPage()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				values := make([]parquetgo.Value, page.NumValues())
				if n, err := page.Values().ReadValues(values); n != len(values) || err != nil && err != io.EOF {
					t.Fatalf("%d of %d values: %v", n, len(values), err)
				}
				for _, v := range values {
					if v.DefinitionLevel() != leaf.def[at] || v.RepetitionLevel() != leaf.rep[at] {
						t.Fatalf("column %d of %s, slot %d: levels %d %d, want %d %d", i, leaf.field.Type, at, v.DefinitionLevel(), v.RepetitionLevel(), leaf.def[at], leaf.rep[at])
					}
					if v.IsNull() != (leaf.values[at] == nil) || !v.IsNull() && !bytes.Equal(v.Bytes(), plainBytes(leaf.field.Type, leaf.values[at])) {
						t.Fatalf("column %d of %s, slot %d: got %v, want %s", i, leaf.field.Type, at, v, text(leaf.values[at]))
					}
					at++
				}
				parquetgo.Release(page)
			}
			pages.Close()
		}
		if at != len(leaf.values) {
			t.Errorf("column %d: %d slots, want %d", i, at, len(leaf.values))
		}
	}
}

func TestEveryTypeComesBack(t *testing.T) {
	for _, codec := range []string{"zstd", "snappy", "gzip", "uncompressed"} {
		for seed := range uint64(4) {
			g := newGenerator(seed)
			var s schema.Schema
			for i, typ := range leafTypes {
				s.Fields = append(s.Fields, g.field(fmt.Sprintf("o%d", i), typ, false), g.field(fmt.Sprintf("r%d", i), typ, true))
			}
			tab := g.table(s, 3000)
			data, _ := write(t, g, tab, Options{Codec: codec, RowGroupRows: 1 + g.Int64N(4000)})
			sameByArrow(t, data, tab)
			sameByParquetGo(t, data, tab)
		}
	}
}

func TestNestedTypesComeBack(t *testing.T) {
	for seed := range uint64(30) {
		g := newGenerator(seed)
		tab := g.table(g.schema(1+g.IntN(4), 3), 1+g.IntN(1500))
		data, _ := write(t, g, tab, Options{RowGroupRows: 1 + g.Int64N(2000)})
		sameByArrow(t, data, tab)
		sameByParquetGo(t, data, tab)
	}
}

func TestPagesAndDictionariesOverflow(t *testing.T) {
	g := newGenerator(1)
	kinds := []schema.Type{{Kind: schema.Int}, {Kind: schema.Long}, {Kind: schema.Double}, {Kind: schema.String}, schema.DecimalOf(38, 0), {Kind: schema.Boolean}}
	var s schema.Schema
	for i, typ := range kinds {
		s.Fields = append(s.Fields, g.field(fmt.Sprint("c", i), typ, i%2 == 0))
	}
	// Distinct values grow slowly, so that the trial passes and the dictionary overflows later.
	tab := table{schema: s, columns: make([][]any, len(kinds))}
	for i, typ := range kinds {
		var pool []any
		for row := range 150_000 {
			if row < 100 || row > 20_000 && len(pool) < 72_000 && row%3 > 0 {
				pool = append(pool, distinctValue(typ, len(pool)))
				tab.columns[i] = append(tab.columns[i], pool[len(pool)-1])
				continue
			}
			tab.columns[i] = append(tab.columns[i], pool[g.IntN(len(pool))])
		}
	}
	data, _ := write(t, g, tab, Options{})
	sameByArrow(t, data, tab)
	sameByParquetGo(t, data, tab)
	f, err := parquetgo.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for _, chunk := range f.Metadata().RowGroups[0].Columns[:5] {
		if stats := chunk.MetaData.EncodingStats; len(stats) != 3 || stats[0].PageType != format.DictionaryPage {
			t.Errorf("%v: pages %+v: a dictionary, indices and something else were expected", chunk.MetaData.PathInSchema, stats)
		}
	}
}

// distinctValue is another value for every n.
func distinctValue(t schema.Type, n int) any {
	switch t.Kind {
	case schema.Boolean:
		return n%2 == 0
	case schema.Double:
		return float64(n) / 3
	case schema.String:
		return []byte(fmt.Sprint("value ", n*7919))
	case schema.Decimal:
		return decimal128.New(int64(n), uint64(n))
	}
	return int64(int32(n * 7919))
}

func TestLongStringsTakePagesOfTheirOwn(t *testing.T) {
	g := newGenerator(1)
	s := schema.Schema{Fields: []schema.Field{g.field("s", schema.Type{Kind: schema.String}, false), g.field("l", schema.ListOf(schema.Type{Kind: schema.Binary}), false)}}
	tab := table{schema: s, columns: make([][]any, 2)}
	for i := range 40 {
		long := []byte(strings.Repeat(fmt.Sprint("long", i%30), 1+i*8_000))
		tab.columns[0] = append(tab.columns[0], long)
		tab.columns[1] = append(tab.columns[1], []any{long, nil, []byte{}})
	}
	data, _ := write(t, g, tab, Options{Codec: "snappy"})
	sameByArrow(t, data, tab)
	sameByParquetGo(t, data, tab)
}

func TestAFileWithoutRows(t *testing.T) {
	g := newGenerator(1)
	s := g.schema(5, 2)
	for _, batches := range []int{0, 2} {
		var out bytes.Buffer
		w, err := NewWriter(&out, s, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for range batches {
			rec := array.NewRecordBuilder(memory.DefaultAllocator, s.Arrow())
			if err := w.Write(rec.NewRecordBatch()); err != nil {
				t.Fatal(err)
			}
			rec.Release()
		}
		f, err := w.Close()
		if err != nil || f.Records != 0 || len(f.SplitOffsets) != 0 {
			t.Errorf("%+v, %v", f, err)
		}
		r, err := file.NewParquetReader(bytes.NewReader(out.Bytes()))
		if err != nil || r.NumRows() != 0 {
			t.Errorf("%v", err)
		}
	}
}
