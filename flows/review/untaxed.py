"""Regions without a tax table: what is billed there bears no tax of the region, unseen (RULES 21)."""

from typing import Any

from flows.home.settings import Settings
from flows.home.store import Store
from schemas.counts import count_of
from schemas.money import minor_digits, rounded
from schemas.periods import month_start
from taxes.tables import TaxTables

_NET = """
    select c.jurisdiction, d.currency, d.account_id, sum(l.amount) as net
    from invoice_lines l join documents_in_force d on d.run_id = l.run_id and d.draft_id = l.draft_id
    join (
        select run_id, draft_id, line_no, any_value(jurisdiction) as jurisdiction from charges
        where jurisdiction like '%-%' group by run_id, draft_id, line_no
    ) c on c.run_id = l.run_id and c.draft_id = l.draft_id and c.line_no = l.line_no
    where d.invoice_month = $1 and d.corrects is null and not list_contains($2, d.seller_id)
    group by all order by all"""


def regions_without_table(store: Store, settings: Settings, tables: TaxTables, month: str) -> list[dict[str, Any]]:
    """jurisdiction, accounts, currency, net of what an invoice month's documents bill there. Inside publish.in_force.

    Without sellers that another engine taxes: it does not go by our tables.
    """
    elsewhere = list(settings.tax_engine.sellers) if settings.tax_engine else []
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for place, currency, account, net in store.rows(_NET, [month, elsewhere]):
        if (region := tables.region_without_table(place)) is None:
            continue
        empty: dict[str, Any] = {"jurisdiction": region, "accounts": set(), "currency": currency, "net": 0}
        row = found.setdefault((region, currency), empty)
        row["accounts"].add(account)
        row["net"] += net
    return [
        {**row, "accounts": len(row["accounts"]), "net": rounded(row["net"], minor_digits(row["currency"]))}
        for _, row in sorted(found.items())
    ]


def told(row: dict[str, Any]) -> str:
    """US-NY: no table; 1 account, 24.95 USD net."""
    accounts = count_of(row["accounts"], "account")
    return f"{row['jurisdiction']}: no table; {accounts}, {row['net']:,f} {row['currency']} net"


def rates_entered(tables: TaxTables, month: str) -> list[dict[str, Any]]:
    """Rates that somebody entered (`tollbook taxes set`), in force on the month's first day or later."""
    first = month_start(month)
    return [
        {
            "jurisdiction": table.jurisdiction,
            "tax_code": table.code,
            "valid_from": day.isoformat(),
            "value": f"{table.values[day]} {table.currency + ' per line' if table.currency else '%'}",
            "reference": reference.title,
            "entered_by": reference.entered_by,
            "entered_on": reference.read.isoformat(),
        }
        for table in tables.tables
        for reference in table.references
        if reference.entered_by
        for day in reference.supports
        if day >= (table.valid_from(first) or first)
    ]
