"""Terms of subscriptions: the first one, and those that it renews into unless it is cancelled before (RULES 6)."""

from datetime import date
from typing import Any

import polars as pl

from rating.cycles import cycles
from schemas.periods import add_months, next_day

TERM: dict[str, Any] = {"term_start": pl.Date, "term_months": pl.Int64, "renewal_months": pl.Int64}
"""Of a state: null where it is in no term; renewal_months null where its term ends and goes on without one."""


def term_containing(
    day: date, term_start: date, term_months: int, renewal_months: int | None
) -> tuple[date, date] | None:
    """The term [start, end) that holds `day`, on the first term's day, clipped to short months; None outside."""
    end = add_months(term_start, term_months)
    if day < end or not renewal_months:
        return (term_start, end) if term_start <= day < end else None
    months = (day.year - end.year) * 12 + day.month - end.month
    index = months // renewal_months
    if _begin(term_start, term_months + index * renewal_months) > day:
        index -= 1
    begun = term_months + index * renewal_months
    return _begin(term_start, begun), _begin(term_start, begun + renewal_months)


def _begin(term_start: date, months: int) -> date:
    return add_months(term_start, months, term_start.day)


def with_term_begun(rows: pl.DataFrame, day: str) -> pl.DataFrame:
    """Adds `term_begun`: the first day of the term that holds the row's `day`; null outside. rows: TERM, day."""
    asked = rows.filter(pl.col("term_start").is_not_null()).select(*TERM, day).unique()
    begun = [(*row, term[0]) for row in asked.iter_rows() if (term := term_containing(row[3], row[0], row[1], row[2]))]
    known = pl.DataFrame(begun, schema={**TERM, day: pl.Date, "term_begun": pl.Date}, orient="row")
    return rows.join(known, on=[*TERM, day], how="left", nulls_equal=True, validate="m:1", maintain_order="left")


def renewals(spans: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """Terms that renew, and years that begin anew outside a term, from `first` to `last`: the span's account_id,
    resource_id, product_code, quantity, agreed_price, interval; renews_on, renews_for (an interval), priced_on.

    spans: rating.spans. What was cancelled before that day, or is new on it, renews nothing.
    """
    going = spans.filter(pl.col("feed") == "subscriptions", pl.col("end").is_null() | (pl.col("end") > first))
    rows = [
        (*span[:6], begun, f"P{span[8]}M")
        for span in going.select(*_OF_SPAN, "start", "end", *TERM).filter(
            pl.col("term_start").is_not_null(), pl.col("renewal_months").is_not_null()
        ).select(*_OF_SPAN, "term_start", "term_months", "renewal_months", "start", "end").iter_rows()
        for begun in _begins(span[6], span[7], span[8], first, last)
        if span[9] <= begun and (span[10] is None or span[10] > begun)
    ]  # fmt: skip
    terms = pl.DataFrame(rows, schema={**{name: spans.schema[name] for name in _OF_SPAN}, **_WHEN}, orient="row")
    is_years = pl.col("interval").str.extract(r"^P(\d+)M$", 1).cast(pl.Int64) % 12 == 0
    yearly = going.filter(pl.col("term_start").is_null(), is_years.fill_null(value=False))
    begun = (
        yearly.join(cycles(yearly, first, next_day(last)), on=["anchor", "interval"])
        .filter(pl.col("cycle_start").is_between(first, last), pl.col("start") <= pl.col("cycle_start"))
        .filter(pl.col("cycle_start") > pl.col("anchor"), pl.col("end").fill_null(date.max) > pl.col("cycle_start"))
        .select(*_OF_SPAN, renews_on="cycle_start", renews_for="interval")
    )
    return pl.concat([terms, begun]).with_columns(priced_on="renews_on").sort("renews_on", "account_id", "resource_id")


_OF_SPAN = ("account_id", "resource_id", "product_code", "quantity", "agreed_price", "interval")
_WHEN = {"renews_on": pl.Date, "renews_for": pl.String}


def _begins(term_start: date, term_months: int, renewal_months: int, first: date, last: date) -> list[date]:
    """The days from `first` to `last` on which a term renews."""
    days, months = [], term_months
    while (begun := _begin(term_start, months)) <= last:
        days += [begun] if begun >= first else []
        months += renewal_months
    return days
