//go:build server

package stacktest

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestRoundTrip proves that the servers work together: Spark, Trino, the metastore and the object store on one Iceberg table each way.
func TestRoundTrip(t *testing.T) {
	spark, trino := Spark(t), Trino(t)
	namespace := spark.Namespace(t, "hive")
	bySpark, byTrino := namespace+".by_spark", namespace+".by_trino"

	spark.SQL(t, `CREATE TABLE `+bySpark+` (id BIGINT, amount DECIMAL(12,2), name STRING, at TIMESTAMP) USING iceberg PARTITIONED BY (days(at))`)
	spark.SQL(t, `INSERT INTO `+bySpark+` SELECT id, CAST(id AS DECIMAL(12,2)) + 0.25BD, concat('row ', id),
		timestamp_seconds(1767225600 + id * 3600) FROM range(1000)`)
	sums := `SELECT count(*), sum(id), sum(amount) FROM ` + bySpark
	want := [][]any{{number(1000), number(499500), "499750.00"}}
	equal(t, "Spark reads what Spark wrote", spark.SQL(t, sums).Rows, want)
	equal(t, "Trino reads what Spark wrote", trino.Query(sums), want)
	equal(t, "Trino sees the instants", trino.Query(`SELECT max(at) FROM `+bySpark), [][]any{{"2026-02-11 15:00:00.000000 UTC"}})
	equal(t, "Spark sees the instants", spark.SQL(t, `SELECT max(at) FROM `+bySpark).Rows, [][]any{{"2026-02-11T15:00:00.000000Z"}})
	equal(t, "one partition a day", trino.Query(`SELECT count(*) FROM `+namespace+`."by_spark$partitions"`), [][]any{{number(42)}})

	trino.Query(`CREATE TABLE ` + byTrino + ` WITH (format = 'PARQUET', partitioning = ARRAY['orderstatus'])
		AS SELECT orderkey, orderstatus, CAST(totalprice AS DECIMAL(12,2)) AS totalprice, orderdate FROM tpch.tiny.orders`)
	total := `SELECT count(*), sum(totalprice) FROM ` + byTrino
	equal(t, "Trino wrote all orders", trino.Query(total)[0][0], number(15000))
	equal(t, "Spark reads what Trino wrote", spark.SQL(t, total).Rows, trino.Query(total))

	trino.Query(`DELETE FROM ` + bySpark + ` WHERE id % 10 = 0`)
	equal(t, "Spark honours Trino's delete files", spark.SQL(t, `SELECT count(*), sum(id) FROM `+bySpark).Rows, [][]any{{number(900), number(450000)}})
	spark.SQL(t, `INSERT INTO `+byTrino+` VALUES (99999999, 'X', 1.00BD, DATE'2026-01-01')`)
	equal(t, "Trino sees Spark's append", trino.Query(`SELECT count(*), max(orderkey) FROM `+byTrino), [][]any{{number(15001), number(99999999)}})
	equal(t, "two snapshots, both appends",
		trino.Query(`SELECT operation FROM `+namespace+`."by_trino$snapshots" ORDER BY committed_at`), [][]any{{"append"}, {"append"}})
}

func TestSparkSpeaksTheDialect(t *testing.T) {
	spark := Spark(t)
	for sql, class := range map[string]string{
		`SELECT CAST('x' AS INT)`:                  "CAST_INVALID_INPUT",
		`SELECT 1/0`:                               "DIVIDE_BY_ZERO",
		`SELECT map(1, 2, 1, 3)`:                   "DUPLICATED_MAP_KEY",
		`SELECT to_date('2026-1-1', 'yyyy-MM-dd')`: "CANNOT_PARSE_TIMESTAMP",
		`SELECT nothing`:                           "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION",
	} {
		_, err := spark.Try(sql)
		var refused *SparkError
		if !errors.As(err, &refused) || refused.Class != class {
			t.Errorf("%s: %v, want class %s", sql, err, class)
		}
	}
	for name, want := range map[string]string{
		"spark.sql.ansi.enabled":                         "true",
		"spark.sql.session.timeZone":                     "UTC",
		"spark.sql.timestampType":                        "TIMESTAMP_LTZ",
		"spark.sql.caseSensitive":                        "false",
		"spark.sql.ansi.enforceReservedKeywords":         "false",
		"spark.sql.ansi.doubleQuotedIdentifiers":         "false",
		"spark.sql.storeAssignmentPolicy":                "ANSI",
		"spark.sql.decimalOperations.allowPrecisionLoss": "true",
		"spark.sql.parser.escapedStringLiterals":         "false",
		"spark.sql.mapKeyDedupPolicy":                    "EXCEPTION",
		"spark.sql.legacy.timeParserPolicy":              "CORRECTED",
		"spark.sql.parquet.datetimeRebaseModeInRead":     "CORRECTED",
		"spark.sql.parquet.datetimeRebaseModeInWrite":    "CORRECTED",
	} {
		equal(t, name, spark.SQL(t, "SET "+name).Rows, [][]any{{name, want}})
	}
}

