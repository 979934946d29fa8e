package s3

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"strings"
	"sync"

	"github.com/minio/minio-go/v7"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/storage"
)

const (
	partsOfOne = 3       // parts of one upload that are sent at a time, behind the one being filled
	partsOfAll = 16      // parts of all uploads of a store that are sent at a time
	leastPart  = 5 << 20 // S3 takes no smaller part but the last
)

// upload gathers parts and sends them in the background. An object that fits in one part is one PUT; the upload of a larger
// one begins with its first part. Buffers reserve from the store's budget; when it refuses, a part is sent early.
type upload struct {
	ctx         context.Context // bounds the whole upload, as the contract says
	cancel      context.CancelFunc
	s           *Store
	bucket, key string
	location    string
	ifAbsent    bool
	buf         []byte
	reserved    int64  // of buf
	id          string // of the multipart upload; empty until one begins
	done        bool

	inFlight chan struct{} // one entry for each part of this upload that is being sent
	wg       sync.WaitGroup
	mu       sync.Mutex // guards what follows
	parts    []minio.CompletePart
	err      error // of the first part that failed
}

// Create implements storage.Store.
func (s *Store) Create(ctx context.Context, location string, ifAbsent bool) (storage.Upload, error) {
	bucket, key, err := split(location)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	return &upload{ctx: ctx, cancel: cancel, s: s, bucket: bucket, key: key, location: location, ifAbsent: ifAbsent, inFlight: make(chan struct{}, partsOfOne)}, nil
}

func (u *upload) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		if len(u.buf) == int(u.s.partSize) { // a full part, and more behind it
			if err := u.sendPart(); err != nil {
				return 0, err
			}
		}
		if err := u.grow(len(b)); err != nil {
			return 0, err
		}
		k := min(cap(u.buf)-len(u.buf), len(b))
		u.buf = append(u.buf, b[:k]...)
		b = b[k:]
	}
	return n, u.failure()
}

// grow makes room in the buffer for more bytes, at most a part, and at least for one.
func (u *upload) grow(more int) error {
	if len(u.buf) < cap(u.buf) {
		return nil
	}
	size := min(u.s.partSize, max(64<<10, 2*int64(cap(u.buf)), int64(len(u.buf)+more)))
	extra := size - int64(cap(u.buf))
	if u.s.budget != nil && !u.s.budget.TryReserve(extra) {
		if len(u.buf) >= leastPart {
			if err := u.sendPart(); err != nil {
				return err
			}
			return u.grow(more)
		}
		u.wg.Wait() // what is being sent gives its memory back
		size = min(u.s.partSize, max(64<<10, 2*int64(cap(u.buf))))
		extra = size - int64(cap(u.buf))
		u.s.budget.Force(extra) // the working minimum: part of one part
	}
	u.reserved += extra
	u.buf = append(make([]byte, 0, size), u.buf...)
	return nil
}

func (u *upload) release(n int64) {
	if u.s.budget != nil && n > 0 {
		u.s.budget.Release(n)
	}
}

func (u *upload) failure() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.err
}

// sendPart gives the buffer to a goroutine of its own, once fewer than partsOfOne are under way.
func (u *upload) sendPart() error {
	if u.id == "" {
		o := minio.PutObjectOptions{UserMetadata: map[string]string{"x-amz-checksum-algorithm": "CRC32C"}}
		id, err := u.s.core.NewMultipartUpload(u.ctx, u.bucket, u.key, o)
		if err != nil {
			return classify(u.ctx, err, "begin the upload of", u.location)
		}
		u.id = id
	}
	select {
	case u.inFlight <- struct{}{}:
	case <-u.ctx.Done():
		return errors.Join(u.failure(), context.Cause(u.ctx))
	}
	if err := u.failure(); err != nil {
		<-u.inFlight
		return err
	}
	u.mu.Lock()
	u.parts = append(u.parts, minio.CompletePart{})
	u.mu.Unlock()
	n, body, reserved := len(u.parts), u.buf, u.reserved
	u.buf, u.reserved = nil, 0
	u.wg.Add(1)
	go func() {
		defer u.wg.Done()
		part, err := u.send(n, body)
		u.release(reserved)
		<-u.inFlight
		u.mu.Lock()
		defer u.mu.Unlock()
		if err == nil {
			u.parts[n-1] = part
		} else if u.err == nil {
			u.err = err
		}
	}()
	return nil
}

