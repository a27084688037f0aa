#!/bin/sh
# Prepares .venv from the hashed requirements: `tools/env.sh product` (what runs) or `tools/env.sh all` (tests and checks too).
# Does nothing when the lists have not changed since the last time.
set -eu
cd "$(dirname "$0")/.."
want=${1:-all}
export UV_PYTHON_DOWNLOADS=never UV_NO_CONFIG=1 UV_LINK_MODE=hardlink PIP_DISABLE_PIP_VERSION_CHECK=1

python=${PYTHON:-python3}
"$python" - <<'PY' || { echo "Ampoule needs Python 3.11 or newer; $("$python" --version 2>&1 || echo "no python3") was found. Install it, or name one: make env PYTHON=/path/to/python3" >&2; exit 1; }
import sys
sys.exit(sys.version_info < (3, 11))
PY

stamp=.venv/.installed-$want
sum=$(cat requirements/tools.txt "requirements/$want.txt" pyproject.toml tools/env.sh | sha256sum | cut -c1-64)
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$sum" ] && exit 0

if [ ! -x .venv/bin/python ]; then
    if ! "$python" -m venv .venv 2>/tmp/ampoule-venv.$$; then
        cat /tmp/ampoule-venv.$$ >&2; rm -f /tmp/ampoule-venv.$$ ; rm -rf .venv
        echo "Python could not make a virtual environment. On Debian or Ubuntu: apt-get install python3-venv" >&2
        exit 1
    fi
    rm -f /tmp/ampoule-venv.$$
fi
echo "Preparing .venv ($want): about half a minute on a warm cache, two minutes on a cold one."
.venv/bin/python -m pip install --quiet --require-hashes --no-deps -r requirements/tools.txt 2>&1 | grep -vE 'running pip as|is ignored: it is' || true
if [ -x .venv/bin/uv ] && .venv/bin/uv pip install --python .venv/bin/python --quiet --require-hashes --no-deps -r "requirements/$want.txt"; then :
else
    .venv/bin/python -m pip install --quiet --require-hashes --no-deps -r "requirements/$want.txt"
fi
if [ -x .venv/bin/uv ] && .venv/bin/uv pip install --python .venv/bin/python --quiet --no-deps --no-build-isolation -e .; then :
else
    .venv/bin/python -m pip install --quiet --no-deps --no-build-isolation -e . 2>&1 | grep -vE 'running pip as|is ignored: it is' || true
fi
[ -x .venv/bin/ampoule ] || { echo "The set-up did not finish: .venv/bin/ampoule is missing. Remove .venv and try again." >&2; exit 1; }
echo "$sum" > "$stamp"
# The full list contains the product's list.
if [ "$want" = all ]; then cat requirements/tools.txt requirements/product.txt pyproject.toml tools/env.sh | sha256sum | cut -c1-64 > .venv/.installed-product; fi
