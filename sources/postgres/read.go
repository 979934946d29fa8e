package postgres

import (
	"context"
	"errors"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/jsonarrow"
	"github.com/firn-data/firn/internal/memory"
	"github.com/firn-data/firn/sources"
)

const (
	batchRows  = 16 << 10
	batchBytes = 8 << 20 // a batch ends here, or at its number of rows
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

// Read implements sources.Split. When the connection is lost after rows were given away, the attempt cannot go on: the split
// would give them again.
func (s *split) Read(ctx context.Context, out sources.Out) (err error) {
	conn, err := s.src.reader(ctx)
	if err != nil {
		return err
	}
	defer func() { s.src.giveBack(conn, err) }()
	formats := make([]int16, len(s.cols))
	for i, c := range s.cols {
		formats[i] = c.format()
	}
	rr := conn.ExecParams(ctx, s.sql, nil, nil, nil, formats)
	b := s.newRows(out)
	defer b.release()
	if err := b.drain(rr); err != nil {
		return err
	}
	if _, err = rr.Close(); err != nil {
		if err = s.src.classify(ctx, err, "read "+s.id); b.gave && fault.Is(err, fault.Unavailable) {
			err = fault.Wrap(fault.Retry, err, "rows of the split were passed on already")
		}
	}
	return err
}

// rows gathers decoded rows and gives them away in batches.
type rows struct {
	split   *split
	out     sources.Out
	vectors []vector
	limit   int
	n       int     // rows in the vectors
	kept    []int64 // their ordinals, once a bad row parted them
	seen    int64   // rows of the split so far, bad ones included
	bytes   int
	held    int64 // reserved from the budget
	gave    bool  // something was given away
}

func (s *split) newRows(out sources.Out) *rows {
	r := &rows{split: s, out: out, limit: batchRows}
	if n := s.src.env.BatchRows; n > 0 {
		r.limit = n
	}
	for _, c := range s.cols {
		r.vectors = append(r.vectors, c.vector(s.src.env.Alloc, r.limit))
	}
	r.hold(2 * batchBytes)
	return r
}

// hold reserves a worker's minimum (I8): what it gathers, and a value that alone is larger than a batch. Each worker reads one
// split, so that nothing would be gained by waiting.
func (r *rows) hold(n int64) {
	if n > r.held {
		r.split.src.env.Budget.Force(n - r.held)
		r.held = n
	}
}

func (r *rows) budget() *memory.Budget { return r.split.src.env.Budget }

func (r *rows) release() {
	for _, v := range r.vectors {
		v.release()
	}
	r.budget().Release(r.held)
}

// drain turns the result's rows into batches.
func (r *rows) drain(rr *pgconn.ResultReader) error {
	for rr.NextRow() {
		if err := r.append(rr.Values()); err != nil {
			return err
		}
		if r.n >= r.limit || r.bytes >= batchBytes {
			if err := r.flush(); err != nil {
				return err
			}
		}
	}
	return r.flush()
}

// append decodes one row. A row with a value that its column cannot hold is a bad one: the next row takes its place in the
// vectors.
func (r *rows) append(values [][]byte) error {
	r.seen++
	size := 0
	for i, v := range r.vectors {
		src := values[i]
		if src == nil {
			v.null(r.n)
			continue
		}
		size += len(src)
		if err := v.set(r.n, src); err != nil {
			return r.refuse(i, values, err)
		}
	}
	r.n++
	r.bytes += size
	if size > batchBytes {
		r.hold(2*int64(r.bytes) + int64(size)) // a vector that grows holds its old memory too
	}
	if r.kept != nil {
		r.kept = append(r.kept, r.seen)
	}
	return nil
}

// refuse tells of a row whose value of column i cannot be held.
func (r *rows) refuse(i int, values [][]byte, err error) error {
	c := r.split.cols[i]
	place := fault.Place{Split: r.split.id, Row: r.seen, Field: c.name}
	var why *badValue
	if !errors.As(err, &why) {
		return fault.Wrap(fault.Bug, err, "decode %s", c).At(place)
	}
	if r.kept == nil {
		r.kept = make([]int64, 0, r.limit)
		for k := range int64(r.n) {
			r.kept = append(r.kept, r.seen-int64(r.n)+k)
		}
	}
	place.Value = why.text
	r.gave = true
	return r.out.BadRow(batch.BadRow{Stage: batch.StageRead, Place: place, Code: "VALUE_NOT_STORABLE", Raw: r.raw(values), Reason: why.Error()})
}

// raw is a bad row as a JSON object, with what cannot be held as text.
func (r *rows) raw(values [][]byte) []byte {
	alloc := r.split.src.env.Alloc
	fields, cols := r.split.schema.Fields(), make([]arrow.Array, len(values))
	for i, src := range values[:len(fields)] {
		v := r.split.cols[i].vector(alloc, 1)
		var why *badValue
		if src == nil {
			v.null(0)
		} else if err := v.set(0, src); errors.As(err, &why) {
			v.release()
			v = newVarbytes(alloc, arrow.BinaryTypes.String, 1, nil)
			v.set(0, []byte(why.text))
		}
		cols[i] = v.take(1)
		fields[i] = arrow.Field{Name: fields[i].Name, Type: cols[i].DataType(), Nullable: true}
		defer cols[i].Release()
		v.release()
	}
	rec := array.NewRecordBatch(arrow.NewSchema(fields, nil), cols, 1)
	defer rec.Release()
	text := jsonarrow.AppendRow(nil, rec, 0)
	return text[:min(len(text), batch.RawLimit)]
}

// flush gives the gathered rows away.
func (r *rows) flush() error {
	if r.n == 0 {
		r.kept = nil
		return nil
	}
	cols := make([]arrow.Array, len(r.vectors))
	for i, v := range r.vectors {
		cols[i] = v.take(r.n)
	}
	rec := array.NewRecordBatch(r.split.schema, cols, int64(r.n))
	for _, c := range cols {
		c.Release()
	}
	origin := batch.Origin{Split: r.split.id, Row: r.seen - int64(r.n) + 1}
	if r.kept != nil {
		origin.Row, origin.Rows = r.kept[0], r.kept
	}
	r.split.src.env.Events.OnRead(r.split.src.env.Name, 0, int64(r.bytes))
	r.n, r.bytes, r.kept, r.gave = 0, 0, nil, true
	return r.out.Batch(batch.Batch{Record: rec, Origin: origin})
}
