"""Documents that were issued, as the published snapshot and the PDFs tell: where there is no journal yet."""

from pathlib import Path

import duckdb

from flows.home.settings import Home, load_settings
from invoicing.numbers import is_number, parts_of
from schemas.errors import TollbookError


def numbers_elsewhere(home: Home) -> dict[str, str]:
    """Number -> seller_id of every issued document that the snapshot knows, or whose PDF lies in out/."""
    return _of_pdfs(home) | _of_snapshot(home.published)


def _of_snapshot(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    try:
        with duckdb.connect(str(path), read_only=True) as con:
            rows = con.execute("select invoice_number, seller_id from invoices where status <> 'draft'").fetchall()
    except duckdb.Error:
        return {}
    return {number: seller for number, seller in rows if is_number(number)}


def _of_pdfs(home: Home) -> dict[str, str]:
    found = {}
    sellers = _sellers(home)
    for path in sorted((home.root / "out").glob("*/invoices/*.pdf")):
        if is_number(path.stem):
            found[path.stem] = sellers.get(parts_of(path.stem)[0], "")
    return found


def _sellers(home: Home) -> dict[str, str]:
    """Series -> seller_id."""
    try:
        settings = load_settings(home)
    except TollbookError:
        return {}
    return {series: name for name, it in settings.sellers.items() for series in (it.series, f"{it.series}CN")}
