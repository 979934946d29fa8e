package files

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/storage"
	"github.com/firn-data/firn/storage/local"
)

func paths(root string, globs ...string) Paths {
	for i, g := range globs {
		globs[i] = root + "/" + g
	}
	return Paths{Path: globs, Stores: func(string, string) (storage.Store, error) { return local.New(), nil }}
}

func TestListIsTheSameEveryTime(t *testing.T) {
	root := t.TempDir()
	for _, f := range []string{"b.csv", "a.csv", "a10.csv", "a9.csv", "sub/a.csv", "sub/deep/a.csv", "sub/deep/b.json"} {
		os.MkdirAll(filepath.Dir(filepath.Join(root, f)), 0o755)
		if err := os.WriteFile(filepath.Join(root, f), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		globs []string
		want  string
	}{
		{[]string{"*.csv"}, "a.csv a10.csv a9.csv b.csv"},
		{[]string{"b.csv", "a*.csv"}, "b.csv a.csv a10.csv a9.csv"},
		{[]string{"a.csv", "?.csv", "a.csv"}, "a.csv b.csv"},
		{[]string{"a[0-9].csv"}, "a9.csv"},
		{[]string{"**/*.csv"}, "a.csv a10.csv a9.csv b.csv sub/a.csv sub/deep/a.csv"},
		{[]string{"sub/**"}, "sub/a.csv sub/deep/a.csv sub/deep/b.json"},
		{[]string{"*/*/*.json"}, "sub/deep/b.json"},
		{[]string{"gone.csv"}, "gone.csv"},
	} {
		got, err := List(context.Background(), paths(root, slices.Clone(c.globs)...))
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			got[i] = strings.TrimPrefix(got[i], root+"/")
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%v: %v, want %s", c.globs, got, c.want)
		}
	}
}

func TestNoFileIsAnErrorUnlessTheJobSaysOtherwise(t *testing.T) {
	ctx, root := context.Background(), t.TempDir()
	p := paths(root, "*.csv")
	if _, err := List(ctx, p); !fault.Is(err, fault.NoInput) {
		t.Errorf("no match: %v", err)
	}
	p.OnNoFiles = "empty"
	if got, err := List(ctx, p); err != nil || got == nil || len(got) != 0 {
		t.Errorf("on_no_files: empty gives %v, %v", got, err)
	}
	if _, err := List(ctx, paths(root, "[.csv")); !fault.Is(err, fault.Config) {
		t.Errorf("a malformed glob: %v", err)
	}
	if _, err := p.Open(ctx, root+"/gone"); !fault.Is(err, fault.NoInput) {
		t.Errorf("open of an absent file: %v", err)
	}
	if _, err := p.Size(ctx, []string{root + "/gone"}); !fault.Is(err, fault.NoInput) {
		t.Errorf("size of an absent file: %v", err)
	}
}
