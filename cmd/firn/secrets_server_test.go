//go:build server

package main

import (
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"testing"

	"github.com/firn-data/firn/internal/stacktest"
)

// hostile is an environment in which every driver that listened to it would go somewhere else.
var hostile = map[string]string{
	"PGHOST": "hostile.invalid", "PGPORT": "1", "PGUSER": "mallory", "PGPASSWORD": "wrong", "PGDATABASE": "nowhere", "PGSERVICE": "evil", "PGSERVICEFILE": "/nope", "PGPASSFILE": "/nope",
	"PGSSLMODE": "verify-full", "PGSSLROOTCERT": "/nope", "PGAPPNAME": "mallory", "PGTZ": "Asia/Tokyo", "PGDATESTYLE": "German", "PGOPTIONS": "-c statement_timeout=1", "PGCONNECT_TIMEOUT": "1", "PGTARGETSESSIONATTRS": "standby",
	"AWS_ACCESS_KEY_ID": "wrong", "AWS_SECRET_ACCESS_KEY": "wrong", "AWS_SESSION_TOKEN": "wrong", "AWS_REGION": "eu-hostile-1", "AWS_DEFAULT_REGION": "eu-hostile-1", "AWS_PROFILE": "evil", "AWS_ENDPOINT_URL": "http://hostile.invalid",
	"AWS_ENDPOINT_URL_S3": "http://hostile.invalid", "AWS_SHARED_CREDENTIALS_FILE": "/nope", "AWS_CONFIG_FILE": "/nope", "AWS_CA_BUNDLE": "/nope", "MINIO_ACCESS_KEY": "wrong", "MINIO_SECRET_KEY": "wrong", "MINIO_ROOT_USER": "wrong",
	"HTTP_PROXY": "http://127.0.0.1:1", "HTTPS_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1", "NO_PROXY": "", "TZ": "Asia/Tokyo", "LANG": "tr_TR.UTF-8", "LC_ALL": "tr_TR.UTF-8",
}

// TestSecretsStaySecretInAHostileEnvironment loads a table from PostgreSQL into S3 with credentials that are found nowhere
// else, while the environment says otherwise: the rows are right (the library reads no environment), and neither what is
// printed nor what is stored shows a credential (I10).
func TestSecretsStaySecretInAHostileEnvironment(t *testing.T) {
	env := stacktest.Env(t)
	s3 := env.S3.FreshBucket(t)
	admin := env.Postgres.FreshDatabase(t)
	role, password := "reader_"+rand.Text()[:12], "s3cr3t-hunter22"
	env.Postgres.Exec(t, admin, fmt.Sprintf(`CREATE ROLE "%s" LOGIN PASSWORD '%s';
CREATE TABLE orders (id int8 PRIMARY KEY, total numeric(10,2), at timestamptz);
INSERT INTO orders VALUES (1, 1.50, '2024-01-31 05:00Z'), (2, NULL, '2024-01-31 06:00Z'), (3, 'NaN', '2024-01-31 07:00Z');
GRANT SELECT ON orders TO "%s";`, role, password, role))
	t.Cleanup(func() { env.Postgres.Exec(t, admin, fmt.Sprintf(`DROP OWNED BY "%s"; DROP ROLE "%s"`, role, role)) })
	u, err := url.Parse(admin)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(role, password)
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("XDG_CONFIG_HOME", dir)
	t.Setenv("SECRET_DSN", u.String())
	for k, v := range hostile {
		t.Setenv(k, v)
	}
	put(t, "s3.key", s3.SecretKey)
	put(t, "lakes.yaml", fmt.Sprintf("lakes: {local: {catalog: {kind: sqlite, path: catalog.db}, warehouse: \"s3://%s/w\", store: {s3: {endpoint: \"%s\", region: %s, access_key: %s, secret_key: \"${file:s3.key}\"}}}}\n",
		s3.Bucket, s3.Endpoint, s3.Region, s3.AccessKey))
	put(t, "job.yaml", "job: orders\nsource: {kind: postgres, dsn: \"${SECRET_DSN}\", table: public.orders, on_bad_row: quarantine}\nquarantine: {max_share: 50%}\ntarget: {table: raw.orders}\n")

	secrets := []string{password, s3.SecretKey}
	if text, code := told("run", "job.yaml", "--run-id", "r1"); code != 0 {
		t.Fatalf("exit %d: %s", code, text)
	}
	if text, _ := told("read", "raw.orders", "-o", "csv"); text != "id,total,at\n1,1.50,2024-01-31T05:00:00Z\n2,,2024-01-31T06:00:00Z\n" {
		t.Errorf("the rows are\n%s", text)
	}
	tellAll(t, everyCommand("job.yaml", "${SECRET_DSN}#public.orders", "raw.orders"), secrets...)
	tellAll(t, everyCommand("job.yaml", u.String()+"#public.orders", "raw.orders_quarantine"), secrets...)
	tellAll(t, everyCommand("job.yaml", "${SECRET_DSN}#public.gone", "raw.gone"), secrets...)

	keys := s3.Keys(t, "")
	if len(keys) < 6 {
		t.Errorf("only %v was stored", keys)
	}
	for _, key := range keys {
		for _, s := range secrets {
			if shows(s3.Get(t, key), s) {
				t.Errorf("s3://%s/%s holds a secret", s3.Bucket, key)
			}
		}
	}
	if err := os.Remove("s3.key"); err != nil {
		t.Fatal(err)
	}
	files(t, dir, secrets...)

	// A refused password is a matter of permission, and is not shown either.
	u.User = url.UserPassword(role, "wr0ng-hunter44")
	t.Setenv("SECRET_DSN", u.String())
	put(t, "s3.key", s3.SecretKey)
	text, code := told("run", "job.yaml", "--run-id", "r2", "-o", "json")
	if code != 77 && code != 0 || shows(text, "wr0ng-hunter44") { // 0: a server that trusts its own machine asks for no password
		t.Errorf("exit %d: %s", code, text)
	}
}
