#!/usr/bin/env bash
# The sample provider's two months, end to end, in ./demo; `--remove` only takes an earlier demo away.
set -euo pipefail
cd "$(dirname "$0")/.."

home=demo
marker=$home/.made-by-make-demo

remove_earlier() {
    [ -e "$home" ] || return 0
    if [ ! -e "$marker" ]; then
        echo "demo: ./$home was not made by \`make demo\`, so it stays. Move it away and try again." >&2
        exit 1
    fi
    rm -rf "$home"
}

tollbook() {
    echo "\$ tollbook --home $home $*" >&2
    .venv/bin/tollbook --home "$home" "$@"
}

# Exit 3 is "done, but incomplete": one account is parked and a few calls are suspended, on purpose.
incomplete_is_fine() {
    local code=0
    "$@" || code=$?
    [ "$code" -eq 0 ] || [ "$code" -eq 3 ] || exit "$code"
}

remove_earlier
[ "${1:-}" = "--remove" ] && exit 0
unset TOLLBOOK_HOME TOLLBOOK_TODAY

echo "\$ tollbook init $home --sample" >&2
.venv/bin/tollbook init "$home" --sample || { code=$?; rm -rf "$home"; exit "$code"; }
touch "$marker"

# May: the shortest road, without Prefect.
incomplete_is_fine tollbook --today 2026-05-02 --by anna run 2026-05 --direct
incomplete_is_fine tollbook --today 2026-05-02 --by ben approve 2026-05
incomplete_is_fine tollbook --today 2026-05-02 --by ben send 2026-05

# June: the same stages as a Prefect flow, and the numbers to look at before approving.
incomplete_is_fine tollbook --today 2026-06-02 --by anna run 2026-06
incomplete_is_fine tollbook --today 2026-06-02 --by ben review 2026-06
# The second month of a business: some totals moved far, which stops the approval until somebody says why.
incomplete_is_fine tollbook --today 2026-06-02 --by ben approve 2026-06 --override "yearly lines came in May, new customers in June"
incomplete_is_fine tollbook --today 2026-06-02 --by ben send 2026-06

count() { find "$1" -name "$2" 2>/dev/null | wc -l; }

cat <<END

A month, end to end. Exit 3 above means "done, but incomplete": one account is parked and a few calls are
suspended on purpose, so that you can see what that looks like.

  PDFs      $home/out/2026-06/invoices/   ($(count $home/out/2026-06/invoices '*.pdf') documents)
  usage     $home/out/2026-06/usage/      ($(count $home/out/2026-06/usage '*.csv') itemised CSVs)
  mails     $home/out/2026-06/mail/       ($(count $home/out/2026-06/mail '*.eml') messages; set [smtp] in $home/tollbook.toml to send)
  review    .venv/bin/tollbook --home $home review 2026-06
  files     $home/out/2026-06/            (review, exports, manifest.json)
  snapshot  $home/published/tollbook.duckdb   (read-only; open it with any DuckDB client of 1.5 or later)
END
