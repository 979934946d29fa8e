package parquet

import (
	"bytes"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	"github.com/firn-data/firn/internal/fault"
)

// codec is a compression codec of parquet.thrift's enum.
type codec struct {
	id       int32
	compress func(dst, src []byte) []byte // appends to dst
	harder   func(dst, src []byte) []byte // a slower way to the same format; nil where there is none
}

var (
	uncompressed = codec{0, nil, nil}
	codecs       = map[string]codec{
		"": {6, compressZstd, compressZstdHarder}, "zstd": {6, compressZstd, compressZstdHarder}, "snappy": {1, compressSnappy, nil}, "gzip": {2, compressGzip, nil},
		"uncompressed": uncompressed, "none": uncompressed,
	}
)

func codecOf(name string) (codec, error) {
	c, ok := codecs[name]
	if !ok {
		return codec{}, fault.New(fault.Config, "unknown compression codec %q", name).Hint("set write.parquet.compression-codec to zstd, snappy, gzip or uncompressed")
	}
	return c, nil
}

// An encoder has megabytes of tables, so all files share a few. The fastest level takes about half the time of the default
// one and gives files that are 2 % larger once values are deltas or dictionary indices.
var zstdFastest, zstdDefault = zstdPool(zstd.SpeedFastest), zstdPool(zstd.SpeedDefault)

func zstdPool(level zstd.EncoderLevel) *sync.Pool {
	return &sync.Pool{New: func() any {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false),
			zstd.WithZeroFrames(true), zstd.WithWindowSize(maxPageBytes), zstd.WithLowerEncoderMem(true))
		if err != nil {
			panic(err) // the options are constant
		}
		return e
	}}
}

func compressZstd(dst, src []byte) []byte       { return zstdFrom(zstdFastest, dst, src) }
func compressZstdHarder(dst, src []byte) []byte { return zstdFrom(zstdDefault, dst, src) }

func zstdFrom(pool *sync.Pool, dst, src []byte) []byte {
	e := pool.Get().(*zstd.Encoder)
	defer pool.Put(e)
	return e.EncodeAll(src, dst)
}

func compressSnappy(dst, src []byte) []byte {
	n := len(dst)
	dst = grow(dst, s2.MaxEncodedLen(len(src)))
	return dst[:n+len(s2.EncodeSnappy(dst[n:], src))]
}

var gzipWriters = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

func compressGzip(dst, src []byte) []byte {
	w := gzipWriters.Get().(*gzip.Writer)
	defer gzipWriters.Put(w)
	out := bytes.NewBuffer(dst)
	w.Reset(out)
	w.Write(src) //nolint:errcheck // a bytes.Buffer takes everything
	w.Close()
	return out.Bytes()
}
