package csv

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/firn-data/firn/internal/fault"
)

func encode16(order binary.AppendByteOrder, text string) (out string) {
	var b []byte
	for _, u := range utf16.Encode([]rune(text)) {
		b = order.AppendUint16(b, u)
	}
	return string(b)
}

// TestEncodingsBecomeUTF8 reads one table in every encoding, with and without byte order mark.
func TestEncodingsBecomeUTF8(t *testing.T) {
	text := "näme,b\nJosé,1\n\"Zoë\n\",2\n"
	bytes1 := strings.NewReplacer("ä", "\xe4", "é", "\xe9", "ë", "\xeb")
	want := `0001 2: "José" "1"|0002 3: "Zoë\n" "2"`
	for name, c := range map[string]struct{ encoding, text string }{
		"utf-8":                     {"utf-8", text},
		"utf-8 with a mark":         {"", "\ufeff" + text},
		"a mark against the job":    {"latin1", "\ufeff" + text},
		"utf-16le by its mark":      {"utf-8", encode16(binary.LittleEndian, "\ufeff"+text)},
		"utf-16be by its mark":      {"", encode16(binary.BigEndian, "\ufeff"+text)},
		"utf-16le":                  {"UTF-16LE", encode16(binary.LittleEndian, text)},
		"utf-16be":                  {"utf-16be", encode16(binary.BigEndian, text)},
		"utf-16":                    {"utf-16", encode16(binary.LittleEndian, text)},
		"latin1":                    {"latin1", bytes1.Replace(text)},
		"iso-8859-1":                {"ISO-8859-1", bytes1.Replace(text)},
		"windows-1252":              {"windows-1252", bytes1.Replace(text)},
		"utf-16 in gzip, by a mark": {"", string(compress(t, false, encode16(binary.LittleEndian, "\ufeff"+text)))},
	} {
		s := open(t, memory.NewGoAllocator(), Config{Path: []string{write(t, "in.csv", c.text)}, Encoding: c.encoding, Header: ptr(true)}, nil)
		got := read(t, s, 1)
		if strings.Join(got.rows, "|") != want || len(got.bad) > 0 || s.names()[0] != "näme" {
			t.Errorf("%s: names %q, rows %q, bad %q", name, s.names(), got.rows, got.bad)
		}
	}
}

// TestWhatAnEncodingDoesNotKnowIsABadRow keeps damage in its place and lets nothing be replaced (I4).
func TestWhatAnEncodingDoesNotKnowIsABadRow(t *testing.T) {
	lone := strings.ReplaceAll(encode16(binary.LittleEndian, "a,b\n1,x?y\n2,🧊\n"), "?\x00", "\x00\xd8")
	for name, c := range map[string]struct{ encoding, text string }{
		"half a pair":     {"utf-16le", lone},
		"half a unit":     {"utf-16le", encode16(binary.LittleEndian, "a,b\n2,🧊\n1,x") + "\x41"},
		"an unknown byte": {"windows-1252", "a,b\n1,x\x81\n2,\x80\n"},
		"another utf-8":   {"utf-8", "a,b\n1,\xe9\n2,é\n"},
	} {
		s := open(t, memory.NewGoAllocator(), Config{Path: []string{write(t, "in.csv", c.text)}, Encoding: c.encoding, OnBadRow: "quarantine", Header: ptr(true)}, nil)
		got := read(t, s, 1)
		if len(got.rows) != 1 || len(got.bad) != 1 || !strings.Contains(got.bad[0], ":3 b ") {
			t.Errorf("%s: rows %q, bad %q", name, got.rows, got.bad)
		}
	}
	cfg := Config{Path: []string{"x"}, Encoding: "ebcdic"}
	if err := cfg.Validate(); !fault.Is(err, fault.Config) || fault.PlaceOf(err).Path != "encoding" {
		t.Errorf("an unknown encoding: %v", err)
	}
}

// TestDecodingDoesNotDependOnReads gives the text byte by byte, and in one piece with its end.
func TestDecodingDoesNotDependOnReads(t *testing.T) {
	text := strings.Repeat("aé🧊\n", 20_000)
	raw := encode16(binary.BigEndian, text)
	for name, r := range map[string]io.Reader{"byte by byte": iotest.OneByteReader(strings.NewReader(raw)), "with its end": iotest.DataErrReader(strings.NewReader(raw)), "whole": bytes.NewReader([]byte(raw))} {
		got, err := io.ReadAll(encodings["utf-16be"](r))
		if err != nil || string(got) != text {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

func TestNamesThatAreNoTextAreRefused(t *testing.T) {
	for name, text := range map[string]string{"half a unit in UTF-16": "\xff\xfe,n\n1,2\n", "bytes": "\x00\x01\xff,b\n1,2\n"} {
		_, err := open(t, memory.NewGoAllocator(), Config{Path: []string{write(t, "in.csv", text)}, Header: ptr(true)}, nil).Streams(context.Background())
		if !fault.Is(err, fault.Data) || !strings.Contains(err.Error(), "is no text") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAHeaderAloneHasNoRows(t *testing.T) {
	for _, text := range []string{"a", "a\n", "a\r\n", "a,b", "\"a\"", "# x\na"} {
		s := open(t, memory.NewGoAllocator(), Config{Path: []string{write(t, "in.csv", text)}, Header: ptr(true), Delimiter: ptr(","), Comment: "#"}, nil)
		if out := read(t, s, 2); len(out.rows)+len(out.bad) > 0 {
			t.Errorf("%q: rows %v, bad %v", text, out.rows, out.bad)
		}
		s = open(t, memory.NewGoAllocator(), Config{Path: []string{write(t, "in.csv", strings.TrimPrefix(text, "# x\n"))}, Header: ptr(true), Delimiter: ptr(",")}, nil)
		if out := read(t, s, 2); len(out.rows)+len(out.bad) > 0 {
			t.Errorf("without comments, %q: rows %v, bad %v", text, out.rows, out.bad)
		}
	}
}
