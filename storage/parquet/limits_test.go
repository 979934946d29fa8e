package parquet

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	parquetgo "github.com/parquet-go/parquet-go"
	"go.uber.org/goleak"

	"github.com/firn-data/firn/internal/fault"
	firnmem "github.com/firn-data/firn/internal/memory"
	"github.com/firn-data/firn/internal/schema"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func one(name, typ string, required bool) schema.Schema {
	t, err := schema.Parse(typ)
	if err != nil {
		panic(err)
	}
	s := schema.Schema{Fields: []schema.Field{{Name: name, Type: t, Required: required}}}
	schema.AssignIDs(&s, 0)
	return s
}

// writeOne writes one batch of one column, and aborts.
func writeOne(t *testing.T, s schema.Schema, values ...any) error {
	t.Helper()
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer alloc.AssertSize(t, 0)
	w, err := NewWriter(io.Discard, s, Options{Alloc: alloc})
	if err != nil {
		return err
	}
	defer w.Abort()
	if err := w.Write((table{s, [][]any{values}}).batch(alloc, nil, 0, len(values))); err != nil {
		return err
	}
	_, err = w.Close()
	return err
}

func TestValuesThatDoNotFitAreRefused(t *testing.T) {
	d := decimal128.FromI64
	for _, c := range []struct {
		schema schema.Schema
		value  any
		want   string
	}{
		{one("n", "int", true), nil, "n: a required column is NULL"},
		{one("n", "decimal(9,2)", false), d(1_000_000_000), "n: a decimal has more digits than its column"},
		{one("n", "decimal(9,2)", false), d(-1_000_000_000), "n: a decimal has more digits"},
		{one("n", "decimal(18,2)", false), d(1_000_000_000_000_000_000), "n: a decimal has more digits"},
		{one("n", "decimal(18,2)", false), decimal128.New(1, 0), "n: a decimal has more digits"},
		{one("n", "decimal(19,2)", false), d(1).Mul(decimal128.GetScaleMultiplier(19)), "n: a decimal has more digits"},
		{one("n", "string", false), []byte("ab\xff"), "n: a string is not valid UTF-8"},
		{one("n", "list<string>", false), []any{[]byte("a"), []byte("\xe6\xbc")}, "n.list.element: a string is not valid UTF-8"},
	} {
		err := writeOne(t, c.schema, c.value)
		if !fault.Is(err, fault.Data) || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.schema.Fields[0].Type, err, c.want)
		}
	}
	// Two strings that are text only together.
	many := make([]any, 50_000)
	for i := range many {
		many[i] = []byte(strings.Repeat("x", i%7) + string(rune('a'+i%26)) + decimal128.FromI64(int64(i)).BigInt().String())
	}
	many[40_000], many[40_001] = []byte("\xe6\xbc"), []byte("\xa2")
	if err := writeOne(t, one("n", "string", false), many...); !fault.Is(err, fault.Data) {
		t.Errorf("a character cut in two: %v", err)
	}
}

func TestWrongUseIsAnErrorAndBatchesAreReleased(t *testing.T) {
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer alloc.AssertSize(t, 0)
	ints, longs := one("n", "int", false), one("n", "long", false)
	w, err := NewWriter(io.Discard, ints, Options{Alloc: alloc})
	if err != nil {
		t.Fatal(err)
	}
	batch := func() arrow.RecordBatch { return table{longs, [][]any{{int64(1)}}}.batch(alloc, nil, 0, 1) }
	if err := w.Write(batch()); !fault.Is(err, fault.Bug) || !strings.Contains(err.Error(), "int64") {
		t.Errorf("a batch of another type: %v", err)
	}
	if err := w.Write(batch()); err == nil {
		t.Error("a broken file takes a batch")
	}
	if _, err := w.Close(); err == nil {
		t.Error("a broken file is closed")
	}
	w, _ = NewWriter(io.Discard, longs, Options{Alloc: alloc})
	if _, err := w.Close(); err != nil {
		t.Error(err)
	}
	if err := w.Write(batch()); err == nil {
		t.Error("a closed file takes a batch")
	}
	if _, err := w.Close(); err == nil {
		t.Error("a file is closed twice")
	}
	if _, err := NewWriter(io.Discard, ints, Options{Codec: "lzo"}); !fault.Is(err, fault.Config) {
		t.Errorf("an unknown codec: %v", err)
	}
	if _, err := NewWriter(io.Discard, ints, Options{Sorting: []SortingColumn{{FieldID: 9}}}); err == nil {
		t.Error("sorted by a column that is not there")
	}
	hollow := schema.ListOf(schema.StructOf())
	if _, err := NewWriter(io.Discard, schema.Schema{Fields: []schema.Field{{ID: 1, Name: "h", Type: hollow}}}, Options{}); !fault.Is(err, fault.Config) {
		t.Errorf("a struct without fields: %v", err)
	}
	deep := schema.Type{Kind: schema.Int}
	for range maxDepth + 1 {
		deep = schema.ListOf(deep)
	}
	if _, err := NewWriter(io.Discard, schema.Schema{Fields: []schema.Field{{ID: 1, Name: "deep", Type: deep}}}, Options{}); !fault.Is(err, fault.Config) {
		t.Errorf("too deep: %v", err)
	}
}

