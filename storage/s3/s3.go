// Package s3 keeps objects in an S3-compatible store. An object appears whole or not at all; small ones are one PUT, large
// ones are uploaded in parts of a stated size.
package s3

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/memory"
	"github.com/firn-data/firn/internal/secret"
	"github.com/firn-data/firn/storage"
)

// Config is how a store is reached. Nothing is read from the environment.
type Config struct {
	Endpoint  string // URL of the server
	Region    string
	PathStyle bool
	AccessKey secret.String
	SecretKey secret.String
	PartBytes int64  // size of the parts of a large upload; 0: 16 MiB
	CA        string // file with the server's certificate authority; empty: the system's
	// Repeat makes a call that is safe to repeat, by the caller's policy; nil: once.
	Repeat func(ctx context.Context, call string, f func() error) error
}

// Store implements storage.Store. Locations are s3://bucket/key; s3a and s3n name the same store.
type Store struct {
	core     *minio.Core
	partSize int64
	repeat   func(ctx context.Context, call string, f func() error) error
	sending  chan struct{}  // one entry for each part that is being sent
	budget   *memory.Budget // of upload buffers; may be nil
}

var (
	_ storage.Store    = (*Store)(nil)
	_ storage.Budgeted = (*Store)(nil)
)

// WithBudget implements storage.Budgeted.
func (s *Store) WithBudget(b *memory.Budget) storage.Store {
	c := *s
	c.budget = b
	return &c
}

// New makes a store. It connects with the first call.
func New(c Config) (*Store, error) {
	tr, err := transport(c)
	if err != nil {
		return nil, err
	}
	return newStore(c, tr)
}

func newStore(c Config, tr http.RoundTripper) (*Store, error) {
	u, err := url.Parse(c.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fault.New(fault.Config, "%q is not the URL of an S3 server", c.Endpoint).At(fault.Place{Path: "store.s3.endpoint"}).Hint("write http://host:9000 or https://host")
	}
	lookup := minio.BucketLookupDNS
	if c.PathStyle {
		lookup = minio.BucketLookupPath
	}
	core, err := minio.NewCore(u.Host, &minio.Options{Creds: credentials.NewStaticV4(c.AccessKey.Reveal(), c.SecretKey.Reveal(), ""),
		Secure: u.Scheme == "https", Region: c.Region, BucketLookup: lookup, Transport: tr, MaxRetries: 1})
	if err != nil {
		return nil, fault.Wrap(fault.Config, err, "use the S3 server %s", c.Endpoint)
	}
	s := &Store{core: core, partSize: c.PartBytes, repeat: c.Repeat, sending: make(chan struct{}, partsOfAll)}
	if s.partSize == 0 {
		s.partSize = 16 << 20
	}
	if s.repeat == nil {
		s.repeat = func(_ context.Context, _ string, f func() error) error { return f() }
	}
	return s, nil
}

// transport is http.DefaultTransport without its proxy, which it would take from the environment.
func transport(c Config) (*http.Transport, error) {
	tr := http.DefaultTransport.(*http.Transport).Clone()
	tr.Proxy = nil
	tr.MaxIdleConnsPerHost = 32
	tr.ResponseHeaderTimeout = time.Minute
	tr.DisableCompression = true
	if c.CA == "" {
		return tr, nil
	}
	pem, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, fault.Wrap(fault.Config, err, "read the certificate authority %s", c.CA)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fault.New(fault.Config, "%s holds no certificate", c.CA)
	}
	tr.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return tr, nil
}

// split takes a location apart.
func split(location string) (bucket, key string, err error) {
	for _, scheme := range []string{"s3://", "s3a://", "s3n://"} {
		if rest, ok := strings.CutPrefix(location, scheme); ok {
			bucket, key, _ = strings.Cut(rest, "/")
			if bucket != "" {
				return bucket, key, nil
			}
		}
	}
	return "", "", fault.New(fault.Config, "%q is not a location in an S3 store: write s3://bucket/key", location)
}

// Open implements storage.Store.
func (s *Store) Open(ctx context.Context, location string) (storage.Object, error) {
	bucket, key, err := split(location)
	if err != nil {
		return nil, err
	}
	info, err := s.core.StatObject(ctx, bucket, key, minio.StatObjectOptions{})
	if err != nil {
		return nil, classify(ctx, err, "open", location)
	}
	return &object{s: s, ctx: context.WithoutCancel(ctx), bucket: bucket, key: key, location: location, etag: info.ETag, size: info.Size}, nil
}

