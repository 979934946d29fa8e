package layout

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"golang.org/x/sync/errgroup"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
)

// fan decides which partitions have an open file. There are at most limit of them at a time. A file may be closed to make
// room for another partition, as long as such partitions rarely come back; when they do, or when one drain alone needs more
// files than there may be, fan clusters: rows of partitions without an open file are spilled, and written partition by
// partition at the end. So a partition gets few files, whatever the order of the rows.
type fan struct {
	mu        sync.Mutex
	limit     int
	open      int
	drains    int64
	reopened  int
	clustered bool
}

// claim says which of the partitions of a drain are written to files now; the others are to be spilled. Files of the
// partitions in evict are to be finished. release ends the drain.
func (f *fan) claim(parts []*part, all *partitions) (direct []bool, evict []*part) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drains++
	f.clustered = f.clustered || len(parts) > f.limit
	direct = make([]bool, len(parts))
	for i, p := range parts {
		if !p.open && !f.clustered {
			victim, ok := f.room(all)
			if !ok {
				f.clustered = true
			} else {
				if victim != nil {
					evict = append(evict, victim)
				}
				f.take(p)
			}
		}
		if p.open {
			direct[i] = true
			p.busy++
			p.used = f.drains
		}
	}
	return direct, evict
}

func (f *fan) take(p *part) {
	p.open = true
	f.open++
	if !p.evicted {
		return
	}
	p.evicted = false
	if f.reopened++; f.reopened > f.limit {
		f.clustered = true
	}
}

// room finds a place: a free one, or that of the partition whose file was used longest ago and by no drain under way.
func (f *fan) room(all *partitions) (victim *part, ok bool) {
	if f.open < f.limit {
		return nil, true
	}
	all.mu.RLock()
	defer all.mu.RUnlock()
	for _, p := range all.list {
		if p.open && p.busy == 0 && p.used < f.drains && (victim == nil || p.used < victim.used) {
			victim = p
		}
	}
	if victim == nil {
		return nil, false
	}
	victim.open, victim.evicted = false, true
	f.open--
	return victim, true
}

func (f *fan) release(parts []*part, direct []bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, p := range parts {
		if direct[i] {
			p.busy--
		}
	}
}

// fanBuffer holds a worker's rows by partition: batches whose rows stand partition by partition, and where those are.
type fanBuffer struct {
	batches []arrow.RecordBatch
	spans   map[int32][]batch.Span // by partition number
}

// spanBytes is what a span takes in a fanBuffer; a batch has at most one for each row.
const spanBytes = 12

// addByPartition sorts a batch's rows by partition, which it owns, with one counting sort and one gather.
func (k *Worker) addByPartition(rec arrow.RecordBatch) error {
	numbers, err := k.w.number(rec, k.known)
	if err != nil {
		rec.Release()
		return err
	}
	at := int32(len(k.fan.batches))
	order, counts := countingSort(numbers)
	if len(counts) > 1 {
		spans := make([]batch.Span, len(order))
		for i, row := range order {
			spans[i] = batch.Span{From: row, Rows: 1}
		}
		sorted, err := batch.Gather(k.w.cfg.Alloc, k.w.schema, []arrow.RecordBatch{rec}, spans)
		rec.Release()
		if err != nil {
			return err
		}
		rec = sorted
	} else {
		countNulls(rec)
	}
	k.fan.batches = append(k.fan.batches, rec)
	from := int32(0)
	for _, c := range counts {
		k.fan.spans[c.number] = append(k.fan.spans[c.number], batch.Span{Batch: at, From: from, Rows: c.rows})
		from += c.rows
	}
	return nil
}

type count struct{ number, rows int32 }

// countingSort gives the rows in order of their numbers, stable, and how many have each number.
func countingSort(numbers []int32) (order []int32, counts []count) {
	where := map[int32]int{}
	slots := make([]int32, len(numbers)) // index into counts
	for row, n := range numbers {
		if row > 0 && n == numbers[row-1] {
			slots[row] = slots[row-1]
			counts[slots[row]].rows++
			continue
		}
		i, ok := where[n]
		if !ok {
			i = len(counts)
			where[n] = i
			counts = append(counts, count{number: n})
		}
		slots[row] = int32(i)
		counts[i].rows++
	}
	next := make([]int32, len(counts))
	for i := 1; i < len(counts); i++ {
		next[i] = next[i-1] + counts[i-1].rows
	}
	order = make([]int32, len(numbers))
	for row, s := range slots {
		order[next[s]] = int32(row)
		next[s]++
	}
	return order, counts
}

