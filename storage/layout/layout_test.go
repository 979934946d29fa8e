package layout

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"go.uber.org/goleak"

	firnmem "github.com/firn-data/firn/internal/memory"
	"github.com/firn-data/firn/internal/partition"
	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/storage/mem"
	"github.com/firn-data/firn/storage/parquet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var table = schema.Schema{Fields: []schema.Field{
	{ID: 1, Name: "id", Type: schema.Type{Kind: schema.Long}},
	{ID: 2, Name: "part", Type: schema.Type{Kind: schema.Int}},
	{ID: 3, Name: "name", Type: schema.Type{Kind: schema.String}},
	{ID: 4, Name: "x", Type: schema.Type{Kind: schema.Double}},
	{ID: 5, Name: "tags", Type: schema.Type{Kind: schema.List, Fields: []schema.Field{{ID: 6, Name: "element", Type: schema.Type{Kind: schema.String}}}}},
}}

var byPart = partition.Spec{ID: 1, Fields: []partition.Field{{SourceID: 2, FieldID: 1000, Name: "part"}}}

// fixture is one run of a Writer over generated rows.
type fixture struct {
	t       *testing.T
	dir     string
	store   *mem.Store
	cfg     Config
	alloc   *memory.CheckedAllocator // nil: batches are made without checking
	batches int
	rows    int             // of a batch
	part    func(i int) any // of row i; nil is NULL
	tune    func(*Writer)   // may be nil
	written int             // rows, once written
}

func newFixture(t *testing.T, budget int64) *fixture {
	dir := t.TempDir()
	f := &fixture{t: t, dir: dir, store: mem.New(), alloc: memory.NewCheckedAllocator(memory.NewGoAllocator()), batches: 8, rows: 1000, part: func(i int) any { return i % 3 }}
	f.cfg = Config{Schema: table, Store: f.store, Data: "mem://data", Run: "r", Attempt: "a", Alloc: f.alloc, Workers: 2, Temp: firnmem.NewDir(dir+"/tmp", "a")}
	f.cfg.Parquet = parquet.Options{Alloc: f.alloc}
	if budget > 0 {
		f.cfg.Budget = firnmem.NewBudget(budget)
		f.cfg.Parquet.Budget = f.cfg.Budget
	}
	return f
}

// batch makes rows [n*rows, (n+1)*rows).
func (f *fixture) batch(n int) arrow.RecordBatch {
	alloc := memory.Allocator(memory.DefaultAllocator)
	if f.alloc != nil {
		alloc = f.alloc
	}
	b := array.NewRecordBuilder(alloc, table.Arrow())
	defer b.Release()
	for k := range f.rows {
		i := n*f.rows + k
		b.Field(0).(*array.Int64Builder).Append(int64(i))
		if p := f.part(i); p == nil {
			b.Field(1).AppendNull()
		} else {
			b.Field(1).(*array.Int32Builder).Append(int32(p.(int)))
		}
		b.Field(2).(*array.StringBuilder).Append(fmt.Sprintf("name %d", i%977))
		switch i % 6 {
		case 0:
			b.Field(3).AppendNull()
		case 1:
			b.Field(3).(*array.Float64Builder).Append(math.NaN())
		case 2:
			b.Field(3).(*array.Float64Builder).Append(math.Copysign(0, -1))
		default:
			b.Field(3).(*array.Float64Builder).Append(float64(i%13) - 6)
		}
		l := b.Field(4).(*array.ListBuilder)
		l.Append(true)
		for range i % 3 {
			l.ValueBuilder().(*array.StringBuilder).Append("tag")
		}
	}
	return b.NewRecordBatch()
}

// write runs all batches through the workers, each taking those that come to it.
func (f *fixture) write() []File {
	f.t.Helper()
	w, err := New(f.cfg)
	if err != nil {
		f.t.Fatal(err)
	}
	if f.tune != nil {
		f.tune(w)
	}
	ctx := context.Background()
	var wg sync.WaitGroup
	for k := range f.cfg.Workers {
		worker := w.Worker()
		wg.Add(1)
		go func() {
			defer wg.Done()
			for n := k; n < f.batches; n += f.cfg.Workers {
				if err := worker.Write(ctx, f.batch(n)); err != nil {
					f.t.Error(err)
				}
			}
		}()
	}
	wg.Wait()
	files, err := w.Close(ctx)
	if err != nil {
		f.t.Fatal(err)
	}
	f.written = f.batches * f.rows
	if f.cfg.Budget != nil {
		if used := f.cfg.Budget.Used(); used != 0 {
			f.t.Errorf("%d bytes stay reserved", used)
		}
	}
	if left, _ := filepath.Glob(f.dir + "/tmp/*/*"); len(left) > 0 {
		f.t.Errorf("temp files are left: %v", left)
	}
	f.alloc.AssertSize(f.t, 0)
	return files
}