// object reads ranges, each bound to the ETag that was seen at Open. ReadAt has no context of its own, so it keeps the
// opener's values without its end, as the contract says.
type object struct {
	s                           *Store
	ctx                         context.Context
	bucket, key, location, etag string
	size                        int64
}

func (o *object) Size() int64  { return o.size }
func (o *object) Close() error { return nil }

func (o *object) ReadAt(b []byte, off int64) (int, error) {
	if off >= o.size {
		return 0, io.EOF
	}
	want := min(int64(len(b)), o.size-off)
	r, err := o.Reader(o.ctx, off, want)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	n, err := io.ReadFull(r, b[:want])
	if err != nil {
		return n, classify(o.ctx, err, "read", o.location)
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (o *object) Reader(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	if length < 0 {
		length = o.size - offset
	}
	if length == 0 {
		return io.NopCloser(bytes.NewReader(nil)), nil
	}
	opts := minio.GetObjectOptions{}
	if err := opts.SetRange(offset, offset+length-1); err != nil {
		return nil, fault.Wrap(fault.Bug, err, "read %s", o.location)
	}
	if err := opts.SetMatchETag(o.etag); err != nil {
		return nil, fault.Wrap(fault.Bug, err, "read %s", o.location)
	}
	r, _, _, err := o.s.core.GetObject(ctx, o.bucket, o.key, opts)
	if err != nil {
		return nil, classify(ctx, err, "read", o.location)
	}
	return r, nil
}

// List implements storage.Store.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
	return func(yield func(storage.Info, error) bool) {
		bucket, key, err := split(prefix)
		if err != nil {
			yield(storage.Info{}, err)
			return
		}
		spelling := strings.TrimSuffix(prefix, key)
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		for o := range s.core.Client.ListObjects(ctx, bucket, minio.ListObjectsOptions{Prefix: key, Recursive: true}) {
			if o.Err != nil {
				yield(storage.Info{}, classify(ctx, o.Err, "list", prefix))
				return
			}
			if strings.HasSuffix(o.Key, "/") && o.Size == 0 {
				continue // a folder's marker
			}
			if !yield(storage.Info{Location: spelling + o.Key, Size: o.Size, Modified: o.LastModified}, nil) {
				return
			}
		}
	}
}

// Delete implements storage.Store.
func (s *Store) Delete(ctx context.Context, location string) error {
	bucket, key, err := split(location)
	if err != nil {
		return err
	}
	err = s.core.RemoveObject(ctx, bucket, key, minio.RemoveObjectOptions{})
	if err = classify(ctx, err, "delete", location); errors.Is(err, storage.ErrNotExist) {
		return nil
	}
	return err
}

// classify gives the server's answers their class.
func classify(ctx context.Context, err error, action, location string) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r := minio.ToErrorResponse(err)
	f := fault.Wrap(fault.Unavailable, err, "%s %s", action, location).WithCode(r.Code)
	switch {
	case r.Code == "NoSuchKey" || r.Code == "NoSuchUpload" || r.Code == "NotFound" || r.StatusCode == http.StatusNotFound && r.Code == "":
		f.Class, f.Cause = fault.NoInput, storage.ErrNotExist
		return f
	case r.Code == "NoSuchBucket":
		f.Class = fault.Config
		return f.Hint("firn makes no buckets: create it, for example with mc mb")
	case r.Code == "PreconditionFailed" || r.StatusCode == http.StatusPreconditionFailed:
		f.Class, f.Cause = fault.Retry, storage.ErrExist
		return f
	case r.Code == "SignatureDoesNotMatch" || r.Code == "InvalidAccessKeyId" || r.Code == "InvalidTokenId" || r.Code == "ExpiredToken":
		f.Class = fault.Permission
		return f.Hint("check store.s3.access_key and secret_key of the lake")
	case r.Code == "AccessDenied" || r.StatusCode == http.StatusForbidden:
		f.Class = fault.Permission
		return f.Hint("give the access key the right to do so")
	case r.Code == "SlowDown" || r.StatusCode == http.StatusTooManyRequests:
		f.Class = fault.Retry
		return f
	case r.Code == "XMinioInvalidObjectName" || r.Code == "KeyTooLongError" || r.Code == "InvalidBucketName":
		f.Class = fault.Config
		return f
	}
	return f
}
