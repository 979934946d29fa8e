package sourcetest

import (
	"context"
	"errors"
	"iter"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/firn-data/firn/internal/jsonarrow"
	"github.com/firn-data/firn/sources"
)

// collector is an Out that keeps what it gets.
type collector struct {
	t *testing.T

	mu      sync.Mutex
	schema  *arrow.Schema // of every batch
	rows    []string
	sizes   []int
	places  []string
	splits  []string
	badRows []sources.BadRow
}

func (c *collector) Batch(b sources.Batch) error {
	defer b.Release()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.schema == nil {
		c.schema = b.Record.Schema()
	} else if !c.schema.Equal(b.Record.Schema()) {
		c.t.Errorf("a batch has another schema than the one before: %s, %s", b.Record.Schema(), c.schema)
	}
	c.sizes = append(c.sizes, b.Rows())
	for i := range b.Rows() {
		c.rows = append(c.rows, string(jsonarrow.AppendRow(nil, b.Record, i)))
		p := b.Origin.Place(i)
		if p.Row < 1 || p.File == "" && p.Split == "" {
			c.t.Errorf("row %d of a batch has no place: %+v", i, p)
		}
		c.places = append(c.places, p.String())
	}
	return nil
}

func (c *collector) BadRow(r sources.BadRow) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.badRows = append(c.badRows, r)
	return nil
}

func (c *collector) began(s sources.Split) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.splits = append(c.splits, s.ID())
}

// refuser is an Out that gives an error from its first batch on.
type refuser struct {
	err   error
	after func()
}

func (r refuser) Batch(b sources.Batch) error {
	b.Release()
	if r.after != nil {
		r.after()
	}
	return r.err
}

func (r refuser) BadRow(sources.BadRow) error { return r.err }

// pull reads all splits of a request with several workers: they take turns at the iterator, and read side by side.
func pull(ctx context.Context, src sources.Source, r sources.Request, workers int, out sources.Out) error {
	next, stop := iter.Pull2(src.Splits(ctx, r))
	defer stop()
	var mu sync.Mutex
	var wg sync.WaitGroup
	errs := make([]error, workers)
	for w := range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for errs[w] == nil {
				mu.Lock()
				s, err, ok := next()
				mu.Unlock()
				if !ok {
					return
				}
				if errs[w] = err; err == nil {
					if c, ok := out.(*collector); ok {
						c.began(s)
					}
					errs[w] = s.Read(ctx, out)
				}
			}
		}()
	}
	wg.Wait()
	return errors.Join(errs...)
}
