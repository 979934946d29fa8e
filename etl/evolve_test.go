package etl

import (
	"strings"
	"testing"

	"github.com/firn-data/firn/etl/plan"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/schema"
)

func TestColumnsAreAddedWhenTheJobSaysSo(t *testing.T) {
	w := newWorld(t)
	w.run(attempt{csv: header + "1,2024-01-01,a\n"})
	wider := attempt{csv: header + "2,2024-01-02,b\n", more: "transform: [{sql: \"SELECT *, id * 2 AS twice FROM input\"}]\n"}
	w.fails(wider, fault.Config, "the job gives column twice")
	wider.target = ", schema_change: add_columns"
	p, err := w.bind(wider)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if c := p.Target.Columns[3]; c.Name != "twice" || c.Change != "added" {
		t.Errorf("plan shows %+v", c)
	}
	w.run(wider)
	w.holds("1,2024-01-01,a,NULL", "2,2024-01-02,b,4")
	// a file of an old schema is rewritten in the new one
	w.run(attempt{job: "k", target: ", mode: upsert, key: [id]", csv: header + "1,2024-01-01,A\n9,2024-01-09,i\n"})
	w.holds("1,2024-01-01,A,NULL", "2,2024-01-02,b,4", "9,2024-01-09,i,NULL")
}

func TestNestedColumnsAreMergedByName(t *testing.T) {
	integer, long := schema.Type{Kind: schema.Int}, schema.Type{Kind: schema.Long}
	structOf := func(fields ...schema.Field) schema.Type { return schema.Type{Kind: schema.Struct, Fields: fields} }
	have := []schema.Field{{ID: 1, Name: "s", Type: structOf(schema.Field{ID: 2, Name: "a", Type: integer}, schema.Field{ID: 3, Name: "b", Type: long})},
		{ID: 4, Name: "l", Type: schema.Type{Kind: schema.List, Fields: []schema.Field{{ID: 5, Name: "element", Type: structOf(schema.Field{ID: 6, Name: "x", Type: integer})}}}}}
	made := []schema.Field{{Name: "S", Type: structOf(schema.Field{Name: "c", Type: long}, schema.Field{Name: "A", Type: long})},
		{Name: "l", Type: schema.Type{Kind: schema.List, Fields: []schema.Field{{Name: "element", Type: structOf(schema.Field{Name: "x", Type: integer}, schema.Field{Name: "y", Type: structOf(schema.Field{Name: "z", Type: integer})})}}}}}
	for change, want := range map[string]string{"fail": "", "add_columns": "", "evolve": "merged"} {
		p := &Plan{Plan: &plan.Plan{}, job: &Job{}}
		p.job.Target.SchemaChange = change
		m := &merger{plan: p, last: 6}
		fields, err := m.fields(0, "", have, made)
		if (err == nil) != (want != "") {
			t.Errorf("%s: %v", change, err)
		}
		if err != nil {
			continue
		}
		s, l := fields[0].Type, fields[1].Type
		element := l.Fields[0].Type
		if s.Fields[0].Type.Kind != schema.Long || len(s.Fields) != 3 || s.Fields[2].Name != "c" || s.Fields[2].ID != 7 || len(element.Fields) != 2 || element.Fields[1].ID != 8 || element.Fields[1].Type.Fields[0].ID != 9 {
			t.Errorf("%s: merged %s and %s", change, s, l)
		}
		if len(m.changes) != 3 || m.changes[1].Parent != 1 || m.changes[2].Parent != 5 || len(m.shown["s"]) != 2 {
			t.Errorf("%s: changes %+v, shown %v", change, m.changes, m.shown)
		}
	}
}

func TestColumnsAreWidenedByIcebergsPromotionsAlone(t *testing.T) {
	narrow := "[{name: i, type: int}, {name: f, type: float}, {name: d, type: \"decimal(4,2)\"}]"
	wide := "[{name: i, type: bigint}, {name: f, type: double}, {name: d, type: \"decimal(10,2)\"}]"
	w := newWorld(t)
	w.run(attempt{schema: narrow, csv: "i,f,d\n1,0.5,1.25\n", target: ", partition: [i, \"bucket(4, d)\"], sort: [i]"})
	a := attempt{job: "k", schema: wide, csv: "i,f,d\n5000000000,1e300,12345678.25\n"}
	w.fails(a, fault.Config, "values could change")
	a.target = ", schema_change: add_columns"
	w.fails(a, fault.Config, "values could change")
	a.target = ", schema_change: evolve"
	p, err := w.bind(a)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if c := p.Target.Columns[0]; c.Change != "int → long" {
		t.Errorf("plan shows %+v", c)
	}
	w.run(a)
	w.holds("1,0.5,1.25", "5000000000,1e+300,12345678.25")
	w.run(attempt{job: "up", schema: wide, csv: "i,f,d\n1,2,3.25\n", target: ", mode: upsert, key: [i]"})
	w.holds("1,2,3.25", "5000000000,1e+300,12345678.25")
	w.fails(attempt{job: "k2", schema: strings.Replace(wide, "10,2", "10,3", 1), csv: "i,f,d\n1,1,1\n", target: ", schema_change: evolve"}, fault.Config, "column d is decimal(10, 3)")
	w.fails(attempt{job: "k3", schema: strings.Replace(wide, "double", "string", 1), csv: "i,f,d\n1,1,1\n", target: ", schema_change: evolve"}, fault.Config, "column f is string")
}

func TestASourceColumnThatVanishesGoesBySchemaChange(t *testing.T) {
	w := newWorld(t)
	a := attempt{csv: header + "1,2024-01-01,a\n", source: ", on_bad_row: fail"}
	w.run(a)
	a.schema, a.csv = "[{name: id, type: bigint}, {name: day, type: date}]", "id,day\n2,2024-01-02\n"
	w.fails(a, fault.Config, "no longer has column v")
	a.target = ", schema_change: add_columns"
	r := w.run(a)
	if !strings.Contains(strings.Join(r.Warnings, "; "), "no longer has column v") {
		t.Errorf("warnings %v", r.Warnings)
	}
	w.holds("1,2024-01-01,a", "2,2024-01-02,NULL")
	w.fails(attempt{job: "twice", csv: header + "1,2024-01-01,a\n", target: ", schema_change: add_columns", more: "transform: [{sql: \"SELECT id, id AS ID FROM input\"}]\n"}, fault.Config, "two columns of the result are called")
}

// TestAddedColumnsThatRaceAreNotMixedUp lets two jobs add a column with the same field id.
func TestAddedColumnsThatRaceAreNotMixedUp(t *testing.T) {
	w := newWorld(t)
	w.run(attempt{csv: header + "1,2024-01-01,a\n"})
	adds := func(job, column string) attempt {
		return attempt{job: job, csv: header + "2,2024-01-02," + job + "\n", target: ", schema_change: add_columns", more: "transform: [{sql: \"SELECT *, '" + column + "' AS " + column + " FROM input\"}]\n"}
	}
	a := adds("x", "c")
	a.swap = func() { w.run(adds("y", "d")) }
	_, err := w.try(a)
	if !fault.Is(err, fault.Retry) || !strings.Contains(err.Error(), "got the column d during the run") {
		t.Errorf("error %v", err)
	}
	w.holds("1,2024-01-01,a,NULL", "2,2024-01-02,y,d")
	a.swap = func() { w.run(adds("z", "c")) } // the same column: both have it
	w.run(a)
	w.holds("1,2024-01-01,a,NULL,NULL", "2,2024-01-02,y,d,NULL", "2,2024-01-02,z,NULL,c", "2,2024-01-02,x,NULL,c")
}
