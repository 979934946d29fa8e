package transform

import (
	"context"
	"hash/maphash"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowmem "github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/transform/expr"
)

const (
	probeSide = 0
	buildSide = 1
	joinParts = 16       // files that each side is spilled to, by the hash of its keys
	pairsOut  = 16 << 10 // pairs in one batch of the result
)

// joinRunner first takes the right side in. Batches of the left side that come earlier wait in a spool. When the budget refuses
// the right side, both sides go to files by the hash of their keys, and are joined file by file at the end.
type joinRunner struct {
	*joinNode
	e    *Execution
	id   int
	seed maphash.Seed
	hold holding

	mu     sync.Mutex
	held   []arrow.RecordBatch // of the right side
	waits  []arrow.RecordBatch // of the left side
	early  *recordFile         // more of them
	table  *joinTable
	built  bool
	ended  [2]bool
	onDisk bool
	files  [2][joinParts]*recordFile
}

func (n *joinNode) start(e *Execution, id int) runner {
	return &joinRunner{joinNode: n, e: e, id: id, seed: maphash.MakeSeed(), hold: holding{budget: e.env.Budget}}
}

// sideSchema is the schema of what arrives.
func (r *joinRunner) sideSchema(side int) *arrow.Schema { return r.sides[side].schema() }

func (r *joinRunner) push(ctx context.Context, side int, b batch.Batch) error {
	if side == probeSide && r.streams() {
		return r.stream(ctx, b)
	}
	rec, err := r.clean(ctx, side, b)
	if err != nil || rec == nil {
		return err
	}
	if side == buildSide {
		return r.build(ctx, rec)
	}
	r.mu.Lock()
	if !r.built {
		defer r.mu.Unlock()
		return r.wait(rec)
	}
	r.mu.Unlock()
	return r.probe(ctx, rec)
}

// streams reports whether rows of the left side find their partners at once.
func (r *joinRunner) streams() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.built && !r.onDisk
}

// stream finds the partners of a batch of the left side, which it owns.
func (r *joinRunner) stream(ctx context.Context, b batch.Batch) error {
	defer b.Release()
	t, err := r.keys[probeSide].take(r.e, r.id, b)
	if err != nil {
		return err
	}
	defer t.release()
	if t.sel != nil { // some rows failed
		rec, err := batch.TakeRecord(ctx, r.e.env.Alloc, b.Record, t.sel)
		if err != nil {
			return err
		}
		return r.probe(ctx, rec)
	}
	matched, err := r.matchKeys(ctx, b.Record, t.vecs, r.table, nil)
	if err != nil || !r.outer {
		return err
	}
	return r.lonely(ctx, b.Record, r.table, matched)
}

// clean takes the rows out whose keys fail, and those that cannot have a partner where that means that they are not given. It
// owns b and gives a record batch, or nil when nothing is left.
func (r *joinRunner) clean(ctx context.Context, side int, b batch.Batch) (arrow.RecordBatch, error) {
	t, err := r.keys[side].take(r.e, r.id, b)
	if err != nil {
		b.Release()
		return nil, err
	}
	defer t.release()
	sel := t.sel
	if side == buildSide || !r.outer {
		if some := r.complete(t); len(some) < t.n {
			sel = some
		}
	}
	if sel == nil {
		return b.Record, nil
	}
	defer b.Release()
	if len(sel) == 0 {
		return nil, nil
	}
	return batch.TakeRecord(ctx, r.e.env.Alloc, b.Record, sel)
}

// complete are the rows without a NULL among their keys.
func (r *joinRunner) complete(t *taken) []int32 {
	out := make([]int32, 0, t.n)
	for k := range t.n {
		if !r.lacksKey(t.vecs, k) {
			row := int32(k)
			if t.sel != nil {
				row = t.sel[k]
			}
			out = append(out, row)
		}
	}
	return out
}

