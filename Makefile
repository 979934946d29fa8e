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

.PHONY: run
run: build ## load examples/quickstart into ./lakehouse and say what to try next
	@bin/firn run examples/quickstart/job.yaml
	@echo
	@echo "Try:"
	@echo "  bin/firn read raw.orders"
	@echo "  bin/firn read raw.orders_quarantine -o json"
	@echo "  bin/firn show raw.orders"
	@echo "and with other readers (pip install 'pyiceberg[sql-sqlite,pyarrow]' duckdb-cli):"
	@echo "  python -c \"from pyiceberg.catalog.sql import SqlCatalog; print(SqlCatalog('firn', uri='sqlite:///lakehouse/catalog.db').load_table('raw.orders').scan().to_arrow())\""
	@echo "  duckdb -c \"SELECT * FROM '$$PWD/lakehouse/warehouse/raw.db/orders-*/data/*/*.parquet'\"   # all data files, of every snapshot"

.PHONY: check
check: ## format, vet, staticcheck, architecture test, unit tests with -race and Arrow's assert tag
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "run: gofmt -w ."; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags server ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.7.0 ./...
	CGO_ENABLED=1 $(GO) test -race -timeout 30m -tags assert ./...

.PHONY: test-unit
test-unit: ## the quick part of the tests: no server, no Java
	$(GO) test -tags assert ./...

.PHONY: test
test: ## everything: installs and starts the test servers, then runs all tests
	deploy/native/stack.sh up $(SERVERS)
	eval "$$(deploy/native/stack.sh env)" && $(GO) test -count=1 -timeout 40m -tags "server assert" ./...

include deploy/native/stack.mk

.PHONY: reference
reference: ## make docs/reference anew from the struct tags and the commands' help
	FIRN_REWRITE=1 $(GO) test -count=1 ./etl -run TestReferencePages
	FIRN_REWRITE=1 $(GO) test -count=1 ./cmd/firn -run TestThePageOfCommands

.PHONY: corpus
corpus: ## ask a real Spark for the expected results of the SQL corpus (CORPUS=queries for these alone), and check them in
	deploy/native/stack.sh up spark
	eval "$$(deploy/native/stack.sh env)" && TZ=UTC SPARK_CONF_DIR=$$FIRN_TEST_SPARK_CONF_DIR SPARK_HOME=$$FIRN_TEST_SPARK_HOME JAVA_HOME=$$FIRN_TEST_SPARK_JAVA_HOME SPARK_LOCAL_IP=127.0.0.1 \
	  $$FIRN_TEST_SPARK_PYTHON transform/testdata/corpus/generate.py transform/testdata/corpus $(CORPUS)

.PHONY: bench
bench: build ## measure firn beside its peers (CASES=csv,sql ROUNDS=5), and write benchmarks/README.md
	eval "$$(benchmarks/setup.sh)" && $(GO) run ./benchmarks -cases "$(CASES)" -rounds $(or $(ROUNDS),5)
