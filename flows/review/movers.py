"""Why an account's documents came to more or less than last month: products that came, went, or cost something else."""

from decimal import Decimal
from typing import Any

import duckdb

from flows.review.cells import Rows, signed, spoken, worded, written
from schemas.periods import month_start

_PARTS = """
    with lines as (
        select i.account_id, i.currency, l.product_code, l.charge_type, l.unit, i.invoice_month = $month as is_now,
            l.amount, l.quantity, l.unit_price, l.period_end
        from invoice_lines as l join invoices as i using (invoice_number)
        where i.invoice_month in ($month, $previous) and i.account_id in (select unnest($accounts::varchar[]))
        union all
        select account_id, currency, null, 'tax', null, invoice_month = $month, tax_total, null, null, null
        from invoices
        where invoice_month in ($month, $previous) and account_id in (select unnest($accounts::varchar[])))
    select account_id, currency, product_code, charge_type,
        coalesce(sum(amount) filter (is_now), 0) - coalesce(sum(amount) filter (not is_now), 0) as difference,
        bool_or(is_now) as is_there, bool_or(not is_now) as was_there,
        sum(quantity) filter (is_now) as quantity, sum(quantity) filter (not is_now) as previous_quantity,
        max(unit_price) filter (is_now) as price, max(unit_price) filter (not is_now) as previous_price,
        any_value(unit) as unit, max(period_end) filter (not is_now) as covered_until
    from lines group by account_id, currency, product_code, charge_type having difference <> 0
    order by account_id, currency, abs(difference) desc, product_code, charge_type"""

_KINDS = {"proration": "prorated", "one_time": "one-time", "credit": "credit", "discount": "discount"}
"""Charge types that come and go by their nature, as words."""

SHOWN = 3
"""Reasons that are said of an account; the others are counted."""


def reasons_of(con: duckdb.DuckDBPyConnection, month: str, previous: str, accounts: list[str]) -> dict[str, str]:
    """Account -> what moved its documents most, in words: `office 10 → 12 +62.00; gone: fax −5.00; and 2 more`."""
    asked = {"month": month, "previous": previous, "accounts": accounts}
    parts: dict[str, Rows] = {}
    for row in con.sql(_PARTS, params=asked).pl().to_dicts():
        parts.setdefault(row["account_id"], []).append(row)
    return {account: _told(rows, month) for account, rows in parts.items()}


def _told(parts: Rows, month: str) -> str:
    said = [f"{_what(part, month)} {signed(part['difference'], part['currency'])}" for part in parts[:SHOWN]]
    return "; ".join([*said, f"and {len(parts) - SHOWN} more"] if len(parts) > SHOWN else said)


def _what(part: dict[str, Any], month: str) -> str:
    """What it is that moved, and how."""
    kind, product = part["charge_type"], part["product_code"]
    if kind == "tax":
        return "taxes and fees"
    name = worded(product or kind)
    if kind in _KINDS:
        return f"{_KINDS[kind]}: {name}"
    if not part["was_there"]:
        return f"new: {name}"
    if not part["is_there"]:
        covered = part["covered_until"]
        # What is paid for longer than a month comes back when its time is over.
        return f"not due: {name}" if covered and covered > month_start(month) else f"gone: {name}"
    return name + _by(part)


def _by(part: dict[str, Any]) -> str:
    """From which price or quantity to which, of what was there in both months."""
    price, before = part["price"], part["previous_price"]
    if part["charge_type"] != "usage" and price is not None and before is not None and price != before:
        return f" at {written(before, part['currency'])} → {written(price, part['currency'])}"
    if None in (part["quantity"], part["previous_quantity"]) or part["quantity"] == part["previous_quantity"]:
        return ""
    then, now = (_quantity(part[it], part["unit"]) for it in ("previous_quantity", "quantity"))
    unit = f" {part['unit']}s" if part["unit"] in ("minute", "credit") else ""
    return f" {then} → {now}{unit}"


def _quantity(quantity: Decimal, unit: str | None) -> str:
    """Seconds as time, anything else to a tenth, which is enough to see that it moved."""
    if unit == "second":
        return spoken(int(quantity))
    return f"{quantity.quantize(Decimal('0.1')).normalize():,f}"
