"""Subscriptions to spans: versions, confirmations, cycles, terms and what bills on (RULES 3, 5, 6)."""

from datetime import date

import polars as pl

from rating.cycles import MONTHLY, MONTHLY_ANCHOR, cycle_containing
from rating.service_days import with_service_start
from rating.states import billed_from, last_day_of, versions
from rating.taken_away import committed, kept, served_until
from rating.terms import TERM
from schemas.money import EXACT
from schemas.periods import in_months_or_days
from schemas.product import Product


def subscription_spans(rows: pl.DataFrame, leaving: dict[str, date], products: dict[str, Product]) -> pl.DataFrame:
    """Spans (SPAN) of feed subscriptions. leaving: account -> its last day."""
    given = rows["billing_interval"].drop_nulls().unique().to_list()
    interval = (
        pl.col("billing_interval")
        .fill_null(MONTHLY)
        .replace_strict({MONTHLY: MONTHLY, **{text: in_months_or_days(text) for text in given}}, return_dtype=pl.String)
    )
    first_start = pl.col("serves_from").min().over("subscription_id")
    mine = rows.filter(pl.col("product_code").is_in(billed_from("subscriptions", products)))
    anchored = with_service_start(mine, products).with_columns(
        interval=interval,
        anchor=pl.coalesce(
            "bill_anchor", pl.when(interval == MONTHLY).then(pl.lit(MONTHLY_ANCHOR)).otherwise(first_start)
        ),
        last_day=pl.coalesce("end_date", "cancel_requested_on"),
    )
    # A version that waits for its confirmation ends nothing: what runs goes on until the other one serves.
    serving = anchored.filter(pl.col("serves_from").is_not_null()).with_columns(start_date="serves_from")
    spans = versions(serving, "subscription_id", "start_date", "last_day", leaving)
    spans = spans.with_columns(last_day=last_day_of(leaving))
    ends = [
        served_until(leaving, *row)
        for row in spans.select("account_id", "end", "changes_at_end", "anchor", "interval", *TERM).iter_rows()
    ]
    in_term = pl.col("term_start").is_not_null() & pl.col("term_months").is_not_null()
    term_months = pl.col("term_months").cast(pl.String).fill_null("0") + "mo"
    states = spans.with_columns(
        pl.Series("end", ends, dtype=pl.Date),
        **{name: pl.when(in_term).then(name) for name in TERM},
        term_end=pl.when(in_term).then(pl.col("term_start").dt.offset_by(term_months)),
    )
    return kept(committed(_regridded(_taken_up_again(states))), products).select(
        "account_id",
        feed=pl.lit("subscriptions"),
        resource_id="subscription_id",
        product_code="product_code",
        billing_group="billing_group",
        location_id=pl.lit(None, pl.String),
        is_low_usage=pl.lit(False),
        start="start",
        end="end",
        changes_at_end="changes_at_end",
        last_day="last_day",
        quantity=pl.col("quantity").cast(EXACT),
        agreed_price=pl.col("unit_price").cast(EXACT),
        interval="interval",
        anchor="anchor",
        **{name: name for name in TERM},
        term_end="term_end",
    )


def _taken_up_again(states: pl.DataFrame) -> pl.DataFrame:
    """A subscription that was cancelled and begins again in the time that it is paid for goes on as after a change, so
    that no day is paid twice; fewer seats give nothing back, for a cancellation gives none (RULES 3, 5).

    Adds `refunds_nothing`: whether the state was cancelled so.
    """
    ordered = states.sort("subscription_id", "start")
    following = pl.col("start").shift(-1).over("subscription_id")
    same = pl.all_horizontal(
        pl.col(name) == pl.col(name).shift(-1).over("subscription_id") for name in ("account_id", "product_code")
    )
    again = (~pl.col("changes_at_end") & same & (pl.col("end") > following)).fill_null(value=False)
    return ordered.with_columns(refunds_nothing=again, following=following).with_columns(
        end=pl.when("refunds_nothing").then("following").otherwise("end"),
        changes_at_end=pl.col("changes_at_end") | pl.col("refunds_nothing"),
    )


def _regridded(states: pl.DataFrame) -> pl.DataFrame:
    """Where the next state begins a cycle of its own on its first day, this one ends the day before (RULES 3): that day
    is the new cycle's, so it is no day of the change that would still bill at the old state."""
    anchor, interval = (pl.col(name).shift(-1).over("subscription_id") for name in ("anchor", "interval"))
    other = pl.col("changes_at_end") & ((pl.col("anchor") != anchor) | (pl.col("interval") != interval))
    asked = states.select("end", anchor=anchor, interval=interval, other=other.fill_null(False))
    begins = [
        other and cycle_containing(end, anchor, interval)[0] == end for end, anchor, interval, other in asked.rows()
    ]
    return states.with_columns(changes_at_end=pl.col("changes_at_end") & ~pl.Series(begins, dtype=pl.Boolean))
