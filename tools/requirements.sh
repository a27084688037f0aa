#!/bin/sh
# Compiles the pinned lists: hashes for every platform, no addresses, complete (installed with --no-deps).
# django-htmx is used for the scripts that it carries; Django itself is not wanted.
set -eu
cd "$(dirname "$0")/.."
export UV_NO_CONFIG=1 UV_PYTHON_DOWNLOADS=never
compile() {
    .venv/bin/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --python-version 3.11 \
        --no-emit-package django --no-emit-package asgiref --no-emit-package sqlparse --no-emit-package ampoule "$@"
}
compile requirements/tools.in --output-file requirements/tools.txt
compile pyproject.toml --output-file requirements/product.txt
compile pyproject.toml --extra dev --output-file requirements/all.txt
compile pyproject.toml --extra postgres --extra hsm --constraint requirements/all.txt --output-file requirements/site.txt
