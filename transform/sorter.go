package transform

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/transform/expr"
)

// sortItem is one key to sort by.
type sortItem struct {
	e                     expr.Expr
	descending, nullsLast bool
}

// sorter sorts rows by keys of bytes. It holds record batches while the budget allows, and spills sorted runs that it merges
// at the end. It is safe for concurrent use.
type sorter struct {
	env    *Env
	schema *arrow.Schema
	keep   int64 // how many of the first rows are wanted; 0: all
	unique bool  // of each partition only the first row is wanted
	hold   holding

	mu    sync.Mutex
	recs  []arrow.RecordBatch
	refs  []sortRef
	arena []byte
	runs  []*recordFile
	bound []byte // key of the last row that is wanted so far; nil: not known
}

// sortRef is a row that is held, with the first eight bytes of its key.
type sortRef struct {
	prefix     uint64
	key        int64 // where its key is in the arena
	n, part    int32 // length of the key, and of the part of it that partitions go by
	batch, row int32
}

// sortKeys are the keys of a batch's rows, one after the other.
type sortKeys struct {
	bytes []byte
	ends  []int32
	parts []int32
}

// keysOf encodes the values of a batch's rows: the first parts items are those that partitions go by.
func keysOf(vecs []*expr.Vec, items []sortItem, parts, n int) sortKeys {
	k := sortKeys{bytes: make([]byte, 0, 10*n*len(items)), ends: make([]int32, n), parts: make([]int32, n)}
	for row := range n {
		from := len(k.bytes)
		for i, v := range vecs {
			if i == parts {
				k.parts[row] = int32(len(k.bytes) - from)
			}
			k.bytes = v.AppendSortKey(k.bytes, row, items[i].descending, items[i].nullsLast)
		}
		if parts == len(vecs) {
			k.parts[row] = int32(len(k.bytes) - from)
		}
		k.ends[row] = int32(len(k.bytes))
	}
	return k
}

func newSorter(env *Env, schema *arrow.Schema, keep int64) *sorter {
	return &sorter{env: env, schema: schema, keep: keep, hold: holding{budget: env.Budget}}
}

const refBytes = 2 * 40 // a sortRef, twice while halves are merged

// add takes the rows of a record batch, which it owns.
func (s *sorter) add(rec arrow.RecordBatch, keys sortKeys) error {
	if s.keep > 0 {
		var err error
		if rec, keys, err = s.below(rec, keys); err != nil || rec == nil {
			return err
		}
	}
	need := recordBytes(rec) + int64(len(keys.bytes)) + refBytes*rec.NumRows()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.hold.try(need) {
		if err := s.spill(); err != nil {
			rec.Release()
			return err
		}
		s.hold.force(need) // one batch is the minimum
	}
	at, base, from := int32(len(s.recs)), int64(len(s.arena)), int32(0)
	s.recs = append(s.recs, rec)
	s.arena = append(s.arena, keys.bytes...)
	for row, end := range keys.ends {
		s.refs = append(s.refs, sortRef{prefixOf(keys.bytes[from:end]), base + int64(from), end - from, keys.parts[row], at, int32(row)})
		from = end
	}
	if s.keep > 0 && int64(len(s.refs)) > max(4*s.keep, 8<<10) {
		return s.shrink()
	}
	return nil
}

// below leaves of a batch, which it owns, the rows that can still be among the first; nil for none.
func (s *sorter) below(rec arrow.RecordBatch, keys sortKeys) (arrow.RecordBatch, sortKeys, error) {
	s.mu.Lock()
	bound := s.bound
	s.mu.Unlock()
	if bound == nil {
		return rec, keys, nil
	}
	var spans []batch.Span
	var out sortKeys
	from := int32(0)
	for row, end := range keys.ends {
		if key := keys.bytes[from:end]; bytes.Compare(key, bound) < 0 {
			spans = append(spans, batch.Span{From: int32(row), Rows: 1})
			out.bytes = append(out.bytes, key...)
			out.ends, out.parts = append(out.ends, int32(len(out.bytes))), append(out.parts, keys.parts[row])
		}
		from = end
	}
	defer rec.Release()
	if len(spans) == 0 {
		return nil, out, nil
	}
	some, err := batch.Gather(s.env.Alloc, s.schema, []arrow.RecordBatch{rec}, spans)
	return some, out, err
}

