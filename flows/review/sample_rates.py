"""Taxes and fees of a month whose rate is a sample: written from memory or made up, and read nowhere."""

from typing import Any

from flows.review.cells import Rows, written
from schemas.counts import count_of
from schemas.periods import month_start
from taxes.table import TaxTable
from taxes.tables import TaxTables


def sample_rates(taxes: Rows, tables: TaxTables, month: str) -> Rows:
    """Of the review's rows of taxes those whose table has no source for its rate on the month's first day, a row per
    seller, currency, jurisdiction and code."""
    day = month_start(month)
    sums: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in taxes:
        table = _table_of(tables, row["tax_code"], row["jurisdiction"])
        if table is None or table.status_on(day) != "sample":
            continue
        key = ("seller_id", "currency", "jurisdiction", "tax_code")
        found = sums.setdefault(
            tuple(row[name] for name in key), {name: row[name] for name in key} | {"entries": 0, "amount": 0}
        )
        found["entries"] += row["entries"]
        found["amount"] += row["amount"]
    return [
        {**row, "remedy": f"Look the rate up, then `tollbook taxes set {row['tax_code']} DATE VALUE --reference TEXT`."}
        for _, row in sorted(sums.items())
    ]


def told(rows: Rows) -> list[str]:
    """RRF of US, SLRRF of US: sample rates, read nowhere; 12 rows, 34.50 USD. A sentence per currency."""
    said = []
    for currency in sorted({row["currency"] for row in rows}):
        of = [row for row in rows if row["currency"] == currency]
        names = ", ".join(dict.fromkeys(f"{row['tax_code']} of {row['jurisdiction']}" for row in of))
        rows_of = count_of(sum(row["entries"] for row in of), "row")
        amount = written(sum(row["amount"] for row in of), currency)
        said.append(f"sample rates, read nowhere: {names}; {rows_of}, {amount} {currency}")
    return said


def _table_of(tables: TaxTables, code: str, jurisdiction: str) -> TaxTable | None:
    """The table that a printed row is of."""
    ours = [table for table in tables.tables if table.code == code]
    exact = (table for table in ours if table.jurisdiction == jurisdiction)
    reaching = (table for table in ours if table.row_jurisdiction(jurisdiction) == jurisdiction)
    return next(exact, None) or next(reaching, None)
