"""Master data to spans: who had how much of which product from when to when (RULES 5, 6, 8, 18).

A span is one state of one resource: columns SPAN. `end` is half-open, null while it goes on. `changes_at_end`
says that the resource goes on in another state on the day `end`: that day still bills at the old state.
"""

from datetime import date, timedelta
from typing import Any

import polars as pl

from rating.cycles import MONTHLY, MONTHLY_ANCHOR, cycle_containing
from rating.service_days import with_service_start, without_suspended
from rating.terms import TERM, term_containing
from schemas.catalog import Product
from schemas.money import EXACT
from schemas.periods import in_months_or_days

SPAN: dict[str, Any] = {
    "account_id": pl.String,
    "feed": pl.String,
    "resource_id": pl.String,
    "product_code": pl.String,
    "billing_group": pl.String,
    "location_id": pl.String,
    "is_low_usage": pl.Boolean,
    "start": pl.Date,
    "end": pl.Date,
    "changes_at_end": pl.Boolean,
    "last_day": pl.Date,
    "quantity": EXACT,
    "agreed_price": EXACT,
    "interval": pl.String,
    "anchor": pl.Date,
    **TERM,
    "term_end": pl.Date,
}
"""Columns of a span; `quantity` is what bills: inside a term never below what was committed. `last_day` is the last
one in service, which may lie before what bills: to the end of the month, the cycle or the term."""


_NO_TERM = {name: pl.lit(None, SPAN[name]) for name in (*TERM, "term_end")}


