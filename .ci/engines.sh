#!/usr/bin/env bash
# What Dask and Ray need, beside the packages of requirements.lock, for the tests of the engines.
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=$(cat requirements.lock requirements-engines.lock | sha256sum | cut -d' ' -f1)
stamp=.venv/engines-set-up
[ "$(cat "$stamp" 2>/dev/null || true)" = "$wanted" ] && exit 0
echo "setup: installing the packages of requirements-engines.lock, for the tests of the engines" >&2
.venv/bin/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements-engines.lock
echo "$wanted" >"$stamp"
