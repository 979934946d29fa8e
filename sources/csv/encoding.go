package csv

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// encodings are the names of encodings, without case; each has its own way to UTF-8.
var encodings = map[string]func(io.Reader) io.Reader{
	"utf-8":        nil,
	"utf8":         nil,
	"utf-16":       utf16Reader(binary.LittleEndian),
	"utf-16le":     utf16Reader(binary.LittleEndian),
	"utf-16be":     utf16Reader(binary.BigEndian),
	"latin1":       bytesReader(&latin1),
	"iso-8859-1":   bytesReader(&latin1),
	"windows-1252": bytesReader(&windows1252),
	"cp1252":       bytesReader(&windows1252),
}

func checkEncoding(name string) error {
	if _, ok := encodings[strings.ToLower(name)]; !ok && name != "" {
		return fmt.Errorf("%q is not one of utf-8, utf-16, utf-16le, utf-16be, latin1, windows-1252", name)
	}
	return nil
}

// notText stands for what the encoding does not know: a byte that is never in UTF-8, so that the cell is refused in its place.
const notText = 0xFF

// decode puts the way to UTF-8 onto a text. A byte order mark decides, whatever the job says, and is taken away.
func decode(br *bufio.Reader, encoding string) io.Reader {
	head, _ := br.Peek(3)
	switch {
	case bytes.HasPrefix(head, []byte{0xEF, 0xBB, 0xBF}):
		br.Discard(3)
		return br
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE}):
		br.Discard(2)
		return encodings["utf-16le"](br)
	case bytes.HasPrefix(head, []byte{0xFE, 0xFF}):
		br.Discard(2)
		return encodings["utf-16be"](br)
	}
	if f := encodings[strings.ToLower(encoding)]; f != nil {
		return f(br)
	}
	return br
}

// converter reads units of an encoding and gives them on as UTF-8.
type converter struct {
	r    io.Reader
	in   []byte // read and not converted
	buf  [32 << 10]byte
	out  []byte // converted and not given on
	err  error
	next func(dst, in []byte, last bool) (out, rest []byte)
}

func (c *converter) Read(p []byte) (int, error) {
	for len(c.out) == 0 {
		if c.err != nil {
			return 0, c.err
		}
		n := copy(c.buf[:], c.in)
		var m int
		m, c.err = c.r.Read(c.buf[n:])
		c.out, c.in = c.next(c.out[:0], c.buf[:n+m], c.err == io.EOF)
	}
	n := copy(p, c.out)
	c.out = c.out[n:]
	return n, nil
}

// bytesReader converts an encoding of one byte for each character.
func bytesReader(table *[256]rune) func(io.Reader) io.Reader {
	return func(r io.Reader) io.Reader {
		return &converter{r: r, next: func(dst, in []byte, _ bool) (out, rest []byte) {
			for _, c := range in {
				switch r := table[c]; {
				case c < 0x80:
					dst = append(dst, c)
				case r < 0:
					dst = append(dst, notText)
				default:
					dst = utf8.AppendRune(dst, r)
				}
			}
			return dst, nil
		}}
	}
}

// utf16Reader converts UTF-16. Half a pair of surrogates, and half a unit at the end, are no text.
func utf16Reader(order binary.ByteOrder) func(io.Reader) io.Reader {
	return func(r io.Reader) io.Reader {
		return &converter{r: r, next: func(dst, in []byte, last bool) (out, rest []byte) {
			for len(in) >= 2 {
				r := rune(order.Uint16(in))
				switch {
				case !utf16.IsSurrogate(r):
					dst, in = utf8.AppendRune(dst, r), in[2:]
					continue
				case len(in) < 4 && !last:
					return dst, in
				case len(in) >= 4:
					if r = utf16.DecodeRune(r, rune(order.Uint16(in[2:]))); r != utf8.RuneError {
						dst, in = utf8.AppendRune(dst, r), in[4:]
						continue
					}
				}
				dst, in = append(dst, notText), in[2:]
			}
			if last && len(in) > 0 {
				dst, in = append(dst, notText), nil
			}
			return dst, in
		}}
	}
}

var latin1 = func() (t [256]rune) {
	for i := range t {
		t[i] = rune(i)
	}
	return t
}()

// windows1252 is Latin-1 but for 0x80 to 0x9F; five of these are not assigned (WHATWG's table gives them control characters, which
// would hide a wrong encoding).
var windows1252 = func() [256]rune {
	t := latin1
	copy(t[0x80:], []rune{
		'€', -1, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', -1, 'Ž', -1,
		-1, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', -1, 'ž', 'Ÿ',
	})
	return t
}()
