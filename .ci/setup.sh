#!/usr/bin/env bash
# Sets up all that Tollbook needs, once: the system libraries that draw PDFs, then .venv from the hashed lock.
# The second time it only compares a stamp. PYTHON=... chooses the interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "setup: $*" >&2; }
fail() { say "$*"; exit 1; }

suits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' >/dev/null 2>&1; }

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        suits "$PYTHON" || fail "PYTHON=$PYTHON is not a Python 3.11, 3.12 or 3.13 that runs."
        echo "$PYTHON"
        return
    fi
    for candidate in python3 python3.13 python3.12 python3.11; do
        if suits "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    fail "no Python 3.11, 3.12 or 3.13 found. Install one (apt-get install python3 python3-venv) or name it: make PYTHON=/path/to/python3.12 ..."
}

# WeasyPrint opens these by name when it is imported; asking the loader is asking the same question.
missing_libraries() {
    "$1" - "${@:2}" <<'PYTHON'
import ctypes
import sys

for name in sys.argv[1:]:
    try:
        ctypes.CDLL(name)
    except OSError:
        print(name)
PYTHON
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

apt_install() {
    command -v apt-get >/dev/null || return 1
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null && sudo -n true 2>/dev/null || return 1
    fi
    say "installing $* with apt-get"
    as_root apt-get update -qq >/dev/null 2>&1 || true
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}

system_libraries() {
    local pango=(libpango-1.0.so.0 libpangoft2-1.0.so.0 libharfbuzz.so.0 libfontconfig.so.1 libgobject-2.0.so.0)
    local subset=libharfbuzz-subset.so.0
    [ -z "$(missing_libraries "$1" "${pango[@]}" "$subset")" ] && return
    if [ -n "$(missing_libraries "$1" "${pango[@]}")" ]; then
        apt_install libpango-1.0-0 libpangoft2-1.0-0 || true
        [ -z "$(missing_libraries "$1" "${pango[@]}")" ] || fail \
            "Pango is missing and could not be installed from here; without it there are no PDFs. As root: apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
    fi
    if [ -n "$(missing_libraries "$1" "$subset")" ]; then
        apt_install libharfbuzz-subset0 || true
        [ -z "$(missing_libraries "$1" "$subset")" ] || say \
            "warning: libharfbuzz-subset0 is missing; PDFs take about five times as long. As root: apt-get install libharfbuzz-subset0"
    fi
}

make_venv() {
    if ! { suits .venv/bin/python && .venv/bin/python -m pip --version >/dev/null 2>&1; }; then
        local python
        python=$(find_python)
        "$python" -c 'import ensurepip, venv' 2>/dev/null || fail \
            "$python has no venv module. On Debian and Ubuntu: apt-get install python3-venv"
        say "making .venv with $("$python" --version)"
        rm -rf .venv
        "$python" -m venv .venv
    fi
}

python_packages() {
    say "installing the packages of requirements.lock"
    # The lock is whole, so pip has nothing to resolve: asked to, it would take the newest of what a package names with
    # an extra (sqlalchemy[asyncio]) before it looks at what is pinned.
    .venv/bin/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
    .venv/bin/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
}

# The checkout's place is part of the stamp: a .venv that was moved or copied does not work.
wanted=$({ cat requirements.lock pyproject.toml .ci/setup.sh; pwd; } | sha256sum | cut -d' ' -f1)
stamp=.venv/set-up
[ "$(cat "$stamp" 2>/dev/null || true)" = "$wanted" ] && exit 0

make_venv
system_libraries .venv/bin/python
python_packages
echo "$wanted" >"$stamp"
say "done: .venv/bin/tollbook is ready"
