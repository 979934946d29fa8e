package parquet

import (
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/firn-data/firn/internal/fault"
	firnmem "github.com/firn-data/firn/internal/memory"
	"github.com/firn-data/firn/internal/schema"
)

// Options are how a file is written. The zero value is good.
type Options struct {
	Codec         string // write.parquet.compression-codec: zstd (default), snappy, gzip, uncompressed
	RowGroupBytes int64  // encoded bytes at which a row group ends; 0: 128 MiB
	Alloc         memory.Allocator
	Budget        *firnmem.Budget   // open row groups reserve from it; a refusal ends the row group early
	MaxReserve    int64             // most that this file's open row group may reserve; 0: no bound but the budget's
	Metadata      map[string]string // key-value metadata of the footer
}

// Writer writes one file. It is not safe for concurrent use; several writers are.
type Writer struct {
	out      *countingWriter
	fw       *pqarrow.FileWriter
	schema   schema.Schema
	o        Options
	reserved int64
	rows     int64
	done     bool
}

type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

var codecs = map[string]compress.Compression{
	"": compress.Codecs.Zstd, "zstd": compress.Codecs.Zstd, "snappy": compress.Codecs.Snappy,
	"gzip": compress.Codecs.Gzip, "uncompressed": compress.Codecs.Uncompressed, "none": compress.Codecs.Uncompressed,
}

// NewWriter starts a file on w. Every field of s has an id; its batches have the types of s.Arrow.
func NewWriter(w io.Writer, s schema.Schema, o Options) (*Writer, error) {
	codec, ok := codecs[o.Codec]
	if !ok {
		return nil, fault.New(fault.Config, "unknown compression codec %q: use zstd, snappy, gzip or uncompressed", o.Codec)
	}
	if o.RowGroupBytes == 0 {
		o.RowGroupBytes = 128 << 20
	}
	if o.Alloc == nil {
		o.Alloc = memory.NewGoAllocator()
	}
	// Without dictionaries: hashing every value costs more than the bytes that it saves before the codec.
	opts := []parquet.WriterProperty{parquet.WithAllocator(o.Alloc), parquet.WithCompression(codec), parquet.WithCreatedBy("firn"),
		parquet.WithStoreDecimalAsInteger(true), parquet.WithMaxRowGroupLength(1 << 40), parquet.WithPageIndexEnabled(true),
		parquet.WithVersion(parquet.V2_LATEST), parquet.WithMaxStatsSize(1 << 20), parquet.WithDictionaryDefault(false), parquet.WithCompressionLevel(1)}
	for _, f := range s.Fields {
		if p, _ := f.Type.Physical(); p == schema.ParquetInt32 || p == schema.ParquetInt64 {
			opts = append(opts, parquet.WithEncodingPath(parquet.ColumnPath{f.Name}, parquet.Encodings.DeltaBinaryPacked))
		}
	}
	props := parquet.NewWriterProperties(opts...)
	cw := &countingWriter{w: w}
	fw, err := pqarrow.NewFileWriter(s.Arrow(), cw, props, pqarrow.NewArrowWriterProperties(pqarrow.WithAllocator(o.Alloc)))
	if err != nil {
		return nil, fault.Wrap(fault.Bug, err, "begin a Parquet file")
	}
	for k, v := range o.Metadata {
		if err := fw.AppendKeyValueMetadata(k, v); err != nil {
			return nil, err
		}
	}
	return &Writer{out: cw, fw: fw, schema: s, o: o}, nil
}

// Write appends a batch, which it owns (I5).
func (w *Writer) Write(rec arrow.RecordBatch) (err error) {
	defer rec.Release()
	defer fault.Recover(&err)
	size := recordBytes(rec)
	if w.o.Budget != nil {
		if w.o.MaxReserve > 0 && w.reserved+size > w.o.MaxReserve {
			if err := w.endRowGroup(); err != nil {
				return err
			}
		}
		if !w.o.Budget.TryReserve(size) {
			if err := w.endRowGroup(); err != nil {
				return err
			}
			w.o.Budget.Force(size) // the working minimum: one batch
		}
		w.reserved += size
	}
	if err := w.fw.WriteBuffered(rec); err != nil {
		return err
	}
	w.rows += rec.NumRows()
	if w.fw.RowGroupTotalCompressedBytes() >= w.o.RowGroupBytes {
		return w.endRowGroup()
	}
	return nil
}

func (w *Writer) endRowGroup() error {
	if n, err := w.fw.RowGroupNumRows(); err != nil || n == 0 {
		return nil
	}
	if err := w.fw.NewBufferedRowGroupChecked(); err != nil {
		return err
	}
	w.unreserve()
	return nil
}

func (w *Writer) unreserve() {
	if w.reserved > 0 {
		w.o.Budget.Release(w.reserved)
		w.reserved = 0
	}
}

// Buffered is an estimate of the file's size if it were closed now, in bytes.
func (w *Writer) Buffered() int64 { return w.out.n + w.fw.RowGroupTotalCompressedBytes() }

// Rows is the number of rows written.
func (w *Writer) Rows() int64 { return w.rows }

// Close finishes the file, without closing what it was written to, and describes it.
func (w *Writer) Close() (f File, err error) {
	defer fault.Recover(&err)
	if w.done {
		return File{}, fmt.Errorf("the Parquet file is closed already")
	}
	w.done = true
	defer w.unreserve()
	if err := w.fw.Close(); err != nil {
		return File{}, err
	}
	md, err := w.fw.FileMetadata()
	if err != nil {
		return File{}, err
	}
	f, err = describe(md, w.schema)
	f.Bytes = w.out.n
	return f, err
}

// Abort gives the writer's memory back without finishing the file.
func (w *Writer) Abort() {
	if !w.done {
		w.done = true
		w.fw.Close()
		w.unreserve()
	}
}

func recordBytes(rec arrow.RecordBatch) (n int64) {
	for _, c := range rec.Columns() {
		n += int64(c.Data().SizeInBytes())
	}
	return n
}
