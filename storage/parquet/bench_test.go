package parquet

import (
	"io"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	arrowparquet "github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	firnmem "github.com/firn-data/firn/internal/memory"
	"github.com/firn-data/firn/internal/schema"
)

// lineitem makes batches like TPC-H's lineitem: 16 columns, of which a few have nulls; the same for one seed.
func lineitem(rows, perBatch int) (schema.Schema, []arrow.RecordBatch) {
	var s schema.Schema
	for i, c := range []struct{ name, typ string }{{"orderkey", "long"}, {"partkey", "long"}, {"suppkey", "long"}, {"linenumber", "int"}, {"quantity", "decimal(12,2)"},
		{"extendedprice", "decimal(12,2)"}, {"discount", "decimal(12,2)"}, {"tax", "decimal(12,2)"}, {"returnflag", "string"}, {"linestatus", "string"}, {"shipdate", "date"},
		{"commitdate", "date"}, {"receipt", "timestamp"}, {"shipinstruct", "string"}, {"shipmode", "string"}, {"comment", "string"}} {
		t, err := schema.Parse(c.typ)
		if err != nil {
			panic(err)
		}
		s.Fields = append(s.Fields, schema.Field{ID: i + 1, Name: c.name, Type: t})
	}
	r := rand.New(rand.NewPCG(1, 1))
	words := []string{"carefully", "final", "deposits", "quickly", "ironic", "requests", "sleep", "furiously", "bold", "accounts", "the", "regular", "packages", "haggle",
		"blithely", "express", "pending", "foxes", "across", "even", "theodolites", "unusual", "slyly", "pinto", "beans", "above", "special", "ideas"}
	instruct := []string{"DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN"}
	mode := []string{"AIR", "MAIL", "RAIL", "SHIP", "TRUCK", "FOB", "REG AIR"}
	order, line := int64(1), int32(0)
	var out []arrow.RecordBatch
	b := array.NewRecordBuilder(memory.DefaultAllocator, s.Arrow())
	defer b.Release()
	decimal := func(c int, v int64) { b.Field(c).(*array.Decimal128Builder).Append(decimal128.FromI64(v)) }
	var comment []byte
	for row := 1; row <= rows; row++ {
		if line++; line > int32(1+order%7) {
			order, line = order+1+r.Int64N(4), 1
		}
		quantity := 1 + r.Int64N(50)
		ship := 8036 + r.Int64N(2526)
		b.Field(0).(*array.Int64Builder).Append(order)
		b.Field(1).(*array.Int64Builder).Append(1 + r.Int64N(200_000))
		b.Field(2).(*array.Int64Builder).Append(1 + r.Int64N(10_000))
		b.Field(3).(*array.Int32Builder).Append(line)
		decimal(4, quantity*100)
		decimal(5, quantity*(90_000+r.Int64N(110_000)))
		decimal(6, r.Int64N(11))
		decimal(7, r.Int64N(9))
		b.Field(8).(*array.StringBuilder).Append([]string{"A", "N", "R"}[r.IntN(3)])
		b.Field(9).(*array.StringBuilder).Append([]string{"F", "O"}[r.IntN(2)])
		b.Field(10).(*array.Date32Builder).Append(arrow.Date32(ship))
		if r.IntN(50) == 0 {
			b.Field(11).AppendNull()
		} else {
			b.Field(11).(*array.Date32Builder).Append(arrow.Date32(ship + r.Int64N(60) - 30))
		}
		b.Field(12).(*array.TimestampBuilder).Append(arrow.Timestamp((ship+r.Int64N(30))*86_400_000_000 + r.Int64N(86_400)*1_000_000))
		if r.IntN(20) == 0 {
			b.Field(13).AppendNull()
		} else {
			b.Field(13).(*array.StringBuilder).Append(instruct[r.IntN(4)])
		}
		b.Field(14).(*array.StringBuilder).Append(mode[r.IntN(7)])
		comment = comment[:0]
		for n := 10 + r.IntN(34); len(comment) < n; {
			comment = append(append(comment, words[r.IntN(len(words))]...), ' ')
		}
		b.Field(15).(*array.StringBuilder).Append(string(comment))
		if row%perBatch == 0 || row == rows {
			out = append(out, b.NewRecordBatch())
		}
	}
	return s, out
}

// orders makes batches of orders with a list of lines each, a map and a struct.
func orders(rows, perBatch int) (schema.Schema, []arrow.RecordBatch) {
	line := schema.StructOf(schema.Field{Name: "part", Type: schema.Type{Kind: schema.Long}}, schema.Field{Name: "name", Type: schema.Type{Kind: schema.String}})
	s := schema.Schema{Fields: []schema.Field{{Name: "id", Type: schema.Type{Kind: schema.Long}}, {Name: "lines", Type: schema.ListOf(line)},
		{Name: "tags", Type: schema.MapOf(schema.Type{Kind: schema.String}, schema.Type{Kind: schema.Int})}, {Name: "first", Type: line}}}
	schema.AssignIDs(&s, 0)
	g := newGenerator(1)
	part := func() any {
		return []any{g.Int64N(100_000), []byte([]string{"bolt", "nut", "washer", "screw"}[g.IntN(4)])}
	}
	tab := table{schema: s, columns: make([][]any, 4)}
	for i := range rows {
		var lines []any
		for range g.IntN(8) {
			lines = append(lines, part())
		}
		tab.columns[0] = append(tab.columns[0], int64(i))
		tab.columns[1] = append(tab.columns[1], lines)
		tab.columns[2] = append(tab.columns[2], []any{[]byte("weight"), g.Int64N(1000), []byte("size"), g.Int64N(10)})
		tab.columns[3] = append(tab.columns[3], pick(g, part(), part(), part(), nil))
	}
	var out []arrow.RecordBatch
	for at := 0; at < rows; at += perBatch {
		out = append(out, tab.batch(memory.DefaultAllocator, nil, at, min(rows, at+perBatch)))
	}
	return s, out
}

