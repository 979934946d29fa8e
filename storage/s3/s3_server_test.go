//go:build server

package s3

import (
	"context"
	"errors"
	"testing"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/secret"
	"github.com/firn-data/firn/internal/stacktest"
	"github.com/firn-data/firn/storage"
	"github.com/firn-data/firn/storage/storagetest"
)

func config(env stacktest.S3) Config {
	return Config{Endpoint: env.Endpoint, Region: env.Region, PathStyle: true, AccessKey: secret.New(env.AccessKey), SecretKey: secret.New(env.SecretKey), PartBytes: 5 << 20}
}

func open(t *testing.T, c Config) *Store {
	t.Helper()
	for _, k := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "HTTP_PROXY", "HTTPS_PROXY", "AWS_ENDPOINT_URL"} {
		t.Setenv(k, "http://127.0.0.1:1") // a hostile environment changes nothing
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformanceOnMinIO(t *testing.T) {
	env := stacktest.Env(t).S3
	for _, scheme := range []string{"s3://", "s3a://"} {
		t.Run(scheme, func(t *testing.T) {
			storagetest.Run(t, func(t *testing.T) (storage.Store, string) {
				return open(t, config(env)), scheme + env.FreshBucket(t).Bucket + "/root"
			})
		})
	}
}

func TestErrorsAreClassified(t *testing.T) {
	env := stacktest.Env(t).S3
	ctx := context.Background()
	wrongSecret, wrongKey, noServer := config(env), config(env), config(env)
	wrongSecret.SecretKey, wrongKey.AccessKey, noServer.Endpoint = secret.New("wrong-secret"), secret.New("nobody"), "http://127.0.0.1:1"
	for name, c := range map[string]struct {
		cfg    Config
		bucket string
		want   fault.Class
	}{
		"a wrong secret": {wrongSecret, env.Bucket, fault.Permission}, "an unknown key": {wrongKey, env.Bucket, fault.Permission},
		"no server": {noServer, env.Bucket, fault.Unavailable}, "no bucket": {config(env), "no-such-bucket-here", fault.Config},
	} {
		err := storage.Put(ctx, open(t, c.cfg), "s3://"+c.bucket+"/x", []byte("x"), true)
		if !fault.Is(err, c.want) {
			t.Errorf("%s: %v is %v, want %v", name, err, fault.ClassOf(err), c.want)
		}
	}
	if _, err := New(Config{Endpoint: "minio:9000"}); !fault.Is(err, fault.Config) {
		t.Errorf("an endpoint without scheme: %v", err)
	}
}

func TestAChangedObjectIsAnError(t *testing.T) {
	env := stacktest.Env(t).S3
	ctx := context.Background()
	s, at := open(t, config(env)), "s3://"+env.FreshBucket(t).Bucket+"/x"
	if err := storage.Put(ctx, s, at, []byte("before"), false); err != nil {
		t.Fatal(err)
	}
	o, err := s.Open(ctx, at)
	if err != nil {
		t.Fatal(err)
	}
	if err := storage.Put(ctx, s, at, []byte("behind"), false); err != nil {
		t.Fatal(err)
	}
	if _, err := o.ReadAt(make([]byte, 6), 0); err == nil || errors.Is(err, storage.ErrNotExist) {
		t.Errorf("reading a changed object: %v", err)
	}
}
