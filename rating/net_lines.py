"""Printed lines from list to net: percents, fixed amounts, then the product's minimum and maximum (RULES 10).

Only lines with a discount or a product's pricing come here, one by one. Percents are exact and the line is rounded
once; a fixed amount is given once to a document; minimum and maximum are those of a whole cycle, in proportion to the
days a line bills. What is shown adds up: list amount less discount is the net, unless a bound decided the amount.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from rating.minimums import MODEL
from rating.period_charges import pricing_in_force
from rating.period_price import bounded, less_percent
from schemas.money import EXACT, rounded, spread
from schemas.pricing import Pricing
from schemas.product import Product

GRANT: dict[str, Any] = {
    "account_id": pl.String,
    "draft_id": pl.String,
    "line_no": pl.Int64,
    "discount_id": pl.String,
    "discount_key": pl.String,
    "percent": EXACT,
    "amount": EXACT,
}
"""What one discount of the feed took off one line; `percent` is null for fixed amounts."""

_NET: dict[str, Any] = {
    "account_id": pl.String,
    "line_key": pl.String,
    "list_unit_price": EXACT,
    "unit_price": EXACT,
    "discount_amount": EXACT,
    "discount_text": pl.String,
    "bounded_by": pl.String,
    "amount": EXACT,
}


@dataclass
class _Line:
    row: dict[str, Any]
    pricing: Pricing | None
    discounts: list[dict[str, Any]]
    states: list[tuple[int, Fraction, Fraction]]
    """(+1, or -1 where it gives back; exact list amount without its sign; share of the cycle) of each charge."""
    factor: Fraction = Fraction(1)
    """What the percents leave of each unit of money."""
    net: Decimal = Decimal(0)
    bounded_by: str | None = None
    bound: Decimal = Decimal(0)
    grants: list[tuple[dict[str, Any], Decimal]] = field(default_factory=list)

    @property
    def digits(self) -> int:
        return int(self.row["minor_digits"])

    @property
    def bounds(self) -> Pricing | None:
        """Of usage the maximum alone: a month's minimum is not one of a line (rating/minimums.py)."""
        pricing = self.pricing
        if pricing is not None and self.row["charge_type"] == "usage":
            pricing = pricing.model_copy(update={"minimum": None})
        return pricing if pricing is not None and pricing.is_bounded else None

    @property
    def gives_back(self) -> bool:
        return any(sign < 0 for sign, _, _ in self.states)

    def after_percents(self) -> Fraction:
        """Exact, without minimum and maximum."""
        return sum((sign * amount * self.factor for sign, amount, _ in self.states), Fraction(0))


