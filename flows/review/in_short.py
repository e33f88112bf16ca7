"""The review in short, for the terminal: a line for each thing that somebody acts on."""

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from flows.home.shipped_values import told as told_examples
from flows.review.cells import signed, sums, worded, written
from flows.review.sample_rates import told as told_samples
from flows.review.spec import OUTCOMES
from flows.review.untaxed import told as told_untaxed
from schemas.counts import count_of

if TYPE_CHECKING:
    from flows.review.report import Review


def in_short(review: "Review") -> list[str]:
    """Lines for the month, its accounts and totals, for what is open, excluded or rejected, and whether it balances."""
    accounts = ", ".join(f"{review.outcomes[key]} {word}" for key, word in OUTCOMES.items() if key in review.outcomes)
    runs = ", ".join(f"{run['kind']} run {run['state']}" for run in review.runs)
    return [
        f"Invoice month {review.month}: {runs}",
        f"Accounts: {accounts}",
        *_void(review),
        *(_total(review, row) for row in review.tables["totals"]),
        *_open(review),
        *_taxes(review),
        *_bounds(review),
        *_resources(review),
        *_usage(review),
        *(f"Example values: {text}" for text in told_examples(_examples(review))),
        *_laws(review),
    ]


def _void(review: "Review") -> Iterator[str]:
    for run in review.runs:
        if run["state"] == "void":
            again = "correct" if run["kind"] == "correction" else "run"
            said = f"the drafts of run {run['run_id']} rest on what was owed before other documents were issued"
            yield f"Void: {said}; `tollbook {again} {review.month}` again"


def _total(review: "Review", row: dict[str, Any]) -> str:
    shown = {name: written(row[name], row["currency"]) for name in ("net", "recovery_fees", "taxes", "total")}
    against = review.nothing_to_compare or f"{signed(row['difference'], row['currency'])} on last month"
    return (
        f"{row['seller']}: documents {row['documents']}, net {shown['net']}, recovery fees {shown['recovery_fees']}, "
        f"taxes {shown['taxes']}, total {shown['total']} {row['currency']} ({against})"
    )


def _open(review: "Review") -> Iterator[str]:
    for row in review.tables["parked"]:
        yield f"Parked: {row['account_id']}: {row['reason']}. {row['remedy']}"
    for row in review.tables["suspended"]:
        worth = f", about {sums(row['estimates'])}" if row["estimates"] else ""
        yield f"Suspended: {row['feed']}, {row['reason']}: {row['records']}{worth}. {row['remedy']}"
    for row in review.tables["stops"]:
        state = f"let through by {row['by_name']}: {row['reason']}" if row["reason"] else "stops the approval"
        yield f"{worded(row['code']).capitalize()}, {row['subject']}: {row['detail']} ({state})"


def _taxes(review: "Review") -> Iterator[str]:
    for row in review.tables["no_table"]:
        yield f"Taxes: {told_untaxed(row)}"
    for text in told_samples(review.tables["sample_rates"]):
        yield f"Taxes: {text}"
    for row in review.tables["own_rates"]:
        yield (
            f"Taxes: {row['jurisdiction']} {row['tax_code']} from {row['valid_from']}: {row['value']}, entered by "
            f"{row['entered_by']} ({row['reference']})"
        )


def _bounds(review: "Review") -> Iterator[str]:
    if review.nothing_to_compare and review.tables["no_history"]:
        yield f"No bound was held against another month: {review.nothing_to_compare}"
        return
    for row in review.tables["no_history"]:
        of = " ".join(filter(None, (row["seller"], row["currency"])))
        yield f"No history yet for {worded(row['bound'])}, {of}: {count_of(row['accounts'], 'account')}"


def _resources(review: "Review") -> Iterator[str]:
    for name, word in (("uncharged", "active without a charge"), ("unfounded", "charged without a resource")):
        if review.tables[name]:
            yield f"Resources {word}: {len(review.tables[name])}"


def _usage(review: "Review") -> Iterator[str]:
    for row in review.tables["endings"]:
        calls = count_of(row["records"], "call")
        yield f"Unknown ending: source {row['source']}, {row['word']!r}: {calls} billed"
    for feed, rows in groupby(review.tables["excluded"], itemgetter("feed")):
        listed = (f"{row['records']} {worded(row['reason'])}" for row in rows)
        yield f"Excluded {feed}: {', '.join(listed)}"
    if rejected := review.count("rejected"):
        yield f"Rejected records: {rejected}"


def _examples(review: "Review") -> dict[str, list[str]]:
    return {row["seller_id"]: row["keys"].split(", ") for row in review.tables["examples"]}


def _laws(review: "Review") -> Iterator[str]:
    for law in review.laws:
        if not law.is_kept:
            yield f"NOT BALANCED: {law.meaning}: {count_of(len(law.broken), 'row breaks', 'rows break')} it"
    if review.books_balance:
        yield f"The books balance: {count_of(len(review.laws), 'law')} kept"
