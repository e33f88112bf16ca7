"""What the twin says against what the product drafted: lines, tax rows, and what became of each usage record."""

import json
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from flows.home.store import Store
from tests.properties.month.prices import rounded
from tests.properties.month.twin import Bill, Month

Fact = tuple[Any, ...]


def differences(store: Store, invoice_month: str, twin: Month) -> list[str]:
    """One sentence for each line, tax row, document or record that differs."""
    ((run_id,),) = store.rows("select run_id from runs where invoice_month = $1", [invoice_month])
    found: list[str] = []
    documents = dict(store.rows("select account_id, document_json from documents where run_id = $1", [run_id]))
    for account in sorted(documents.keys() | twin.bills.keys()):
        ours = Counter(_of_bill(twin.bills[account]) if account in twin.bills else ())
        theirs = Counter(_of_document(json.loads(documents[account])) if account in documents else ())
        if account not in documents:
            outcome = store.rows(
                "select outcome, code, reason from run_accounts where run_id = $1 and account_id = $2",
                [run_id, account],
            )
            found.append(f"{invoice_month} {account}: the product has no document, {outcome}")
        found += [f"{invoice_month} {account}: twin alone {_told(fact)}" for fact in sorted((ours - theirs).elements())]
        found += [
            f"{invoice_month} {account}: product alone {_told(fact)}" for fact in sorted((theirs - ours).elements())
        ]
    usage, theirs = _of_records(twin), _of_store(store, run_id, twin.settled)
    found += [f"{invoice_month} usage: twin alone {_told(fact)}" for fact in sorted((usage - theirs).elements())]
    found += [f"{invoice_month} usage: product alone {_told(fact)}" for fact in sorted((theirs - usage).elements())]
    return found


def _told(fact: Fact) -> str:
    return " ".join(f"{float(part):.6g}" if isinstance(part, Fraction) else str(part) for part in fact)


def _of_bill(bill: Bill) -> Iterator[Fact]:
    for line in bill.lines:
        yield (
            "line", line.section, line.product, line.group, line.country, f"{line.start}", f"{line.end}", line.quantity,
            line.amount,
        )  # fmt: skip
    for row in bill.taxes:
        yield (
            "tax",
            row.code,
            row.jurisdiction,
            f"{row.on}",
            row.rate,
            rounded(row.base, 8),
            rounded(row.exempt, 8),
            row.amount,
        )


def _of_document(document: dict[str, Any]) -> Iterator[Fact]:
    for line in document["lines"]:
        abroad = line["section"] in ("premium_minutes", "international_minutes")
        yield (
            "line", line["section"], line["product_code"], line["billing_group"] or "",
            (line["country"] or "") if abroad else "", line["period_start"], line["period_end"],
            Fraction(line["quantity"] or "0"), Fraction(line["amount"]),
        )  # fmt: skip
    for row in document["taxes"]:
        per_line = row["unit"] == "amount_per_line"
        rate, base = (row["rate_amount"], row["line_count"]) if per_line else (row["rate_percent"], row["base_amount"])
        yield (
            "tax", row["tax_code"], row["jurisdiction"], row["tax_date"], Fraction(rate or "0"),
            rounded(Fraction(base or "0"), 8), rounded(Fraction(row["exempt_amount"]), 8), Fraction(row["amount"]),
        )  # fmt: skip


def _of_records(twin: Month) -> Counter[Fact]:
    facts: Counter[Fact] = Counter()
    for record in twin.records:
        if record.id in twin.settled:
            continue
        if record.outcome != "rated":
            facts[record.id, record.outcome] += 1
            continue
        one = twin.rated[record.id]
        facts[
            record.id, "rated", record.account, record.category, record.units, one.included, rounded(one.amount, 12)
        ] += 1
    return facts


def _of_store(store: Store, run_id: str, settled: set[str]) -> Counter[Fact]:
    facts: Counter[Fact] = Counter()
    query = (
        "select usage_id, account_id, category, billable_units, included_units, amount::varchar from rated_usage "
        "where run_id = $1"
    )
    for usage_id, account, category, units, included, amount in store.rows(query, [run_id]):
        if _id(usage_id) not in settled:
            facts[_id(usage_id), "rated", account, category, units, included, Fraction(amount)] += 1
    for table in ("suspended_usage", "excluded_usage"):
        for usage_id, reason in store.rows(f"select usage_id, reason from {table} where run_id = $1", [run_id]):
            facts[_id(usage_id), reason] += 1
    return facts


def _id(usage_id: str) -> str:
    """The call's own id: behind the feed's and the source's, before what tells variants apart."""
    return next(part for part in usage_id.split(":") if part.startswith("u-")).split("~")[0]