// fullDisk takes n bytes.
type fullDisk struct{ n int }

var errFull = errors.New("no space left")

func (d *fullDisk) Write(b []byte) (int, error) {
	if len(b) > d.n {
		return d.n, errFull
	}
	d.n -= len(b)
	return len(b), nil
}

func TestAFailingOutputGivesMemoryBack(t *testing.T) {
	g := newGenerator(3)
	tab := g.table(g.schema(4, 2), 3000)
	whole, _ := write(t, newGenerator(3), tab, Options{RowGroupRows: 1000})
	for size := 0; size < len(whole); size += 1 + len(whole)/40 {
		alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
		budget := firnmem.NewBudget(1 << 30)
		w, err := NewWriter(&fullDisk{size}, tab.schema, Options{Alloc: alloc, Budget: budget, RowGroupRows: 1000})
		for at := 0; at < tab.rows() && err == nil; at += 300 {
			err = w.Write(tab.batch(alloc, nil, at, at+300))
		}
		if err == nil {
			_, err = w.Close()
		}
		if w != nil {
			w.Abort()
		}
		if !errors.Is(err, errFull) {
			t.Errorf("a disk of %d bytes: %v", size, err)
		}
		alloc.AssertSize(t, 0)
		if budget.Used() != 0 {
			t.Errorf("a disk of %d bytes: %d are still reserved", size, budget.Used())
		}
	}
}

func TestRowGroupsEndByBytesRowsAndBudget(t *testing.T) {
	s, batches := lineitem(400_000, 8192)
	defer release(batches)
	groups := func(o Options) (rows []int64, peak int64, data []byte) {
		var out bytes.Buffer
		if o.Budget == nil {
			o.Budget = firnmem.NewBudget(1 << 30)
		}
		w, err := NewWriter(&out, s, o)
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range batches {
			rec.Retain()
			if err := w.Write(rec); err != nil {
				t.Fatal(err)
			}
			if o.Budget.Used() < w.held() {
				t.Fatalf("%d of %d bytes in use are reserved", o.Budget.Used(), w.held())
			}
		}
		f, err := w.Close()
		if err != nil || f.Records != 400_000 {
			t.Fatal(f, err)
		}
		if o.Budget.Used() != 0 {
			t.Errorf("%d bytes are still reserved", o.Budget.Used())
		}
		pf, err := parquetgo.OpenFile(bytes.NewReader(out.Bytes()), int64(out.Len()))
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range pf.RowGroups() {
			rows = append(rows, g.NumRows())
		}
		return rows, o.Budget.Peak(), out.Bytes()
	}
	if rows, _, _ := groups(Options{}); len(rows) != 1 {
		t.Errorf("by default: %v", rows)
	}
	if rows, _, _ := groups(Options{RowGroupRows: 150_000}); len(rows) != 3 || rows[0] != 150_000 {
		t.Errorf("by rows: %v", rows)
	}
	rows, _, data := groups(Options{RowGroupBytes: 3 << 20})
	perGroup := int64(len(data)) / int64(len(rows))
	if len(rows) < 3 || perGroup < 2<<20 || perGroup > 4<<20 {
		t.Errorf("by 3 MiB: %v of about %d bytes", rows, perGroup)
	}
	limit := int64(8 << 20)
	if rows, peak, _ := groups(Options{Budget: firnmem.NewBudget(limit)}); len(rows) < 2 || peak > limit+limit/2 {
		t.Errorf("by a budget of %d: %v, peak %d", limit, rows, peak)
	}
	if rows, peak, _ := groups(Options{MaxReserve: limit}); len(rows) < 2 || peak > limit+limit/2 {
		t.Errorf("by a share of %d: %v, peak %d", limit, rows, peak)
	}
	if rows, _, _ := groups(Options{Budget: firnmem.NewBudget(1)}); len(rows) < 2 || rows[0] < 20_000 {
		t.Errorf("with no budget at all, groups still have a sensible size: %v", rows)
	}
}

// TestManyOpenFilesShareASmallBudget fills files in turn, as the partitions of a table are. What a refusal can't take away are the
// dictionaries, the compressed pages and 4,096 rows of each file.
func TestManyOpenFilesShareASmallBudget(t *testing.T) {
	s, batches := lineitem(320_000, 320)
	defer release(batches)
	peaks := map[int64]int64{}
	for _, limit := range []int64{16 << 20, 1 << 30} {
		budget := firnmem.NewBudget(limit)
		outs, files := make([]bytes.Buffer, 20), make([]*Writer, 20)
		for i := range files {
			var err error
			if files[i], err = NewWriter(&outs[i], s, Options{Budget: budget}); err != nil {
				t.Fatal(err)
			}
		}
		for i, rec := range batches {
			rec.Retain()
			if err := files[i%len(files)].Write(rec); err != nil {
				t.Fatal(err)
			}
		}
		for i, w := range files {
			if f, err := w.Close(); err != nil || f.Records != 16_000 {
				t.Fatal(f, err)
			}
			if r, err := file.NewParquetReader(bytes.NewReader(outs[i].Bytes())); err != nil || r.NumRows() != 16_000 || r.NumRowGroups() != 1 {
				t.Errorf("%v", err)
			}
		}
		peaks[limit] = budget.Peak()
		if budget.Used() != 0 {
			t.Errorf("%d bytes are still reserved", budget.Used())
		}
	}
	if peaks[16<<20] > 40<<20 || peaks[16<<20] > peaks[1<<30]*2/3 {
		t.Errorf("peaks %v: the small budget has no effect", peaks)
	}
	t.Logf("peaks %v", peaks)
}