// nothingStored checks that neither objects, uploads nor temp files are left.
func (f *fixture) nothingStored() {
	f.t.Helper()
	for info := range f.store.List(context.Background(), "") {
		f.t.Errorf("%s is left", info.Location)
	}
	if n := f.store.Uploads(); n > 0 {
		f.t.Errorf("%d uploads are open", n)
	}
	if left, _ := filepath.Glob(f.dir + "/tmp/*/*"); len(left) > 0 {
		f.t.Errorf("temp files are left: %v", left)
	}
}

// row is what the tests compare.
type row struct {
	id   int64
	part any
	name string
	x    any
	tags int
}

// read gives the rows of a file in its order.
func (f *fixture) read(file File) []row {
	f.t.Helper()
	o, err := f.cfg.Store.Open(context.Background(), file.Location)
	if err != nil {
		f.t.Fatal(err)
	}
	defer o.Close()
	var out []row
	for rec, err := range parquet.Read(context.Background(), o, o.Size(), table, memory.DefaultAllocator) {
		if err != nil {
			f.t.Fatal(err)
		}
		for i := range int(rec.NumRows()) {
			r := row{id: rec.Column(0).(*array.Int64).Value(i), name: rec.Column(2).(*array.String).Value(i)}
			if p := rec.Column(1).(*array.Int32); !p.IsNull(i) {
				r.part = p.Value(i)
			}
			if x := rec.Column(3).(*array.Float64); !x.IsNull(i) {
				r.x = x.Value(i)
			}
			from, to := rec.Column(4).(*array.List).ValueOffsets(i)
			r.tags = int(to - from)
			out = append(out, r)
		}
		rec.Release()
	}
	if int64(len(out)) != file.Records {
		f.t.Errorf("%s has %d rows and says %d", file.Location, len(out), file.Records)
	}
	return out
}

// check reads all files: every row once, each in a file of its partition.
func (f *fixture) check(files []File) {
	f.t.Helper()
	seen := make([]bool, f.written)
	for _, file := range files {
		for _, r := range f.read(file) {
			if seen[r.id] {
				f.t.Fatalf("row %d twice", r.id)
			}
			seen[r.id] = true
			if r.tags != int(r.id)%3 || r.name != fmt.Sprintf("name %d", r.id%977) {
				f.t.Fatalf("row %d changed: %+v", r.id, r)
			}
			if len(f.cfg.Spec.Fields) > 0 && r.part != file.Partition[0] {
				f.t.Fatalf("row %d of partition %v is in a file of %v", r.id, r.part, file.Partition)
			}
		}
	}
	if n := slices.Index(seen, false); n >= 0 {
		f.t.Fatalf("row %d is lost", n)
	}
}

func filesByPartition(files []File) map[any]int {
	out := map[any]int{}
	for _, f := range files {
		out[f.Partition[0]]++
	}
	return out
}

func TestFewPartitionsGetOneFileEach(t *testing.T) {
	for _, budget := range []int64{0, 4 << 20, 64 << 20} {
		f := newFixture(t, budget)
		f.cfg.Spec = byPart
		f.part = func(i int) any {
			if i%7 == 0 {
				return nil
			}
			return i % 5
		}
		files := f.write()
		f.check(files)
		if len(files) != 6 {
			t.Errorf("budget %d: %d files for 6 partitions", budget, len(files))
		}
	}
}

// TestTenThousandPartitionsInASmallBudget writes 10,000 partitions in random order: every partition gets one file, and what
// is reserved stays within the budget.
func TestTenThousandPartitionsInASmallBudget(t *testing.T) {
	f := newFixture(t, 16<<20)
	f.cfg.Alloc, f.cfg.Parquet.Alloc = nil, nil // checking them would take minutes
	f.cfg.Spec, f.batches, f.rows = byPart, 80, 2000
	order := rand.New(rand.NewPCG(1, 2)).Perm(f.batches * f.rows)
	f.part = func(i int) any { return order[i] % 10_000 }
	files := f.write()
	if peak := f.cfg.Budget.Peak(); peak > 16<<20 {
		t.Errorf("%d bytes were reserved of 16 MiB", peak)
	}
	f.check(files)
	if n := len(filesByPartition(files)); n != 10_000 || len(files) > 10_000+f.cfg.Workers {
		t.Errorf("%d files for %d partitions", len(files), n)
	}
}