func (r *joinRunner) lacksKey(keys []*expr.Vec, k int) bool {
	for i, v := range keys {
		if v.Null(k) && !r.nullSafe[i] {
			return true
		}
	}
	return false
}

// build takes rows of the right side in; it owns rec.
func (r *joinRunner) build(ctx context.Context, rec arrow.RecordBatch) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.onDisk && r.hold.try(r.footprint(rec)) {
		r.held = append(r.held, rec)
		return nil
	}
	defer rec.Release()
	if err := r.toDisk(ctx); err != nil {
		return err
	}
	return r.write(ctx, buildSide, rec)
}

// footprint is the memory of rows in the hash table: themselves, while they are copied twice, and their keys.
func (r *joinRunner) footprint(rec arrow.RecordBatch) int64 {
	return 2*recordBytes(rec) + rec.NumRows()*(40+expr.Width(r.keys[buildSide].exprs...))
}

// wait keeps rows of the left side until the right one has ended; it owns rec.
func (r *joinRunner) wait(rec arrow.RecordBatch) error {
	if r.early == nil && r.hold.try(recordBytes(rec)) {
		r.waits = append(r.waits, rec)
		return nil
	}
	defer rec.Release()
	if r.early == nil {
		f, err := newRecordFile(r.e.env.Temp, "join", r.sideSchema(probeSide), r.e.env.Alloc)
		if err != nil {
			return err
		}
		r.early = f
	}
	return r.early.add(rec)
}

// done builds the table when the right side has ended, and joins what is on disk when both have.
func (r *joinRunner) done(ctx context.Context, side int) error {
	r.ended[side] = true
	if side == buildSide {
		if err := r.settle(ctx); err != nil {
			return err
		}
	}
	if !r.ended[probeSide] || !r.ended[buildSide] {
		return nil
	}
	defer r.close()
	if !r.onDisk {
		return nil
	}
	for i := range joinParts {
		if err := r.joinFiles(ctx, r.files[buildSide][i], r.files[probeSide][i]); err != nil {
			return err
		}
	}
	return nil
}

// settle ends the building: from now on rows of the left side find their partners.
func (r *joinRunner) settle(ctx context.Context) (err error) {
	if !r.onDisk {
		if r.table, err = r.makeTable(r.held); err != nil {
			return err
		}
		r.held = nil
	}
	r.mu.Lock()
	r.built = true
	r.mu.Unlock()
	for len(r.waits) > 0 {
		rec := r.waits[0]
		r.waits = r.waits[1:]
		bytes := recordBytes(rec)
		if err := r.probe(ctx, rec); err != nil {
			return err
		}
		r.hold.release(bytes)
	}
	if r.early == nil {
		return nil
	}
	return r.early.each(func(rec arrow.RecordBatch) error { return r.probe(ctx, rec) })
}

// joinTable is rows of the right side by their keys.
type joinTable struct {
	rec    arrow.RecordBatch // the rows, and one of NULLs after them
	groups *groupTable
	heads  []int32 // by group: the first row
	next   []int32 // by row: the next row of its group, -1 for none
}

// makeTable owns the record batches.
func (r *joinRunner) makeTable(recs []arrow.RecordBatch) (*joinTable, error) {
	defer func() {
		for _, rec := range recs {
			rec.Release()
		}
	}()
	schema := r.sideSchema(buildSide)
	nulls := nullRow(r.e.env.Alloc, schema)
	recs = append(recs, nulls)
	spans := make([]batch.Span, len(recs))
	rows := 0
	for i, rec := range recs {
		spans[i] = batch.Span{Batch: int32(i), Rows: int32(rec.NumRows())}
		rows += int(rec.NumRows())
	}
	rec, err := batch.Gather(r.e.env.Alloc, nullable(schema), recs, spans)
	if err != nil {
		return nil, err
	}
	keys := &r.keys[buildSide]
	eb := keys.wrap(rec)
	defer eb.Release()
	vecs, _ := keys.eval(eb, nil)
	t := &joinTable{rec: rec, groups: newGroupTable(r.seed, r.short()), next: make([]int32, rows)}
	numbers, _ := t.groups.number(vecs, rows-1, nil, nil)
	t.heads = make([]int32, t.groups.len())
	for g := range t.heads {
		t.heads[g] = -1
	}
	for row := rows - 2; row >= 0; row-- {
		g := numbers[row]
		t.next[row], t.heads[g] = t.heads[g], int32(row)
	}
	return t, nil
}

