//go:build server

package etl

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/stacktest"
)

// platform is a lake on MinIO and a Hive Metastore that firn, Trino and Spark share: a bucket and a namespace of one test.
type platform struct {
	t         *testing.T
	env       stacktest.Servers
	bucket    string
	namespace string
	lakes     *Lakes
	lake      *catalog.Lake
	trino     *stacktest.TrinoClient
	spark     *stacktest.SparkSession
	dir       string
}

func newPlatform(t *testing.T) *platform {
	t.Helper()
	p := &platform{t: t, env: stacktest.Env(t), namespace: stacktest.Name(t), trino: stacktest.Trino(t), spark: stacktest.Spark(t)}
	var err error
	if p.dir, err = os.MkdirTemp(t.TempDir(), "p"); err != nil { // without the test's name, which YAML would read
		t.Fatal(err)
	}
	s3 := p.env.S3
	p.bucket = s3.FreshBucket(t).Bucket
	text := fmt.Sprintf(`lakes:
  test:
    catalog: {kind: hive, uris: [%q]}
    warehouse: s3://%s/warehouse
    store: {s3: {endpoint: %q, region: %s, access_key: %q, secret_key: %q}}
`, p.env.HMS.URI, p.bucket, s3.Endpoint, s3.Region, s3.AccessKey, s3.SecretKey)
	if p.lakes, err = LoadLakes(strings.NewReader(text), Options{File: "lakes.yaml"}); err != nil {
		t.Fatal(err)
	}
	if p.lake, err = OpenLake(context.Background(), p.lakes, "test", nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { CloseLake(p.lake) })
	p.trino.Schema = p.namespace
	t.Cleanup(func() { p.trino.Query("DROP SCHEMA IF EXISTS hive." + p.namespace + " CASCADE") })
	return p
}

// try runs a job, whose text may name the namespace as NS.
func (p *platform) try(job string, o BindOptions) (*Report, error) {
	p.t.Helper()
	j, err := Load(strings.NewReader(strings.ReplaceAll(job, "NS.", p.namespace+".")), Options{File: "job.yaml"})
	if err != nil {
		return nil, err
	}
	o.Lakes, o.Lake, o.TempDir = p.lakes, "test", p.dir
	bound, err := Bind(context.Background(), j, o)
	if err != nil {
		return nil, err
	}
	defer bound.Close()
	return bound.Run(context.Background())
}

func (p *platform) run(job string, o BindOptions) *Report {
	p.t.Helper()
	r, err := p.try(job, o)
	if err != nil {
		p.t.Fatalf("%v\nhint: %s", err, fault.HintOf(err))
	}
	if !r.Balanced() {
		p.t.Fatalf("rows are missing in the report: %+v", r.Rows)
	}
	return r
}

// file writes a file of the platform's folder and returns its path.
func (p *platform) file(name, content string) string {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		p.t.Fatal(err)
	}
	return path
}

// trinoLines are a query's rows in Trino: cells parted by "|", rows sorted.
func (p *platform) trinoLines(query string) []string {
	p.t.Helper()
	var out []string
	for _, row := range p.trino.Query(query) {
		cells := make([]string, len(row))
		for i, v := range row {
			cells[i] = "NULL"
			if v != nil {
				cells[i] = fmt.Sprint(v)
			}
		}
		out = append(out, strings.Join(cells, "|"))
	}
	slices.Sort(out)
	return out
}

// sparkLines are a query's rows in Spark, as its casts to STRING write them: cells parted by "|", rows sorted.
func (p *platform) sparkLines(query string) (types string, rows []string) {
	p.t.Helper()
	columns, cells, err := p.spark.Text(strings.ReplaceAll(query, "NS.", "hive."+p.namespace+"."))
	if err != nil {
		p.t.Fatalf("spark: %s: %v", query, err)
	}
	var kinds []string
	for _, c := range columns {
		kinds = append(kinds, c.Type)
	}
	for _, row := range cells {
		line := make([]string, len(row))
		for i, v := range row {
			line[i] = "NULL"
			if v != nil {
				line[i] = *v
			}
		}
		rows = append(rows, strings.Join(line, "|"))
	}
	slices.Sort(rows)
	return strings.Join(kinds, " "), rows
}

// refused checks that an error is of a class and holds a text, in its message or its hint.
func (p *platform) refused(err error, class fault.Class, text string) {
	p.t.Helper()
	if err == nil || !fault.Is(err, class) || !strings.Contains(err.Error()+" "+fault.HintOf(err), text) {
		p.t.Errorf("%v (hint: %s), want class %v and %q", err, fault.HintOf(err), class, text)
	}
}
