package layout

import (
	"bytes"
	"encoding/binary"
	"math"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/firn-data/firn/internal/partition"
)

// part is one partition of the run, known by its number.
type part struct {
	mu   sync.Mutex // guards slot: several workers write it in turn
	slot slot

	// guarded by fan.mu
	open    bool  // has, or is about to have, an open file
	busy    int   // drains that write to it now
	used    int64 // drain that used it last
	evicted bool  // its file was closed to make room
}

// partitions numbers the run's partitions in order of appearance.
type partitions struct {
	mu    sync.RWMutex
	byKey map[string]int32
	list  []*part
}

func (p *partitions) get(n int32) *part {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.list[n]
}

func (p *partitions) len() int {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return len(p.list)
}

// number finds a partition or adds it.
func (p *partitions) number(key string, tuple func() (partition.Tuple, error)) (int32, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n, ok := p.byKey[key]; ok {
		return n, nil
	}
	t, err := tuple()
	if err != nil {
		return 0, err
	}
	n := int32(len(p.list))
	p.byKey[key] = n
	p.list = append(p.list, &part{slot: slot{tuple: t}})
	return n, nil
}

// number gives each row of a batch the number of its partition; known is the worker's own memory of keys.
func (w *Writer) number(rec arrow.RecordBatch, known map[string]int32) ([]int32, error) {
	fields := w.cfg.Spec.Fields
	key := make([]appender, len(fields))
	for i, f := range fields {
		var err error
		if key[i], err = identity(f.Transform, rec.Column(w.source[i])); err != nil {
			return nil, err
		}
	}
	out := make([]int32, rec.NumRows())
	var this, last []byte
	for row := range out {
		this = this[:0]
		for _, add := range key {
			this = add(this, row)
		}
		if row > 0 && bytes.Equal(this, last) {
			out[row] = out[row-1]
			continue
		}
		n, ok := known[string(this)]
		if !ok {
			var err error
			if n, err = w.parts.number(string(this), func() (partition.Tuple, error) { return w.tuple(rec, row) }); err != nil {
				return nil, err
			}
			known[string(this)] = n
		}
		out[row] = n
		this, last = last, this
	}
	return out, nil
}

// tuple is the partition values of one row, in memory of its own.
func (w *Writer) tuple(rec arrow.RecordBatch, row int) (partition.Tuple, error) {
	t := make(partition.Tuple, len(w.source))
	for i, f := range w.cfg.Spec.Fields {
		value, err := partition.Values(f.Transform, rec.Column(w.source[i]))
		if err != nil {
			return nil, err
		}
		t[i] = value(row)
	}
	return partition.Clone(t), nil
}

// identity adds a partition value to a key that is equal for equal values only: NaN equals NaN, and −0.0 differs from 0.0,
// as the values of a manifest do.
func identity(t partition.Transform, col arrow.Array) (appender, error) {
	whole := make([]int64, col.Len())
	if partition.Ints(t, col, whole) {
		return func(key []byte, row int) []byte {
			if col.IsNull(row) {
				return append(key, 0)
			}
			return binary.BigEndian.AppendUint64(append(key, 1), uint64(whole[row]))
		}, nil
	}
	if c, ok := col.(*array.String); ok && t.Kind == partition.Identity {
		return func(key []byte, row int) []byte {
			if c.IsNull(row) {
				return append(key, 0)
			}
			v := c.Value(row)
			return append(binary.BigEndian.AppendUint32(append(key, 1), uint32(len(v))), v...)
		}, nil
	}
	value, err := partition.Values(t, col)
	if err != nil {
		return nil, err
	}
	return func(key []byte, row int) []byte { return appendIdentity(key, value(row)) }, nil
}

func appendIdentity(key []byte, v any) []byte {
	if v == nil {
		return append(key, 0)
	}
	key = append(key, 1)
	switch x := v.(type) {
	case bool:
		return appendValue(key, x)
	case int32:
		return binary.BigEndian.AppendUint32(key, uint32(x))
	case int64:
		return binary.BigEndian.AppendUint64(key, uint64(x))
	case float32:
		if x != x {
			x = float32(math.NaN())
		}
		return binary.BigEndian.AppendUint32(key, math.Float32bits(x))
	case float64:
		if x != x {
			x = math.NaN()
		}
		return binary.BigEndian.AppendUint64(key, math.Float64bits(x))
	case decimal128.Num:
		return appendDecimal(key, x)
	case string:
		return append(binary.BigEndian.AppendUint32(key, uint32(len(x))), x...)
	case []byte:
		return append(binary.BigEndian.AppendUint32(key, uint32(len(x))), x...)
	case [16]byte:
		return append(key, x[:]...)
	}
	return key
}
