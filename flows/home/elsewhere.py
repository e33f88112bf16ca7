"""What was issued and sent, as the published snapshot and the PDFs tell: where there is no journal, or one that is not
to be relied on."""

from pathlib import Path

import duckdb

from flows.home.settings import Home, load_settings
from invoicing.numbers import is_number, parts_of
from schemas.errors import TollbookError


def numbers_elsewhere(home: Home) -> dict[str, str]:
    """Number -> seller_id of every issued document that the snapshot knows, or whose PDF lies in out/."""
    return _of_pdfs(home) | _of_snapshot(home.published)


def mails_elsewhere(home: Home) -> dict[str, str | None]:
    """Key of a mail -> number of its document, of every mail that the snapshot knows to have gone, or that may have."""
    asked = (
        "select message_id, invoice_number from deliveries where state in ('sending', 'accepted', 'written', 'unknown')"
    )
    return dict(_asked(home.published, asked))


def erased_elsewhere(home: Home) -> list[tuple[str, str]]:
    """account_id, last erased usage month, of every erasure that the snapshot knows."""
    return _asked(home.published, "select account_id, max(until_month) from erased group by 1 order by 1")


def _of_snapshot(path: Path) -> dict[str, str]:
    rows = _asked(path, "select invoice_number, seller_id from invoices where status <> 'draft'")
    return {number: seller for number, seller in rows if is_number(number)}


def _asked(path: Path, query: str) -> list[tuple[str, str]]:
    """Rows of the snapshot; none where it is gone or cannot be read."""
    if not path.exists():
        return []
    try:
        with duckdb.connect(str(path), read_only=True) as con:
            return con.execute(query).fetchall()
    except duckdb.Error:
        return []


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
