package main

import (
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firn-data/firn/etl"
	"github.com/firn-data/firn/etl/plan"
)

const (
	redrawEvery = 200 * time.Millisecond // on a terminal
	logEvery    = 10 * time.Second
)

// progress tells on standard error how a run goes: one line that is redrawn on a terminal, else one log line every 10 s.
type progress struct {
	w        io.Writer
	terminal bool
	log      *slog.Logger
	start    time.Time

	total                     atomic.Int64 // bytes to read; 0: unknown
	rows, bytes, written, bad atomic.Int64
	stage                     atomic.Value
	mu                        sync.Mutex // guards w, where a log line and the live line could meet
	done                      chan struct{}
	once                      sync.Once
	wg                        sync.WaitGroup
}

func newProgress(w io.Writer, log *slog.Logger) *progress {
	p := &progress{w: w, terminal: isTerminal(w), log: log, start: time.Now(), done: make(chan struct{})}
	p.stage.Store("plan")
	every := logEvery
	if p.terminal {
		every = redrawEvery
	}
	p.wg.Add(1)
	go func() {
		defer p.wg.Done()
		t := time.NewTicker(every)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				p.tell()
			case <-p.done:
				return
			}
		}
	}()
	return p
}

// expect sets what there is to read, where every source knows.
func (p *progress) expect(pl *plan.Plan) {
	total := int64(0)
	for _, in := range pl.Inputs {
		if in.Bytes < 0 {
			return
		}
		total += in.Bytes
	}
	p.total.Store(total)
}

func (p *progress) tell() {
	took := time.Since(p.start)
	if p.terminal {
		p.mu.Lock()
		defer p.mu.Unlock()
		fmt.Fprint(p.w, "\r\x1b[K"+p.line(took))
		return
	}
	p.log.Info("progress", "stage", p.stage.Load(), "rows_read", p.rows.Load(), "bytes_read", p.bytes.Load(), "bytes_total", p.total.Load(),
		"rows_written", p.written.Load(), "bad_rows", p.bad.Load(), "seconds", took.Round(time.Second).Seconds())
}

// line is the live line: rows, bytes, rate and, where the size is known, what is left.
func (p *progress) line(took time.Duration) string {
	rows, bytes, total := p.rows.Load(), p.bytes.Load(), p.total.Load()
	s := fmt.Sprintf("%s: %s", p.stage.Load(), count(rows, "row"))
	if total > 0 {
		s += fmt.Sprintf(", %s of %s", size(bytes), size(total))
	} else {
		s += fmt.Sprintf(", %s", size(bytes))
	}
	if sec := took.Seconds(); sec >= 1 {
		s += fmt.Sprintf(", %.0f rows/s, %s/s", float64(rows)/sec, size(int64(float64(bytes)/sec)))
	}
	if bytes > 0 && total > bytes && took >= time.Second {
		left := time.Duration(float64(took) * float64(total-bytes) / float64(bytes))
		s += ", " + left.Round(time.Second).String() + " left"
	}
	if n := p.bad.Load(); n > 0 {
		s += ", " + count(n, "bad row")
	}
	return s
}

// stop ends the telling and clears the line.
func (p *progress) stop() {
	p.once.Do(func() {
		close(p.done)
		p.wg.Wait()
		p.clear(func() {})
	})
}

// clear takes the live line away, so that something else can be printed.
func (p *progress) clear(then func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminal {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
	then()
}

func (p *progress) events() *etl.Events {
	return &etl.Events{
		Stage:   func(name string) { p.stage.Store(name) },
		Read:    func(_ string, rows, bytes int64) { p.rows.Add(rows); p.bytes.Add(bytes) },
		Written: func(rows, _ int64) { p.written.Add(rows) },
		BadRow:  func(_ string, rows int64) { p.bad.Add(rows) },
		Retry: func(call string, attempt int, err error, wait time.Duration) {
			p.clear(func() { p.log.Warn("retry", "call", call, "attempt", attempt, "error", err, "wait", wait) })
		},
		Warn: func(msg string) { p.clear(func() { p.log.Warn(msg) }) },
	}
}
