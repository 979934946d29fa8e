package hive

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"

	"github.com/apache/thrift/lib/go/thrift"

	"github.com/firn-data/firn/internal/fault"
)

// maxMessage bounds what a server may send at once.
const maxMessage = 256 << 20

// incompatibleChanges is the server's setting that refuses ordinary schema evolution.
const incompatibleChanges = "metastore.disallow.incompatible.col.type.changes"

// client keeps connections to one of several metastores. It is safe for concurrent use.
type client struct {
	addresses []string
	tls       *tls.Config // nil: plain
	connect   time.Duration
	call      time.Duration

	mu     sync.Mutex
	idle   []*connection
	open   map[*connection]struct{} // idle or in use
	keep   int
	good   int // index of the address that answered last
	closed bool
}

// errClosed is what a closed client says.
var errClosed = &transportError{"connect", false, net.ErrClosed}

// address is the host and port of thrift://host:port.
func address(uri string) (string, error) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "thrift" || u.Hostname() == "" || u.User != nil {
		return "", fault.New(fault.Config, "that is not a metastore: write thrift://host:9083").At(fault.Place{Path: "catalog.uris"})
	}
	port := u.Port()
	if port == "" {
		port = "9083"
	}
	return net.JoinHostPort(u.Hostname(), port), nil
}

// connection is one connection, used by one caller at a time. Once broken it is closed and never used again.
type connection struct {
	client *client
	net    net.Conn
	proto  *thrift.TBinaryProtocol
	seq    int32
	broken bool
}

// transportError is a call without an answer. sent says that the server may have got the request.
type transportError struct {
	method string
	sent   bool
	err    error
}

func (e *transportError) Error() string { return e.method + ": " + e.err.Error() }
func (e *transportError) Unwrap() error { return e.err }

// exception is a server's refusal.
type exception struct {
	kind    string // MetaException, NoSuchObjectException …
	message string
}

func (e *exception) Error() string { return e.kind + ": " + e.message }

// refused reports whether the server answered with one of the kinds.
func refused(err error, kinds ...string) bool {
	e, ok := errors.AsType[*exception](err)
	if !ok {
		return false
	}
	for _, k := range kinds {
		if e.kind == k {
			return true
		}
	}
	return len(kinds) == 0
}

// get takes an idle connection or makes one.
func (c *client) get(ctx context.Context) (*connection, error) {
	c.mu.Lock()
	if n := len(c.idle); n > 0 {
		k := c.idle[n-1]
		c.idle = c.idle[:n-1]
		c.mu.Unlock()
		return k, nil
	}
	c.mu.Unlock()
	return c.dial(ctx)
}

// put gives a connection back.
func (c *client) put(k *connection) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k.broken || c.closed || len(c.idle) >= c.keep {
		delete(c.open, k)
		k.net.Close()
		return
	}
	c.idle = append(c.idle, k)
}

// forget drops the idle connections, which may be as dead as one that just failed.
func (c *client) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.idle {
		delete(c.open, k)
		k.net.Close()
	}
	c.idle = nil
}

// close closes all connections, under the hands of those who use them too.
func (c *client) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for k := range c.open {
		k.net.Close()
	}
	c.open, c.idle = nil, nil
}

// dial connects to the address that answered last, or to the next that does.
func (c *client) dial(ctx context.Context) (*connection, error) {
	c.mu.Lock()
	first, closed := c.good, c.closed
	c.mu.Unlock()
	if closed {
		return nil, errClosed
	}
	var errs []error
	for i := range c.addresses {
		at := (first + i) % len(c.addresses)
		k, err := c.dialOne(ctx, c.addresses[at])
		if err == nil {
			return k, c.opened(k, at)
		}
		if ctx.Err() != nil {
			return nil, &transportError{"connect", false, context.Cause(ctx)}
		}
		errs = append(errs, err)
	}
	return nil, &transportError{"connect", false, errors.Join(errs...)}
}

// opened counts a new connection to the address at, unless the client was closed meanwhile.
func (c *client) opened(k *connection, at int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		k.net.Close()
		return errClosed
	}
	c.good = at
	c.open[k] = struct{}{}
	return nil
}