func TestSparkValues(t *testing.T) {
	spark := Spark(t)
	const sql = `SELECT 9223372036854775807L AS b, 1.50BD AS d, double('NaN') AS n, double('-Infinity') AS i, 0.1D AS f, X'00FF' AS x,
		DATE'0001-01-01' AS day, TIMESTAMP'2026-01-01 00:00:00.000001' AS t, TIMESTAMP_NTZ'2026-01-01 00:00:00' AS u,
		array(1, NULL) AS a, map('k', 1) AS m, named_struct('p', 1, 'q', 'z') AS s, NULL AS z`
	result := spark.SQL(t, sql)
	equal(t, "values", result.Rows, [][]any{{
		number(9223372036854775807), "1.50", "NaN", "-Infinity", json.Number("0.1"), "AP8=", "0001-01-01",
		"2026-01-01T00:00:00.000001Z", "2026-01-01T00:00:00.000000", []any{number(1), nil}, []any{[]any{"k", number(1)}},
		map[string]any{"p": number(1), "q": "z"}, nil,
	}})
	equal(t, "a column", result.Columns[1], SparkColumn{Name: "d", Type: "decimal(3,2)"})

	columns, rows, err := spark.Text(`SELECT 1.50BD AS d, TIMESTAMP'+12026-01-01 00:00:00' AS d, array(1, NULL), CAST(NULL AS INT)`)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "type before the cast", columns[1].Type, "timestamp")
	var texts []string
	for _, value := range rows[0] {
		if value == nil {
			texts = append(texts, "NULL")
			continue
		}
		texts = append(texts, *value)
	}
	equal(t, "texts", texts, []string{"1.50", "+12026-01-01 00:00:00", "[1, null]", "NULL"})

	var version string
	spark.Python(t, `result = spark.version`, &version)
	equal(t, "version", version, "4.1.4")
}

func TestSparkPathCatalogs(t *testing.T) {
	spark := Spark(t)
	for _, catalog := range []string{"local", "s3"} {
		table := spark.Namespace(t, catalog) + ".t"
		spark.SQL(t, `CREATE TABLE `+table+` (i INT) USING iceberg`)
		spark.SQL(t, `INSERT INTO `+table+` VALUES (1), (2)`)
		equal(t, catalog, spark.SQL(t, `SELECT sum(i) FROM `+table).Rows, [][]any{{number(3)}})
	}
}

func TestTrinoRefuses(t *testing.T) {
	_, err := Trino(t).Try(t.Context(), `SELECT * FROM tpch.tiny.nothing`)
	var refused *TrinoError
	if !errors.As(err, &refused) || refused.Name != "TABLE_NOT_FOUND" {
		t.Fatalf("%v, want TABLE_NOT_FOUND", err)
	}
}

func TestTrinoPages(t *testing.T) {
	result, err := Trino(t).Try(t.Context(), `SELECT orderkey FROM tpch.tiny.orders`)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "rows", len(result.Rows), 15000)
	equal(t, "rows read", result.Stats.ProcessedRows, int64(15000))
}

func TestTrinoReadsBothMetastores(t *testing.T) {
	trino := Trino(t)
	schema := "hive313." + Name(t)
	trino.Query(`CREATE SCHEMA ` + schema)
	t.Cleanup(func() { trino.Query(`DROP SCHEMA ` + schema + ` CASCADE`) })
	trino.Query(`CREATE TABLE ` + schema + `.t AS SELECT 1 AS i`)
	equal(t, "rows", trino.Query(`SELECT i FROM `+schema+`.t`), [][]any{{number(1)}})
}

func TestObjectStore(t *testing.T) {
	fresh := Env(t).S3.FreshBucket(t)
	prefix := fresh.Prefix(t)
	var want []string
	for i := range 3 {
		key := fmt.Sprintf("%sa b+ü/%d", prefix, i)
		fresh.Put(t, key, "content")
		want = append(want, key)
	}
	equal(t, "keys", fresh.Keys(t, prefix), want)
	equal(t, "content", fresh.Get(t, want[2]), "content")
}

func TestFreshDatabase(t *testing.T) {
	postgres := Env(t).Postgres
	dsn := postgres.FreshDatabase(t)
	postgres.Exec(t, dsn, `create table t (i int); insert into t select generate_series(1, 10)`)
	equal(t, "sum", postgres.Exec(t, dsn, `select sum(i), count(*) from t`), "55|10\n")
	equal(t, "wal_level", postgres.Exec(t, dsn, `show wal_level`), "logical\n")
}

