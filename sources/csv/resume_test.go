package csv

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/firn-data/firn/internal/event"
	"github.com/firn-data/firn/internal/fault"
)

// shaky is an object whose streams break: each gives a number of bytes and then an error.
type shaky struct {
	text   string
	gives  []int // bytes of each stream
	err    error
	opened []int64
	refuse error // of opening from the second time on
}

func (s *shaky) Size() int64                           { return int64(len(s.text)) }
func (s *shaky) Close() error                          { return nil }
func (s *shaky) ReadAt(p []byte, o int64) (int, error) { return copy(p, s.text[o:]), nil }

func (s *shaky) Reader(_ context.Context, offset, _ int64) (io.ReadCloser, error) {
	s.opened = append(s.opened, offset)
	if len(s.opened) > 1 && s.refuse != nil {
		return nil, s.refuse
	}
	if len(s.gives) == 0 {
		return io.NopCloser(strings.NewReader(s.text[offset:])), nil
	}
	n := s.gives[0]
	s.gives = s.gives[1:]
	return io.NopCloser(io.MultiReader(strings.NewReader(s.text[offset:offset+int64(n)]), iotest.ErrReader(s.err))), nil
}

// TestAReaderGoesOnWhereItsStreamBroke breaks streams at several places and in several ways.
func TestAReaderGoesOnWhereItsStreamBroke(t *testing.T) {
	broken := errors.New("connection reset by peer")
	for name, c := range map[string]struct {
		object *shaky
		want   fault.Class // of the error; Bug: none
		opened []int64
	}{
		"twice":            {&shaky{text: "0123456789", gives: []int{3, 4}, err: broken}, fault.Bug, []int64{0, 3, 7}},
		"an early end":     {&shaky{text: "0123456789", gives: []int{3}, err: io.EOF}, fault.Bug, []int64{0, 3}},
		"throttling":       {&shaky{text: "0123456789", gives: []int{0, 1}, err: fault.New(fault.Retry, "slow down")}, fault.Bug, []int64{0, 0, 1}},
		"for ever":         {&shaky{text: "0123456789", gives: make([]int, 50), err: broken}, fault.Unavailable, make([]int64, 6)},
		"never further":    {&shaky{text: "0123456789", gives: append([]int{5}, make([]int, 50)...), err: io.ErrUnexpectedEOF}, fault.Unavailable, []int64{0, 5, 5, 5, 5, 5}},
		"no permission":    {&shaky{text: "0123456789", gives: []int{3}, err: fault.New(fault.Permission, "no")}, fault.Permission, []int64{0}},
		"a changed object": {&shaky{text: "0123456789", gives: []int{3}, err: broken, refuse: fault.New(fault.Data, "changed")}, fault.Data, []int64{0, 3}},
		"an empty object":  {&shaky{}, fault.Bug, nil},
	} {
		retries := 0
		r := &resuming{ctx: context.Background(), object: c.object, name: "o", wait: time.Microsecond, events: &event.Events{Retry: func(string, int, error, time.Duration) { retries++ }}}
		got, err := io.ReadAll(r)
		if c.want == fault.Bug && (err != nil || string(got) != c.object.text) || c.want != fault.Bug && !fault.Is(err, c.want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if !slices.Equal(c.object.opened, c.opened) || retries > len(c.opened) {
			t.Errorf("%s: opened at %v, want %v; %d retries", name, c.object.opened, c.opened, retries)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	grown := &shaky{text: "0123456789"}
	r := &resuming{ctx: context.Background(), object: cutShort{grown}, name: "o"}
	if got, err := io.ReadAll(r); err != nil || string(got) != "01234" {
		t.Errorf("an object that grew: %q, %v", got, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r = &resuming{ctx: ctx, object: &shaky{text: "01", gives: make([]int, 9), err: broken}, wait: time.Hour, events: &event.Events{Retry: func(string, int, error, time.Duration) { cancel() }}}
	if _, err := io.ReadAll(r); !fault.Is(err, fault.Interrupted) {
		t.Errorf("canceled: %v", err)
	}
}

// cutShort is an object that was shorter when it was opened.
type cutShort struct{ *shaky }

func (cutShort) Size() int64 { return 5 }
