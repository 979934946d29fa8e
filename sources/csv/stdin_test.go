package csv

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/sources"
	"github.com/firn-data/firn/storage"
	"github.com/firn-data/firn/storage/local"
)

// TestStandardInputIsReadOnce reads more than the sample from an input that cannot be rewound, plain and compressed.
func TestStandardInputIsReadOnce(t *testing.T) {
	text := lineitem(12_000) // about 1.5 MiB
	for name, in := range map[string]io.Reader{"plain": strings.NewReader(text), "in small pieces": iotest.HalfReader(strings.NewReader(text)), "gzip": bytes.NewReader(compress(t, false, text))} {
		s := open(t, memory.NewGoAllocator(), Config{Path: []string{"-"}}, func(e *sources.Env) { e.Stdin = in })
		streams, err := s.Streams(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		size, err := s.Size(context.Background(), sources.Request{})
		if streams[0].Name != "stdin" || size != -1 || err != nil {
			t.Errorf("%s: stream %s, size %d, %v", name, streams[0].Name, size, err)
		}
		out := &discard{}
		for sp, err := range s.Splits(context.Background(), sources.Request{}) {
			if err != nil {
				t.Fatal(err)
			}
			if err := sp.Read(context.Background(), out); err != nil {
				t.Fatal(err)
			}
		}
		if out.rows.Load() != 12_000 || out.bad.Load() != 0 {
			t.Errorf("%s: %d rows, %d bad", name, out.rows.Load(), out.bad.Load())
		}
		if _, err := readAll(s); !fault.Is(err, fault.Config) {
			t.Errorf("%s: read once more: %v", name, err)
		}
	}
	if _, err := open(t, memory.NewGoAllocator(), Config{Path: []string{"-"}}, nil).Streams(context.Background()); !fault.Is(err, fault.Config) {
		t.Errorf("without an input: %v", err)
	}
}

func TestFilesAreInTheStoreThatTheJobNames(t *testing.T) {
	var asked []string
	s := open(t, memory.NewGoAllocator(), Config{Path: []string{write(t, "in.csv", "a\n1\n")}, Store: "other"}, func(e *sources.Env) {
		e.Stores = func(name, _ string) (storage.Store, error) {
			asked = append(asked, name)
			return local.New(), nil
		}
	})
	if out := read(t, s, 1); len(out.rows) != 1 || len(asked) == 0 || strings.Trim(strings.Join(asked, ""), "other") != "" {
		t.Errorf("rows %q, stores %q", out.rows, asked)
	}
	if a, b := (&Config{Path: []string{"x"}}).Fingerprint(), (&Config{Path: []string{"x"}, Store: "other"}).Fingerprint(); a["store"] == b["store"] {
		t.Errorf("fingerprints %v and %v", a, b)
	}
}
