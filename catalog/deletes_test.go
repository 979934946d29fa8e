package catalog_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	arrowmem "github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/catalog/catalogtest"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/predicate"
	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/storage/mem"
	"github.com/firn-data/firn/storage/parquet"
)

var testTable = catalog.Ident{Namespace: "ns", Table: "t"}

// appendRows commits rows from, from+1 … as one data file and gives its location.
func appendRows(t *testing.T, l *catalog.Lake, run string, from int64, rows int, properties map[string]string) string {
	t.Helper()
	if _, err := catalogtest.Do(context.Background(), l, testTable, catalogtest.Attempt{Job: "j", Run: run, ID: run, From: from, Rows: rows, Properties: properties}); err != nil {
		t.Fatal(err)
	}
	return "mem://w/ns.db/t/data/" + run + ".parquet"
}

// ids reads the table's ids.
func ids(t *testing.T, l *catalog.Lake, o catalog.ReadOptions) string {
	t.Helper()
	tab, err := l.Load(context.Background(), testTable)
	if err != nil {
		t.Fatal(err)
	}
	var out []int64
	for rec, err := range tab.Scan(context.Background(), o) {
		if err != nil {
			t.Fatal(err)
		}
		if i := rec.Schema().FieldIndices("id"); len(i) > 0 {
			out = append(out, rec.Column(i[0]).(*array.Int64).Int64Values()...)
		} else {
			for range rec.NumRows() {
				out = append(out, -1)
			}
		}
		rec.Release()
	}
	slices.Sort(out)
	return strings.Trim(fmt.Sprint(out), "[]")
}

