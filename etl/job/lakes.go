package job

import (
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/quantity"
	"github.com/firn-data/firn/internal/secret"
	"github.com/firn-data/firn/internal/spelling"
)

// Lakes is a lakes file.
type Lakes struct {
	Lakes map[string]Lake `yaml:"lakes" doc:"lakes by name"`
}

// Lake is a catalog plus a warehouse location.
type Lake struct {
	Catalog   Catalog  `yaml:"catalog" doc:"where the tables are listed"`
	Warehouse string   `yaml:"warehouse" doc:"location of the tables' files" example:"s3://lake/warehouse"`
	Store     Store    `yaml:"store" doc:"how the warehouse's store is reached"`
	Defaults  Defaults `yaml:"defaults" doc:"for tables that firn creates"`
	Commit    Commit   `yaml:"commit" doc:"how commits are tried"`
	Spark     *Spark   `yaml:"spark" doc:"how the Spark engine is reached"`
	Trino     *Trino   `yaml:"trino" doc:"a Trino server; only firn doctor uses it"`
}

// Catalog is a lake's catalog of any kind.
type Catalog struct {
	Kind           string        `yaml:"kind" oneof:"sqlite hive rest" doc:"sqlite, hive or rest"`
	Path           string        `yaml:"path" doc:"sqlite: file of the catalog" example:"./lakehouse/catalog.db"`
	URIs           []string      `yaml:"uris" doc:"hive: metastores, tried in turn" example:"[thrift://hms:9083]"`
	Pool           int           `yaml:"pool" default:"4" doc:"hive: connections kept open"`
	ConnectTimeout time.Duration `yaml:"connect_timeout" default:"5s" doc:"hive: how long to wait for a connection"`
	CallTimeout    time.Duration `yaml:"call_timeout" default:"60s" doc:"hive: how long a call may take"`
	LockWait       time.Duration `yaml:"lock_wait" default:"3m" doc:"hive: how long to wait for a table's lock"`
	TLS            *TLS          `yaml:"tls" doc:"hive: how the metastores' certificates are checked; left out: plain connections"`
	URI            string        `yaml:"uri" doc:"rest: URL of the catalog" example:"https://polaris/api/catalog"`
	Warehouse      string        `yaml:"warehouse" doc:"rest: the catalog's own name of the warehouse" example:"analytics"`
	OAuth2         *OAuth2       `yaml:"oauth2" doc:"rest: how tokens are got"`
}

// OAuth2 is the client credentials flow of a REST catalog.
type OAuth2 struct {
	ClientID     string        `yaml:"client_id" doc:"id of the client" example:"firn"`
	ClientSecret secret.String `yaml:"client_secret" doc:"secret of the client" example:"${POLARIS_SECRET}"`
	Scope        string        `yaml:"scope" doc:"scope to ask for" example:"PRINCIPAL_ROLE:ALL"`
	TokenURL     string        `yaml:"token_url" doc:"URL of the token server; default: the catalog's own"`
}

// Spark is how the Spark engine is reached.
type Spark struct {
	Submit  string            `yaml:"submit" default:"spark-submit" doc:"command that starts a Spark application"`
	Master  string            `yaml:"master" doc:"URL of the Spark master" example:"spark://spark:7077"`
	Staging string            `yaml:"staging" doc:"location of staging tables' files" example:"s3://lake/_firn"`
	Conf    map[string]string `yaml:"conf" doc:"Spark settings; those that change what SQL means are refused" example:"{spark.executor.memory: 4g}"`
}

// Trino is a Trino server.
type Trino struct {
	URL     string `yaml:"url" doc:"URL of the server" example:"http://trino:8080"`
	User    string `yaml:"user" default:"firn" doc:"user to connect as"`
	Catalog string `yaml:"catalog" doc:"Trino's name of the lake's catalog" example:"lake"`
}

// Store is how a lake's object store is reached.
type Store struct {
	S3 *S3 `yaml:"s3" doc:"an S3-compatible store"`
}

// S3 is an S3-compatible store.
type S3 struct {
	Credentials string `yaml:"credentials" default:"static" oneof:"static vended" doc:"static: the keys below; vended: those that a rest catalog hands out for each table"`

	Endpoint  string         `yaml:"endpoint" doc:"URL of the server" example:"https://minio:9000"`
	Region    string         `yaml:"region" default:"us-east-1" doc:"region"`
	PathStyle bool           `yaml:"path_style" default:"true" doc:"bucket in the path, as MinIO wants it"`
	AccessKey secret.String  `yaml:"access_key" doc:"access key" example:"${S3_KEY}"`
	SecretKey secret.String  `yaml:"secret_key" doc:"secret key" example:"${file:/run/secrets/s3}"`
	PartSize  quantity.Bytes `yaml:"part_size" default:"16MiB" doc:"size of the parts of large uploads"`
	TLS       TLS            `yaml:"tls" doc:"how the server's certificate is checked"`
}