func release(batches []arrow.RecordBatch) {
	for _, rec := range batches {
		rec.Release()
	}
}

func TestBufferedIsNearTheFilesSize(t *testing.T) {
	s, batches := lineitem(300_000, 8192)
	defer release(batches)
	for _, codec := range []string{"zstd", "uncompressed"} {
		for _, n := range []int{1, 3, 10, len(batches)} {
			var out bytes.Buffer
			w, err := NewWriter(&out, s, Options{Codec: codec})
			if err != nil {
				t.Fatal(err)
			}
			for _, rec := range batches[:n] {
				rec.Retain()
				if err := w.Write(rec); err != nil {
					t.Fatal(err)
				}
			}
			estimate := float64(w.Buffered())
			if _, err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if off := estimate/float64(out.Len()) - 1; off < -0.25 || off > 0.25 {
				t.Errorf("%s, %d batches: estimated %.0f, %d bytes: %+.0f %%", codec, n, estimate, out.Len(), 100*off)
			}
		}
	}
}

func TestNullsWithBytesBehindThemAreNull(t *testing.T) {
	s := one("n", "string", false)
	values := array.NewData(arrow.BinaryTypes.String, 3, []*memory.Buffer{memory.NewBufferBytes([]byte{0b101}),
		memory.NewBufferBytes(arrow.Int32Traits.CastToBytes([]int32{0, 1, 3, 4})), memory.NewBufferBytes([]byte("abcd"))}, nil, 1, 0)
	rec := array.NewRecordBatch(s.Arrow(), []arrow.Array{array.NewStringData(values)}, 3)
	var out bytes.Buffer
	w, _ := NewWriter(&out, s, Options{})
	if err := w.Write(rec); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	sameByArrow(t, out.Bytes(), table{s, [][]any{{[]byte("a"), nil, []byte("d")}}})
}

func TestArraysOfNullsMayHaveNoValues(t *testing.T) {
	for _, typ := range leafTypes {
		s := schema.Schema{Fields: []schema.Field{{ID: 1, Name: "n", Type: typ}}}
		storage := typ.Arrow()
		if x, ok := storage.(arrow.ExtensionType); ok {
			storage = x.StorageType()
		}
		buffers := []*memory.Buffer{memory.NewBufferBytes([]byte{0}), nil}
		if len(storage.Layout().Buffers) == 3 {
			buffers = []*memory.Buffer{buffers[0], memory.NewBufferBytes(make([]byte, 16)), nil}
		}
		rec := array.NewRecordBatch(s.Arrow(), []arrow.Array{array.MakeFromData(array.NewData(typ.Arrow(), 3, buffers, nil, 3, 0))}, 3)
		var out bytes.Buffer
		w, _ := NewWriter(&out, s, Options{})
		if err := w.Write(rec); err != nil {
			t.Errorf("%s: %v", typ, err)
			continue
		}
		if _, err := w.Close(); err != nil {
			t.Fatal(err)
		}
		sameByArrow(t, out.Bytes(), table{s, [][]any{{nil, nil, nil}}})
	}
}

func TestSortingColumnsAndMetadataAreTold(t *testing.T) {
	s := schema.Schema{Fields: []schema.Field{{ID: 3, Name: "a", Type: schema.StructOf(schema.Field{ID: 5, Name: "b", Type: schema.Type{Kind: schema.Int}})}, {ID: 4, Name: "c", Type: schema.Type{Kind: schema.Int}}}}
	tab := table{s, [][]any{{[]any{int64(1)}}, {int64(1)}}}
	data, _ := write(t, newGenerator(1), tab, Options{Sorting: []SortingColumn{{FieldID: 4, Descending: true}, {FieldID: 5, NullsFirst: true}}, Metadata: map[string]string{"k": "v"}})
	f, err := parquetgo.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	got := f.Metadata().RowGroups[0].SortingColumns
	if len(got) != 2 || got[0].ColumnIdx != 1 || !got[0].Descending || got[0].NullsFirst || got[1].ColumnIdx != 0 || !got[1].NullsFirst {
		t.Errorf("%+v", got)
	}
	if v, _ := f.Lookup("k"); v != "v" {
		t.Errorf("k is %q", v)
	}
}