func TestProxyBreaksConnections(t *testing.T) {
	env := Env(t)
	proxy := NewProxy(t, env.S3.Endpoint)
	store := env.S3
	store.Endpoint = "http://" + proxy.Addr
	if _, err := store.do("GET", "", nil, ""); err != nil {
		t.Fatal(err)
	}
	remove := proxy.Toxic("downstream", "latency", map[string]any{"latency": 300})
	start := time.Now()
	if _, err := store.do("GET", "", nil, ""); err != nil || time.Since(start) < 300*time.Millisecond {
		t.Fatalf("error %v after %v, want an answer after 300 ms", err, time.Since(start))
	}
	remove()
	proxy.Enable(false)
	if _, err := store.do("GET", "", nil, ""); err == nil {
		t.Fatal("a closed proxy let a request through")
	}
}

func TestMetastoreOptions(t *testing.T) {
	for _, version := range []string{"4.0.1", "4.0.0", "3.1.3"} {
		m := NewMetastore(t, MetastoreOptions{
			Version: version, LockExpiry: 10 * time.Second, Sweep: 2 * time.Second,
			Properties: map[string]string{"metastore.server.min.threads": "4"},
		})
		for name, want := range map[string]string{
			"metastore.txn.timeout": "10s", "metastore.acid.housekeeper.interval": "2s", "metastore.server.min.threads": "4",
		} {
			equal(t, version+" "+name, configValue(t, m.URI, name), want)
		}
	}
}

func TestMetastoresShareADatabase(t *testing.T) {
	first := NewMetastore(t, MetastoreOptions{})
	second := NewMetastore(t, MetastoreOptions{Database: first.Database})
	trino := Trino(t)
	one, two := trinoCatalog(t, trino, first), trinoCatalog(t, trino, second)
	trino.Query(`CREATE SCHEMA ` + one + `.made_by_the_first`)
	trino.Query(`CREATE TABLE ` + two + `.made_by_the_first.t AS SELECT 1 AS i`)
	equal(t, "rows", trino.Query(`SELECT i FROM `+one+`.made_by_the_first.t`), [][]any{{number(1)}})
	trino.Query(`DROP SCHEMA ` + one + `.made_by_the_first CASCADE`)
}

// trinoCatalog makes a catalog for a metastore.
func trinoCatalog(t *testing.T, trino *TrinoClient, m *Metastore) string {
	t.Helper()
	name, s3 := Name(t), Env(t).S3
	trino.Query(fmt.Sprintf(`CREATE CATALOG %s USING iceberg WITH ("iceberg.catalog.type" = 'hive_metastore', "hive.metastore.uri" = '%s',
		"hive.metastore.thrift.client.read-timeout" = '5s', "hive.metastore.thrift.client.max-retries" = '0',
		"fs.native-s3.enabled" = 'true', "s3.endpoint" = '%s', "s3.region" = '%s', "s3.path-style-access" = 'true',
		"s3.aws-access-key" = '%s', "s3.aws-secret-key" = '%s')`, name, m.URI, s3.Endpoint, s3.Region, s3.AccessKey, s3.SecretKey))
	t.Cleanup(func() { trino.Query(`DROP CATALOG ` + name) })
	return name
}

// configValue asks a metastore for a property of its own by get_config_value, in Thrift's binary protocol.
func configValue(t *testing.T, uri, name string) string {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(uri, "thrift://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	text := func(s string) string { return string(binary.BigEndian.AppendUint32(nil, uint32(len(s)))) + s }
	call := "\x80\x01\x00\x01" + text("get_config_value") + "\x00\x00\x00\x01" + // version and CALL, name, sequence number
		"\x0b\x00\x01" + text(name) + "\x0b\x00\x02" + text("unset") + "\x00" // two strings, stop
	if _, err := conn.Write([]byte(call)); err != nil {
		t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	answer := make([]byte, 4+len(text("get_config_value"))+4+3+4) // header, then the field of the result: type, id, length
	if _, err := io.ReadFull(conn, answer); err != nil {
		t.Fatal(err)
	}
	value := make([]byte, binary.BigEndian.Uint32(answer[len(answer)-4:]))
	if _, err := io.ReadFull(conn, value); err != nil {
		t.Fatal(err)
	}
	return string(value)
}

func TestMetastoreThaws(t *testing.T) {
	m := NewMetastore(t, MetastoreOptions{})
	trino := Trino(t)
	catalog := trinoCatalog(t, trino, m)
	equal(t, "schemas", len(trino.Query(`SHOW SCHEMAS FROM `+catalog)), 3)
	m.Freeze()
	if _, err := trino.Try(t.Context(), `CREATE SCHEMA `+catalog+`.frozen`); err == nil || !strings.Contains(err.Error(), "timed out") {
		t.Fatalf("%v, want a timeout of the frozen metastore", err)
	}
	m.Thaw()
	trino.Query(`SHOW SCHEMAS FROM ` + catalog)
}

func number(i int64) json.Number { return json.Number(fmt.Sprint(i)) }

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