// file is a Parquet file in memory.
func file(t *testing.T, s schema.Schema, fill func(*array.RecordBuilder)) []byte {
	t.Helper()
	var body bytes.Buffer
	w, err := parquet.NewWriter(&body, s, parquet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := array.NewRecordBuilder(arrowmem.NewGoAllocator(), s.Arrow())
	defer b.Release()
	fill(b)
	if err := w.Write(b.NewRecordBatch()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return body.Bytes()
}

// positions is a position delete file over several data files.
func positions(t *testing.T, at map[string][]int64) []byte {
	return file(t, schema.Schema{Fields: []schema.Field{{ID: 2147483546, Name: "file_path", Type: schema.Type{Kind: schema.String}, Required: true},
		{ID: 2147483545, Name: "pos", Type: schema.Type{Kind: schema.Long}, Required: true}}}, func(b *array.RecordBuilder) {
		for path, all := range at {
			for _, p := range all {
				b.Field(0).(*array.StringBuilder).Append(path)
				b.Field(1).(*array.Int64Builder).Append(p)
			}
		}
	})
}

// equality is an equality delete file by id, with a NULL at its end.
func equality(t *testing.T, ids ...int64) []byte {
	return file(t, schema.Schema{Fields: []schema.Field{{ID: 1, Name: "id", Type: schema.Type{Kind: schema.Long}}}}, func(b *array.RecordBuilder) {
		b.Field(0).(*array.Int64Builder).AppendValues(ids, nil)
		b.Field(0).AppendNull()
	})
}

func TestDeleteFilesApplyByPositionKeyAndAge(t *testing.T) {
	l, _ := memory(t)
	ctx := context.Background()
	a := appendRows(t, l, "a", 0, 5, nil)
	b := appendRows(t, l, "b", 10, 5, nil)
	commit := func(d ...catalog.Deletes) {
		t.Helper()
		if err := l.CommitDeletes(ctx, testTable, d...); err != nil {
			t.Fatal(err)
		}
	}
	commit(catalog.Deletes{Location: "mem://w/d1.parquet", Body: positions(t, map[string][]int64{a: {0, 4}, b: {2}}), Rows: 3})
	if got := ids(t, l, catalog.ReadOptions{}); got != "1 2 3 10 11 13 14" {
		t.Errorf("after position deletes: %s", got)
	}
	commit(catalog.Deletes{Location: "mem://w/d2.parquet", Body: equality(t, 1, 14, 99), Rows: 4, Equality: []int{1}},
		catalog.Deletes{Location: "mem://w/d3.parquet", Body: positions(t, map[string][]int64{a: {2}}), Rows: 1, Referenced: a})
	appendRows(t, l, "c", 98, 3, nil) // newer than the equality delete of 99
	want := "3 10 11 13 98 99 100"
	if got := ids(t, l, catalog.ReadOptions{}); got != want {
		t.Errorf("after equality deletes: %s, want %s", got, want)
	}
	// Columns that are not asked for are compared all the same.
	if got := ids(t, l, catalog.ReadOptions{Columns: []string{"name"}}); strings.Count(got, "-1") != 7 {
		t.Errorf("names alone: %s", got)
	}
	where := predicate.Predicate{Op: predicate.Gt, Column: "ID", Values: []any{int64(50)}}
	if got := ids(t, l, catalog.ReadOptions{Where: where}); got != "98 99 100" {
		t.Errorf("above 50: %s", got)
	}
	tab, err := l.Load(ctx, testTable)
	if err != nil {
		t.Fatal(err)
	}
	if s := tab.Snapshots()[2].Summary; s["total-position-deletes"] != "" && s["total-position-deletes"] != "0" {
		t.Logf("summary %v", s)
	}
	if got := ids(t, l, catalog.ReadOptions{Snapshot: tab.Snapshots()[1].ID}); got != "0 1 2 3 4 10 11 12 13 14" {
		t.Errorf("before the deletes: %s", got)
	}
}

// TestRowsThatWereDeletedDoNotComeBack rewrites a file that delete files apply to.
func TestRowsThatWereDeletedDoNotComeBack(t *testing.T) {
	l, store := memory(t)
	ctx := context.Background()
	a := appendRows(t, l, "a", 0, 5, nil)
	b := appendRows(t, l, "b", 10, 5, nil)
	if err := l.CommitDeletes(ctx, testTable, catalog.Deletes{Location: "mem://w/both.parquet", Body: positions(t, map[string][]int64{a: {0}, b: {0}}), Rows: 2},
		catalog.Deletes{Location: "mem://w/one.parquet", Body: positions(t, map[string][]int64{a: {1}}), Rows: 1, Referenced: a},
		catalog.Deletes{Location: "mem://w/key.parquet", Body: equality(t, 2, 12), Rows: 3, Equality: []int{1}}); err != nil {
		t.Fatal(err)
	}
	up := catalogtest.Attempt{Job: "up", Run: "r", ID: "up", From: 2, Rows: 1, Mode: catalog.Upsert} // the key that was deleted comes anew
	up.Replace = func(ctx context.Context, head *catalog.Table) (*catalog.Replacement, error) {
		files, err := head.Files(ctx, 0, predicate.Predicate{Op: predicate.Lt, Column: "id", Values: []any{int64(9)}})
		if err != nil || len(files) != 1 || files[0].Location != a {
			return nil, fmt.Errorf("files %v, %w", files, err)
		}
		rows := 0
		for rec, err := range head.Read(ctx, files, catalog.ReadOptions{}) {
			if err != nil {
				return nil, err
			}
			if got := fmt.Sprint(rec.Column(0)); got != "[3 4]" {
				return nil, fmt.Errorf("the file holds %s", got)
			}
			rows += int(rec.NumRows())
			rec.Release()
		}
		rest, err := catalogtest.WriteFile(ctx, l, head.Location+"/data/rest.parquet", 3, rows)
		return &catalog.Replacement{Remove: files, Files: []catalog.DataFile{rest}}, err
	}
	if _, err := catalogtest.Do(ctx, l, testTable, up); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, l, catalog.ReadOptions{}); got != "2 3 4 11 13 14" {
		t.Errorf("rows %s", got)
	}
	tab, err := l.Load(ctx, testTable)
	if err != nil {
		t.Fatal(err)
	}
	// The delete file of the removed file alone went with it.
	s := tab.Snapshots()[3].Summary
	if s["removed-delete-files"] != "1" || s["removed-position-deletes"] != "1" || s["deleted-data-files"] != "1" {
		t.Errorf("summary %v", s)
	}
	noOrphans(t, l, store)
	// What replaces everything takes all delete files.
	all := catalogtest.Attempt{Job: "all", Run: "r", ID: "all", From: 0, Rows: 15, Mode: catalog.Append, Source: "x"}
	all.Replace = func(context.Context, *catalog.Table) (*catalog.Replacement, error) {
		return &catalog.Replacement{All: true}, nil
	}
	if _, err := catalogtest.Do(ctx, l, testTable, all); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, l, catalog.ReadOptions{}); strings.Count(got, " ") != 14 {
		t.Errorf("rows %s", got)
	}
}

