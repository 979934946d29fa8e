// Package arch holds the laws of firn's structure as tests: which floor may import which, where third-party clients
// live, and what no package may be called or do. A failure says what to do instead.
package arch

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/firn-data/firn"

type pkg struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
}

// short is the path inside the module; "" is the module's root.
func short(importPath string) (string, bool) {
	if importPath == module {
		return "", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

// floor is the floor of a package, or -1 when it has none: then it needs a line here.
func floor(p string) int {
	parts := strings.Split(p, "/")
	under := func(prefix string) bool { return p == prefix || strings.HasPrefix(p, prefix+"/") }
	switch {
	case under("cmd"), under("benchmarks"), under("examples"):
		return 60
	case p == "etl":
		return 50
	case p == "etl/plan", p == "etl/job":
		return 40
	case under("etl"):
		return 41 // engines: they see plan, never each other
	case p == "sources/all", p == "catalog/all":
		return 32
	case p == "sources/files", p == "sources/sourcetest", p == "catalog/catalogtest":
		return 21
	case parts[0] == "sources" && len(parts) > 1, parts[0] == "catalog" && len(parts) > 1:
		return 31
	case p == "storage/layout":
		return 20
	case p == "sources", under("transform"), p == "catalog":
		return 20
	case p == "storage/all":
		return 12
	case under("storage") && len(parts) > 1:
		return 11
	case p == "storage":
		return 10
	case under("internal"):
		return 0
	}
	return -1
}

// sameFloor lists the imports between packages of one floor that are allowed: a package and its own inner packages.
func sameFloor(from, to string) bool {
	if strings.HasPrefix(from, "internal/") && strings.HasPrefix(to, "internal/") {
		return true // floor 0 is a lattice of its own; the compiler refuses cycles
	}
	root := func(p string) string {
		return strings.Join(strings.SplitN(p, "/", 3)[:min(2, strings.Count(p, "/")+1)], "/")
	}
	if strings.HasPrefix(from, "transform") && strings.HasPrefix(to, "transform/") {
		return true
	}
	return root(from) == root(to)
}

// homes says which packages may import a third-party client.
var homes = map[string][]string{
	"github.com/apache/iceberg-go":           {"catalog"},
	"github.com/minio/minio-go":              {"storage/s3"},
	"github.com/jackc/pgx":                   {"sources/postgres"},
	"github.com/apache/thrift":               {"catalog/hive"},
	"github.com/parquet-go":                  {"storage/parquet"},
	"github.com/apache/arrow-go/v18/parquet": {"storage/parquet"},
	"modernc.org/sqlite":                     {"catalog/sqlite"},
	"github.com/spf13":                       {"cmd"},
	"go.yaml.in/yaml":                        {"etl/job"},
}

var badNames = []string{"util", "utils", "common", "helpers", "helper", "types", "misc", "shared", "base"}

func TestImportsPointDown(t *testing.T) {
	for _, p := range packages(t) {
		from, _ := short(p.ImportPath)
		f := floor(from)
		if f < 0 {
			t.Errorf("%s stands on no floor: give it one in internal/arch, or move it under one of cmd etl sources transform storage catalog internal benchmarks", from)
			continue
		}
		for _, imp := range p.Imports {
			to, ours := short(imp)
			if !ours {
				checkHome(t, from, imp)
				if f == 0 && strings.Contains(strings.Split(imp, "/")[0], ".") && !allowedOnGround(imp) {
					t.Errorf("%s imports %s: packages under internal may import the standard library and Arrow only; move the code up to where the dependency lives", from, imp)
				}
				continue
			}
			if g := floor(to); g > f || g == f && from != to && !sameFloor(from, to) {
				t.Errorf("%s (floor %d) imports %s (floor %d): imports only point down; move what both need to a lower floor, or pass it in", from, f/10, to, g/10)
			}
		}
	}
}

func allowedOnGround(imp string) bool {
	return strings.HasPrefix(imp, "github.com/apache/arrow-go/v18/arrow") || strings.HasPrefix(imp, "golang.org/x/sys")
}

func checkHome(t *testing.T, from, imp string) {
	for client, where := range homes {
		if !strings.HasPrefix(imp, client) {
			continue
		}
		if !slices.ContainsFunc(where, func(h string) bool { return from == h || strings.HasPrefix(from, h+"/") }) {
			t.Errorf("%s imports %s: its home is %s; ask that package instead", from, imp, strings.Join(where, ", "))
		}
	}
}

// TestTheCommandLineHoldsNoEngine checks that cmd/firn talks to the front door, to tables and to what describes both.
func TestTheCommandLineHoldsNoEngine(t *testing.T) {
	allowed := []string{"etl", "etl/plan", "catalog", "internal/batch", "internal/fault", "internal/jsonarrow", "internal/reference", "internal/spelling"}
	for _, p := range packages(t) {
		from, _ := short(p.ImportPath)
		if from != "cmd/firn" {
			continue
		}
		for _, imp := range p.Imports {
			if to, ours := short(imp); ours && !slices.Contains(allowed, to) {
				t.Errorf("%s imports %s: a command parses, calls etl and prints; give etl what it lacks", from, to)
			}
		}
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			if commands := commandsIn(f); commands > 1 {
				t.Errorf("%s/%s makes %d commands: one command, one file", from, name, commands)
			}
		}
	}
}

// commandsIn counts the functions that make a command of the program.
func commandsIn(f *ast.File) (n int) {
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && strings.HasSuffix(fn.Name.Name, "Command") && fn.Type.Results != nil && fn.Name.Name != "unknownCommand" {
			n++
		}
	}
	return n
}

