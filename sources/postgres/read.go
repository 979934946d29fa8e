package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/sources"
)

const (
	batchRows  = 16 << 10
	batchBytes = 8 << 20 // a batch ends here, or at batchRows
)

// split is one SELECT inside the snapshot.
type split struct {
	src    *source
	id     string
	sql    string
	cols   []*column
	schema *arrow.Schema
}

func (s *split) ID() string { return s.id }

// Read implements sources.Split.
func (s *split) Read(ctx context.Context, out sources.Out) (err error) {
	conn, err := s.src.reader(ctx)
	if err != nil {
		return err
	}
	defer func() { s.src.giveBack(conn, err) }()
	binary := make([]int16, len(s.cols))
	for i := range binary {
		binary[i] = 1
	}
	rr := conn.ExecParams(ctx, s.sql, nil, nil, nil, binary)
	if err := s.drain(rr, out); err != nil {
		s.src.hangUp(conn) // what the server still sends is not wanted
		return err
	}
	if _, err := rr.Close(); err != nil {
		return s.src.classify(ctx, err, "read "+s.id)
	}
	return nil
}

// drain turns the result's rows into batches.
func (s *split) drain(rr *pgconn.ResultReader, out sources.Out) error {
	b := newRows(s)
	defer b.release()
	s.src.env.Budget.Force(2 * batchBytes) // I8: a worker's minimum; each reads one split
	defer s.src.env.Budget.Release(2 * batchBytes)
	for rr.NextRow() {
		bad, err := b.append(rr.Values())
		if err != nil {
			return err
		}
		if bad != nil {
			if err := out.BadRow(*bad); err != nil {
				return err
			}
		}
		if b.full() {
			if err := b.flush(out); err != nil {
				return err
			}
		}
	}
	return b.flush(out)
}

// rows gathers decoded rows.
type rows struct {
	split   *split
	builder *array.RecordBuilder
	fields  []array.Builder
	n       int   // rows in the builders
	dropped []int // those among them that are bad
	bytes   int
	ordinal int64 // rows of the split before the builders' first
}

func newRows(s *split) *rows {
	r := &rows{split: s, builder: array.NewRecordBuilder(s.src.env.Alloc, s.schema)}
	r.fields = r.builder.Fields()
	r.builder.Reserve(batchRows)
	return r
}

func (r *rows) full() bool { return r.n >= batchRows || r.bytes >= batchBytes }

func (r *rows) release() { r.builder.Release() }

// append decodes one row. A value that its column cannot hold makes the row a bad one: it is completed with nulls and
// left out of the batch.
func (r *rows) append(values [][]byte) (bad *batch.BadRow, err error) {
	for i, c := range r.split.cols {
		b := r.fields[i]
		v := values[i]
		r.bytes += len(v)
		if v == nil {
			b.AppendNull()
			continue
		}
		err := c.decode(b, v)
		if err == nil {
			continue
		}
		var why *badValue
		if !errors.As(err, &why) {
			return nil, fault.Wrap(fault.Bug, err, "decode %s", c).At(r.place(c))
		}
		if b.Len() == r.n {
			b.AppendNull()
		}
		if bad == nil {
			text := why.text
			bad = &batch.BadRow{Stage: batch.StageRead, Place: r.place(c), Code: "VALUE_NOT_STORABLE", Raw: []byte(text),
				Reason: fmt.Sprintf("%s %s", text, why.why)}
			r.dropped = append(r.dropped, r.n)
		}
	}
	r.n++
	return bad, nil
}

func (r *rows) place(c *column) fault.Place {
	return fault.Place{Split: r.split.id, Row: r.ordinal + int64(r.n) + 1, Field: c.name}
}

// flush gives the gathered rows away, in one batch, or in the pieces between bad rows.
func (r *rows) flush(out sources.Out) error {
	if r.n == 0 {
		return nil
	}
	rec := r.builder.NewRecordBatch()
	defer rec.Release()
	n, first := r.n, r.ordinal
	dropped := r.dropped
	r.split.src.env.Events.OnRead(r.split.src.env.Name, 0, int64(r.bytes))
	r.n, r.bytes, r.dropped, r.ordinal = 0, 0, nil, first+int64(n)
	r.builder.Reserve(batchRows)
	start := 0
	for _, end := range append(dropped, n) {
		if end > start {
			b := batch.Batch{Record: rec.NewSlice(int64(start), int64(end)), Origin: batch.Origin{Split: r.split.id, Row: first + int64(start) + 1}}
			if err := out.Batch(b); err != nil {
				return err
			}
		}
		start = end + 1
	}
	return nil
}