def all_spans(
    devices: pl.DataFrame,
    numbers: pl.DataFrame,
    subscriptions: pl.DataFrame,
    leaving: dict[str, date],
    products: dict[str, Product],
    suspensions: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Every span that drives a fee. `leaving`: account -> its end_date (last day included). `suspensions`: the feed."""
    spans = pl.concat(
        [
            _inventory(devices, "devices", "device_id", leaving, products),
            _inventory(numbers, "numbers", "number", leaving, products),
            _subscriptions(subscriptions, leaving, products),
        ]
    )
    if suspensions is not None:
        spans = without_suspended(spans, suspensions, products)
    return spans.sort("account_id", "feed", "resource_id", "product_code", "start")


def _billed_from(feed: str, products: dict[str, Product]) -> list[str]:
    return [code for code, product in products.items() if product.billed_from == feed]


def _versions(rows: pl.DataFrame, key: str, start: str, last_day: str, leaving: dict[str, date]) -> pl.DataFrame:
    """Rows of one key, in order of `start`, each cut where the next begins (RULES 18).

    What was to begin after an account's last day never does.
    """
    leaves = pl.col("account_id").replace_strict(leaving, default=None, return_dtype=pl.Date)
    ordered = rows.filter((pl.col(start) <= leaves).fill_null(True)).sort(key, start)
    following = pl.col(start).shift(-1).over(key)
    own_end = pl.col(last_day).dt.offset_by("1d")
    return ordered.with_columns(
        start=pl.col(start),
        end=pl.min_horizontal(own_end, following),
        # Not where the next row is another account's: a number that moves there has simply ended here.
        changes_at_end=(
            (pl.min_horizontal(own_end, following) == following)
            & (pl.col("account_id") == pl.col("account_id").shift(-1).over(key))
        ).fill_null(False),
    ).filter(pl.col("end").is_null() | (pl.col("end") > pl.col("start")))


def _inventory(
    rows: pl.DataFrame, feed: str, key: str, leaving: dict[str, date], products: dict[str, Product]
) -> pl.DataFrame:
    spans = _versions(rows, key, "active_from", "active_to", leaving).filter(
        pl.col("product_code").is_in(_billed_from(feed, products))
    )
    spans = spans.with_columns(last_day=_last_day(leaving), end=_run_on(spans, leaving)).select(
        "account_id",
        feed=pl.lit(feed),
        resource_id=pl.col(key),
        product_code="product_code",
        extension="extension",
        billing_group="billing_group",
        location_id="location_id",
        is_low_usage=pl.col("is_low_usage").fill_null(False) if feed == "devices" else pl.lit(False),
        start="start",
        end="end",
        changes_at_end="changes_at_end",
        last_day="last_day",
        quantity=pl.lit(1).cast(EXACT),
        agreed_price=pl.lit(None, EXACT),
        interval=pl.lit(MONTHLY),
        anchor=pl.lit(MONTHLY_ANCHOR),
        **_NO_TERM,
    )
    shared = pl.col("product_code").is_in([c for c, p in products.items() if p.per == "extension"])
    shared &= pl.col("extension").is_not_null()
    # Each device's own end comes first: an extension bills as long as the last of its devices does.
    removable = spans.with_columns(end=_unremoved(spans, products))
    return pl.concat([removable.filter(~shared).select(*SPAN), _per_extension(removable.filter(shared))])


def _last_day(leaving: dict[str, date]) -> pl.Expr:
    """The last day in service of a state: its own, at most the account's; null while both go on."""
    leaves = pl.col("account_id").replace_strict(leaving, default=None, return_dtype=pl.Date)
    return pl.min_horizontal(pl.col("end").dt.offset_by("-1d"), leaves)


def _run_on(spans: pl.DataFrame, leaving: dict[str, date]) -> pl.Series:
    """An account that leaves keeps what it had on its last day to the end of that month (RULES 5)."""
    leaves = pl.col("account_id").replace_strict(leaving, default=None, return_dtype=pl.Date)
    month_end = leaves.dt.month_start().dt.offset_by("1mo")
    return spans.select(
        end=pl.when(leaves.is_not_null() & (pl.col("end").is_null() | (pl.col("end") > leaves)))
        .then(month_end)
        .otherwise(pl.col("end"))
    )["end"]


def _unremoved(spans: pl.DataFrame, products: dict[str, Product]) -> pl.Series:
    """Products without a credit for removal bill to the end of the month in which they end."""
    no_credit = pl.col("product_code").is_in([c for c, p in products.items() if p.removal == "none"])
    last_day = pl.col("end").dt.offset_by("-1d")
    return spans.select(
        end=pl.when(no_credit & ~pl.col("changes_at_end"))
        .then(last_day.dt.month_start().dt.offset_by("1mo"))
        .otherwise(pl.col("end"))
    )["end"]


def _per_extension(spans: pl.DataFrame) -> pl.DataFrame:
    """One resource per extension over the days on which it has any of its devices, in states side by side (RULES 8).

    On each day it stands in the billing group and at the location of the earliest device in service that day, and is of
    low usage as that is; where one of them changes, a new state begins (RULES 3).
    """
    keys = ["account_id", "extension", "product_code"]
    far = pl.lit(date.max)
    rows = spans.sort(*keys, "resource_id", "start").with_columns(_end=pl.col("end").fill_null(far))
    # A device that comes back later begins anew; its rows side by side are one time in service.
    gap = (pl.col("start") > pl.col("_end").shift(1).over(*keys, "resource_id")).fill_null(True)
    rows = rows.with_columns(_time=gap.cum_sum().over(*keys, "resource_id"))
    rows = rows.with_columns(_since=pl.col("start").min().over(*keys, "resource_id", "_time"))
    days = pl.concat([rows.select(*keys, day="start"), rows.select(*keys, day="_end")]).unique().sort(*keys, "day")
    pieces = days.with_columns(day_after=pl.col("day").shift(-1).over(keys)).filter(pl.col("day_after").is_not_null())
    states = (
        pieces.join(rows, on=keys)
        .filter(pl.col("start") <= pl.col("day"), pl.col("day") < pl.col("_end"))
        .sort(*keys, "day", "_since", "resource_id")
        .unique([*keys, "day"], keep="first", maintain_order=True)
    )
    attributes = ["billing_group", "location_id", "is_low_usage"]
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1).over(keys)) for name in attributes)
    joined = (pl.col("day") == pl.col("day_after").shift(1).over(keys)).fill_null(False)
    spells = (
        states.with_columns(state=(~(same & joined)).cum_sum().over(keys))
        .group_by(*keys, "state", maintain_order=True)
        .agg(
            pl.col("feed", *attributes).first(),
            pl.col("last_day").last(),
            start=pl.col("day").first(),
            end=pl.col("day_after").last(),
        )
    )
    following = pl.col("start").shift(-1).over(keys)
    return spells.select(
        "account_id",
        "feed",
        pl.concat_str(pl.lit("ext:"), "extension").alias("resource_id"),
        "product_code",
        *attributes,
        "start",
        pl.when(pl.col("end") < far).then("end"),
        (pl.col("end") == following).fill_null(False).alias("changes_at_end"),
        "last_day",
        pl.lit(1).cast(EXACT).alias("quantity"),
        pl.lit(None, EXACT).alias("agreed_price"),
        pl.lit(MONTHLY).alias("interval"),
        pl.lit(MONTHLY_ANCHOR).alias("anchor"),
        **_NO_TERM,
    ).select(*SPAN)


