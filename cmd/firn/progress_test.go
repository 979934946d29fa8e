package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestTheLiveLineTellsRateAndWhatIsLeft(t *testing.T) {
	p := &progress{}
	p.stage.Store("read")
	p.rows.Store(1)
	p.bytes.Store(1 << 20)
	if got := p.line(100 * time.Millisecond); got != "read: 1 row, 1.0 MiB" {
		t.Errorf("at first: %s", got)
	}
	p.rows.Store(2000)
	p.total.Store(4 << 20)
	p.bad.Store(1)
	if got := p.line(2 * time.Second); got != "read: 2000 rows, 1.0 MiB of 4.0 MiB, 1000 rows/s, 512.0 KiB/s, 6s left, 1 bad row" {
		t.Errorf("later: %s", got)
	}
	p.bytes.Store(5 << 20) // an estimate may be too low
	if got := p.line(2 * time.Second); strings.Contains(got, "left") {
		t.Errorf("past the estimate: %s", got)
	}
}

func TestWithoutATerminalProgressIsLogLines(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, slog.New(slog.NewJSONHandler(&out, nil)))
	e := p.events()
	e.Read("input", 7, 100)
	e.Written(6, 50)
	e.BadRow("read", 1)
	e.Stage("commit")
	p.tell()
	e.Retry("s3 put", 2, errors.New("slow down"), time.Second)
	p.stop()
	p.stop() // more than once is fine
	var lines []map[string]any
	for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		lines = append(lines, v)
	}
	if len(lines) != 2 || lines[0]["msg"] != "progress" || lines[0]["stage"] != "commit" || lines[0]["rows_read"] != 7.0 || lines[0]["bytes_read"] != 100.0 || lines[0]["rows_written"] != 6.0 || lines[0]["bad_rows"] != 1.0 {
		t.Errorf("progress %v", lines)
	}
	if len(lines) == 2 && (lines[1]["msg"] != "retry" || lines[1]["call"] != "s3 put" || lines[1]["error"] != "slow down") {
		t.Errorf("retry %v", lines[1])
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Errorf("escapes without a terminal: %q", out.String())
	}
}