// TLS is how a server's certificate is checked.
type TLS struct {
	CA string `yaml:"ca" doc:"file with the certificate authority; default: the system's" example:"/etc/ssl/minio.pem"`
}

// Authority is the file with the certificate authority; empty for the system's.
func (t *TLS) Authority() string {
	if t == nil {
		return ""
	}
	return t.CA
}

// Defaults are for tables that firn creates.
type Defaults struct {
	Properties map[string]string `yaml:"properties" doc:"Iceberg table properties"`
}

// Commit is how commits are tried.
type Commit struct {
	Attempts    int           `yaml:"attempts" default:"20" doc:"how often a commit that lost a race is tried again"`
	Timeout     time.Duration `yaml:"timeout" default:"5m" doc:"how long committing may take in all"`
	UnknownWait time.Duration `yaml:"unknown_wait" default:"10m" doc:"how long to look for the outcome of a commit whose answer was lost"`
}

// DefaultLake is the lake of a job that names none: everything in ./lakehouse.
func DefaultLake() Lake {
	return Lake{Catalog: Catalog{Kind: "sqlite", Path: "./lakehouse/catalog.db"}, Warehouse: "./lakehouse/warehouse",
		Commit: Commit{Attempts: 20, Timeout: 5 * time.Minute, UnknownWait: 10 * time.Minute}}
}

// LoadLakes reads a lakes file.
func LoadLakes(r io.Reader, o Options) (*Lakes, error) {
	body, err := io.ReadAll(r)
	if err != nil {
		return nil, fault.Wrap(fault.NoInput, err, "read %s", o.File)
	}
	root, err := document(body, o.File)
	if err != nil {
		return nil, err
	}
	d := &decoder{file: o.File, lookup: o.Lookup, places: map[string]fault.Place{}}
	l := &Lakes{}
	d.structure(root, reflect.ValueOf(l).Elem(), "")
	if len(d.errs) == 0 {
		d.lakeRules(l)
	}
	return l, d.problems()
}

// lakeRules checks what holds between the fields of a lake.
func (d *decoder) lakeRules(l *Lakes) {
	for _, name := range slices.Sorted(maps.Keys(l.Lakes)) {
		lake, path := l.Lakes[name], "lakes."+name
		vended := lake.Store.S3 != nil && lake.Store.S3.Credentials == "vended"
		switch {
		case lake.Catalog.Kind == "":
			d.bad(path, "lake %s has no catalog", name).Hint("add catalog: {kind: sqlite, path: ./lakehouse/catalog.db}")
		case lake.Catalog.Kind == "sqlite" && lake.Catalog.Path == "":
			d.bad(path, "a sqlite catalog needs a path")
		case lake.Catalog.Kind == "hive" && len(lake.Catalog.URIs) == 0:
			d.bad(path, "a hive catalog needs uris")
		case lake.Catalog.Kind == "rest" && lake.Catalog.URI == "":
			d.bad(path, "a rest catalog needs a uri")
		case vended && lake.Catalog.Kind != "rest":
			d.bad(path, "only a rest catalog vends credentials")
		case lake.Spark != nil && len(meaning(lake.Spark.Conf)) > 0:
			d.bad(path, "spark.conf may not set what changes the meaning of SQL: %s", strings.Join(meaning(lake.Spark.Conf), ", "))
		case lake.Warehouse == "" && lake.Catalog.Kind != "rest":
			d.bad(path, "lake %s has no warehouse", name)
		}
	}
}

// meaning lists the settings in conf that change what SQL means: firn sets them itself.
func meaning(conf map[string]string) (out []string) {
	for k := range conf {
		low := strings.ToLower(k)
		for _, part := range []string{"ansi", "timezone", "timestamptype", "legacy", "casesensitive", "storeassignmentpolicy", "precisionloss", "escapedstringliterals",
			"timeparserpolicy", "rebasemode", "keywords", "doublequotedidentifiers", "mapkeydeduppolicy"} {
			if strings.HasPrefix(low, "spark.sql.") && strings.Contains(low, part) {
				out = append(out, k)
				break
			}
		}
	}
	slices.Sort(out)
	return out
}

// Find is the lake of a name; the empty name is local, or the embedded lake where the file has none of that name.
func (l *Lakes) Find(name string) (Lake, error) {
	want := name
	if want == "" {
		want = "local"
	}
	if l != nil {
		if lake, ok := l.Lakes[want]; ok {
			return lake, nil
		}
	}
	if name == "" || name == "local" {
		return DefaultLake(), nil
	}
	var names []string
	if l != nil {
		for n := range l.Lakes {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	e := fault.New(fault.Config, "there is no lake %q", name).At(fault.Place{Path: "lake"})
	if near := spelling.Nearest(name, names); near != "" {
		return Lake{}, e.Hint("did you mean %s?", near)
	}
	if len(names) == 0 {
		return Lake{}, e.Hint("no lakes file was found: write one with firn init lake, or name it with --lakes")
	}
	return Lake{}, e.Hint("%s", fmt.Sprintf("the lakes file has %s", strings.Join(names, ", ")))
}
