#!/usr/bin/env bash
# toxiproxy.sh install|start|stop|status|env|wipe: a proxy that cuts, delays and throttles connections on request, built from its Go module.
#
# FIRN_TOXIPROXY_PORT 18474, of its HTTP API. Proxies are made by the tests, each on a port of its own.

source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
name=toxiproxy port=${FIRN_TOXIPROXY_PORT:-18474}
run=$home/run/toxiproxy-$port
version=v2.5.0 bin=$home/toxiproxy/v2.5.0/toxiproxy-server

install() {
  [ -x "$bin" ] && return
  need go golang
  say "building toxiproxy $version"
  local tmp=$home/toxiproxy/.build
  rm -rf "$tmp"; mkdir -p "$tmp" "$(dirname "$bin")"
  ( cd "$tmp" && GOFLAGS=-mod=mod CGO_ENABLED=0 GOBIN=$tmp go install -ldflags '-s -w' "github.com/Shopify/toxiproxy/v2/cmd/server@$version" ) >&2
  mv "$tmp/server" "$bin"; rm -rf "$tmp"
}
boot() { port_free "$port"; launch "$run/pid" "$run/log" "$bin" -host 127.0.0.1 -port "$port"; }
ready() { [ "$(http_code "http://127.0.0.1:$port/version")" = 200 ]; }
env_lines() { echo "export FIRN_TEST_TOXIPROXY_URL=http://127.0.0.1:$port"; }
server "$@"
