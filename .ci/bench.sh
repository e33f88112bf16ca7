#!/usr/bin/env bash
# Measures speed and memory. PostgreSQL, one of the rivals, is installed if that can be done; else its ratio is left out.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! { [ -x /usr/lib/postgresql/15/bin/initdb ] && [ -e /usr/share/postgresql/15/extension/prefix.control ] && command -v bc; } \
    >/dev/null && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq >/dev/null 2>&1 || true
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends postgresql-15 postgresql-15-prefix bc \
        >/dev/null 2>&1 || true
fi
exec .venv/bin/python -m tests.bench.run "$@"