// send sends one part, again where that may help: a part is the same however often it is sent.
func (u *upload) send(n int, body []byte) (part minio.CompletePart, err error) {
	defer fault.Recover(&err)
	select {
	case u.s.sending <- struct{}{}:
	case <-u.ctx.Done():
		return part, context.Cause(u.ctx)
	}
	defer func() { <-u.s.sending }()
	sum := checksum(body)
	o := minio.PutObjectPartOptions{CustomHeader: http.Header{"X-Amz-Checksum-Crc32c": []string{sum}}}
	err = u.s.repeat(u.ctx, "upload a part of "+u.location, func() error {
		p, err := u.s.core.PutObjectPart(u.ctx, u.bucket, u.key, u.id, n, bytes.NewReader(body), int64(len(body)), o)
		if err != nil {
			return classify(u.ctx, err, "upload a part of", u.location)
		}
		part = minio.CompletePart{PartNumber: n, ETag: p.ETag, ChecksumCRC32C: sum}
		return nil
	})
	return part, err
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is the CRC-32C of b as S3 writes it; the server refuses what does not have it.
func checksum(b []byte) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.Checksum(b, castagnoli)))
}

// Commit makes the object visible. When the answer is lost, what is stored is compared with what was sent.
func (u *upload) Commit() error {
	if u.done {
		return fault.New(fault.Bug, "commit of a finished upload of %s", u.location)
	}
	var err error
	if u.id == "" {
		err = u.put()
	} else {
		err = u.complete()
	}
	if err == nil {
		u.end()
	}
	return err
}

// end gives back what the upload holds, after the last goroutine has ended.
func (u *upload) end() {
	u.done = true
	u.cancel()
	u.wg.Wait()
	u.release(u.reserved)
	u.buf, u.reserved = nil, 0
}

func (u *upload) options() minio.PutObjectOptions {
	o := minio.PutObjectOptions{}
	if u.ifAbsent {
		o.SetMatchETagExcept("*") // If-None-Match
	}
	return o
}

// put sends the object in one request. A conditional one whose answer was lost is settled by reading back: firn's names are
// unique to an attempt, so an object with our bytes is ours.
func (u *upload) put() error {
	o := u.options()
	o.UserMetadata = map[string]string{"x-amz-checksum-crc32c": checksum(u.buf)}
	_, err := u.s.core.PutObject(u.ctx, u.bucket, u.key, bytes.NewReader(u.buf), int64(len(u.buf)), "", "", o)
	err = classify(u.ctx, err, "write", u.location)
	if err == nil || !u.ifAbsent || !fault.Is(err, fault.Unavailable) {
		return err
	}
	have, rerr := storage.ReadAll(u.ctx, u.s, u.location)
	if rerr == nil && bytes.Equal(have, u.buf) {
		return nil
	}
	return err
}

func (u *upload) complete() error {
	if len(u.buf) > 0 {
		if err := u.sendPart(); err != nil {
			return err
		}
	}
	u.wg.Wait()
	if err := u.failure(); err != nil {
		return err
	}
	_, err := u.s.core.CompleteMultipartUpload(u.ctx, u.bucket, u.key, u.id, u.parts, u.options())
	err = classify(u.ctx, err, "finish the upload of", u.location)
	if fault.Is(err, fault.Unavailable) && u.finished() {
		return nil
	}
	return err
}

// finished tells whether an upload in parts whose answer was lost has become the object. S3's ETag of such an object is the
// MD5 of its parts' MD5s and their number; a server with other ETags leaves the question open.
func (u *upload) finished() bool {
	info, err := u.s.core.StatObject(u.ctx, u.bucket, u.key, minio.StatObjectOptions{})
	if err != nil {
		return false
	}
	sums := md5.New()
	for _, p := range u.parts {
		sum, err := hex.DecodeString(strings.Trim(p.ETag, `"`))
		if err != nil {
			return false
		}
		sums.Write(sum)
	}
	return strings.Trim(info.ETag, `"`) == fmt.Sprintf("%x-%d", sums.Sum(nil), len(u.parts))
}

// Abort ends the upload; its parts are removed, also those that are being sent.
func (u *upload) Abort() error {
	if u.done {
		return nil
	}
	ctx := context.WithoutCancel(u.ctx)
	u.end()
	if u.id == "" {
		return nil
	}
	// A part whose request was cut may still arrive behind an abort, so that the server is asked what it has.
	for range 3 {
		err := u.s.repeat(ctx, "abort the upload of "+u.location, func() error {
			err := u.s.core.AbortMultipartUpload(ctx, u.bucket, u.key, u.id)
			return classify(ctx, err, "abort the upload of", u.location)
		})
		if err != nil && !errors.Is(err, storage.ErrNotExist) {
			return err
		}
		_, err = u.s.core.ListObjectParts(ctx, u.bucket, u.key, u.id, 0, 1)
		if classify(ctx, err, "list the parts of", u.location) != nil {
			return nil
		}
	}
	return fault.New(fault.Unavailable, "abort the upload of %s: the server keeps its parts", u.location)
}