func (t *joinTable) release() {
	if t != nil && t.rec != nil {
		t.rec.Release()
		t.rec = nil
	}
}

// short reports whether the key is one value of 64 bits.
func (r *joinRunner) short() bool {
	keys := r.keys[buildSide].exprs
	return len(keys) == 1 && !r.nullSafe[0] && expr.NewVec(keys[0].Type(), 0).I != nil
}

func nullable(s *arrow.Schema) *arrow.Schema {
	fields := s.Fields()
	for i := range fields {
		fields[i].Nullable = true
	}
	return arrow.NewSchema(fields, nil)
}

func nullRow(alloc arrowmem.Allocator, s *arrow.Schema) arrow.RecordBatch {
	b := array.NewRecordBuilder(alloc, nullable(s))
	defer b.Release()
	for _, f := range b.Fields() {
		f.AppendNull()
	}
	if s.NumFields() == 0 {
		return array.NewRecordBatch(s, nil, 1)
	}
	return b.NewRecordBatch()
}

// probe finds the partners of rows of the left side, or puts them to those of their file; it owns rec.
func (r *joinRunner) probe(ctx context.Context, rec arrow.RecordBatch) error {
	defer rec.Release()
	if r.onDisk {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.write(ctx, probeSide, rec)
	}
	matched, err := r.match(ctx, rec, r.table, nil)
	if err != nil || !r.outer {
		return err
	}
	return r.lonely(ctx, rec, r.table, matched)
}

// match gives the pairs that rows of the left side make with those of a table, and marks the rows that are in one.
func (r *joinRunner) match(ctx context.Context, rec arrow.RecordBatch, t *joinTable, matched []bool) ([]bool, error) {
	keys := &r.keys[probeSide]
	defer r.e.working(rec.NumRows() * expr.Width(keys.exprs...))()
	eb := keys.wrap(rec)
	defer eb.Release()
	vecs, _ := keys.eval(eb, nil)
	return r.matchKeys(ctx, rec, vecs, t, matched)
}

// matchKeys is match for keys that are known.
func (r *joinRunner) matchKeys(ctx context.Context, rec arrow.RecordBatch, vecs []*expr.Vec, t *joinTable, matched []bool) ([]bool, error) {
	n := int(rec.NumRows())
	if matched == nil && r.outer {
		matched = make([]bool, n)
	}
	find := r.finder(vecs, t)
	var left, right []int32
	flush := func() error {
		err := r.pairs(ctx, rec, t, left, right, matched)
		left, right = left[:0], right[:0]
		return err
	}
	for k := range n {
		if r.lacksKey(vecs, k) {
			continue
		}
		g := find(k)
		if g < 0 {
			continue
		}
		for row := t.heads[g]; row >= 0; row = t.next[row] {
			left, right = append(left, int32(k)), append(right, row)
			if len(left) == pairsOut {
				if err := flush(); err != nil {
					return nil, err
				}
			}
		}
	}
	return matched, flush()
}

// finder gives the group of row k, or -1.
func (r *joinRunner) finder(vecs []*expr.Vec, t *joinTable) func(k int) int32 {
	if r.short() {
		return func(k int) int32 { return t.groups.peekInt(vecs[0].I[k]) }
	}
	var key []byte
	return func(k int) int32 {
		key = key[:0]
		for _, v := range vecs {
			key = v.AppendKey(key, k)
		}
		return t.groups.peek(key)
	}
}

