package stacktest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// Proxy is a TCP proxy before one server, which breaks connections on request. It is for one goroutine.
type Proxy struct {
	Addr string // host:port to connect to

	t   testing.TB
	url string
}

// NewProxy makes a proxy before upstream, a host:port or a URL whose host:port is meant; it goes away when the test ends.
func NewProxy(t testing.TB, upstream string) *Proxy {
	t.Helper()
	if u, err := url.Parse(upstream); err == nil && u.Host != "" {
		upstream = u.Host
	}
	p := &Proxy{t: t, url: Env(t).ToxiproxyURL + "/proxies"}
	name := Name(t)
	var made struct{ Listen string }
	p.call(http.MethodPost, "", map[string]any{"name": name, "upstream": upstream, "listen": "127.0.0.1:0", "enabled": true}, &made)
	p.Addr = made.Listen
	p.url += "/" + name
	t.Cleanup(func() { p.call(http.MethodDelete, "", nil, nil) })
	return p
}

// Enable lets connections through, or closes all and refuses new ones.
func (p *Proxy) Enable(on bool) {
	p.t.Helper()
	p.call(http.MethodPost, "", map[string]any{"enabled": on}, nil)
}

// Toxic adds a fault to both new and open connections. Stream is "upstream" (requests) or "downstream" (answers); kind and attributes are
// toxiproxy's: latency {latency, jitter ms}, timeout {timeout ms; 0 holds all back for good}, reset_peer {timeout ms},
// limit_data {bytes}, bandwidth {rate KB/s}, slow_close {delay ms}. It returns what removes the fault.
func (p *Proxy) Toxic(stream, kind string, attributes map[string]any) (remove func()) {
	p.t.Helper()
	name := kind + "_" + randomHex(4)
	p.call(http.MethodPost, "/toxics", map[string]any{"name": name, "type": kind, "stream": stream, "attributes": attributes}, nil)
	return func() { p.t.Helper(); p.call(http.MethodDelete, "/toxics/"+name, nil, nil) }
}

func (p *Proxy) call(method, path string, body, into any) {
	p.t.Helper()
	content := []byte{}
	if body != nil {
		content, _ = json.Marshal(body)
	}
	request, err := http.NewRequest(method, p.url+path, bytes.NewReader(content))
	if err != nil {
		p.t.Fatal(err)
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatalf("ask toxiproxy (is it up? `make stack-status`): %v", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode >= 300 {
		p.t.Fatalf("toxiproxy: %s %s: %s: %s", method, path, response.Status, strings.TrimSpace(string(answer)))
	}
	if into != nil {
		if err := json.Unmarshal(answer, into); err != nil {
			p.t.Fatal(err)
		}
	}
}
