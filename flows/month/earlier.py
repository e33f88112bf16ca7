"""The cutover: what a run looks at, and what the system before this one billed of it (RULES 7)."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from flows.catalog.load import Tables
from flows.home.settings import Settings
from flows.month.inputs import MasterData
from rating.discounts import with_percents
from rating.earlier import PART, earlier_parts
from rating.owed import horizons, parts_owed
from rating.period_charges import with_states
from rating.prices import agreed_prices, with_prices
from schemas.frames import FINDINGS, noticed_as
from schemas.money import minor_digits
from schemas.periods import add_months, month_start


@dataclass(frozen=True)
class Window:
    """What a run looks at: [first, end), of which it charges what is not wholly before `start` (RULES 7)."""

    first: date
    start: date
    month_first: date
    end: date
    cutover: date


def window_of(settings: Settings, month_first: date) -> Window:
    """The window of an invoice month that begins on `month_first`."""
    cutover = month_start(settings.billing.first_invoice_month)
    # Changes of the month before the cutover are the first that are ours: the earlier system billed in advance.
    first = add_months(cutover, -1)
    oldest = add_months(month_first, -settings.billing.lookback_months)
    return Window(first, max(oldest, first), month_first, add_months(month_first, 1), cutover)


def currencies_of(master: MasterData) -> pl.DataFrame:
    """account_id, currency: it never changes (RULES 18)."""
    return master.versions.select("account_id", "currency").unique("account_id", keep="last")


def priced_as_owed(owed: pl.DataFrame, master: MasterData, tables: Tables) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Parts with their price, agreed, listed or by the product's pricing (RULES 9); and what no pricing can price."""
    listed = with_prices(owed, tables.catalog, master.versions, agreed_prices(master.prices, tables.catalog.products))
    priced, unpriceable = with_states(listed, currencies_of(master), tables.catalog.products)
    first = unpriceable.sort("account_id", "detail").unique("account_id", keep="first", maintain_order=True)
    return priced, first


def billed_earlier(
    master: MasterData,
    tables: Tables,
    settings: Settings,
    window: Window,
    accounts: pl.DataFrame,
    discounts: pl.DataFrame,
) -> pl.DataFrame:
    """What the system before us billed: by feed `billed_until` where it says so, else each cycle that began before the
    cutover as its state stood when that system last billed (RULES 7).

    accounts: rating.owed.horizons; discounts: rating.discounts.in_order.
    """
    stated = master.billed_until
    # That system billed in advance, from what it knew at the beginning of its last month.
    last_month = add_months(window.cutover, -1)
    then = horizons(
        master.versions.unique("account_id", keep="last", maintain_order=True),
        last_month,
        settings.billing.first_invoice_cutoff_day,
    )
    products = tables.catalog.products
    believed = parts_owed(master.spans, then, window.first, window.cutover, products)
    by_default = (
        priced_as_owed(believed, master, tables)[0]
        .filter(pl.col("cycle_start") < window.cutover, pl.col("unit_price").is_not_null())
        .join(stated, on=["account_id", "feed", "resource_id"], how="anti")
        .select(PART)
    )
    if stated.is_empty():
        return by_default
    digits = {code: minor_digits(code) for code in master.versions["currency"].unique()}
    stated = stated.join(currencies_of(master), on="account_id").with_columns(
        digits=pl.col("currency").replace_strict(digits, return_dtype=pl.Int64)
    )
    begun = accounts.filter(pl.col("billing_start") <= pl.col("horizon"))
    spans = master.spans.join(stated, on=["account_id", "feed", "resource_id"], how="semi").join(
        begun, on="account_id", how="semi"
    )
    # It may have billed cycles that this run does not reach yet, and they are part of its amount.
    furthest = max([window.end, *stated["until"].drop_nulls()])
    owed = priced_as_owed(parts_owed(spans, accounts, window.first, furthest, products), master, tables)[0]
    owed = with_percents(owed.filter(pl.col("unit_price").is_not_null()), discounts, products)
    by_feed = earlier_parts(stated, owed, spans, products, window.cutover).filter(pl.col("cycle_start") < window.end)
    return pl.concat([by_feed, by_default])


def gaps(master: MasterData, window: Window) -> pl.DataFrame:
    """Resources that an earlier system billed up to a day before the time that is ours, as FINDINGS; told as long as a
    run still looks back to the cutover."""
    rows = master.billed_until.filter(pl.col("until") < window.first, pl.lit(window.start <= window.first))
    detail = pl.format(
        "{} {} was billed up to the day before {}, and a run bills from {} on: nobody bills the days between",
        "feed", "resource_id", "until", pl.lit(window.first),
    )  # fmt: skip
    return rows.select("account_id", **noticed_as("unbilled_days", detail)).cast(FINDINGS)