// drainByPartition writes what is buffered to the files of its partitions, or spills it.
func (k *Worker) drainByPartition(ctx context.Context) (err error) {
	if len(k.fan.batches) == 0 {
		return nil
	}
	w := k.w
	numbers := make([]int32, 0, len(k.fan.spans))
	for n := range k.fan.spans {
		numbers = append(numbers, n)
	}
	slices.SortFunc(numbers, cmp.Compare)
	parts := make([]*part, len(numbers))
	for i, n := range numbers {
		parts[i] = w.parts.get(n)
	}
	direct, evict := w.fan.claim(parts, &w.parts)
	defer w.fan.release(parts, direct)
	for _, p := range evict {
		if err := p.finish(); err != nil {
			return err
		}
	}
	var spill []int32
	first := k.id * len(parts) / w.cfg.Workers // workers begin at different partitions, to rarely wait for each other
	for i := range parts {
		i = (i + first) % len(parts)
		if !direct[i] {
			spill = append(spill, numbers[i])
			continue
		}
		if err := k.writePart(ctx, parts[i], k.fan.spans[numbers[i]], w.fanReserve()); err != nil {
			return err
		}
	}
	if err := k.spillPartitions(ctx, spill); err != nil {
		return err
	}
	k.drop()
	return nil
}

// gatherRows is about how many rows are gathered at a time.
const gatherRows = 32 << 10

// writePart appends spans of the buffer to a partition's file; reserve is for its row group, where the file is yet to begin.
func (k *Worker) writePart(ctx context.Context, p *part, spans []batch.Span, reserve int64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slot.w = k.w
	if p.slot.file == nil {
		p.slot.reserve = reserve
	}
	for chunk := range chunks(spans, gatherRows) {
		rec, err := k.gather(chunk)
		if err != nil {
			return err
		}
		if err := p.slot.write(ctx, rec); err != nil {
			return err
		}
	}
	return nil
}

// gather makes one batch of spans of the buffer; a span that is a whole batch needs no copy.
func (k *Worker) gather(spans []batch.Span) (arrow.RecordBatch, error) {
	if rec := k.fan.batches[spans[0].Batch]; len(spans) == 1 && int64(spans[0].Rows) == rec.NumRows() {
		rec.Retain()
		return rec, nil
	}
	return batch.Gather(k.w.cfg.Alloc, k.w.schema, k.fan.batches, spans)
}

// chunks cuts spans into runs of about n rows, splitting long spans.
func chunks(spans []batch.Span, n int32) func(yield func([]batch.Span) bool) {
	return func(yield func([]batch.Span) bool) {
		var out []batch.Span
		rows := int32(0)
		for _, s := range spans {
			for s.Rows > 0 {
				take := min(s.Rows, n-rows)
				out = append(out, batch.Span{Batch: s.Batch, From: s.From, Rows: take})
				s.From, s.Rows, rows = s.From+take, s.Rows-take, rows+take
				if rows < n {
					continue
				}
				if !yield(out) {
					return
				}
				out, rows = out[:0], 0
			}
		}
		if len(out) > 0 {
			yield(out)
		}
	}
}

func (p *part) finish() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.slot.finish()
}

func (p *part) abort() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slot.abort()
}

// finishParts appends what the workers still hold to the files of its partitions and ends them, several at a time.
func (w *Writer) finishParts(ctx context.Context, workers []*Worker) error {
	reserve := w.fileReserve / int64(w.cfg.Workers)
	if w.fan.open > 0 {
		reserve = w.fanReserve()
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(w.cfg.Workers)
	for n, p := range w.parts.list {
		g.Go(func() (err error) {
			defer fault.Recover(&err)
			for _, k := range workers {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				if spans := k.fan.spans[int32(n)]; len(spans) > 0 {
					if err := k.writePart(ctx, p, spans, reserve); err != nil {
						return err
					}
				}
			}
			return p.finish()
		})
	}
	return g.Wait()
}

// countNulls makes arrays that count their nulls when first asked do so, before several goroutines ask them.
func countNulls(rec arrow.RecordBatch) {
	var count func(a arrow.Array)
	count = func(a arrow.Array) {
		a.NullN()
		switch x := a.(type) {
		case *array.Struct:
			for i := range x.NumField() {
				count(x.Field(i))
			}
		case array.ListLike:
			count(x.ListValues())
		case array.ExtensionArray:
			count(x.Storage())
		}
	}
	for _, c := range rec.Columns() {
		count(c)
	}
}
