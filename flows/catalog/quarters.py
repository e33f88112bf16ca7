"""Quarters that a tax table will need and does not know: told thirty days ahead, with the act that mends it."""

from datetime import date, timedelta

from flows.home.settings import Settings
from flows.home.store import Store
from taxes.table import TaxTable, quarter_name
from taxes.tables import TaxTables

DAYS_AHEAD = 30


def countries_of(settings: Settings, store: Store | None) -> set[str]:
    """Where a home's sellers and customers are: other countries' quarters are nobody's business there."""
    customers = store.rows("select distinct country from feed_accounts") if store is not None else []
    return {seller.country for seller in settings.sellers.values()} | {country for (country,) in customers}


def quarters_ahead(tables: TaxTables, countries: set[str], today: date) -> list[str]:
    """A sentence for every quarter that has begun, or begins in thirty days, without a value in its table."""
    return [
        _told(table, quarter, today)
        for table in tables.tables
        if table.country in countries
        for quarter in table.quarters_missing(today, today + timedelta(days=DAYS_AHEAD))
    ]


def _told(table: TaxTable, quarter: date, today: date) -> str:
    days = (quarter - today).days
    begins = f"which begins on {quarter}, in {days} days" if days > 0 else f"which began on {quarter}"
    return (
        f"{table.code} has no factor for {quarter_name(quarter)}, {begins} (table {table.file}): "
        f'tollbook taxes set {table.code} {quarter} VALUE --reference "DA …" --by NAME'
    )
