package stacktest

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Prefix returns a key prefix in the stack's bucket, ending in a slash, that belongs to the test: what lies under it is
// deleted when the test ends.
func (s S3) Prefix(t testing.TB) string {
	t.Helper()
	prefix := "test/" + Name(t) + "/"
	t.Cleanup(func() { s.remove(t, prefix) })
	return prefix
}

// FreshBucket makes a bucket for the test and returns the store with that bucket; it is deleted when the test ends.
func (s S3) FreshBucket(t testing.TB) S3 {
	t.Helper()
	s.Bucket = strings.ReplaceAll(Name(t), "_", "-")
	if _, err := s.do(http.MethodPut, "", nil, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.remove(t, "")
		if _, err := s.do(http.MethodDelete, "", nil, ""); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Keys lists the keys that begin with prefix, in byte order.
func (s S3) Keys(t testing.TB, prefix string) []string {
	t.Helper()
	var keys []string
	for token := ""; ; {
		query := url.Values{"list-type": {"2"}, "prefix": {prefix}}
		if token != "" {
			query.Set("continuation-token", token)
		}
		body, err := s.do(http.MethodGet, "", query, "")
		if err != nil {
			t.Fatal(err)
		}
		var page struct {
			Contents              []struct{ Key string }
			NextContinuationToken string
		}
		if err := xml.Unmarshal(body, &page); err != nil {
			t.Fatal(err)
		}
		for _, object := range page.Contents {
			keys = append(keys, object.Key)
		}
		if token = page.NextContinuationToken; token == "" {
			return keys
		}
	}
}

// Put writes an object.
func (s S3) Put(t testing.TB, key, content string) {
	t.Helper()
	if _, err := s.do(http.MethodPut, key, nil, content); err != nil {
		t.Fatal(err)
	}
}

// Get reads an object.
func (s S3) Get(t testing.TB, key string) string {
	t.Helper()
	body, err := s.do(http.MethodGet, key, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func (s S3) remove(t testing.TB, prefix string) {
	for _, key := range s.Keys(t, prefix) {
		if _, err := s.do(http.MethodDelete, key, nil, ""); err != nil {
			t.Error(err)
		}
	}
}

// do sends one request signed with AWS Signature Version 4:
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
func (s S3) do(method, key string, query url.Values, body string) ([]byte, error) {
	path := "/" + s.Bucket
	if key != "" {
		path += "/" + escape(key, true)
	}
	canonicalQuery := strings.ReplaceAll(query.Encode(), "+", "%20")
	request, err := http.NewRequestWithContext(context.Background(), method, s.Endpoint+path+"?"+canonicalQuery, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	stamp, day := now.Format("20060102T150405Z"), now.Format("20060102")
	bodyHash := hexSHA256(body)
	headers := "host:" + request.URL.Host + "\nx-amz-content-sha256:" + bodyHash + "\nx-amz-date:" + stamp + "\n"
	const signed = "host;x-amz-content-sha256;x-amz-date"
	canonical := strings.Join([]string{method, path, canonicalQuery, headers, signed, bodyHash}, "\n")
	scope := day + "/" + s.Region + "/s3/aws4_request"
	key4 := []byte("AWS4" + s.SecretKey)
	for _, part := range []string{day, s.Region, "s3", "aws4_request"} {
		key4 = hmacSHA256(key4, part)
	}
	signature := hmacSHA256(key4, "AWS4-HMAC-SHA256\n"+stamp+"\n"+scope+"\n"+hexSHA256(canonical))
	request.Header.Set("X-Amz-Date", stamp)
	request.Header.Set("X-Amz-Content-Sha256", bodyHash)
	request.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%x", s.AccessKey, scope, signed, signature))
	request.Close = true // no idle connection outlives the test
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= 300 {
		err = fmt.Errorf("%s %s%s: %s: %s", method, s.Endpoint, path, response.Status, content)
	}
	return content, err
}

// escape percent-encodes all but the unreserved characters of RFC 3986, and the slash if it separates.
func escape(s string, slash bool) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-_.~", c) >= 0, c == '/' && slash:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func hexSHA256(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func hmacSHA256(key []byte, s string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(s))
	return h.Sum(nil)
}