// TestManyPartitionsThatFitIntoMemoryAreNotSpilled has more partitions than there may be open files, and no folder for temp files.
func TestManyPartitionsThatFitIntoMemoryAreNotSpilled(t *testing.T) {
	f := newFixture(t, 0)
	f.tune = func(w *Writer) { w.fan.limit = 4 }
	f.cfg.Spec, f.cfg.Temp = byPart, nil
	f.part = func(i int) any { return i * 7919 % 300 }
	files := f.write()
	f.check(files)
	if len(files) != 300 {
		t.Errorf("%d files for 300 partitions", len(files))
	}
}

// TestPartitionsThatComeInOrderGetOneFileEach closes the files of days that are over, without spilling.
func TestPartitionsThatComeInOrderGetOneFileEach(t *testing.T) {
	f := newFixture(t, 0)
	f.tune = func(w *Writer) { w.share, w.fan.limit = 200<<10, 20 }
	f.cfg.Spec, f.batches, f.rows, f.cfg.Workers = byPart, 30, 2000, 1
	f.part = func(i int) any { return i / 600 } // 100 partitions, one behind the other
	f.cfg.Temp = nil                            // a spill would fail
	files := f.write()
	f.check(files)
	if len(files) > 101 {
		t.Errorf("%d files for 100 partitions", len(files))
	}
}

func TestFilesAreRolledAtTheirSize(t *testing.T) {
	for name, spec := range map[string]partition.Spec{"one file": {}, "partitions": byPart} {
		for _, order := range []partition.SortOrder{{}, {ID: 1, Fields: []partition.SortField{{SourceID: 3}}}} {
			f := newFixture(t, 0)
			f.cfg.Spec, f.cfg.Sort, f.cfg.FileBytes, f.batches, f.rows = spec, order, 32<<10, 30, 2000
			f.cfg.Parquet.RowGroupBytes = 8 << 10
			f.cfg.Parquet.Codec = "uncompressed"
			files := f.write()
			f.check(files)
			if len(files) < 4 {
				t.Errorf("%s, sorted by %v: only %d files", name, order.Fields, len(files))
			}
		}
	}
}

func TestAbortRemovesEverything(t *testing.T) {
	for name, set := range map[string]func(*Config){
		"unpartitioned": func(*Config) {}, "partitioned": func(c *Config) { c.Spec = byPart },
		"sorted": func(c *Config) { c.Sort = partition.SortOrder{ID: 1, Fields: []partition.SortField{{SourceID: 3}}} },
	} {
		f := newFixture(t, 1<<20)
		set(&f.cfg)
		f.part = func(i int) any { return i % 400 }
		w, err := New(f.cfg)
		if err != nil {
			t.Fatal(err)
		}
		k := w.Worker()
		for n := range 10 {
			if err := k.Write(context.Background(), f.batch(n)); err != nil {
				t.Fatal(err)
			}
		}
		w.Abort()
		f.alloc.AssertSize(t, 0)
		if used := f.cfg.Budget.Used(); used != 0 {
			t.Errorf("%s: %d bytes stay reserved", name, used)
		}
		f.nothingStored()
	}
}

func TestAFailingStoreLeavesNoMemoryReserved(t *testing.T) {
	broken := errors.New("the store is gone")
	for i, op := range []mem.Op{mem.Create, mem.Write, mem.Commit, mem.Create, mem.Write, mem.Commit} {
		order := partition.SortOrder{}
		if i > 2 {
			order = partition.SortOrder{ID: 1, Fields: []partition.SortField{{SourceID: 1}}}
		}
		f := newFixture(t, 2<<20)
		f.cfg.Spec, f.cfg.Sort, f.cfg.Parquet.Alloc = byPart, order, nil // the Parquet writer forgets a buffer when its output fails
		var calls atomic.Int32
		f.store.Fault = func(o mem.Op, _ string, _ bool) error {
			if o == op && calls.Add(1) > 3 {
				return broken
			}
			return nil
		}
		f.part = func(i int) any { return i % 6 }
		w, err := New(f.cfg)
		if err != nil {
			t.Fatal(err)
		}
		k := w.Worker()
		for n := range 40 {
			if err = k.Write(context.Background(), f.batch(n)); err != nil {
				break
			}
		}
		if err == nil {
			_, err = w.Close(context.Background())
		}
		if !errors.Is(err, broken) {
			t.Errorf("%s: the store's error became %v", op, err)
		}
		w.Abort()
		f.nothingStored()
		f.alloc.AssertSize(t, 0)
		if used := f.cfg.Budget.Used(); used != 0 {
			t.Errorf("%d bytes stay reserved", used)
		}
	}
}

