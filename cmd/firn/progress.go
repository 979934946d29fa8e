package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firn-data/firn/etl"
)

// progress tells on standard error how a run goes: one line that is redrawn on a terminal, else one log line every 10 s.
type progress struct {
	w        io.Writer
	terminal bool
	log      *slog.Logger
	start    time.Time

	rows, bytes, written, bad atomic.Int64
	stage                     atomic.Value
	done                      chan struct{}
	once                      sync.Once
	wg                        sync.WaitGroup
}

func newProgress(w io.Writer) *progress {
	p := &progress{w: w, log: slog.New(slog.NewTextHandler(w, nil)), start: time.Now(), done: make(chan struct{})}
	p.stage.Store("plan")
	every := 10 * time.Second
	if f, ok := w.(*os.File); ok {
		if st, err := f.Stat(); err == nil && st.Mode()&os.ModeCharDevice != 0 {
			p.terminal, every = true, 200*time.Millisecond
		}
	}
	p.wg.Add(1)
	go func() {
		defer p.wg.Done()
		t := time.NewTicker(every)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				p.draw()
			case <-p.done:
				return
			}
		}
	}()
	return p
}

func (p *progress) draw() {
	took := time.Since(p.start)
	if p.terminal {
		fmt.Fprintf(p.w, "\r\x1b[K%s: %d rows, %s read, %s, %d bad rows", p.stage.Load(), p.rows.Load(), size(p.bytes.Load()), took.Round(100*time.Millisecond), p.bad.Load())
		return
	}
	p.log.Info("progress", "stage", p.stage.Load(), "rows_read", p.rows.Load(), "bytes_read", p.bytes.Load(), "rows_written", p.written.Load(), "bad_rows", p.bad.Load(), "seconds", took.Round(time.Second).Seconds())
}

// stop ends the telling and clears the line.
func (p *progress) stop() {
	p.once.Do(func() {
		close(p.done)
		p.wg.Wait()
		if p.terminal {
			fmt.Fprint(p.w, "\r\x1b[K")
		}
	})
}

func (p *progress) events() *etl.Events {
	return &etl.Events{
		Stage:   func(name string) { p.stage.Store(name) },
		Read:    func(_ string, rows, bytes int64) { p.rows.Add(rows); p.bytes.Add(bytes) },
		Written: func(rows, _ int64) { p.written.Add(rows) },
		BadRow:  func(_ string, rows int64) { p.bad.Add(rows) },
		Retry: func(call string, attempt int, err error, wait time.Duration) {
			p.log.Warn("retry", "call", call, "attempt", attempt, "error", err, "wait", wait)
		},
		Warn: func(msg string) { p.log.Warn(msg) },
	}
}
