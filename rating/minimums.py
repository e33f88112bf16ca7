"""The least that a usage month costs whoever's plan carries it, used or not: what its usage lacks of it (RULES 10).

Asked last, of net amounts: discounts come before the minimum. A month that stands on several documents, because usage
came late or a plan was changed afterwards, is held against its minimum as a whole, less what those documents hold.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from rating.owed import part_days
from rating.period_charges import pricing_in_force
from rating.service_days import without_suspended
from schemas.catalog import Catalog
from schemas.dated import in_force, in_language
from schemas.frames import CHARGE, conform
from schemas.money import EXACT, rounded
from schemas.product import Product

MODEL = "minimum"
"""`price_model` of what a month lacks: it is the price of no unit."""

TO_THE_MINIMUM = {
    "en": "{name} (up to the minimum)",
    "fr": "{name} (complément au minimum)",
    "de": "{name} (bis zum Mindestbetrag)",
}

_KEY = ("account_id", "product_code", "usage_month")

BILLED: dict[str, Any] = {
    **dict.fromkeys(_KEY, pl.String),
    "net": EXACT,
    "shortfall": EXACT,
    "is_own_line": pl.Boolean,
    "tax_date": pl.Date,
    **dict.fromkeys(("jurisdiction", "tax_class"), pl.String),
    "telecom_percent": EXACT,
    "interstate": pl.String,
    "access_lines": EXACT,
    "measured_share": EXACT,
    "reverses": pl.String,
}
"""What documents hold of a product's usage month: its usage, net, and what it lacked of the minimum, with how that was
taxed. is_own_line: whether a line of its own brought what it lacked."""


@dataclass(frozen=True)
class Payer:
    """What the lines of an account need to know of it."""

    digits: int
    locale: str


def carriers(catalog: Catalog) -> pl.DataFrame:
    """plan, product_code, is_free: whose usage months have a minimum, and whether the first day of a part is free."""
    rows = [
        (name, code, product.day_count == "start_day_free")
        for name, plan in catalog.plans.items()
        for code in sorted({rule.charged for rule in plan.usage.values() if rule.charged is not None})
        if has_minimum(product := catalog.products[code])
    ]
    return pl.DataFrame(
        rows, schema={"plan": pl.String, "product_code": pl.String, "is_free": pl.Boolean}, orient="row"
    )


def has_minimum(product: Product) -> bool:
    """Whether a usage month of this product ever has a minimum."""
    by_pricing = (pricing.minimum for dated in product.pricing.values() for pricing in dated.values())
    return product.billed_from == "usage" and (bool(product.minimum) or any(least is not None for least in by_pricing))


def minimums_due(
    versions: pl.DataFrame, months: list[tuple[str, date, date]], catalog: Catalog, suspensions: pl.DataFrame
) -> pl.DataFrame:
    """account_id, product_code, usage_month, currency, month_start, month_end, part_start, part_end, billed_days: on
    which days of the usage months an account was on a plan that carries a minimum.

    versions: account_id, version_from, version_to, plan, currency, billing_start, end_date. months: (month, first day,
    first day after). suspensions: the feed, for products that are not billed then.
    """
    last_day = pl.col("end_date").sort_by("version_from").last().over("account_id")
    of_plan = versions.with_columns(leaves=last_day.dt.offset_by("1d").fill_null(date.max)).join(
        carriers(catalog), on="plan"
    )
    key = ["account_id", "product_code"]
    anew = (pl.col("version_from") != pl.col("version_to").shift(1).over(key)).fill_null(value=True)
    times = (
        of_plan.sort(*key, "version_from")
        .with_columns(time=anew.cum_sum().over(key))
        .group_by(*key, "time", maintain_order=True)
        .agg(
            pl.col("currency", "billing_start", "leaves", "is_free", "version_to").last(),
            pl.col("version_from").first(),
        )
    )
    grid = pl.DataFrame(
        months, schema={"usage_month": pl.String, "cycle_start": pl.Date, "cycle_end": pl.Date}, orient="row"
    )
    parts = (
        times.join(grid, how="cross")
        .with_columns(
            start=pl.max_horizontal("version_from", "billing_start", "cycle_start"),
            end=pl.min_horizontal("version_to", "leaves", "cycle_end"),
            # The account goes on, in a plan without it: the day of the change is still this one's (RULES 3).
            changes_at_end=pl.col("version_to") < pl.col("leaves"),
        )
        .filter(pl.col("start") < pl.col("end"))
    )
    return (
        without_suspended(parts, suspensions, catalog.products)
        .with_columns(hands_over=pl.col("changes_at_end") & pl.col("is_free"))
        .with_columns(part_days(pl.col("is_free")))
        .filter(pl.col("part_start") < pl.col("part_end"))
        .group_by(*_KEY, maintain_order=True)
        .agg(
            pl.col("currency").first(),
            month_start=pl.col("cycle_start").first(),
            month_end=pl.col("cycle_end").first(),
            billed_days=(pl.col("part_end") - pl.col("part_start")).dt.total_days().sum(),
            part_start=pl.col("part_start").min(),
            part_end=pl.col("part_end").max(),
        )
    )


def least(products: dict[str, Product], code: str, currency: str, month_start: date) -> Decimal | None:
    """What a whole usage month of a product costs at least, at most what it costs at most; None: no minimum then."""
    pricing = pricing_in_force(products, code, currency, month_start)
    if pricing is None:
        product = products.get(code)
        return in_force(product.minimum.get(currency, {}), month_start) if product else None
    if pricing.minimum is None or pricing.maximum is None:
        return pricing.minimum
    return min(pricing.minimum, pricing.maximum)


def shortfalls(
    due: pl.DataFrame, used: pl.DataFrame, billed: pl.DataFrame, payers: dict[str, Payer], products: dict[str, Product]
) -> pl.DataFrame:
    """CHARGE rows of what usage months lack of their minimum, less what documents hold of that.

    due: `minimums_due`. used: account_id, product_code, usage_month, net, what this document's usage lines come to.
    billed: BILLED. Only months of `due`, and of `billed` where it holds a line of what was lacking.
    """
    month = {row[:3]: row for row in due.select(*_KEY, "currency", "month_start", "month_end", "billed_days",
                                                "part_start", "part_end").iter_rows()}  # fmt: skip
    now = {row[:3]: row[3] for row in used.select(*_KEY, "net").iter_rows()}
    before = {tuple(row[name] for name in _KEY): row for row in billed.iter_rows(named=True)}
    keys = set(month) | {key for key, row in before.items() if row["is_own_line"]}
    rows = [
        charge
        for key in sorted(keys)
        if key[0] in payers and key[1] in products
        for charge in _lacking(key, month.get(key), now.get(key), before.get(key), payers[key[0]], products)
    ]
    return conform(pl.DataFrame(rows, schema=_ROW), CHARGE) if rows else pl.DataFrame(schema=CHARGE)


_ROW = {name: dtype for name, dtype in CHARGE.items() if name not in ("discounts", "discount_on")}


def _lacking(
    key: tuple[Any, ...], month: tuple[Any, ...] | None, used_now: Decimal | None, before: dict[str, Any] | None,
    payer: Payer, products: dict[str, Product],
) -> Iterable[dict[str, Any]]:  # fmt: skip
    """The charges of one line: the minimum of the days, less the month's usage, less what was lacking when billed."""
    account, code, usage_month = key
    least_, days = Decimal(0), (0, 1)
    if month is not None:
        least_ = least(products, code, month[3], month[4]) or Decimal(0)
        days = (month[6], (month[5] - month[4]).days)
    asked = rounded(Fraction(least_) * Fraction(*days), payer.digits)
    net = (used_now or Decimal(0)) + (before["net"] if before else Decimal(0))
    held = before["shortfall"] if before else Decimal(0)
    lacks = max(asked - net, Decimal(0))
    if lacks == held:
        return
    first = date.fromisoformat(f"{usage_month}-01")
    after = month[5] if month is not None else date(first.year + first.month // 12, first.month % 12 + 1, 1)
    own = products[code].shortfall_product
    row: dict[str, Any] = {
        "account_id": account,
        "charge_key": f"{account}|usage|{MODEL}|{code}|{usage_month}",
        "charge_type": "usage",
        "section": products[own or code].section,
        "product_code": own or code,
        "resource_kind": "usage",
        "priced_units": Decimal(1),
        "per": 1,
        "part_days": days[0] or None,
        "cycle_days": (days[0] and days[1]) or None,
        "amount_den": 1,
        "cycle_start": first,
        "cycle_end": after,
        "part_start": month[7] if month is not None else first,
        "part_end": month[8] if month is not None else after,
        "description": None if own else in_language(TO_THE_MINIMUM, payer.locale).format(
            name=in_language(products[code].name, payer.locale)
        ),
        "price_model": MODEL,
        "priced_on": first,
        "line_key": f"{MODEL}|{code}|{usage_month}",
    }  # fmt: skip
    if lacks < held and before is not None:
        # What is given back is taxed as it was charged (RULES 20).
        row |= {name: before[name] for name in list(BILLED)[6:]}
    if lacks:
        yield row | {"quantity": Decimal(1), "unit_price": least_, "amount_num": asked}
        yield row | {"quantity": Decimal(0), "amount_num": -net}
    if held:
        yield row | {"quantity": Decimal(-1), "amount_num": -held}
