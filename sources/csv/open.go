package csv

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/firn-data/firn/internal/fault"
)

// textFile is an opened file: its text, decompressed and without a byte order mark.
type textFile struct {
	r      io.Reader
	closes []io.Closer
	src    *source
}

// Close closes the file and what reads it, the outermost reader first.
func (f *textFile) Close() error {
	f.src.mu.Lock()
	delete(f.src.open, f)
	f.src.mu.Unlock()
	var errs []error
	for i := len(f.closes) - 1; i >= 0; i-- {
		errs = append(errs, f.closes[i].Close())
	}
	f.closes = nil
	return errors.Join(errs...)
}

type closeFunc func()

func (c closeFunc) Close() error { c(); return nil }

const readAhead = 64 << 10

// openFile opens a file behind the lines to skip.
func (s *source) openFile(ctx context.Context, name string) (*textFile, error) {
	f := &textFile{src: s}
	r, err := f.raw(ctx, name)
	if err == nil {
		err = f.begin(r, name)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[io.Closer]bool{}
	}
	s.open[f] = true
	return f, nil
}

// raw are the file's bytes as they are stored.
func (f *textFile) raw(ctx context.Context, name string) (io.Reader, error) {
	if name == standardInput {
		return f.src.stdin.open(f.src.env.Stdin)
	}
	o, err := f.src.paths().Open(ctx, name)
	if err != nil {
		return nil, err
	}
	f.closes = append(f.closes, o)
	r := &resuming{ctx: ctx, object: o, name: name, events: f.src.env.Events, wait: 200 * time.Millisecond}
	f.closes = append(f.closes, r)
	return r, nil
}

// begin puts the readers onto each other: the store's, the decompressor's, the decoder's.
func (f *textFile) begin(r io.Reader, name string) error {
	br := bufio.NewReaderSize(r, readAhead)
	head, _ := br.Peek(4)
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(br)
		if err != nil {
			return unreadable(err, name)
		}
		f.closes = append(f.closes, z)
		br = bufio.NewReaderSize(z, readAhead)
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(br, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return unreadable(err, name)
		}
		f.closes = append(f.closes, closeFunc(z.Close))
		br = bufio.NewReaderSize(z, readAhead)
	}
	if text := decode(br, f.src.cfg.Encoding); text != br {
		br = bufio.NewReaderSize(text, readAhead)
	}
	for range f.src.cfg.SkipLines {
		if err := skipLine(br); err != nil {
			return unreadable(err, name)
		}
	}
	f.r = br
	return nil
}

// skipLine reads past the next line end, or the text's.
func skipLine(br *bufio.Reader) error {
	for {
		_, err := br.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return err
	}
}

// unreadable is the error of a file that cannot be read to its end. A store's error keeps its class; all else is damage.
func unreadable(err error, name string) error {
	class := fault.Data
	if _, ok := errors.AsType[*fault.Error](err); ok || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		class = fault.ClassOf(err)
	}
	return fault.Wrap(class, err, "read %s", name).At(fault.Place{File: name})
}

// readFull fills buf from r and reports whether r ended before. Unlike io.ReadFull it tells the end of a file from a
// decompressor's io.ErrUnexpectedEOF, which means that the file is cut short.
func readFull(r io.Reader, buf []byte) (n int, eof bool, err error) {
	for empty := 0; n < len(buf); {
		m, err := r.Read(buf[n:])
		n += m
		switch {
		case errors.Is(err, io.EOF):
			return n, true, nil
		case err != nil:
			return n, false, err
		case m > 0:
			empty = 0
		default:
			if empty++; empty == 100 {
				return n, false, io.ErrNoProgress
			}
		}
	}
	return n, false, nil
}
