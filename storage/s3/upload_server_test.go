//go:build server

package s3

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/memory"
	"github.com/firn-data/firn/internal/stacktest"
	"github.com/firn-data/firn/storage"
)

// between is a transport whose test sees every request before it is sent.
type between struct {
	http.RoundTripper
	see func(r *http.Request, send func() (*http.Response, error)) (*http.Response, error)
}

func (b between) RoundTrip(r *http.Request) (*http.Response, error) {
	return b.see(r, func() (*http.Response, error) { return b.RoundTripper.RoundTrip(r) })
}

// openBetween opens a store on a fresh bucket.
func openBetween(t *testing.T, change func(*Config), see func(r *http.Request, send func() (*http.Response, error)) (*http.Response, error)) (s *Store, bucket string, closeIdle func()) {
	t.Helper()
	env := stacktest.Env(t).S3
	c := config(env)
	if change != nil {
		change(&c)
	}
	tr, err := transport(c)
	if err != nil {
		t.Fatal(err)
	}
	if s, err = newStore(c, between{tr, see}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.CloseIdleConnections)
	return s, env.FreshBucket(t).Bucket, tr.CloseIdleConnections
}

func part(r *http.Request) string {
	if r.Method != http.MethodPut {
		return ""
	}
	return r.URL.Query().Get("partNumber")
}

func bytesOf(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 13 >> 5)
	}
	return b
}

// noUploads checks that the bucket holds no upload in parts.
func noUploads(t *testing.T, s *Store, bucket string) {
	t.Helper()
	got, err := s.core.ListMultipartUploads(context.Background(), bucket, "x", "", "", "", 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Uploads) > 0 {
		t.Errorf("uploads are left: %+v", got.Uploads)
	}
}

// TestPartsAreSentAtTheSameTime holds the first part back until the second has been sent.
func TestPartsAreSentAtTheSameTime(t *testing.T) {
	second := make(chan struct{})
	s, bucket, _ := openBetween(t, nil, func(r *http.Request, send func() (*http.Response, error)) (*http.Response, error) {
		switch part(r) {
		case "1":
			<-second
		case "2":
			defer close(second)
		}
		return send()
	})
	want := bytesOf(27 << 20) // six parts
	if err := storage.Put(context.Background(), s, "s3://"+bucket+"/x", want, true); err != nil {
		t.Fatal(err)
	}
	if got, err := storage.ReadAll(context.Background(), s, "s3://"+bucket+"/x"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes are read, %v", len(got), err)
	}
	noUploads(t, s, bucket)
}

func TestAnAbortWhilePartsAreSentLeavesNothing(t *testing.T) {
	var under atomic.Int32
	two := make(chan struct{})
	s, bucket, closeIdle := openBetween(t, nil, func(r *http.Request, send func() (*http.Response, error)) (*http.Response, error) {
		if part(r) == "" || part(r) == "1" {
			return send()
		}
		if under.Add(1) == 2 {
			close(two)
		}
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	ignore := goleak.IgnoreCurrent()
	b := memory.NewBudget(64 << 20)
	u, err := s.WithBudget(b).Create(context.Background(), "s3://"+bucket+"/x", true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Write(bytesOf(18 << 20)); err != nil {
		t.Fatal(err)
	}
	<-two
	if err := u.Abort(); err != nil {
		t.Error(err)
	}
	if err := u.Abort(); err != nil {
		t.Errorf("the second abort: %v", err)
	}
	noUploads(t, s, bucket)
	if n := b.Used(); n != 0 {
		t.Errorf("%d bytes stay reserved", n)
	}
	closeIdle()
	goleak.VerifyNone(t, ignore)
}

func TestAPartThatFailsIsSentAgain(t *testing.T) {
	var mu sync.Mutex
	tries := map[string]int{}
	see := func(always bool) func(r *http.Request, send func() (*http.Response, error)) (*http.Response, error) {
		return func(r *http.Request, send func() (*http.Response, error)) (*http.Response, error) {
			if n := part(r); n != "" {
				mu.Lock()
				tries[n]++
				nth := tries[n]
				mu.Unlock()
				if n == "2" && (always || nth < 3) {
					if nth == 1 { // the answer is lost, the part is there
						if res, err := send(); err == nil {
							io.Copy(io.Discard, res.Body)
							res.Body.Close()
						}
					}
					return nil, errors.New("connection reset")
				}
			}
			return send()
		}
	}
	thrice := func(c *Config) {
		c.Repeat = func(_ context.Context, _ string, f func() error) (err error) {
			for range 3 {
				if err = f(); err == nil {
					return nil
				}
			}
			return err
		}
	}
	want := bytesOf(18 << 20)
	s, bucket, _ := openBetween(t, thrice, see(false))
	if err := storage.Put(context.Background(), s, "s3://"+bucket+"/x", want, true); err != nil {
		t.Fatal(err)
	}
	if got, err := storage.ReadAll(context.Background(), s, "s3://"+bucket+"/x"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes are read, %v", len(got), err)
	}
	if tries["2"] != 3 || tries["1"] != 1 {
		t.Errorf("parts were sent %v times", tries)
	}

	s, bucket, _ = openBetween(t, thrice, see(true))
	u, err := s.Create(context.Background(), "s3://"+bucket+"/x", true)
	if err != nil {
		t.Fatal(err)
	}
	_, err = u.Write(want)
	if cerr := u.Commit(); cerr == nil || !fault.Is(errors.Join(err, cerr), fault.Unavailable) {
		t.Errorf("a part that never arrives: write %v, commit %v", err, cerr)
	}
	if err := u.Abort(); err != nil {
		t.Error(err)
	}
	noUploads(t, s, bucket)
	if _, err := s.Open(context.Background(), "s3://"+bucket+"/x"); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("the object: %v", err)
	}
}

func TestALostAnswerToTheLastRequestIsSettled(t *testing.T) {
	s, bucket, _ := openBetween(t, nil, func(r *http.Request, send func() (*http.Response, error)) (*http.Response, error) {
		res, err := send()
		if err == nil && r.Method == http.MethodPost && strings.Contains(r.URL.RawQuery, "uploadId=") {
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
			return nil, errors.New("connection reset")
		}
		return res, err
	})
	if err := storage.Put(context.Background(), s, "s3://"+bucket+"/x", bytesOf(11<<20), true); err != nil {
		t.Errorf("an upload that is stored: %v", err)
	}
}

func TestUploadBuffersStayInTheBudget(t *testing.T) {
	s, bucket, _ := openBetween(t, func(c *Config) { c.PartBytes = 8 << 20 }, func(_ *http.Request, send func() (*http.Response, error)) (*http.Response, error) { return send() })
	for _, limit := range []int64{12 << 20, 20 << 20, 64 << 20} {
		b := memory.NewBudget(limit)
		want := bytesOf(50 << 20)
		u, err := s.WithBudget(b).Create(context.Background(), "s3://"+bucket+"/x", false)
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; at < len(want); at += 100_000 {
			if _, err := u.Write(want[at:min(at+100_000, len(want))]); err != nil {
				t.Fatal(err)
			}
		}
		if err := u.Commit(); err != nil {
			t.Fatal(err)
		}
		if b.Used() != 0 || b.Peak() > limit {
			t.Errorf("limit %d: peak %d, %d stay reserved", limit, b.Peak(), b.Used())
		}
		if got, err := storage.ReadAll(context.Background(), s, "s3://"+bucket+"/x"); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes are read, %v", len(got), err)
		}
	}
}