// pairs gives the pairs that meet the rest of the condition.
func (r *joinRunner) pairs(ctx context.Context, rec arrow.RecordBatch, t *joinTable, left, right []int32, matched []bool) error {
	if len(left) == 0 {
		return nil
	}
	if r.residual != nil {
		pass, err := r.test(ctx, rec, t, left, right)
		if err != nil {
			return err
		}
		for i, k := range pass {
			left[i], right[i] = left[k], right[k]
		}
		left, right = left[:len(pass)], right[:len(pass)]
	}
	if matched != nil {
		for _, k := range left {
			matched[k] = true
		}
	}
	return r.give2(ctx, rec, t, left, right)
}

// test gives which of the pairs meet the rest of the condition.
func (r *joinRunner) test(ctx context.Context, rec arrow.RecordBatch, t *joinTable, left, right []int32) ([]int32, error) {
	defer r.e.working(int64(len(left)) * expr.Width(r.residual))()
	cols := make([]arrow.Array, r.keys[0].width+r.keys[1].width)
	defer releaseColumns(cols)
	li, ri := batch.Indices(r.e.env.Alloc, left), batch.Indices(r.e.env.Alloc, right)
	defer li.Release()
	defer ri.Release()
	for _, c := range expr.Columns(r.residual) {
		if cols[c.Index] != nil {
			continue
		}
		var err error
		if cols[c.Index], err = r.column(ctx, c.Index, rec, t, li, ri); err != nil {
			return nil, err
		}
	}
	eb := expr.NewBatchOf(cols, len(left))
	defer eb.Release()
	v, errs := r.residual.Eval(eb, nil)
	for _, x := range errs {
		if err := r.keys[0].fails(r.e, r.id, x); err != nil {
			return nil, err
		}
	}
	return append([]int32{}, v.Truths()...), nil
}

// column takes a column of the result, by its number before pruning.
func (r *joinRunner) column(ctx context.Context, i int, rec arrow.RecordBatch, t *joinTable, left, right *array.Int32) (arrow.Array, error) {
	if w := r.keys[probeSide].width; i >= w {
		return batch.TakeColumn(ctx, r.e.env.Alloc, t.rec.Column(r.keys[buildSide].at(i-w)), right)
	}
	return batch.TakeColumn(ctx, r.e.env.Alloc, rec.Column(r.keys[probeSide].at(i)), left)
}

// give2 gives pairs of rows on.
func (r *joinRunner) give2(ctx context.Context, rec arrow.RecordBatch, t *joinTable, left, right []int32) error {
	if len(left) == 0 {
		return nil
	}
	li, ri := batch.Indices(r.e.env.Alloc, left), batch.Indices(r.e.env.Alloc, right)
	defer li.Release()
	defer ri.Release()
	cols := make([]arrow.Array, len(r.give))
	defer releaseColumns(cols)
	for k, i := range r.give {
		var err error
		if cols[k], err = r.column(ctx, i, rec, t, li, ri); err != nil {
			return err
		}
	}
	out := array.NewRecordBatch(r.out, cols, int64(len(left)))
	return r.e.emit(ctx, r.id, batch.Batch{Record: out, Origin: batch.Origin{Derived: true}})
}

// lonely gives the rows of the left side that have no partner.
func (r *joinRunner) lonely(ctx context.Context, rec arrow.RecordBatch, t *joinTable, matched []bool) error {
	var left, right []int32
	nulls := int32(t.rec.NumRows() - 1)
	for k, m := range matched {
		if !m {
			left, right = append(left, int32(k)), append(right, nulls)
		}
	}
	return r.give2(ctx, rec, t, left, right)
}

func (r *joinRunner) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, recs := range [][]arrow.RecordBatch{r.held, r.waits} {
		for _, rec := range recs {
			rec.Release()
		}
	}
	r.held, r.waits = nil, nil
	r.early.close()
	for _, side := range r.files {
		for _, f := range side {
			f.close()
		}
	}
	r.table.release()
	r.hold.free()
}
