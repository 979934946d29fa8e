package etl

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/jsonarrow"
)

// bound loads a job and gives it to bind.
func bound(t *testing.T, text string, o BindOptions, bind func(context.Context, *Job, BindOptions) (*Plan, error)) *Plan {
	t.Helper()
	j, err := Load(strings.NewReader(text), Options{File: "job.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	p, err := bind(context.Background(), j, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func TestPreviewRunsTheTransformOnTheFirstRows(t *testing.T) {
	t.Chdir(t.TempDir())
	var body strings.Builder
	body.WriteString("id,v\n")
	for i := range 3 * PreviewRows {
		v := fmt.Sprint(i)
		if i == 2 {
			v = "x"
		}
		fmt.Fprintf(&body, "%d,%s\n", i, v)
	}
	if err := os.WriteFile("in.csv", []byte(body.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	job := "job: a\nsource: {kind: csv, path: in.csv, schema: [{name: v, type: int}]}\ntransform: [{sql: \"SELECT id, v + 1 AS w FROM input WHERE %s\"}]\ntarget: {table: a.b}\n"
	for where, want := range map[string]struct {
		rows string
		bad  int64
	}{
		"id <> 1":                           {`{"id":0,"w":1} {"id":3,"w":4} {"id":4,"w":5}`, 1},
		"id = 9000":                         {`{"id":9000,"w":9001}`, 1},
		fmt.Sprintf("id > %d", PreviewRows): {"", 1},
	} {
		p := bound(t, fmt.Sprintf(job, where), BindOptions{}, Inspect)
		recs, bad, err := p.Preview(context.Background(), 3)
		if err != nil {
			t.Fatal(err)
		}
		var rows []string
		for _, r := range recs {
			for i := range int(r.NumRows()) {
				rows = append(rows, string(jsonarrow.AppendRow(nil, r, i)))
			}
			r.Release()
		}
		if got := strings.Join(rows, " "); got != want.rows || bad.Total != want.bad {
			t.Errorf("%s: %s and %d bad rows, want %s and %d", where, got, bad.Total, want.rows, want.bad)
		}
	}
	left, err := os.ReadDir(".")
	if err != nil || len(left) != 1 {
		t.Errorf("a preview left %v, %v", left, err)
	}
}

func TestARunSweepsWhatDeadAttemptsLeft(t *testing.T) {
	t.Chdir(t.TempDir())
	temp := t.TempDir()
	if err := os.WriteFile("in.csv", []byte("id\n1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, age := range map[string]time.Duration{"firn-spill-dead": 48 * time.Hour, "firn-spill-alive": time.Hour, "other": 48 * time.Hour} {
		dir := filepath.Join(temp, name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-age)
		if err := os.Chtimes(dir, at, at); err != nil {
			t.Fatal(err)
		}
	}
	warned := ""
	p := bound(t, "job: a\nsource: {kind: csv, path: in.csv}\ntarget: {table: a.b}\n", BindOptions{TempDir: temp, Events: &Events{Warn: func(m string) { warned = m }}}, Bind)
	if _, err := p.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	p.Close()
	var left []string
	entries, err := os.ReadDir(temp)
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if err != nil || strings.Join(left, " ") != "firn-spill-alive other" || !strings.Contains(warned, "removed 1 folders of temp files") {
		t.Errorf("left %v, told %q, %v", left, warned, err)
	}
}

func TestAFailedReportSaysWhatIsKnown(t *testing.T) {
	j, err := Load(strings.NewReader("job: a\nsource: {kind: csv, path: gone.csv}\ntarget: {table: A.b}\n"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := FailedReport(j, BindOptions{RunID: "r"}, fault.New(fault.Unavailable, "no server").Hint("start it"))
	if r.V != 1 || r.Job != "a" || r.RunID != "r" || r.Table != "a.b" || r.Outcome != "failed" || r.Error.Class != "unavailable" || r.Error.Hint != "start it" || r.Warnings == nil || r.Operators == nil {
		t.Errorf("%+v", r)
	}
	if r := FailedReport(nil, BindOptions{}, context.Canceled); r.Outcome != "interrupted" || r.Table != "" {
		t.Errorf("%+v", r)
	}
}
