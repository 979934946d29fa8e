package etl

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/firn-data/firn/etl/plan"
	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
)

// joinJob joins orders, by interval, with customers, which are read whole.
const joinJob = `
job: joined
sources:
  orders: {kind: csv, path: %[1]q, schema: [{name: id, type: bigint}, {name: customer, type: int}, {name: day, type: date}, {name: total, type: "decimal(10,2)"}], interval: {column: day}}
  customers: {kind: csv, path: %[2]q, schema: [{name: id, type: int}, {name: name, type: string}]}
transform:
  - sql: |
      SELECT c.name, count(*) AS orders, sum(o.total) AS total
      FROM orders o LEFT JOIN customers c ON o.customer = c.id
      GROUP BY c.name
target: {table: raw.joined}
resources: {workers: 2}
`

func (w *world) runText(text string, o BindOptions) (*Plan, *Report, error) {
	w.t.Helper()
	j, err := Load(strings.NewReader(text), Options{File: "job.yaml"})
	if err != nil {
		return nil, nil, err
	}
	o.Lakes, o.TempDir = w.lakes, w.t.TempDir()
	p, err := Bind(context.Background(), j, o)
	if err != nil {
		return nil, nil, err
	}
	w.t.Cleanup(func() { p.Close() })
	r, err := p.Run(context.Background())
	return p, r, err
}

func january(d int) time.Time { return time.Date(2024, 1, d, 0, 0, 0, 0, time.UTC) }

func TestSourcesAreJoined(t *testing.T) {
	w := newWorld(t)
	orders, customers := filepath.Join(w.dir, "orders.csv"), filepath.Join(w.dir, "customers.csv")
	write := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(orders, "id,customer,day,total\n1,1,2024-01-01,10.50\n2,1,2024-01-01,0.25\n3,2,2024-01-01,7.00\n4,9,2024-01-01,1.00\n5,1,2024-01-02,100.00\n")
	write(customers, "id,name\n1,Ada\n2,Bob\n3,Eve\n")
	job := fmt.Sprintf(joinJob, orders, customers)
	w.table = "raw.joined"

	p, r, err := w.runText(job, BindOptions{Interval: &batch.Interval{Start: january(1), End: january(2)}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Outcome != plan.Committed || r.Rows.Read != 4+3 || r.Rows.Written != 3 {
		t.Errorf("%+v", r)
	}
	if v := p.View(); len(v.Sources) != 2 || v.Sources[0].Name != "orders" || v.Sources[1].Name != "customers" {
		t.Errorf("the plan shows %+v", v.Sources)
	}
	if got, want := p.Program.Phases(), "[[customers] [orders]]"; fmt.Sprint(got) != want {
		t.Errorf("fed in the order %v", got)
	}
	w.holds("Ada,2,10.75", "Bob,1,7.00", "NULL,1,1.00")

	// The same interval again changes nothing; the next one reads all customers anew.
	if _, r, err = w.runText(job, BindOptions{Interval: &batch.Interval{Start: january(1), End: january(2)}}); err != nil || r.Outcome != plan.AlreadyCommitted {
		t.Errorf("again: %+v, %v", r, err)
	}
	if _, r, err = w.runText(job, BindOptions{Interval: &batch.Interval{Start: january(2), End: january(3)}}); err != nil || r.Rows.Read != 1+3 {
		t.Errorf("next: %+v, %v", r, err)
	}

	// Every source is part of what the job reads.
	other := filepath.Join(w.dir, "others.csv")
	write(other, "id,name\n1,Zoe\n")
	_, _, err = w.runText(fmt.Sprintf(joinJob, orders, other), BindOptions{Interval: &batch.Interval{Start: january(3), End: january(4)}})
	if fault.ClassOf(err) != fault.Config || !strings.Contains(fmt.Sprint(err), "customers.") {
		t.Errorf("another source of customers: %v", err)
	}
}

func TestSeveralSourcesNeedSQLThatNamesThem(t *testing.T) {
	w := newWorld(t)
	a := filepath.Join(w.dir, "a.csv")
	if err := os.WriteFile(a, []byte("id\n1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	head := fmt.Sprintf("job: j\nsources: {a: {kind: csv, path: %[1]q}, b: {kind: csv, path: %[1]q}}\ntarget: {table: raw.j}\n", a)
	for steps, want := range map[string]string{
		"":                                       "first step is no SQL",
		"transform: [{dedupe: {key: [id]}}]":     "first step is no SQL",
		"transform: [{sql: 'SELECT id FROM a'}]": "does not read the source b",
		"transform: [{sql: 'SELECT id FROM input'}]":                          `no relation "input"`,
		"transform: [{sql: 'SELECT id FROM a UNION ALL SELECT x.id FROM b'}]": `no column "x.id"`,
	} {
		if _, _, err := w.runText(head+steps, BindOptions{}); fault.ClassOf(err) != fault.Config || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: %v", steps, err)
		}
	}
}
