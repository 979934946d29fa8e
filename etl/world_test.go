package etl

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/jsonarrow"
	"github.com/firn-data/firn/internal/predicate"
)

// world is a folder with an embedded lake, and jobs that read a CSV file of it.
type world struct {
	t     *testing.T
	dir   string
	lakes *Lakes
	table string
	n     int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir, err := os.MkdirTemp(t.TempDir(), "w") // without the test's name, which YAML would read
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: dir, table: "raw.t"}
	text := fmt.Sprintf("lakes:\n  local:\n    catalog: {kind: sqlite, path: %q}\n    warehouse: %q\n", w.dir+"/catalog.db", w.dir+"/warehouse")
	if w.lakes, err = LoadLakes(strings.NewReader(text), Options{File: "lakes.yaml"}); err != nil {
		t.Fatal(err)
	}
	return w
}

// attempt is one run of one job.
type attempt struct {
	job    string // default: j
	csv    string // content of the source
	schema string // of the source; default: id, day, v
	target string // further fields of target
	more   string // further fields of the job
	source string // further fields of the source
	opts   BindOptions
	swap   func() // called before the first swap of the commit
}

const rowSchema = "[{name: id, type: bigint}, {name: day, type: date}, {name: v, type: string}]"

func (w *world) bind(a attempt) (*Plan, error) {
	w.t.Helper()
	if a.job == "" {
		a.job = "j"
	}
	if a.schema == "" {
		a.schema = rowSchema
	}
	w.n++
	file := filepath.Join(w.dir, a.job+".csv")
	if err := os.WriteFile(file, []byte(a.csv), 0o644); err != nil {
		w.t.Fatal(err)
	}
	text := fmt.Sprintf("job: %s\nsource: {kind: csv, path: %q, schema: %s%s}\ntarget: {table: %s%s}\n%s", a.job, file, a.schema, a.source, w.table, a.target, a.more)
	j, err := Load(strings.NewReader(text), Options{File: "job.yaml"})
	if err != nil {
		return nil, err
	}
	a.opts.Lakes, a.opts.TempDir = w.lakes, w.t.TempDir()
	return Bind(context.Background(), j, a.opts)
}

func (w *world) try(a attempt) (*Report, error) {
	w.t.Helper()
	p, err := w.bind(a)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	done := a.swap == nil
	p.lake.Point = func(name string) {
		if name == "swap" && !done {
			done = true
			a.swap()
		}
	}
	r, err := p.Run(context.Background())
	if used := p.bud.Used(); used != 0 {
		w.t.Errorf("%d bytes of the budget are still reserved after the run", used)
	}
	return r, err
}

func (w *world) run(a attempt) *Report {
	w.t.Helper()
	r, err := w.try(a)
	if err != nil {
		w.t.Fatalf("%+v: %v", a, err)
	}
	return r
}

// fails runs an attempt that fails with a class and a message, and checks that it left nothing behind.
func (w *world) fails(a attempt, class fault.Class, message string) {
	w.t.Helper()
	before := w.rowsOrNone()
	_, err := w.try(a)
	if !fault.Is(err, class) || !strings.Contains(err.Error(), message) {
		w.t.Errorf("%+v: error %v, want %s: …%s…", a, err, class, message)
	}
	if after := w.rowsOrNone(); after != before {
		w.t.Errorf("a failed run changed the rows from\n%s\nto\n%s", before, after)
	}
	w.tidy()
}

func (w *world) load() *catalog.Table {
	w.t.Helper()
	l, err := OpenLake(context.Background(), w.lakes, "", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { CloseLake(l) })
	id, err := catalog.ParseIdent(w.table)
	if err != nil {
		w.t.Fatal(err)
	}
	tab, err := l.Load(context.Background(), id)
	if err != nil {
		return nil
	}
	return tab
}

// rowsOrNone are the table's rows as sorted lines of comma-separated values.
func (w *world) rowsOrNone() string {
	w.t.Helper()
	tab := w.load()
	if tab == nil {
		return ""
	}
	var rows []string
	for rec, err := range tab.Scan(context.Background(), catalog.ReadOptions{}) {
		if err != nil {
			w.t.Fatal(err)
		}
		for i := range int(rec.NumRows()) {
			var cells []string
			for _, c := range rec.Columns() {
				if c.IsNull(i) {
					cells = append(cells, "NULL")
					continue
				}
				cells = append(cells, jsonarrow.Text(c, i))
			}
			rows = append(rows, strings.Join(cells, ","))
		}
		rec.Release()
	}
	slices.Sort(rows)
	return strings.Join(rows, "\n")
}

// holds checks the table's rows, the totals of its head's summary, and that no file is left that no snapshot names.
func (w *world) holds(rows ...string) {
	w.t.Helper()
	slices.Sort(rows)
	if got := w.rowsOrNone(); got != strings.Join(rows, "\n") {
		w.t.Errorf("the table holds\n%s\nwant\n%s", got, strings.Join(rows, "\n"))
	}
	tab := w.load()
	if n := tab.Rows(); n != int64(len(rows)) {
		w.t.Errorf("the summary says %d rows, there are %d", n, len(rows))
	}
	w.tidy()
}

// tidy checks that every data file in the warehouse is named by a snapshot.
func (w *world) tidy() {
	w.t.Helper()
	named := map[string]bool{}
	if tab := w.load(); tab != nil {
		for _, s := range tab.Snapshots() {
			files, err := tab.Files(context.Background(), s.ID, predicate.True())
			if err != nil {
				w.t.Fatal(err)
			}
			for _, f := range files {
				named[f.Location] = true
			}
		}
	}
	err := filepath.WalkDir(filepath.Join(w.dir, "warehouse"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !named[path] && (strings.HasSuffix(path, ".parquet") || strings.Contains(d.Name(), "tmp")) && !strings.Contains(path, "quarantine") {
			w.t.Errorf("a file is left that no snapshot names: %s", path)
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func days(from, until int) *batch.Interval {
	at := func(d int) time.Time { return time.Date(2024, 1, d, 0, 0, 0, 0, time.UTC) }
	return &batch.Interval{Start: at(from), End: at(until)}
}
