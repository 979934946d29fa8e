//go:build server

package hive

import (
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
)

// action is what a wire does with a call.
type action int32

const (
	pass    action = iota
	drop           // the connection is cut before the request reaches the server
	swallow        // the server gets the request, and the connection is cut before its answer comes back
)

// wire is a proxy before a metastore that knows which call it carries.
type wire struct {
	uri  string
	hook atomic.Pointer[func(method string) action]

	mu   sync.Mutex
	seen map[string]int
}

// newWire makes a wire before a metastore.
func newWire(t *testing.T, uri string) *wire {
	t.Helper()
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{uri: "thrift://" + l.Addr().String(), seen: map[string]int{}}
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { w.carry(client, u.Host) })
		}
	})
	return w
}

// on sets what is asked about every call; nil lets all pass.
func (w *wire) on(hook func(method string) action) {
	if hook == nil {
		w.hook.Store(nil)
		return
	}
	w.hook.Store(&hook)
}

// once does something with the first call of a method from now on. It reports how many calls of it there were.
func (w *wire) once(method string, do action) (count func() int) {
	var n atomic.Int32
	w.on(func(m string) action {
		if m == method && n.Add(1) == 1 {
			return do
		}
		return pass
	})
	return func() int { return int(n.Load()) }
}

// calls is how often a method was called.
func (w *wire) calls(method string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen[method]
}

// carry moves bytes. Calls on a connection do not overlap: a request begins with the first bytes after an answer.
func (w *wire) carry(client net.Conn, upstream string) {
	defer client.Close()
	server, err := net.Dial("tcp", upstream)
	if err != nil {
		return
	}
	defer server.Close()
	var fresh atomic.Bool
	var do atomic.Int32
	fresh.Store(true)
	down := make(chan struct{})
	go func() {
		defer close(down)
		defer client.Close()
		b := make([]byte, 64<<10)
		for {
			n, err := server.Read(b)
			if err != nil || action(do.Load()) == swallow {
				return
			}
			fresh.Store(true)
			if _, err := client.Write(b[:n]); err != nil {
				return
			}
		}
	}()
	b := make([]byte, 64<<10)
	for {
		n, err := client.Read(b)
		if err != nil {
			break
		}
		if fresh.Swap(false) {
			do.Store(int32(w.ask(method(b[:n]))))
		}
		if action(do.Load()) == drop {
			break
		}
		if _, err := server.Write(b[:n]); err != nil {
			break
		}
	}
	if action(do.Load()) == swallow {
		<-down // the server has got the request and will answer
		return
	}
	server.Close()
	client.Close()
	<-down
}

func (w *wire) ask(method string) action {
	w.mu.Lock()
	w.seen[method]++
	w.mu.Unlock()
	if hook := w.hook.Load(); hook != nil {
		return (*hook)(method)
	}
	return pass
}

// method reads the name of a call in Thrift's strict binary protocol: version and type, length, name.
func method(b []byte) string {
	if len(b) < 8 || uint32(len(b)) < 8+binary.BigEndian.Uint32(b[4:]) {
		return io.ErrUnexpectedEOF.Error()
	}
	return string(b[8 : 8+binary.BigEndian.Uint32(b[4:])])
}
