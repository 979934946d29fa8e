package transform

import (
	"context"
	"hash/maphash"
	"strings"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/transform/expr"
)

// aggregateNode gives one row for each group: its keys, then the results of its aggregates. Without keys there is one group,
// also of no rows. DISTINCT is a grouping by every column without aggregates.
type aggregateNode struct {
	intake // exprs are the keys, then the arguments of the aggregates
	in     node
	names  []string // of keys
	keys   []expr.Expr
	aggs   []aggregate
	give   []bool // which of keys and aggregates are columns of the result
	dedupe bool   // DISTINCT
	out    *arrow.Schema
}

func newAggregate(r intake, in node, names []string, keys []expr.Expr) *aggregateNode {
	r.width = in.schema().NumFields()
	n := &aggregateNode{intake: r, in: in, names: names, keys: keys}
	n.settle()
	return n
}

// add gives the column of an aggregate.
func (n *aggregateNode) add(a aggregate) (column int) {
	n.aggs = append(n.aggs, a)
	n.settle()
	return len(n.keys) + len(n.aggs) - 1
}

// settle derives what follows from keys and aggregates.
func (n *aggregateNode) settle() {
	n.exprs = append([]expr.Expr{}, n.keys...)
	var fields []arrow.Field
	for i, k := range n.keys {
		fields = append(fields, fieldOf(n.names[i], k.Type()))
	}
	for _, a := range n.aggs {
		n.exprs = append(n.exprs, a.args...)
		fields = append(fields, fieldOf(a.text, a.typ))
	}
	if n.give == nil || len(n.give) != len(fields) {
		n.give = all(len(fields))
	}
	n.out = arrow.NewSchema(kept(fields, n.give), nil)
}

func (n *aggregateNode) schema() *arrow.Schema       { return n.out }
func (n *aggregateNode) inputs() []node              { return []node{n.in} }
func (n *aggregateNode) connect(_ int, became []int) { n.became = became }
func (n *aggregateNode) merges() bool                { return true }

// prune drops aggregates; keys are needed to group by, but need not be given.
func (n *aggregateNode) prune(keep []bool) ([]int, [][]bool) {
	n.aggs = kept(n.aggs, keep[len(n.keys):])
	n.give = append(append([]bool{}, keep[:len(n.keys)]...), all(len(n.aggs))...)
	n.settle()
	return renumber(keep), [][]bool{n.reads()}
}

func (n *aggregateNode) describe() string {
	var aggs []string
	for _, a := range n.aggs {
		aggs = append(aggs, a.text)
	}
	s := "Aggregate"
	if n.dedupe {
		s = "Distinct"
	}
	if len(n.keys) > 0 {
		s += " by " + strings.Join(n.names, ", ")
	}
	if len(aggs) > 0 {
		s += ": " + strings.Join(aggs, ", ")
	}
	return s + n.filterText()
}

func (n *aggregateNode) start(e *Execution, id int) runner {
	r := &aggregateRunner{aggregateNode: n, e: e, id: id, hold: holding{budget: e.env.Budget}}
	seed := maphash.MakeSeed()
	short := len(n.keys) == 1 && expr.NewVec(n.keys[0].Type(), 0).I != nil
	r.main = r.storeMaker(seed, short, n.accumulators)
	for _, a := range n.aggs {
		if a.distinct {
			r.sets = append(r.sets, r.storeMaker(seed, false, func() []accumulator { return nil }))
		}
	}
	return r
}

func (n *aggregateNode) accumulators() []accumulator {
	out := make([]accumulator, len(n.aggs))
	for i, a := range n.aggs {
		out[i] = a.accumulator()
	}
	return out
}

// aggregateRunner groups in as many workers as push at a time, each with tables of its own, which are merged at the end.
type aggregateRunner struct {
	*aggregateNode
	e    *Execution
	id   int
	hold holding
	main func(level int) *groupStore
	sets []func(level int) *groupStore // of the distinct aggregates, in their order

	mu      sync.Mutex
	idle    []*aggregateWorker
	workers []*aggregateWorker
}

// aggregateWorker is the state of one worker.
type aggregateWorker struct {
	main    *groupStore
	sets    []*groupStore
	groups  []int32
	scratch []byte
}

// storeMaker makes empty stores that spill to files of their own kind.
func (r *aggregateRunner) storeMaker(seed maphash.Seed, short bool, accs func() []accumulator) func(int) *groupStore {
	files := &groupFiles{dir: r.e.env.Temp, hold: &r.hold}
	var make func(level int) *groupStore
	make = func(level int) *groupStore {
		return &groupStore{groupTable: newGroupTable(seed, short), accs: accs(), hold: &r.hold, files: files, level: level, fresh: make}
	}
	return make
}

func (r *aggregateRunner) worker() *aggregateWorker {
	r.mu.Lock()
	defer r.mu.Unlock()
	if k := len(r.idle); k > 0 {
		w := r.idle[k-1]
		r.idle = r.idle[:k-1]
		return w
	}
	w := &aggregateWorker{main: r.main(0)}
	for _, s := range r.sets {
		w.sets = append(w.sets, s(0))
	}
	r.workers = append(r.workers, w)
	return w
}