func TestNoPackageIsCalledUtil(t *testing.T) {
	for _, p := range packages(t) {
		if name := path.Base(p.ImportPath); slices.Contains(badNames, name) {
			t.Errorf("%s: name a package after what it provides, not %q", p.ImportPath, name)
		}
	}
}

func TestNoInitFunctions(t *testing.T) {
	eachFile(t, func(p pkg, name string, f *ast.File) {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s/%s has an init function: list the thing where its kind is listed, or build the table in a variable", p.ImportPath, name)
			}
		}
	})
}

// TestLibraryHasNoHands checks that packages below cmd do not read the environment, exit, print or install signal handlers.
func TestLibraryHasNoHands(t *testing.T) {
	forbidden := map[string][]string{
		"os":        {"Getenv", "LookupEnv", "Environ", "ExpandEnv", "Exit", "Stdout", "Stderr"},
		"os/signal": {"Notify", "NotifyContext"},
		"fmt":       {"Print", "Printf", "Println"},
		"log":       {"Print", "Printf", "Println", "Fatal", "Fatalf"},
		"log/slog":  {"Info", "Warn", "Error", "Debug", "Default"},
	}
	eachFile(t, func(p pkg, name string, f *ast.File) {
		from, _ := short(p.ImportPath)
		if floor(from) >= 60 || from == "internal/stacktest" || strings.HasSuffix(from, "test") {
			return
		}
		names := map[string]string{}
		for _, imp := range f.Imports {
			ip := strings.Trim(imp.Path.Value, `"`)
			local := path.Base(ip)
			if imp.Name != nil {
				local = imp.Name.Name
			}
			names[local] = ip
		}
		ast.Inspect(f, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && x.Obj == nil && slices.Contains(forbidden[names[x.Name]], sel.Sel.Name) {
				t.Errorf("%s/%s uses %s.%s: the library has no hands; take it through options or report through internal/event", p.ImportPath, name, x.Name, sel.Sel.Name)
			}
			return true
		})
	})
}

func TestFilesStaySmall(t *testing.T) {
	fset := token.NewFileSet()
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if lines := fset.Position(f.End()).Line; lines > 800 && !ast.IsGenerated(f) {
				t.Errorf("%s/%s has %d lines: split it by idea (800 at most, 500 for most)", p.ImportPath, name, lines)
			}
		}
	}
}

func eachFile(t *testing.T, visit func(pkg, string, *ast.File)) {
	t.Helper()
	fset := token.NewFileSet()
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if !ast.IsGenerated(f) {
				visit(p, name, f)
			}
		}
	}
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,Imports", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 5 {
		t.Fatalf("only %d packages listed", len(all))
	}
	return all
}
