//go:build server

package postgres

import (
	"context"
	"testing"

	"github.com/firn-data/firn/internal/memory"
	"github.com/firn-data/firn/internal/secret"
	"github.com/firn-data/firn/internal/stacktest"
	"github.com/firn-data/firn/sources"
)

func TestListNamesWhatTheUserMayRead(t *testing.T) {
	pg := stacktest.Env(t).Postgres
	dsn := pg.FreshDatabase(t)
	pg.Exec(t, dsn, `CREATE TABLE plain AS SELECT generate_series(1, 1000) AS id;
CREATE SCHEMA "Odd Name"; CREATE TABLE "Odd Name"."Order Items" (id int);
CREATE TABLE parted (id int) PARTITION BY RANGE (id); CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE VIEW seen AS SELECT * FROM plain; CREATE MATERIALIZED VIEW kept AS SELECT * FROM plain;
ANALYZE plain`)
	got, err := (&Config{DSN: secret.New(dsn)}).List(context.Background(), sources.Env{Temp: memory.NewDir(t.TempDir(), "list")})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`"Odd Name"."Order Items"`, "public.kept", "public.parted", "public.plain", "public.seen"}
	for i, w := range want {
		if len(got) != len(want) || got[i].Name != w {
			t.Fatalf("got %+v, want %v", got, want)
		}
		if _, err := (&Config{DSN: secret.New(dsn), Table: w}).Open(context.Background(), sources.Env{Temp: memory.NewDir(t.TempDir(), "open")}); err != nil {
			t.Errorf("a job cannot name %s: %v", w, err)
		}
	}
	if p := got[3]; p.Rows != 1000 || p.Bytes <= 0 {
		t.Errorf("%+v", p)
	}
	if v := got[4]; v.Bytes != -1 {
		t.Errorf("a view has a size: %+v", v)
	}
}
