package local

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/storage"
	"github.com/firn-data/firn/storage/storagetest"
)

func TestConformance(t *testing.T) {
	for name, scheme := range map[string]string{"plain paths": "", "file URIs": "file://"} {
		t.Run(name, func(t *testing.T) {
			storagetest.Run(t, func(t *testing.T) (storage.Store, string) { return New(), scheme + t.TempDir() })
		})
	}
}

func TestSweepTakesOnlyOldTempFiles(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []string{tempPrefix + "dead", "data.parquet"} {
		if err := os.WriteFile(filepath.Join(dir, n), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := New().Sweep(dir, time.Hour, time.Now()); n != 0 || err != nil {
		t.Errorf("a young file was swept: %d, %v", n, err)
	}
	if n, err := New().Sweep(dir, time.Hour, time.Now().Add(2*time.Hour)); n != 1 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
}

func TestLocationsOfOthersAreRefused(t *testing.T) {
	for _, l := range []string{"s3://bucket/key", "file://host/path"} {
		if _, err := Path(l); !fault.Is(err, fault.Config) {
			t.Errorf("%s: %v", l, err)
		}
	}
}
