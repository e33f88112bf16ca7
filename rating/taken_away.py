"""What bills on after it was taken away: to the end of its cycle or its term, up to what was committed (RULES 5, 6)."""

from datetime import date, timedelta
from typing import Any

import polars as pl

from rating.cycles import cycle_containing
from rating.terms import TERM, term_containing
from schemas.product import Product

_SAME_TERMS = ("product_code", "unit_price", "interval", "anchor", "billing_group")


def served_until(
    leaving: dict[str, date],
    account_id: str,
    end: date | None,
    changes_at_end: bool,
    anchor: date,
    interval: str,
    term_start: date | None,
    term_months: int | None,
    renewal_months: int | None,
) -> date | None:
    """A cancelled subscription is billed to the end of its cycle, or of its term; no refund (RULES 5). A term that it
    has renewed into runs on to its end like the first."""
    # A change is no cancellation: the state that follows takes over on that very day.
    if changes_at_end:
        return end
    last_day = end - timedelta(days=1) if end else None
    if account_id in leaving:
        last_day = min(last_day or date.max, leaving[account_id])
    if last_day is None:
        return None
    if term_start and term_months:
        term = term_containing(max(last_day, term_start), term_start, term_months, renewal_months)
        if term:
            return term[1]
    return cycle_containing(last_day, anchor, interval)[1]


def kept(states: pl.DataFrame, products: dict[str, Product]) -> pl.DataFrame:
    """Of products without a credit for removal, and of a cancelled state, what is taken away bills to the end of its
    cycle or term (RULES 5)."""
    no_credit = pl.col("product_code").is_in([code for code, product in products.items() if product.removal == "none"])
    ordered = states.sort("subscription_id", "start")
    fewer = (no_credit | pl.col("refunds_nothing")) & (
        pl.col("quantity") > pl.col("quantity").shift(-1).over("subscription_id")
    ).fill_null(False)
    hit = ordered.filter(
        (fewer & (pl.col("end") == pl.col("start").shift(-1).over("subscription_id"))).any().over("subscription_id")
    )
    if hit.is_empty():
        return states
    rows: list[dict[str, Any]] = []
    for own in hit.partition_by("subscription_id", maintain_order=True):
        rows += _with_what_was_taken_away(own.to_dicts(), products)
    return pl.concat([ordered.join(hit, on="subscription_id", how="anti"), pl.DataFrame(rows, schema=states.schema)])


def _with_what_was_taken_away(states: list[dict[str, Any]], products: dict[str, Product]) -> list[dict[str, Any]]:
    """The states of one subscription, each at least at the quantity that still bills: pieces in their order.

    Where the next state has another price or cycle, what was taken away is a piece beside it, at the old ones.
    """
    pieces: list[dict[str, Any]] = []
    kept: list[tuple[date, Any]] = []
    for state, following in zip(states, [*states[1:], None], strict=True):
        start, end = state["start"], state["end"] or date.max
        while start < end:
            kept = [(until, quantity) for until, quantity in kept if until > start]
            more = [(until, quantity) for until, quantity in kept if quantity > state["quantity"]]
            until = min([end, *(until for until, _ in more)])
            quantity = max([state["quantity"], *(quantity for _, quantity in more)])
            ends_here = until == end
            pieces.append(state | {
                "start": start, "quantity": quantity, "end": state["end"] if ends_here else until,
                "changes_at_end": state["changes_at_end"] if ends_here else True,
            })  # fmt: skip
            start = until
        keeps = state["refunds_nothing"] or products[state["product_code"]].removal == "none"
        if keeps and following and _follows(state, following):
            last = end - timedelta(days=1)
            until = cycle_containing(last, state["anchor"], state["interval"])[1]
            if state["term_start"] and (term := term_containing(last, *(state[name] for name in TERM))):
                until = max(until, term[1])
            before = pieces[-1]
            if all(state[name] == following[name] for name in _SAME_TERMS):
                kept.append((until, before["quantity"]))
            elif until > end and before["quantity"] > following["quantity"]:
                # The first day of a part is free: it begins a day early where the state before does not bill that day.
                is_free = products[state["product_code"]].day_count == "start_day_free"
                start = last if is_free and not before["changes_at_end"] else end
                pieces.append(before | {
                    "start": start, "end": until, "quantity": before["quantity"] - following["quantity"],
                    "changes_at_end": False,
                })  # fmt: skip
    return pieces


def _follows(state: dict[str, Any], following: dict[str, Any]) -> bool:
    return bool(following["start"] == state["end"] and following["product_code"] == state["product_code"])


def committed(states: pl.DataFrame) -> pl.DataFrame:
    """Inside its term a state bills at least what was committed; where the term ends inside it without renewing, it is
    cut (RULES 6)."""
    floor = (pl.col("committed_quantity") > pl.col("quantity")).fill_null(False)
    renews = pl.col("renewal_months").is_not_null()
    floor &= (renews | (pl.col("start") < pl.col("term_end"))).fill_null(False)
    outlives = ~renews & (pl.col("end").is_null() | (pl.col("end") > pl.col("term_end")))
    raised = states.filter(floor).with_columns(
        quantity="committed_quantity",
        end=pl.when(outlives).then("term_end").otherwise("end"),
        changes_at_end=pl.col("changes_at_end") | outlives,
    )
    # Behind the term the state goes on, at the quantity it really has.
    after = states.filter(floor & outlives).with_columns(start="term_end")
    return pl.concat([states.filter(~floor), raised, after])
