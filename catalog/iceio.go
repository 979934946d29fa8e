package catalog

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"time"

	iceio "github.com/apache/iceberg-go/io"

	"github.com/firn-data/firn/storage"
)

// readOnly shows a Store to iceberg-go, for reading manifests. The context is that of the operation it is made for.
type readOnly struct {
	ctx   context.Context
	store storage.Store
}

var _ iceio.IO = readOnly{}

func (r readOnly) Open(name string) (iceio.File, error) {
	o, err := r.store.Open(r.ctx, name)
	if err != nil {
		return nil, err
	}
	return &readFile{Object: o, SectionReader: io.NewSectionReader(o, 0, o.Size()), name: name}, nil
}

func (r readOnly) Remove(string) error { return errors.New("this view of the store is read-only") }

// readFile is an Object as a file.
type readFile struct {
	storage.Object
	*io.SectionReader
	name string
}

func (f *readFile) Close() error                            { return f.Object.Close() }
func (f *readFile) Size() int64                             { return f.Object.Size() }
func (f *readFile) ReadAt(b []byte, off int64) (int, error) { return f.Object.ReadAt(b, off) }
func (f *readFile) Stat() (fs.FileInfo, error)              { return fileInfo{f}, nil }

type fileInfo struct{ f *readFile }

func (i fileInfo) Name() string       { return i.f.name }
func (i fileInfo) Size() int64        { return i.f.Size() }
func (i fileInfo) Mode() fs.FileMode  { return 0o444 }
func (i fileInfo) ModTime() time.Time { return time.Time{} }
func (i fileInfo) IsDir() bool        { return false }
func (i fileInfo) Sys() any           { return nil }