// prefixOf is the beginning of a key as a number: the mark of NULLs in two bits, and what follows it, which is nearly all of a
// value of eight bytes. Keys with different prefixes are in their order.
func prefixOf(key []byte) uint64 {
	if len(key) == 0 {
		return 0
	}
	rest := key[1:]
	if len(rest) >= 8 {
		return uint64(key[0])<<62 | binary.BigEndian.Uint64(rest)>>2
	}
	var b [8]byte
	copy(b[:], rest)
	return uint64(key[0])<<62 | binary.BigEndian.Uint64(b[:])>>2
}

func (s *sorter) keyOf(r sortRef) []byte { return s.arena[r.key : r.key+int64(r.n)] }

// sort orders what is held and forgets what is beyond the rows that are wanted.
func (s *sorter) sort() {
	s.refs = sortHalves(s.refs, s.compare, s.env.Workers)
	if s.unique {
		s.refs = slices.CompactFunc(s.refs, func(a, b sortRef) bool { return bytes.Equal(s.partOf(a), s.partOf(b)) })
	}
	if s.keep > 0 && int64(len(s.refs)) > s.keep {
		s.refs = s.refs[:s.keep]
	}
}

func (s *sorter) compare(a, b sortRef) int {
	switch {
	case a.prefix < b.prefix:
		return -1
	case a.prefix > b.prefix:
		return 1
	}
	return bytes.Compare(s.keyOf(a), s.keyOf(b))
}

// sortedAlone is how many rows are sorted by one goroutine.
const sortedAlone = 64 << 10

// sortHalves sorts with up to as many goroutines as there are workers.
func sortHalves(refs []sortRef, compare func(a, b sortRef) int, workers int) []sortRef {
	if workers < 2 || len(refs) < 2*sortedAlone {
		slices.SortFunc(refs, compare)
		return refs
	}
	a, b := refs[:len(refs)/2], refs[len(refs)/2:]
	var wg sync.WaitGroup
	wg.Go(func() { a = sortHalves(a, compare, workers/2) })
	b = sortHalves(b, compare, workers-workers/2)
	wg.Wait()
	out := make([]sortRef, 0, len(refs))
	for len(a) > 0 && len(b) > 0 {
		if compare(b[0], a[0]) < 0 {
			out, b = append(out, b[0]), b[1:]
		} else {
			out, a = append(out, a[0]), a[1:]
		}
	}
	return append(append(out, a...), b...)
}

func (s *sorter) partOf(r sortRef) []byte { return s.arena[r.key : r.key+int64(r.part)] }

// shrink leaves only the rows that can still be among the first.
func (s *sorter) shrink() error {
	s.sort()
	rec, err := batch.Gather(s.env.Alloc, s.schema, s.recs, spansOf(s.refs))
	if err != nil {
		return err
	}
	arena, refs := make([]byte, 0, len(s.arena)/4), make([]sortRef, len(s.refs))
	for i, r := range s.refs {
		refs[i] = sortRef{r.prefix, int64(len(arena)), r.n, r.part, 0, int32(i)}
		arena = append(arena, s.keyOf(r)...)
	}
	s.drop()
	s.recs, s.refs, s.arena = []arrow.RecordBatch{rec}, refs, arena
	if int64(len(refs)) == s.keep {
		s.bound = bytes.Clone(s.keyOf(refs[len(refs)-1]))
	}
	s.hold.force(recordBytes(rec) + int64(len(arena)) + refBytes*int64(len(refs)))
	return nil
}

func spansOf(refs []sortRef) []batch.Span {
	out := make([]batch.Span, len(refs))
	for i, r := range refs {
		out[i] = batch.Span{Batch: r.batch, From: r.row, Rows: 1}
	}
	return out
}

