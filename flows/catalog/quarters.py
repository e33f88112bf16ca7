"""Quarters that a tax table will need and does not know: told thirty days ahead, with the act that mends it.

Read straight from the few tables that are valid for a quarter, without frames: `status` starts fast. That a table is
right is for whoever loads them all.
"""

from datetime import date, timedelta
from typing import Any

from flows.catalog.contents import tax_files
from flows.home.settings import Home, Settings
from flows.home.store import Store
from schemas.errors import WrongUsage
from schemas.periods import quarter_name, quarter_start
from schemas.reading import read_yaml

DAYS_AHEAD = 30
_BY_QUARTER = "valid_for: quarter"


def countries_of(settings: Settings, store: Store | None) -> set[str]:
    """Where a home's sellers and customers are: other countries' quarters are nobody's business there."""
    customers = store.rows("select distinct country from feed_accounts") if store is not None else []
    return {seller.country for seller in settings.sellers.values()} | {country for (country,) in customers}


def quarters_ahead(home: Home, countries: set[str], today: date) -> list[str]:
    """A sentence for every quarter that has begun, or begins in thirty days, without a value in its table."""
    quarters = dict.fromkeys([quarter_start(today), quarter_start(today + timedelta(days=DAYS_AHEAD))])
    return [
        _told(table, name, quarter, today)
        for name, table in _tables(home).items()
        if str(table.get("jurisdiction"))[:2] in countries
        for quarter in quarters
        if table["values"].get(quarter.isoformat()) is None
    ]


def _tables(home: Home) -> dict[str, dict[str, Any]]:
    """Name -> content of the tables that have a value for each quarter; what cannot be read is told elsewhere."""
    files, _ = tax_files(home, "*.yaml")
    read = {}
    for name, text in sorted(files.items()):
        if _BY_QUARTER not in text:
            continue
        try:
            data = read_yaml(text, name, "numbers").data
        except WrongUsage:
            continue
        if isinstance(data, dict) and isinstance(data.get("values"), dict):
            read[name] = data
    return read


def _told(table: dict[str, Any], name: str, quarter: date, today: date) -> str:
    days = (quarter - today).days
    begins = f"which begins on {quarter}, in {days} days" if days > 0 else f"which began on {quarter}"
    return (
        f"{table['code']} has no factor for {quarter_name(quarter)}, {begins} (table {name}): "
        f'tollbook taxes set {table["code"]} {quarter} VALUE --reference "DA …" --by NAME'
    )