func (r *aggregateRunner) push(_ context.Context, _ int, b batch.Batch) error {
	defer b.Release()
	t, err := r.take(r.e, r.id, b)
	if err != nil {
		return err
	}
	defer t.release()
	if t.n == 0 {
		return nil
	}
	w := r.worker()
	defer func() {
		r.mu.Lock()
		r.idle = append(r.idle, w)
		r.mu.Unlock()
	}()
	keys := t.vecs[:len(r.keys)]
	if len(keys) == 0 {
		w.groups = grown(w.groups[:0], t.n)
		clear(w.groups)
		w.main.find(nil)
	} else {
		w.groups, w.scratch = w.main.number(keys, t.n, w.groups, w.scratch)
	}
	args, set := t.vecs[len(r.keys):], 0
	for i, a := range r.aggs {
		acc := w.main.accs[i]
		acc.grow(w.main.len())
		mine := args[:len(a.args)]
		args = args[len(a.args):]
		switch {
		case a.distinct:
			w.collect(w.sets[set], keys, mine, t.n)
			if err := w.sets[set].fit(); err != nil {
				return err
			}
			set++
		case len(mine) == 0:
			acc.add(w.groups, nil)
		default:
			acc.add(w.groups, mine[0])
		}
	}
	return w.main.fit()
}

// collect puts the arguments of a distinct aggregate into its set, beside their group; those with a NULL do not count.
func (w *aggregateWorker) collect(set *groupStore, keys, args []*expr.Vec, n int) {
rows:
	for k := range n {
		for _, v := range args {
			if v.Null(k) {
				continue rows
			}
		}
		w.scratch = w.scratch[:0]
		for _, v := range keys {
			w.scratch = v.AppendKey(w.scratch, k)
		}
		for _, v := range args {
			w.scratch = v.AppendKey(w.scratch, k)
		}
		set.find(w.scratch)
	}
}

// done merges what the workers have and gives the groups on.
func (r *aggregateRunner) done(ctx context.Context, _ int) error {
	if len(r.workers) == 0 {
		r.worker()
	}
	defer r.close()
	first := r.workers[0].main
	if len(r.keys) == 0 {
		first.find(nil)
		for _, a := range first.accs {
			a.grow(1)
		}
	}
	set := 0
	for i, a := range r.aggs {
		if !a.distinct {
			continue
		}
		stores := make([]*groupStore, len(r.workers))
		for k, w := range r.workers {
			stores[k] = w.sets[set]
		}
		set++
		if err := drain(stores, func(s *groupStore) error { return r.distinct(s, first, i) }); err != nil {
			return err
		}
	}
	mains := make([]*groupStore, len(r.workers))
	for k, w := range r.workers {
		mains[k] = w.main
	}
	groups := int64(0)
	err := drain(mains, func(s *groupStore) error {
		groups += int64(s.len())
		return r.results(ctx, s)
	})
	if r.dedupe {
		c := r.e.counters[r.id]
		c.deduplicated.Add(c.in.Load() - c.filtered.Load() - c.bad.Load() - groups)
	}
	return err
}

// groupsAtOnce is how many groups are given in one batch.
const groupsAtOnce = 16 << 10

// distinct adds each member of a set to aggregate i of its group.
func (r *aggregateRunner) distinct(set, main *groupStore, i int) error {
	a := r.aggs[i]
	heads := make([]*expr.Vec, len(r.keys))
	for k, e := range r.keys {
		heads[k] = expr.NewVec(e.Type(), 1)
	}
	var key []byte
	for from := 0; from < set.len(); from += groupsAtOnce {
		n := min(groupsAtOnce, set.len()-from)
		groups := make([]int32, n)
		values := expr.NewVec(a.args[0].Type(), n)
		for k := range n {
			key = set.key(from+k, key)
			rest := key
			for _, h := range heads {
				rest = h.SetKey(0, rest)
				h.Valid = nil
			}
			groups[k] = main.find(key[:len(key)-len(rest)])
			values.SetKey(k, rest)
		}
		for _, acc := range main.accs {
			acc.grow(main.len())
		}
		if a.name == "count" {
			values = nil
		}
		main.accs[i].add(groups, values)
		if err := main.fit(); err != nil {
			return err
		}
	}
	return nil
}

// results gives the groups of a store on.
func (r *aggregateRunner) results(ctx context.Context, s *groupStore) error {
	var key []byte
	for from := 0; from < s.len(); from += groupsAtOnce {
		n := min(groupsAtOnce, s.len()-from)
		vecs := make([]*expr.Vec, 0, len(r.keys)+len(r.aggs))
		for _, k := range r.keys {
			vecs = append(vecs, expr.NewVec(k.Type(), n))
		}
		for k := range n {
			key = s.key(from+k, key)
			rest := key
			for _, v := range vecs {
				rest = v.SetKey(k, rest)
			}
		}
		for i, a := range r.aggs {
			v := expr.NewVec(a.typ, n)
			for k := range n {
				if code, msg := s.accs[i].result(v, k, from+k); code != "" {
					v.SetNull(k)
					if err := r.fails(r.e, r.id, expr.RowError{Code: code, Msg: a.text + ": " + msg}); err != nil {
						return err
					}
				}
			}
			vecs = append(vecs, v)
		}
		var cols []arrow.Array
		for i, v := range vecs {
			if r.give[i] {
				cols = append(cols, v.Array(r.e.env.Alloc))
			}
		}
		rec := array.NewRecordBatch(r.out, cols, int64(n))
		releaseColumns(cols)
		if err := r.e.emit(ctx, r.id, batch.Batch{Record: rec, Origin: batch.Origin{Derived: true}}); err != nil {
			return err
		}
	}
	return nil
}

func (r *aggregateRunner) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.workers {
		w.main.files.close()
		for _, s := range w.sets {
			s.files.close()
		}
	}
	r.workers, r.idle = nil, nil
	r.hold.free()
}