// drop forgets what is held.
func (s *sorter) drop() {
	for _, r := range s.recs {
		r.Release()
	}
	s.recs, s.refs, s.arena = nil, nil, nil
	s.hold.free()
}

// sortedRows is how many rows are given, and written to a run, at a time.
const sortedRows = 4096

// fanIn is how many runs are merged at a time.
const fanIn = 32

// sortedOut takes rows in order, with their keys. It owns the record batch.
type sortedOut func(rec arrow.RecordBatch, keys [][]byte, parts []int32) error

// runSchema adds the columns of keys.
func (s *sorter) runSchema() *arrow.Schema {
	return arrow.NewSchema(append(append([]arrow.Field{}, s.schema.Fields()...), arrow.Field{Name: "", Type: arrow.BinaryTypes.Binary}, arrow.Field{Name: "", Type: arrow.PrimitiveTypes.Int32}), nil)
}

// spill writes what is held to a run.
func (s *sorter) spill() error {
	if len(s.refs) == 0 {
		s.drop()
		return nil
	}
	run, err := newRecordFile(s.env.Temp, "sort", s.runSchema(), s.env.Alloc)
	if err != nil {
		return err
	}
	s.runs = append(s.runs, run)
	if err := s.giveHeld(s.writeTo(run)); err != nil {
		return err
	}
	s.drop()
	if len(s.runs) > 2*fanIn {
		return s.mergeRuns()
	}
	return nil
}

// writeTo writes sorted rows to a run.
func (s *sorter) writeTo(run *recordFile) sortedOut {
	return func(rec arrow.RecordBatch, keys [][]byte, parts []int32) error {
		defer rec.Release()
		kb := array.NewBinaryBuilder(s.env.Alloc, arrow.BinaryTypes.Binary)
		defer kb.Release()
		kb.AppendValues(keys, nil)
		pb := array.NewInt32Builder(s.env.Alloc)
		defer pb.Release()
		pb.AppendValues(parts, nil)
		k, p := kb.NewArray(), pb.NewArray()
		defer k.Release()
		defer p.Release()
		full := array.NewRecordBatch(run.schema, append(append([]arrow.Array{}, rec.Columns()...), k, p), rec.NumRows())
		defer full.Release()
		return run.add(full)
	}
}

// giveHeld gives what is held, in order.
func (s *sorter) giveHeld(out sortedOut) error {
	s.sort()
	for from := 0; from < len(s.refs); from += sortedRows {
		refs := s.refs[from:min(from+sortedRows, len(s.refs))]
		rec, err := batch.Gather(s.env.Alloc, s.schema, s.recs, spansOf(refs))
		if err != nil {
			return err
		}
		keys, parts := make([][]byte, len(refs)), make([]int32, len(refs))
		for i, r := range refs {
			keys[i], parts[i] = s.keyOf(r), r.part
		}
		if err := out(rec, keys, parts); err != nil {
			return err
		}
	}
	return nil
}

// finish gives all rows in order and forgets them.
func (s *sorter) finish(out sortedOut) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.clear()
	if len(s.runs) == 0 {
		return s.giveHeld(out)
	}
	if err := s.spill(); err != nil {
		return err
	}
	for len(s.runs) > fanIn {
		if err := s.mergeRuns(); err != nil {
			return err
		}
	}
	return s.merge(s.runs, out)
}

// mergeRuns makes one run of the first ones.
func (s *sorter) mergeRuns() error {
	run, err := newRecordFile(s.env.Temp, "sort", s.runSchema(), s.env.Alloc)
	if err != nil {
		return err
	}
	old := s.runs[:fanIn]
	s.runs = append(s.runs[fanIn:len(s.runs):len(s.runs)], run)
	defer func() {
		for _, r := range old {
			r.close()
		}
	}()
	return s.merge(old, s.writeTo(run))
}

// close gives up what is held. It may be called more than once.
func (s *sorter) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
}

func (s *sorter) clear() {
	s.drop()
	for _, r := range s.runs {
		r.close()
	}
	s.runs = nil
}
