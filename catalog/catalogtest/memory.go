package catalogtest

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/firn-data/firn/catalog"
	"github.com/firn-data/firn/internal/fault"
)

// Memory is a catalog that lives in the process, for tests of what stands on top of catalogs.
type Memory struct {
	mu     sync.Mutex
	tables map[catalog.Ident]string
}

// NewMemory makes an empty catalog.
func NewMemory() *Memory { return &Memory{tables: map[catalog.Ident]string{}} }

// Load implements catalog.Catalog.
func (m *Memory) Load(_ context.Context, id catalog.Ident) (catalog.Pointer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	location, ok := m.tables[id]
	if !ok {
		return catalog.Pointer{}, catalog.ErrNoTable
	}
	return catalog.Pointer{Location: location}, nil
}

// Create implements catalog.Catalog.
func (m *Memory) Create(ctx context.Context, s catalog.Swap) (catalog.Outcome, error) {
	return m.set(ctx, s, catalog.ErrTableExists)
}

// Swap implements catalog.Catalog.
func (m *Memory) Swap(ctx context.Context, s catalog.Swap) (catalog.Outcome, error) {
	return m.set(ctx, s, fault.New(fault.Retry, "%s was changed by somebody else", s.Ident))
}

func (m *Memory) set(ctx context.Context, s catalog.Swap, refused error) (catalog.Outcome, error) {
	if err := s.Put(ctx); err != nil {
		return catalog.NotApplied, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tables[s.Ident] != s.Expected.Location {
		return catalog.NotApplied, refused
	}
	m.tables[s.Ident] = s.New
	return catalog.Applied, nil
}

// Tables implements catalog.Catalog.
func (m *Memory) Tables(_ context.Context, namespace string) ([]catalog.Ident, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []catalog.Ident
	for id := range m.tables {
		if namespace == "" || id.Namespace == namespace {
			out = append(out, id)
		}
	}
	slices.SortFunc(out, func(a, b catalog.Ident) int { return strings.Compare(a.String(), b.String()) })
	return out, nil
}
