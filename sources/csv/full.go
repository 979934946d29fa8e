package csv

import (
	"context"
	"errors"
	"iter"
	"sync"

	"github.com/apache/arrow-go/v18/arrow/array"
	"golang.org/x/sync/errgroup"

	"github.com/firn-data/firn/internal/batch"
	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/internal/schema"
	"github.com/firn-data/firn/sources"
)

// guessAll narrows the types of columns by every row of every file, read by all workers. Rows that cannot be read tell nothing.
func (s *source) guessAll(ctx context.Context, names []string) ([]*guess, error) {
	all := &source{cfg: s.cfg, env: s.env, files: s.files, first: s.first, d: s.d, header: s.header, chunk: s.chunk}
	all.cfg.OnBadRow, all.cfg.Columns, all.env.ByColumn = "quarantine", nil, nil
	for _, n := range names {
		all.cols = append(all.cols, column{name: n, typ: schema.Type{Kind: schema.String}})
	}
	out := newGuesses(len(names))
	next, stop := iter.Pull2(all.Splits(ctx, sources.Request{}))
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	for range max(1, s.env.Workers) {
		g.Go(func() (err error) {
			defer fault.Recover(&err)
			mine := newGuesses(len(names))
			for gctx.Err() == nil {
				mu.Lock()
				split, err, ok := next()
				mu.Unlock()
				if err != nil {
					return err
				}
				if !ok {
					break
				}
				if err := split.Read(gctx, mine); err != nil {
					return err
				}
			}
			mu.Lock()
			defer mu.Unlock()
			for i, m := range mine {
				out[i].merge(m)
			}
			return context.Cause(gctx)
		})
	}
	err := g.Wait()
	stop()
	return out, errors.Join(err, all.Close())
}

// guesses are an Out that narrows the types of columns of text.
type guesses []*guess

func newGuesses(n int) guesses {
	g := make(guesses, n)
	for i := range g {
		g[i] = newGuess()
	}
	return g
}

// Batch implements sources.Out.
func (g guesses) Batch(b batch.Batch) error {
	defer b.Release()
	for i, col := range b.Record.Columns() {
		text := col.(*array.String)
		for r := range text.Len() {
			if text.IsValid(r) {
				g[i].add([]byte(text.Value(r)))
			}
		}
	}
	return nil
}

// BadRow implements sources.Out.
func (g guesses) BadRow(batch.BadRow) error { return nil }
