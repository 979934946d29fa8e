//go:build server

package parquet

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/firn-data/firn/internal/memory"
	"github.com/firn-data/firn/internal/secret"
	"github.com/firn-data/firn/internal/stacktest"
	"github.com/firn-data/firn/sources"
	"github.com/firn-data/firn/storage"
	"github.com/firn-data/firn/storage/all"
	"github.com/firn-data/firn/storage/s3"
)

// TestFilesOnS3AreReadByGlob copies files into a bucket and reads them in the order of their names.
func TestFilesOnS3AreReadByGlob(t *testing.T) {
	env := stacktest.Env(t).S3
	bucket := env.FreshBucket(t).Bucket
	st, err := all.Open("s3://"+bucket, all.Config{S3: &s3.Config{Endpoint: env.Endpoint, Region: env.Region, PathStyle: true, AccessKey: secret.New(env.AccessKey), SecretKey: secret.New(env.SecretKey)}})
	if err != nil {
		t.Fatal(err)
	}
	l := newLake(t)
	ctx := context.Background()
	for _, name := range []string{"day=2/b.parquet", "day=1/a.parquet", "day=2/note.txt"} {
		l.put(name, nullable(arrow.Field{Name: "id", Type: arrow.PrimitiveTypes.Int64}), pqarrow.DefaultWriterProps(), fmt.Sprintf(`[{"id": %d}]`, len(name)), `[{"id": 1}]`)
		body, err := storage.ReadAll(ctx, l, "mem://"+name)
		if err != nil {
			t.Fatal(err)
		}
		if err := storage.Put(ctx, st, "s3://"+bucket+"/raw/"+name, bytes.Clone(body), true); err != nil {
			t.Fatal(err)
		}
	}
	source := sources.Env{Stores: func(string, string) (storage.Store, error) { return st, nil }, Workers: 2, Budget: memory.NewBudget(64 << 20)}
	got, err := read(t, Config{Path: []string{"s3://" + bucket + "/raw/*/*.parquet"}}, source, sources.Request{})
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("[s3://%s/raw/day=1/a.parquet:1 s3://%[1]s/raw/day=1/a.parquet:2 s3://%[1]s/raw/day=2/b.parquet:1 s3://%[1]s/raw/day=2/b.parquet:2]", bucket)
	if text := fmt.Sprint(got.places); text != want {
		t.Errorf("read %s, want %s", text, want)
	}
}