// noOrphans checks that the store holds nothing that the table's metadata do not name.
func noOrphans(t *testing.T, l *catalog.Lake, s *mem.Store) {
	t.Helper()
	tab, err := l.Load(context.Background(), testTable)
	if err != nil {
		t.Fatal(err)
	}
	named, _ := tab.Reachable(t)
	for info, err := range s.List(context.Background(), "mem://w/") {
		if err != nil {
			t.Fatal(err)
		}
		if !named[info.Location] {
			t.Errorf("no metadata name %s", info.Location)
		}
	}
	if n := s.Uploads(); n != 0 {
		t.Errorf("%d uploads are open", n)
	}
}

func TestSmallManifestsAreMerged(t *testing.T) {
	l, store := memory(t)
	properties := map[string]string{"commit.manifest.min-count-to-merge": "4", "write.metadata.previous-versions-max": "3", "write.metadata.delete-after-commit.enabled": "true"}
	for i := range 11 {
		appendRows(t, l, fmt.Sprintf("run%02d", i), int64(10*i), 2, properties)
		noOrphans(t, l, store)
	}
	if got := ids(t, l, catalog.ReadOptions{}); strings.Count(got, " ") != 21 {
		t.Errorf("rows %s", got)
	}
	tab, err := l.Load(context.Background(), testTable)
	if err != nil {
		t.Fatal(err)
	}
	if _, manifests := tab.Reachable(t); manifests > 3 {
		t.Errorf("the head has %d manifests", manifests)
	}
	// An equality delete between two merges keeps its age.
	if err := l.CommitDeletes(context.Background(), testTable, catalog.Deletes{Location: "mem://w/key.parquet", Body: equality(t, 0, 10, 20), Rows: 4, Equality: []int{1}}); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		appendRows(t, l, fmt.Sprintf("again%02d", i), int64(10*i), 1, nil)
	}
	if got := ids(t, l, catalog.ReadOptions{Where: predicate.Predicate{Op: predicate.Lt, Column: "id", Values: []any{int64(22)}}}); got != "0 1 10 11 20 21" {
		t.Errorf("rows %s", got)
	}
}

// TestAFailedCommitLeavesNothing fails each write of a commit in turn, before its effect and after it.
func TestAFailedCommitLeavesNothing(t *testing.T) {
	for _, after := range []bool{false, true} {
		for nth := 1; ; nth++ {
			l, store := memory(t)
			written, armed, full := 0, false, ""
			store.Fault = func(op mem.Op, location string, done bool) error {
				if armed && op == mem.Commit && done == after && strings.Contains(location, "/metadata/") {
					if location != full { // a write that is tried again counts once, and fails again
						written++
					}
					if written == nth {
						full = location
						return fault.New(fault.Unavailable, "the disk is full")
					}
				}
				return nil
			}
			appendRows(t, l, "a", 0, 3, nil)
			armed = true
			_, err := catalogtest.Do(context.Background(), l, testTable, catalogtest.Attempt{Job: "j", Run: "b", ID: "b", From: 5, Rows: 1, Position: `"` + strings.Repeat("x", 4000) + `"`})
			armed = false
			noOrphans(t, l, store)
			if err == nil {
				if written != 4 { // manifest, state, manifest list, metadata
					t.Errorf("a commit writes %d files", written)
				}
				break
			}
			if !fault.Is(err, fault.Unavailable) {
				t.Errorf("write %d: %v", nth, err)
			}
		}
	}
}
