package job_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firn-data/firn/etl"
)

// TestYAMLInDocsIsValid loads every job and lakes file in the documentation and the examples.
func TestYAMLInDocsIsValid(t *testing.T) {
	lookup := func(name string) (string, bool) {
		if strings.HasSuffix(name, "DSN") {
			return "postgres://u:p@h/d", true
		}
		return "x", true
	}
	root := "../.."
	jobs, lakes := 0, 0
	check := func(where, text string) {
		o := etl.Options{File: where, Lookup: lookup}
		var err error
		switch {
		case strings.HasPrefix(text, "job: ") || strings.Contains(text, "\njob: "):
			_, err = etl.Load(strings.NewReader(text), o)
			jobs++
		case strings.Contains(text, "lakes:"):
			_, err = etl.LoadLakes(strings.NewReader(text), o)
			lakes++
		default:
			return
		}
		if err != nil {
			t.Errorf("%s: %v", where, err)
		}
	}
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if d != nil && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." && path != root {
				return filepath.SkipDir
			}
			return err
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		switch {
		case strings.HasSuffix(path, ".md"):
			for i, block := range strings.Split(string(body), "```yaml\n") {
				if i > 0 {
					text, _, _ := strings.Cut(block, "```")
					check(path, text)
				}
			}
		case strings.HasSuffix(path, ".yaml") && (strings.Contains(path, "examples") || strings.HasSuffix(path, "lakes.yaml")):
			check(path, string(body))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if jobs < 7 || lakes < 4 {
		t.Errorf("only %d jobs and %d lakes files were found", jobs, lakes)
	}
}
