#!/usr/bin/env bash
# A Chromium for the tests that look at pages, where there is none and this machine can have one; else those tests skip.
set -euo pipefail

say() { echo "setup: $*" >&2; }
for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null && exit 0
done
# Elsewhere the package of that name is another program's installer.
grep -qx 'ID=debian' /etc/os-release 2>/dev/null || { say "no Chromium: the tests that look at pages are skipped"; exit 0; }
if [ "$(id -u)" -eq 0 ]; then as_root=(); else as_root=(sudo -n); fi
say "installing chromium with apt-get, for the tests that look at pages"
"${as_root[@]}" apt-get update -qq >/dev/null 2>&1 || true
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium >/dev/null 2>&1 ||
    say "no Chromium could be installed: the tests that look at pages are skipped"
