// Package stacktest gives tests the real servers of the native stack: their addresses, names and places that belong to
// one test alone, and small clients that share no code with what they check. Only tests import it; it uses the standard
// library alone. A server that is missing fails the test; nothing is skipped.
package stacktest

import (
	"os"
	"strings"
	"testing"
)

// Servers says where the servers of the stack are. Env reads it from the FIRN_TEST_ variables that
// `deploy/native/stack.sh env` prints.
type Servers struct {
	S3       S3
	HMS      HMS
	Postgres Postgres
	Spark    SparkInstall
	Airflow  Airflow

	Python       string // a python that imports duckdb, pyarrow and pyiceberg
	TrinoURL     string // http://host:port
	ToxiproxyURL string // http://host:port of its API
	Native       string // the folder of the scripts that start the servers
}

// S3 is the object store. Keys and bucket are those of a test server, not secrets.
type S3 struct {
	Endpoint  string // http://host:port, path style
	AccessKey string
	SecretKey string
	Bucket    string // exists
	Region    string
}

// HMS is the Hive Metastores, all thrift://host:port.
type HMS struct {
	URI       string // 4.0.1
	PeerURI   string // 4.0.1, a second server on the database of URI
	URI313    string // 3.1.3, on a database of its own
	URI400    string // 4.0.0, on a database of its own; `stack.sh up hms-4.0.0` starts it, `make stack-up` does not
	Warehouse string // where the servers put databases without a location, s3a://bucket/path
}

// Postgres is the PostgreSQL server, with wal_level=logical.
type Postgres struct {
	DSN      string // of the database firn; the user is a superuser
	AdminDSN string // of the database postgres
	PSQL     string // path of a psql that fits
}

// SparkInstall is PySpark with Iceberg. ConfDir's spark-defaults.conf names the jars, the catalogs local, s3 and hive,
// and every setting of firn's SQL dialect.
type SparkInstall struct {
	Home      string // SPARK_HOME
	Python    string // a python that imports pyspark
	Submit    string // spark-submit with the environment it needs
	ConfDir   string // SPARK_CONF_DIR
	Warehouse string // folder of the catalog local
	Jars      []string
	JavaHome  string
}

// Airflow is an installation, with or without its servers running.
type Airflow struct {
	Venv   string // the virtual environment; its python has the provider only if it was installed there
	Script string // airflow.sh: `cli ARGUMENT…` runs airflow with the settings of an instance
	URL    string // of the API server, if that runs
	DAGs   string // folder of the running instance's DAGs
}

// Env returns the servers. A variable that is not set fails the test.
func Env(t testing.TB) Servers {
	t.Helper()
	var missing []string
	get := func(name string) string {
		value := os.Getenv("FIRN_TEST_" + name)
		if value == "" {
			missing = append(missing, "FIRN_TEST_"+name)
		}
		return value
	}
	s := Servers{
		S3: S3{
			Endpoint:  get("S3_ENDPOINT"),
			AccessKey: get("S3_ACCESS_KEY"),
			SecretKey: get("S3_SECRET_KEY"),
			Bucket:    get("S3_BUCKET"),
			Region:    get("S3_REGION"),
		},
		HMS: HMS{
			URI:       get("HMS_URI"),
			PeerURI:   get("HMS_PEER_URI"),
			URI313:    get("HMS313_URI"),
			URI400:    get("HMS400_URI"),
			Warehouse: get("HMS_WAREHOUSE"),
		},
		Postgres: Postgres{DSN: get("POSTGRES_DSN"), AdminDSN: get("POSTGRES_ADMIN_DSN"), PSQL: get("POSTGRES_PSQL")},
		Spark: SparkInstall{
			Home:      get("SPARK_HOME"),
			Python:    get("SPARK_PYTHON"),
			Submit:    get("SPARK_SUBMIT"),
			ConfDir:   get("SPARK_CONF_DIR"),
			Warehouse: get("SPARK_WAREHOUSE"),
			Jars:      strings.Split(get("SPARK_JARS"), ","),
			JavaHome:  get("SPARK_JAVA_HOME"),
		},
		Airflow:      Airflow{Venv: get("AIRFLOW_VENV"), Script: get("AIRFLOW_SCRIPT"), URL: get("AIRFLOW_URL"), DAGs: get("AIRFLOW_DAGS")},
		Python:       get("PYTHON"),
		TrinoURL:     get("TRINO_URL"),
		ToxiproxyURL: get("TOXIPROXY_URL"),
		Native:       get("NATIVE"),
	}
	if len(missing) > 0 {
		t.Fatalf("%s and %d more variables are not set: run `make stack-up`, then eval \"$(make -s stack-env)\"", missing[0], len(missing)-1)
	}
	return s
}
