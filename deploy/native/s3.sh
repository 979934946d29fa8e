#!/usr/bin/env bash
# s3.sh install|start|stop|status|env|wipe: MinIO, an S3 store, built from its Go module.
#
# MinIO is AGPL-3.0: it runs here as a program of its own and is never linked into firn.
# FIRN_S3_PORT 19000 · FIRN_S3_ACCESS_KEY firn · FIRN_S3_SECRET_KEY firnfirn · FIRN_S3_BUCKET lakehouse (made at start)
# FIRN_MINIO_VERSION the module's version; its proxy lists no releases, so this is a commit.

source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
name=s3 port=$S3_PORT run=$home/run/s3-$S3_PORT
version=${FIRN_MINIO_VERSION:-v0.0.0-20260212201848-7aac2a2c5b7c}
bin=$home/minio/$version/minio

install() {
  [ -x "$bin" ] && return
  need go golang
  say "building github.com/minio/minio@$version: five minutes of CPU the first time"
  local tmp=$home/minio/.build
  rm -rf "$tmp"; mkdir -p "$tmp" "$(dirname "$bin")"
  ( cd "$tmp" && GOFLAGS=-mod=mod CGO_ENABLED=0 GOBIN=$tmp go install -ldflags '-s -w' "github.com/minio/minio@$version" ) >&2
  mv "$tmp/minio" "$bin"; rm -rf "$tmp"
}
boot() {
  port_free "$port"
  mkdir -p "$run/data"
  set -a; source "$deploy/s3/minio.env"; set +a
  MINIO_ROOT_USER=$S3_ACCESS_KEY MINIO_ROOT_PASSWORD=$S3_SECRET_KEY HOME=$run \
    launch "$run/pid" "$run/log" "$bin" server --address "127.0.0.1:$port" "$run/data"
}
ready() { [ "$(http_code "$S3_ENDPOINT/minio/health/ready")" = 200 ]; }
after_start() { # curl signs the request itself: no client is needed
  local code
  code=$(http_code --aws-sigv4 "aws:amz:$S3_REGION:s3" -u "$S3_ACCESS_KEY:$S3_SECRET_KEY" -X PUT "$S3_ENDPOINT/$S3_BUCKET")
  case $code in 200 | 409) ;; *) die "cannot make the bucket $S3_BUCKET: HTTP $code" ;; esac
}
env_lines() {
  cat <<ENV
export FIRN_TEST_S3_ENDPOINT=$S3_ENDPOINT
export FIRN_TEST_S3_ACCESS_KEY=$S3_ACCESS_KEY
export FIRN_TEST_S3_SECRET_KEY=$S3_SECRET_KEY
export FIRN_TEST_S3_BUCKET=$S3_BUCKET
export FIRN_TEST_S3_REGION=$S3_REGION
ENV
}
server "$@"