def _subscriptions(rows: pl.DataFrame, leaving: dict[str, date], products: dict[str, Product]) -> pl.DataFrame:
    given = rows["billing_interval"].drop_nulls().unique().to_list()
    interval = (
        pl.col("billing_interval")
        .fill_null(MONTHLY)
        .replace_strict({MONTHLY: MONTHLY, **{text: in_months_or_days(text) for text in given}}, return_dtype=pl.String)
    )
    first_start = pl.col("serves_from").min().over("subscription_id")
    mine = rows.filter(pl.col("product_code").is_in(_billed_from("subscriptions", products)))
    anchored = with_service_start(mine, products).with_columns(
        interval=interval,
        anchor=pl.coalesce(
            "bill_anchor", pl.when(interval == MONTHLY).then(pl.lit(MONTHLY_ANCHOR)).otherwise(first_start)
        ),
        last_day=pl.coalesce("end_date", "cancel_requested_on"),
    )
    # A version that waits for its confirmation ends nothing: what runs goes on until the other one serves.
    serving = anchored.filter(pl.col("serves_from").is_not_null()).with_columns(start_date="serves_from")
    spans = _versions(serving, "subscription_id", "start_date", "last_day", leaving)
    spans = spans.with_columns(last_day=_last_day(leaving))
    ends = [
        _served_until(leaving, *row)
        for row in spans.select("account_id", "end", "changes_at_end", "anchor", "interval", *TERM).iter_rows()
    ]
    in_term = pl.col("term_start").is_not_null() & pl.col("term_months").is_not_null()
    term_months = pl.col("term_months").cast(pl.String).fill_null("0") + "mo"
    states = spans.with_columns(
        pl.Series("end", ends, dtype=pl.Date),
        **{name: pl.when(in_term).then(name) for name in TERM},
        term_end=pl.when(in_term).then(pl.col("term_start").dt.offset_by(term_months)),
    )
    return _kept(_committed(_regridded(states)), products).select(
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


def _kept(states: pl.DataFrame, products: dict[str, Product]) -> pl.DataFrame:
    """Of products without a credit for removal, what is taken away bills to the end of its cycle or term (RULES 5)."""
    no_credit = pl.col("product_code").is_in([code for code, product in products.items() if product.removal == "none"])
    ordered = states.sort("subscription_id", "start")
    fewer = no_credit & (pl.col("quantity") > pl.col("quantity").shift(-1).over("subscription_id")).fill_null(False)
    hit = ordered.filter(
        (fewer & (pl.col("end") == pl.col("start").shift(-1).over("subscription_id"))).any().over("subscription_id")
    )
    if hit.is_empty():
        return states
    rows: list[dict[str, Any]] = []
    for own in hit.partition_by("subscription_id", maintain_order=True):
        rows += _with_what_was_taken_away(own.to_dicts(), products)
    return pl.concat([ordered.join(hit, on="subscription_id", how="anti"), pl.DataFrame(rows, schema=states.schema)])


_SAME_TERMS = ("product_code", "unit_price", "interval", "anchor", "billing_group")


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
        if following and following["start"] == state["end"] and following["product_code"] == state["product_code"]:
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


def _committed(states: pl.DataFrame) -> pl.DataFrame:
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


def _served_until(
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
