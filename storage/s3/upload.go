package s3

import (
	"bytes"
	"context"
	"errors"

	"github.com/minio/minio-go/v7"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/storage"
)

// upload gathers a part at a time. An object that fits in one part is one PUT; the upload of a larger one begins with its
// first full part.
type upload struct {
	ctx         context.Context // bounds the whole upload, as the contract says
	s           *Store
	bucket, key string
	location    string
	ifAbsent    bool
	buf         []byte
	id          string // of the multipart upload; empty until one begins
	parts       []minio.CompletePart
	done        bool
}

// Create implements storage.Store.
func (s *Store) Create(ctx context.Context, location string, ifAbsent bool) (storage.Upload, error) {
	bucket, key, err := split(location)
	if err != nil {
		return nil, err
	}
	return &upload{ctx: ctx, s: s, bucket: bucket, key: key, location: location, ifAbsent: ifAbsent}, nil
}

func (u *upload) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		if u.buf == nil {
			u.buf = make([]byte, 0, min(u.s.partSize, int64(max(len(b), 64<<10))))
		}
		room := int(u.s.partSize) - len(u.buf)
		k := min(room, len(b))
		u.buf = append(u.buf, b[:k]...)
		b = b[k:]
		if len(b) > 0 { // a full part, and more behind it
			if err := u.sendPart(); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

func (u *upload) sendPart() error {
	if u.id == "" {
		id, err := u.s.core.NewMultipartUpload(u.ctx, u.bucket, u.key, minio.PutObjectOptions{})
		if err != nil {
			return classify(u.ctx, err, "begin the upload of", u.location)
		}
		u.id = id
	}
	n := len(u.parts) + 1
	p, err := u.s.core.PutObjectPart(u.ctx, u.bucket, u.key, u.id, n, bytes.NewReader(u.buf), int64(len(u.buf)), minio.PutObjectPartOptions{})
	if err != nil {
		return classify(u.ctx, err, "upload a part of", u.location)
	}
	u.parts = append(u.parts, minio.CompletePart{PartNumber: n, ETag: p.ETag})
	u.buf = u.buf[:0]
	return nil
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
		u.done = true
	}
	return err
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
	_, err := u.s.core.PutObject(u.ctx, u.bucket, u.key, bytes.NewReader(u.buf), int64(len(u.buf)), "", "", u.options())
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
	_, err := u.s.core.CompleteMultipartUpload(u.ctx, u.bucket, u.key, u.id, u.parts, u.options())
	return classify(u.ctx, err, "finish the upload of", u.location)
}

// Abort ends the upload; its parts are removed.
func (u *upload) Abort() error {
	if u.done {
		return nil
	}
	u.done = true
	if u.id == "" {
		return nil
	}
	ctx := context.WithoutCancel(u.ctx)
	err := u.s.core.AbortMultipartUpload(ctx, u.bucket, u.key, u.id)
	if err = classify(ctx, err, "abort the upload of", u.location); errors.Is(err, storage.ErrNotExist) {
		return nil
	}
	return err
}
