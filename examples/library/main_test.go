package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	job := filepath.Join(dir, "job.yaml")
	if err := os.WriteFile(filepath.Join(dir, "in.csv"), []byte("id,name\n1,a\n2,b\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(job, []byte("job: example\nsource: {kind: csv, path: in.csv}\ntarget: {table: raw.example}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for range 2 { // the second time finds it committed
		if err := load(context.Background(), job); err != nil {
			t.Fatal(err)
		}
	}
	if err := load(context.Background(), filepath.Join(dir, "nope.yaml")); err == nil {
		t.Error("a missing job file was accepted")
	}
}
