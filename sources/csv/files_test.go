package csv

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/firn-data/firn/internal/fault"
	"github.com/firn-data/firn/sources"
)

// readAll reads with one worker and gives the error that ends it.
func readAll(s *source) (*collect, error) {
	out := &collect{}
	for sp, err := range s.Splits(context.Background(), sources.Request{}) {
		if err != nil {
			return out, err
		}
		if err := sp.Read(context.Background(), out); err != nil {
			return out, err
		}
	}
	return out, nil
}

func compress(t *testing.T, zst bool, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	if zst {
		z, err := zstd.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		z.Write([]byte(text))
		z.Close()
		return b.Bytes()
	}
	z := gzip.NewWriter(&b)
	z.Write([]byte(text))
	z.Close()
	return b.Bytes()
}

// TestATruncatedFileFails cuts compressed files short: rows that were lost must not go unnoticed (I3).
func TestATruncatedFileFails(t *testing.T) {
	text := "a,b\n" + strings.Repeat("1,x\n", 50_000)
	for name, body := range map[string][]byte{"x.csv.gz": compress(t, false, text), "x.csv.zst": compress(t, true, text)} {
		for _, left := range []int{len(body) - 1, len(body) - 9, len(body) / 2} {
			s := open(t, memory.NewGoAllocator(), Config{Path: []string{write(t, name, string(body[:left]))}}, nil)
			if _, err := readAll(s); !fault.Is(err, fault.Data) {
				t.Errorf("%s cut to %d of %d bytes: %v", name, left, len(body), err)
			}
		}
	}
}

// TestCompressionIsSeenInTheBytes reads members behind each other, and compressed files whose names do not say so.
func TestCompressionIsSeenInTheBytes(t *testing.T) {
	for _, zst := range []bool{false, true} {
		body := append(compress(t, zst, "a,b\n1,x\n"), compress(t, zst, "2,y\n")...)
		s := open(t, memory.NewGoAllocator(), Config{Path: []string{write(t, "plain.csv", string(body))}}, nil)
		if out, err := readAll(s); err != nil || strings.Join(out.rows, "|") != `0001 2: "1" "x"|0002 3: "2" "y"` {
			t.Errorf("zstd %v: %v, %v", zst, out.rows, err)
		}
	}
}

// TestColumnsAreFoundByNameInEachFile reads files whose headers are in another order, and refuses those with other columns.
func TestColumnsAreFoundByNameInEachFile(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("0.csv", "")
	put("1.csv", "id,total\n1,1.5\n")
	put("2.csv", "# late\n\nTOTAL,Id\n2.5,2\nx,3\n")
	put("3.csv", "")
	cfg := Config{Path: []string{dir + "/*.csv"}, Comment: "#", OnBadRow: "quarantine"}
	out, err := readAll(open(t, memory.NewGoAllocator(), cfg, nil))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`0001 2: "1" "1.5"`, `0001 4: "2" "2.5"`}
	if !slices.Equal(out.rows, want) || len(out.bad) != 1 || !strings.HasPrefix(out.bad[0], `0002 5:1 total "x" is not decimal(18,1)`) {
		t.Errorf("rows %q, bad %q", out.rows, out.bad)
	}
	for name, text := range map[string]string{"a column less": "id\n1\n", "a column more": "id,total,tax\n1,2,3\n", "another column": "id,tax\n1,2\n", "an unreadable header": "id,\"total\n1,2\n"} {
		put("4.csv", text)
		if _, err := readAll(open(t, memory.NewGoAllocator(), cfg, nil)); !fault.Is(err, fault.Data) || fault.PlaceOf(err).File != dir+"/4.csv" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestHeadersBehindCommentsAndBlankLines cuts such a file everywhere.
func TestHeadersBehindCommentsAndBlankLines(t *testing.T) {
	text := "\n# one \"quote\n\r\n# two\na,b\n#,\"\n1,\"x\n#y\"\n"
	cfg := Config{Path: []string{write(t, "in.csv", text)}, Comment: "#", Delimiter: ptr(",")}
	for size := 1; size <= len(text); size++ {
		s := way(t, memory.NewGoAllocator(), cfg, "masks", size)
		if out := read(t, s, 2); strings.Join(out.rows, "|") != `0002 7: "1" "x\n#y"` || len(out.bad) > 0 {
			t.Fatalf("chunks of %d bytes: %q, bad %q", size, out.rows, out.bad)
		}
	}
}

func TestLongSkippedLinesAreOneLine(t *testing.T) {
	text := strings.Repeat("x", 600<<10) + "\nsecond\na,b\n1,z\n"
	s := open(t, memory.NewGoAllocator(), Config{Path: []string{write(t, "in.csv", text)}, SkipLines: 2}, nil)
	if out, err := readAll(s); err != nil || strings.Join(out.rows, "|") != `0001 4: "1" "z"` {
		t.Errorf("%q, %v", out.rows, err)
	}
}

func TestACursorIsRefused(t *testing.T) {
	cfg := Config{Path: []string{"x.csv"}}
	_, err := cfg.Open(context.Background(), sources.Env{Cursor: &sources.Cursor{Column: "a"}})
	if !fault.Is(err, fault.Config) || fault.HintOf(err) == "" {
		t.Errorf("a cursor on files: %v", err)
	}
}
