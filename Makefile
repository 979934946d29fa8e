.DEFAULT_GOAL := help
SHELL := bash

GO ?= go
export CGO_ENABLED ?= 0

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-zA-Z0-9_-]+:.*## /{printf "  make %-14s %s\n",$$1,$$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/firn
	$(GO) build -o bin/firn ./cmd/firn

.PHONY: check
check: ## format, vet, staticcheck, architecture test, unit tests with -race and Arrow's assert tag
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "run: gofmt -w ."; exit 1; }
	$(GO) vet ./...
	CGO_ENABLED=1 $(GO) test -race -tags assert -short ./...

include deploy/native/stack.mk