// dialOne connects to one address. The first call tells a server that serves from a port that is merely open.
func (c *client) dialOne(ctx context.Context, addr string) (*connection, error) {
	ctx, cancel := context.WithTimeout(ctx, c.connect)
	defer cancel()
	var d net.Dialer
	n, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if c.tls != nil {
		cfg := c.tls.Clone()
		cfg.ServerName, _, _ = net.SplitHostPort(addr)
		t := tls.Client(n, cfg)
		if err := t.HandshakeContext(ctx); err != nil {
			n.Close()
			return nil, fmt.Errorf("%s: %w", addr, err)
		}
		n = t
	}
	k := &connection{client: c, net: n}
	k.proto = thrift.NewTBinaryProtocolConf(thrift.NewStreamTransportRW(n), &thrift.TConfiguration{MaxMessageSize: maxMessage, TBinaryStrictRead: thrift.BoolPtr(true), TBinaryStrictWrite: thrift.BoolPtr(true)})
	// Else the server refuses ordinary schema evolution. A server that does not know the setting has no such check.
	_, err = k.call(ctx, "setMetaConf", newRecord(str(1, incompatibleChanges), str(2, "false")), "MetaException")
	if err != nil && !refused(err) {
		n.Close()
		return nil, fmt.Errorf("%s: %w", addr, err)
	}
	return k, nil
}

// call makes one call and returns the success field of its answer. exceptions are the declared ones, in the order of their field ids
// from 1. The call ends with ctx, or after the client's bound.
func (k *connection) call(ctx context.Context, method string, args *record, exceptions ...string) (any, error) {
	if ctx.Err() != nil {
		return nil, &transportError{method, false, context.Cause(ctx)}
	}
	if k.broken {
		return nil, &transportError{method, false, net.ErrClosed}
	}
	deadline := time.Now().Add(k.client.call)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	k.net.SetDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { k.net.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		if !stop() {
			k.broken = true // its deadline may be about to change under the next call
		}
	}()
	// From here on the server may get the request.
	if err := k.write(ctx, method, args); err != nil {
		return nil, k.fail(ctx, method, err)
	}
	reply, err := k.read(ctx, method)
	if err != nil {
		if _, ok := errors.AsType[*exception](err); ok {
			return nil, err
		}
		return nil, k.fail(ctx, method, err)
	}
	for i, name := range exceptions {
		if e := reply.record(int16(i + 1)); e != nil {
			return nil, &exception{name, e.text(1)}
		}
	}
	return reply.get(0), nil
}

// fail closes the connection: what comes on it next could be the answer to this call.
func (k *connection) fail(ctx context.Context, method string, err error) error {
	k.broken = true
	k.net.Close()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return &transportError{method, true, err}
}

func (k *connection) write(ctx context.Context, method string, args *record) error {
	k.seq++
	if err := k.proto.WriteMessageBegin(ctx, method, thrift.CALL, k.seq); err != nil {
		return err
	}
	if err := writeRecord(ctx, k.proto, args); err != nil {
		return err
	}
	if err := k.proto.WriteMessageEnd(ctx); err != nil {
		return err
	}
	return k.proto.Flush(ctx)
}

func (k *connection) read(ctx context.Context, method string) (*record, error) {
	name, typ, seq, err := k.proto.ReadMessageBegin(ctx)
	if err != nil {
		return nil, err
	}
	if typ == thrift.EXCEPTION {
		e := thrift.NewTApplicationException(thrift.UNKNOWN_APPLICATION_EXCEPTION, "")
		if err := e.Read(ctx, k.proto); err != nil {
			return nil, err
		}
		return nil, &exception{"TApplicationException", e.Error()}
	}
	if name != method || typ != thrift.REPLY || seq != k.seq {
		return nil, fmt.Errorf("the server answered %s %d to %s %d", name, seq, method, k.seq)
	}
	r, err := readRecord(ctx, k.proto, 0)
	if err != nil {
		return nil, err
	}
	return r, k.proto.ReadMessageEnd(ctx)
}

// classify gives an error its class and its way out.
func (c *client) classify(ctx context.Context, err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	if cause := context.Cause(ctx); cause != nil && errors.Is(err, cause) {
		return cause
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fault.Wrap(fault.Config, err, format, args...).At(fault.Place{Path: "catalog.tls.ca"}).Hint("name the authority that signed the metastore's certificate")
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return fault.Wrap(fault.Config, err, format, args...).At(fault.Place{Path: "catalog.tls"}).Hint("the metastore does not speak TLS: leave tls out")
	}
	if e, ok := errors.AsType[*exception](err); ok {
		switch e.kind {
		case "NoSuchObjectException":
			return fault.Wrap(fault.NoInput, err, format, args...)
		case "InvalidObjectException", "InvalidOperationException", "InvalidInputException":
			return fault.Wrap(fault.Config, err, format, args...)
		}
		return fault.Wrap(fault.Unavailable, err, format, args...).Hint("the metastore refused the call; its log says more")
	}
	return fault.Wrap(fault.Unavailable, err, format, args...).Hint("check that a metastore of catalog.uris runs and is reached: firn doctor")
}
