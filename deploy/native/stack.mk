# The native server stack. Included by the Makefile at the top.

STACK := deploy/native/stack.sh

.PHONY: stack-install
stack-install: ## install the test servers: MinIO, PostgreSQL, Hive Metastore, Spark, Trino, Airflow, toxiproxy
	$(STACK) install

.PHONY: stack-up
stack-up: ## start the test servers (SERVERS="s3 hms" for some), installing what is missing
	$(STACK) up $(SERVERS)

.PHONY: stack-down
stack-down: ## stop the test servers; their data stay
	$(STACK) down $(SERVERS)

.PHONY: stack-status
stack-status: ## say which test servers answer
	@$(STACK) status $(SERVERS)

.PHONY: stack-env
stack-env: ## print the servers' addresses for a shell: eval "$$(make -s stack-env)"
	@$(STACK) env $(SERVERS)
