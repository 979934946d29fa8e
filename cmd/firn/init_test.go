package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/firn-data/firn/etl"
)

// TestThePatternsInTheLakesFileAreValid reads what firn init lake writes, with its patterns brought to life.
func TestThePatternsInTheLakesFileAreValid(t *testing.T) {
	alive := regexp.MustCompile(`(?m)^  # (  |[a-z0-9]+:$)`).ReplaceAllString(lakesTemplate, "  $1")
	l, err := etl.LoadLakes(strings.NewReader(alive), etl.Options{File: "lakes.yaml", Lookup: func(string) (string, bool) { return "secret", true }})
	if err != nil {
		t.Fatalf("%v\n%s", err, alive)
	}
	for name, kind := range map[string]string{"local": "sqlite", "s3": "sqlite", "prod": "hive"} {
		if got := l.Lakes[name].Catalog.Kind; got != kind {
			t.Errorf("lake %s has a catalog of kind %q", name, got)
		}
	}
	if l.Lakes["prod"].Store.S3 == nil || l.Lakes["prod"].Defaults.Properties["write.parquet.compression-codec"] != "zstd" {
		t.Errorf("prod: %+v", l.Lakes["prod"])
	}
}
