# Two commands matter: `make run` and `make test`. Each sets up what it needs (tools/env.sh, tools/parts.sh).
# PARTS=none leaves the machine's packages alone; PYTHON=… names another interpreter than python3.

PARTS ?= install
PYTEST_WORKERS ?= 2
export AMPOULE_VAR ?= $(CURDIR)/var

.PHONY: help run test env check bench parts requirements documents clean

help: ## show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 22

run: ## start the whole product: module, server, simulated building; prints where to click
	@tools/env.sh product
	@.venv/bin/ampoule up

test: ## run all tests; installs what is missing on Debian and Ubuntu as root, else says what it skips
	@tools/env.sh all
	@PARTS=$(PARTS) tools/parts.sh
	@.venv/bin/python -m pytest -n $(PYTEST_WORKERS) --dist worksteal $(ARGS)

env: ## prepare .venv alone, with every tool in .venv/bin
	@tools/env.sh all

check: env ## format, lint, types, imports, dead code, requirements without addresses
	@tools/check.sh

bench: env ## print the ratios of every benchmark, measured side by side
	@for file in benchmarks/[a-z]*.py; do echo "== $$file"; .venv/bin/python $$file || exit 1; done

parts: ## install the system packages that tests use (Debian, Ubuntu)
	@PARTS=install tools/parts.sh

requirements: ## compile requirements/*.txt anew from pyproject.toml: hashes, no addresses
	@tools/requirements.sh

clean: ## remove what the tools made; keeps ./var
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist docs/_build