const benchRows = 1 << 20

// benchWrite reports rows per CPU second, of all threads and the garbage collector, and the file's bytes per row.
func benchWrite(b *testing.B, write func(schema.Schema, []arrow.RecordBatch, io.Writer) error) {
	s, batches := lineitem(benchRows, 8192)
	benchBatches(b, benchRows, s, batches, write)
}

func benchBatches(b *testing.B, rows int, s schema.Schema, batches []arrow.RecordBatch, write func(schema.Schema, []arrow.RecordBatch, io.Writer) error) {
	b.ReportAllocs()
	b.ResetTimer()
	start := cpu()
	var out countingWriter
	for b.Loop() {
		out = countingWriter{w: io.Discard}
		if err := write(s, batches, &out); err != nil {
			b.Fatal(err)
		}
	}
	used := cpu() - start
	b.ReportMetric(float64(rows)*float64(b.N)/1e6/used.Seconds(), "Mrows/cpu-s")
	b.ReportMetric(float64(out.n)/float64(rows), "bytes/row")
}

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// writeAll writes batches, which stay the caller's, to one file.
func writeAll(codec string, alloc memory.Allocator, budget *firnmem.Budget) func(schema.Schema, []arrow.RecordBatch, io.Writer) error {
	return func(s schema.Schema, batches []arrow.RecordBatch, out io.Writer) error {
		w, err := NewWriter(out, s, Options{Codec: codec, Alloc: alloc, Budget: budget})
		if err != nil {
			return err
		}
		for _, rec := range batches {
			rec.Retain()
			if err := w.Write(rec); err != nil {
				return err
			}
		}
		_, err = w.Close()
		return err
	}
}

func writeAllByArrowGo(options ...arrowparquet.WriterProperty) func(schema.Schema, []arrow.RecordBatch, io.Writer) error {
	return func(s schema.Schema, batches []arrow.RecordBatch, out io.Writer) error {
		w, err := pqarrow.NewFileWriter(s.Arrow(), out, arrowparquet.NewWriterProperties(options...), pqarrow.DefaultWriterProps())
		if err != nil {
			return err
		}
		for _, rec := range batches {
			if err := w.WriteBuffered(rec); err != nil {
				return err
			}
		}
		return w.Close()
	}
}

func BenchmarkWriter(b *testing.B) {
	for _, codec := range []string{"zstd", "snappy", "uncompressed"} {
		b.Run(codec, func(b *testing.B) {
			benchWrite(b, writeAll(codec, firnmem.NewAllocator(64<<20), firnmem.NewBudget(1<<30)))
		})
	}
}

// BenchmarkNested writes lists of structs, maps and structs, by this writer and by arrow-go's.
func BenchmarkNested(b *testing.B) {
	const rows = 1 << 17
	s, batches := orders(rows, 8192)
	b.Run("firn", func(b *testing.B) {
		benchBatches(b, rows, s, batches, writeAll("zstd", firnmem.NewAllocator(64<<20), firnmem.NewBudget(1<<30)))
	})
	b.Run("arrow-go", func(b *testing.B) {
		benchBatches(b, rows, s, batches, writeAllByArrowGo(arrowparquet.WithCompression(compress.Codecs.Zstd)))
	})
}

// BenchmarkFanOut spreads rows over 64 open files, 128 rows at a time, as a partitioned table does.
func BenchmarkFanOut(b *testing.B) {
	alloc, budget := firnmem.NewAllocator(64<<20), firnmem.NewBudget(1<<30)
	benchWrite(b, func(s schema.Schema, batches []arrow.RecordBatch, out io.Writer) error {
		var files [64]*Writer
		for i := range files {
			var err error
			if files[i], err = NewWriter(out, s, Options{Alloc: alloc, Budget: budget}); err != nil {
				return err
			}
		}
		for _, rec := range batches {
			for i := range files {
				if err := files[i].Write(rec.NewSlice(int64(128*i), int64(128*(i+1)))); err != nil {
					return err
				}
			}
		}
		for _, f := range files {
			if _, err := f.Close(); err != nil {
				return err
			}
		}
		return nil
	})
	b.ReportMetric(float64(budget.Peak())/(1<<20), "MiB-reserved")
}

// BenchmarkArrowGo is arrow-go's writer, with its defaults and as well tuned as its options allow.
func BenchmarkArrowGo(b *testing.B) {
	zstd := arrowparquet.WithCompression(compress.Codecs.Zstd)
	tuned := []arrowparquet.WriterProperty{zstd, arrowparquet.WithCompressionLevel(1), arrowparquet.WithStoreDecimalAsInteger(true), arrowparquet.WithVersion(arrowparquet.V2_LATEST)}
	for _, c := range []string{"orderkey", "partkey", "suppkey", "extendedprice", "receipt", "shipdate", "commitdate"} {
		tuned = append(tuned, arrowparquet.WithDictionaryFor(c, false), arrowparquet.WithEncodingFor(c, arrowparquet.Encodings.DeltaBinaryPacked))
	}
	tuned = append(tuned, arrowparquet.WithDictionaryFor("comment", false))
	for name, options := range map[string][]arrowparquet.WriterProperty{"default": {zstd}, "tuned": tuned} {
		b.Run(name, func(b *testing.B) {
			benchWrite(b, writeAllByArrowGo(options...))
		})
	}
}
