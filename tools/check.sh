#!/bin/sh
# The one check that people and CI run alike. Every line says what it looks at; the first failure ends it.
set -eu
cd "$(dirname "$0")/.."
bin=.venv/bin
step() { printf '%-28s' "$1"; shift; if out=$("$@" 2>&1); then echo ok; else echo FAILED; echo "$out"; exit 1; fi; }
step "format (ruff)" $bin/ruff format --check --quiet .
step "lint (ruff)" $bin/ruff check --quiet .
step "types (mypy strict)" $bin/mypy
step "imports (import-linter)" $bin/lint-imports --no-cache
step "dead code (vulture)" $bin/vulture
step "requirements, addresses" $bin/python tools/no_addresses.py
step "reference up to date" $bin/python tools/reference.py --check
if [ -f docs/conf.py ]; then step "documents (sphinx)" $bin/sphinx-build -W -q -b html docs docs/_build/html; fi
