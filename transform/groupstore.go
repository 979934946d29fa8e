package transform

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"sync"

	"github.com/firn-data/firn/internal/memory"
)

// groupParts is the number of files that groups are spilled to, by four bits of their hash; those of a file that again do
// not fit go by the next four.
const (
	groupParts = 16
	maxLevel   = 12 // hashes end; groups that still do not fit together are held all the same
)

// groupStore is a groupTable with the states of aggregates, which spills to files when the budget refuses more memory. It is
// used by one goroutine; several stores may spill to the same files.
type groupStore struct {
	*groupTable
	accs  []accumulator
	hold  *holding
	held  int64
	files *groupFiles
	level int
	fresh func(level int) *groupStore // an empty store of the same form
}

// groupFiles are spilled groups. They are safe for concurrent use.
type groupFiles struct {
	dir   *memory.Dir
	hold  *holding
	mu    sync.Mutex
	parts [groupParts]*spillFile
	used  bool
}

// add writes one group's key and state.
func (f *groupFiles) add(part int, key, state []byte) error {
	if f.parts[part] == nil {
		s, err := newSpillFile(f.dir, "groups")
		if err != nil {
			return err
		}
		f.hold.force(spillBuffer)
		f.parts[part], f.used = s, true
	}
	s := f.parts[part]
	s.n++
	var head [2 * binary.MaxVarintLen64]byte
	n := binary.PutUvarint(head[:], uint64(len(key)))
	n += binary.PutUvarint(head[n:], uint64(len(state)))
	for _, b := range [][]byte{head[:n], key, state} {
		if _, err := s.Write(b); err != nil {
			return err
		}
	}
	return nil
}

func (f *groupFiles) close() {
	for i, s := range f.parts {
		if s != nil {
			s.close()
			f.hold.release(spillBuffer)
			f.parts[i] = nil
		}
	}
}

// fit accounts for what the store has grown to, and spills it when the budget refuses (I8).
func (s *groupStore) fit() error {
	now := s.bytes()
	for _, a := range s.accs {
		now += a.bytes()
	}
	switch {
	case now <= s.held:
		return nil
	case s.hold.try(now - s.held):
	case s.level < maxLevel && s.len() > 1:
		return s.spill()
	default:
		s.hold.force(now - s.held)
	}
	s.held = now
	return nil
}

// spill writes all groups to the files and forgets them.
func (s *groupStore) spill() error {
	s.files.mu.Lock()
	defer s.files.mu.Unlock()
	var key, state []byte
	for g := range s.len() {
		key = s.key(g, key)
		state = state[:0]
		for _, a := range s.accs {
			state = a.encode(state, g)
		}
		if err := s.files.add(int(s.hashes[g]>>(60-4*s.level))&(groupParts-1), key, state); err != nil {
			return err
		}
	}
	s.drop()
	return nil
}

// drop forgets everything.
func (s *groupStore) drop() {
	s.hold.release(s.held)
	empty := s.fresh(s.level)
	s.held, s.groupTable, s.accs = 0, empty.groupTable, empty.accs
}

// merge takes a spilled group in.
func (s *groupStore) merge(key, state []byte) {
	g := int(s.find(key))
	for _, a := range s.accs {
		a.grow(s.len())
		state = a.merge(g, state)
	}
}

// absorb takes the groups of another store in, which is then empty.
func (s *groupStore) absorb(o *groupStore) error {
	var key, state []byte
	for g := range o.len() {
		key = o.key(g, key)
		state = state[:0]
		for _, a := range o.accs {
			state = a.encode(state, g)
		}
		s.merge(key, state)
		if g%1024 == 1023 {
			if err := s.fit(); err != nil {
				return err
			}
		}
	}
	o.drop()
	return s.fit()
}

// drain calls give with stores that together hold every group once, of all the stores that share files. The stores are empty
// afterwards.
func drain(stores []*groupStore, give func(*groupStore) error) error {
	first := stores[0]
	for _, o := range stores[1:] {
		if first.files.used {
			break
		}
		if err := first.absorb(o); err != nil {
			return err
		}
	}
	defer first.files.close()
	if !first.files.used {
		defer first.drop()
		return give(first)
	}
	for _, o := range stores {
		if err := o.spill(); err != nil {
			return err
		}
	}
	for _, f := range first.files.parts {
		if f == nil {
			continue
		}
		if err := first.again(f, give); err != nil {
			return err
		}
	}
	return nil
}

// again reads one file of groups into a store of its own, which may spill by the next bits of the hash.
func (s *groupStore) again(f *spillFile, give func(*groupStore) error) error {
	in, err := f.open()
	if err != nil {
		return err
	}
	next := s.fresh(s.level + 1)
	next.files = &groupFiles{dir: s.files.dir, hold: s.hold}
	defer next.files.close()
	defer func() { next.hold.release(next.held) }()
	var key, state []byte
	for k := int64(0); ; k++ {
		if key, state, err = readGroup(in, key, state); err != nil {
			if errors.Is(err, io.EOF) {
				break
			}
			return err
		}
		next.merge(key, state)
		if k%256 == 255 {
			if err := next.fit(); err != nil {
				return err
			}
		}
	}
	f.close()
	if err := next.fit(); err != nil {
		return err
	}
	return drain([]*groupStore{next}, give)
}

func readGroup(in *bufio.Reader, key, state []byte) (_, _ []byte, err error) {
	n, err := binary.ReadUvarint(in)
	if err != nil {
		return nil, nil, err
	}
	m, err := binary.ReadUvarint(in)
	if err != nil {
		return nil, nil, io.ErrUnexpectedEOF
	}
	key, state = grown(key[:0], int(n)), grown(state[:0], int(m))
	if _, err = io.ReadFull(in, key); err == nil {
		_, err = io.ReadFull(in, state)
	}
	if err != nil {
		return nil, nil, io.ErrUnexpectedEOF
	}
	return key, state, nil
}
