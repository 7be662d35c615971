# Every target is one line over scripts/, which run without make.
# PYTHON=... chooses the interpreter, ARGS=... goes to the command.

.PHONY: help demo test lint up chaos soak bench conformance

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /make \1	/' | expand -t 14

demo: ## carry a catalogue from a sandbox ERP into a sandbox shop and compare; ARGS='--articles 200 --platform shopware6|woocommerce --distributed'
	@scripts/demo $(ARGS)

test: ## every test, with a Postgres and a RabbitMQ of their own; ARGS='tests/unit -k claim'
	@scripts/test $(ARGS)

lint: ## ruff, and mypy on integration
	@scripts/lint

up: ## web, worker and beat in one process, on SQLite
	@scripts/up $(ARGS)

chaos: ## kill, freeze, cut and spoil everything at random and compare ERP and shop; N=1000 PLATFORM=shopware6|woocommerce
	@scripts/chaos $(ARGS)

soak: ## half an hour in the life of a tenant, then compare ERP and shop; MINUTES=30
	@scripts/soak $(ARGS)

bench: ## the figures; QUICK=1 for a short run
	@scripts/bench $(ARGS)

conformance: ## every connector of ours before the conformance kit; writes docs/conformance
	@scripts/conformance $(ARGS)