def net_lines(
    lines: pl.DataFrame,
    charges: pl.DataFrame,
    accounts: pl.DataFrame,
    discounts: pl.DataFrame,
    used_up: Collection[str],
    products: dict[str, Product],
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Lines at list prices to lines at net prices; and what each discount of the feed took off (GRANT).

    lines: invoicing.lines.LINE; charges: CHARGE with `discounts`; accounts: account_id, currency, minor_digits;
    discounts and used_up: rating.discounts.
    """
    by_key = {row["discount_key"]: row for row in discounts.iter_rows(named=True)}
    concerned = _with_charges(lines, charges, accounts).iter_rows(named=True)
    work = [_line(row, by_key, products) for row in concerned]
    for line in work:
        _take_percents(line)
    # After all percents: a fixed amount is spread by what they left of each line.
    _take_fixed(work, [by_key[key] for key in sorted(by_key) if key not in set(used_up)])
    for line in work:
        _bound(line)
    net = pl.DataFrame([_shown(line) for line in work], schema=_NET, orient="row")
    return _replace(lines, net), _grants(work)


def _with_charges(lines: pl.DataFrame, charges: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """Lines with a discount or a pricing, in printed order, with the charges behind each."""
    keys = ["account_id", "line_key"]
    # Most lines have a plain price and no discount: they stay as they are and never come here.
    behind = (
        charges.filter(pl.col("discounts").is_not_null() | pl.col("price_model").is_not_null())
        # What a month lacks of its minimum is net, and its charges are no states of a cycle.
        .filter(pl.col("price_model").ne_missing(MODEL))
        .group_by(keys, maintain_order=True)
        .agg(
            pl.col("discounts", "priced_on").first(),
            nums="amount_num",
            dens="amount_den",
            gives=pl.col("quantity") < 0,
            days="part_days",
            of="cycle_days",
        )
    )
    return (
        lines.join(behind, on=keys, validate="1:1")
        .join(accounts.select("account_id", "currency", "minor_digits"), on="account_id", validate="m:1")
        .sort("account_id", "line_no")
    )


def _line(row: dict[str, Any], by_key: dict[str, dict[str, Any]], products: dict[str, Product]) -> _Line:
    by_pricing = row["price_model"] is not None
    return _Line(
        row=row,
        pricing=(
            pricing_in_force(products, row["product_code"], row["currency"], row["priced_on"]) if by_pricing else None
        ),
        discounts=[by_key[key] for key in row["discounts"] or []],
        states=[
            _state(*charge)
            for charge in zip(row["nums"], row["dens"], row["gives"], row["days"], row["of"], strict=True)
        ],
        net=row["amount"],
    )


def _state(
    num: Decimal, den: int, gives: bool | None, days: int | None, of: int | None
) -> tuple[int, Fraction, Fraction]:
    sign = -1 if gives else 1
    return sign, sign * Fraction(num) / den, Fraction(1) if days is None or of is None else Fraction(days, of)


def _take_percents(line: _Line) -> None:
    """The product's own discount, then those of the feed in their order; each is given what it took off."""
    if line.pricing is not None:
        line.factor = less_percent(line.factor, line.pricing.discount_percent)
        line.net = rounded(line.after_percents(), line.digits)
    for discount in line.discounts:
        if discount["percent"] is not None:
            line.factor = less_percent(line.factor, discount["percent"])
            net = rounded(line.after_percents(), line.digits)
            # The difference of two rounded amounts: together all of them are the line's discount to the cent.
            line.grants.append((discount, line.net - net))
            line.net = net


def _take_fixed(work: Sequence[_Line], discounts: list[dict[str, Any]]) -> None:
    """Each fixed amount spread over the lines above zero that it reaches, by what is left of them, and no further."""
    fixed = [discount for discount in discounts if discount["amount"] is not None]
    for discount in sorted(fixed, key=lambda d: (d["rank"], d["discount_id"], d["valid_from"])):
        lines = [line for line in work if _takes(line, discount)]
        if not lines:
            continue
        digits = lines[0].digits
        left = sum((line.net for line in lines), Decimal(0))
        # No more than there is: a discount never turns a document into a credit.
        amount = min(rounded(discount["amount"], digits), left)
        for line, part in zip(lines, spread(amount, [line.net for line in lines], digits), strict=True):
            line.net -= part
            line.grants.append((discount, part))


def _takes(line: _Line, discount: dict[str, Any]) -> bool:
    bounded_before = line.bounds is not None and line.gives_back
    return line.net > 0 and not bounded_before and discount["discount_key"] in (line.row["discounts"] or [])


def _bound(line: _Line) -> None:
    """The product's minimum, then its maximum, for the days that the line bills.

    What a line gives back was within them when it was charged; so each of its states is, and not their difference.
    """
    line.bound = line.net
    if line.bounds is None:
        return
    # Minimum and maximum are those of a whole cycle, so the line is held against them as if it billed one.
    share = max(share for _, _, share in line.states)
    states = [(1, Fraction(line.net) / share, share)]
    if line.gives_back:
        states = [(sign, amount * line.factor / share, share) for sign, amount, share in line.states]
    within = [(sign, bounded(price, line.bounds), share) for sign, price, share in states]
    if within != states:
        raised = any(new > old for (_, old, _), (_, new, _) in zip(states, within, strict=True))
        line.bounded_by = "minimum" if raised else "maximum"
        line.bound = rounded(sum((sign * price * share for sign, price, share in within), Fraction(0)), line.digits)


def _shown(line: _Line) -> tuple[Any, ...]:
    """What stands on the line: _NET."""
    row = line.row
    list_price = row["unit_price"]
    if list_price is None and line.pricing is not None:
        list_price = line.pricing.unit_price
    names = dict.fromkeys(discount["description"] for discount in line.discounts if discount["description"])
    return (
        row["account_id"],
        row["line_key"],
        list_price,
        _net_price(line, list_price),
        row["amount"] - line.net,
        ", ".join(names) or None,
        line.bounded_by,
        line.bound,
    )


def _net_price(line: _Line, list_price: Decimal | None) -> Decimal | None:
    """The price of a unit after percents; none where a column is too short for it, or the amount was not made of it."""
    if list_price is None or line.bound != rounded(line.after_percents(), line.digits):
        return None
    price = Fraction(list_price) * line.factor * 10**12
    return Decimal(price.numerator).scaleb(-12) if price.denominator == 1 else None


def _replace(lines: pl.DataFrame, net: pl.DataFrame) -> pl.DataFrame:
    keys = ["account_id", "line_key"]
    new = {name: f"_{name}" for name in _NET if name not in keys}
    joined = lines.join(
        net.rename(new).with_columns(_is_net=pl.lit(value=True)), on=keys, how="left", validate="1:1",
        maintain_order="left",
    )  # fmt: skip
    return joined.with_columns(
        pl.when("_is_net").then(own).otherwise(name).alias(name) for name, own in new.items()
    ).select(lines.columns)


def _grants(work: Sequence[_Line]) -> pl.DataFrame:
    rows = [
        (line.row["account_id"], line.row["draft_id"], line.row["line_no"], discount["discount_id"],
         discount["discount_key"], discount["percent"], amount)
        for line in work
        for discount, amount in line.grants
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=GRANT, orient="row")