// compareBy is the sort order as the tests state it, apart from keys.
func compareBy(fields []partition.SortField, a, b row) int {
	null := func(f partition.SortField, x, y bool) int {
		switch {
		case x == y:
			return 0
		case x == f.NullsLast:
			return 1
		}
		return -1
	}
	for _, f := range fields {
		c, decided := 0, false
		switch f.SourceID {
		case 1:
			c = int(a.id - b.id)
			if f.Transform.Kind == partition.Truncate {
				w := int64(f.Transform.Param)
				c = int(a.id/w - b.id/w)
			}
		case 2:
			if a.part == nil || b.part == nil {
				c, decided = null(f, a.part == nil, b.part == nil), true
				break
			}
			c = int(a.part.(int32) - b.part.(int32))
		case 3:
			c = strings.Compare(a.name, b.name)
		case 4:
			if a.x == nil || b.x == nil {
				c, decided = null(f, a.x == nil, b.x == nil), true
				break
			}
			c = compareFloats(a.x.(float64), b.x.(float64))
		}
		if f.Descending && !decided {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

func compareFloats(a, b float64) int {
	switch {
	case a == b || math.IsNaN(a) && math.IsNaN(b):
		return 0
	case math.IsNaN(b) || a < b:
		return -1
	}
	return 1
}

func TestFilesAreSortedAcrossSpills(t *testing.T) {
	for name, c := range map[string]struct {
		fields []partition.SortField
		spec   partition.Spec
		budget int64
	}{
		"in memory":                  {[]partition.SortField{{SourceID: 3}, {SourceID: 1}}, partition.Spec{}, 0},
		"spilled":                    {[]partition.SortField{{SourceID: 3}, {SourceID: 1}}, partition.Spec{}, 4 << 20},
		"descending, nulls last":     {[]partition.SortField{{SourceID: 4, Descending: true, NullsLast: true}, {SourceID: 3, Descending: true}}, partition.Spec{}, 4 << 20},
		"descending, nulls first":    {[]partition.SortField{{SourceID: 4, Descending: true}, {SourceID: 1}}, partition.Spec{}, 4 << 20},
		"ascending, nulls last":      {[]partition.SortField{{SourceID: 2, NullsLast: true}, {SourceID: 4, NullsLast: true}}, partition.Spec{}, 4 << 20},
		"by a transform":             {[]partition.SortField{{SourceID: 1, Transform: partition.Transform{Kind: partition.Truncate, Param: 100}, Descending: true}, {SourceID: 3}}, partition.Spec{}, 4 << 20},
		"within partitions":          {[]partition.SortField{{SourceID: 4}, {SourceID: 1}}, byPart, 4 << 20},
		"many runs, several passes":  {[]partition.SortField{{SourceID: 1, Descending: true}}, partition.Spec{}, 1 << 20},
		"within a partition, memory": {[]partition.SortField{{SourceID: 4}, {SourceID: 1}}, byPart, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, c.budget)
			f.cfg.Sort, f.cfg.Spec, f.batches = partition.SortOrder{ID: 7, Fields: c.fields}, c.spec, 24
			f.part = func(i int) any {
				if i%11 == 0 {
					return nil
				}
				return i * 7 % 5
			}
			files := f.write()
			f.check(files)
			if want := max(1, 6*len(c.spec.Fields)); len(files) != want {
				t.Errorf("%d files, want %d", len(files), want)
			}
			for _, file := range files {
				rows := f.read(file)
				if !sort.SliceIsSorted(rows, func(i, j int) bool { return compareBy(c.fields, rows[i], rows[j]) < 0 }) {
					t.Error("the rows are not in order")
				}
				if file.SortOrderID != 7 {
					t.Errorf("sort order id %d", file.SortOrderID)
				}
			}
		})
	}
}

// TestSeveralMergersShareTheKeys writes enough rows for a merger per worker: the files do not overlap, and no row is lost at a bound.
func TestSeveralMergersShareTheKeys(t *testing.T) {
	f := newFixture(t, 4<<20)
	f.tune = func(w *Writer) { w.mergerRows = 10_000 }
	f.cfg.Sort, f.batches, f.rows, f.cfg.Workers = partition.SortOrder{ID: 1, Fields: []partition.SortField{{SourceID: 3}}}, 60, 1000, 3
	files := f.write()
	f.check(files)
	if len(files) != 3 {
		t.Errorf("%d files of 3 mergers", len(files))
	}
	type bounds struct{ first, last string }
	var all []bounds
	for _, file := range files {
		rows := f.read(file)
		all = append(all, bounds{rows[0].name, rows[len(rows)-1].name})
		if !sort.SliceIsSorted(rows, func(i, j int) bool { return rows[i].name < rows[j].name }) {
			t.Error("the rows are not in order")
		}
	}
	slices.SortFunc(all, func(a, b bounds) int { return strings.Compare(a.first, b.first) })
	for i := 1; i < len(all); i++ {
		if all[i].first < all[i-1].last {
			t.Errorf("files overlap: %v", all)
		}
	}
}
