//go:build server

package csv

import (
	"context"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/internal/secret"
	"github.com/firn-data/firn/internal/stacktest"
	"github.com/firn-data/firn/sources"
	"github.com/firn-data/firn/storage"
	"github.com/firn-data/firn/storage/all"
	"github.com/firn-data/firn/storage/s3"
)

// TestFilesOnS3AreReadByGlob reads plain and compressed objects of a bucket, several chunks of each.
func TestFilesOnS3AreReadByGlob(t *testing.T) {
	env := stacktest.Env(t).S3
	bucket := env.FreshBucket(t).Bucket
	st, err := all.Open("s3://"+bucket, all.Config{S3: &s3.Config{Endpoint: env.Endpoint, Region: env.Region, PathStyle: true, AccessKey: secret.New(env.AccessKey), SecretKey: secret.New(env.SecretKey)}})
	if err != nil {
		t.Fatal(err)
	}
	text := lineitem(20_000)
	for name, body := range map[string]string{"day=1/a.csv": text, "day=2/b.csv": string(compress(t, false, text)), "day=2/c.csv.zst": string(compress(t, true, text)), "day=2/note.txt": "x"} {
		if err := storage.Put(context.Background(), st, "s3://"+bucket+"/raw/"+name, []byte(body), true); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, memory.NewGoAllocator(), Config{Path: []string{"s3://" + bucket + "/raw/**/*.csv*"}}, func(e *sources.Env) {
		e.Stores = func(string, string) (storage.Store, error) { return st, nil }
	})
	got := read(t, s, 2)
	if len(got.rows) != 60_000 || len(got.bad) > 0 || !strings.HasPrefix(got.rows[0], `0001 2: "0" "0" "0"`) {
		t.Errorf("%d rows, the first %q, bad %q", len(got.rows), got.rows[0], got.bad)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
