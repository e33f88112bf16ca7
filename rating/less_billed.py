"""A usage month that documents hold in part: what it comes to, less what they hold, line by line in rounded money."""

import polars as pl

from rating.charges import usage_line_key
from schemas.frames import CHARGE, conform
from schemas.money import EXACT, round_sums
from schemas.product import Product

_LINE = ["account_id", "line_key"]


def with_line_keys(billed: pl.DataFrame, products: dict[str, Product]) -> pl.DataFrame:
    """Billed usage lines with the line_key that their usage has today; a product that moved to another section counts
    there. billed: account_id, charge_key, section, product_code, billing_group, period_start."""
    sections = {code: product.section for code, product in products.items()}
    month = pl.col("period_start").dt.strftime("%Y-%m")
    about = pl.concat_str([pl.lit("|"), pl.col("product_code"), pl.lit("|"), month])
    country = (
        pl.col("charge_key").str.strip_suffix(about).str.strip_prefix(pl.concat_str(["account_id", pl.lit("|usage|")]))
    )
    return billed.with_columns(
        usage_month=month,
        country=pl.when(country != "-").then(country),
        section=pl.col("product_code").replace_strict(sections, default=pl.col("section"), return_dtype=pl.String),
    ).with_columns(line_key=usage_line_key())


def less_billed(owed: pl.DataFrame, billed: pl.DataFrame, digits: pl.DataFrame, touched: pl.DataFrame) -> pl.DataFrame:
    """CHARGE rows of what is owed for usage lines, less what is billed of them.

    owed: CHARGE rows of whole lines. billed: as `with_line_keys` returns them, with amount (at list prices,
    as printed), quantity, unit, list_unit_price.
    digits: account_id, minor_digits. touched: account_id, line_key of lines whose usage changed though no amount did.
    A line that nothing is billed of stays as it is; one with nothing left is dropped. The others are two rows, what it
    comes to and what is billed, both rounded, so that their sum is the difference of printed amounts.
    """
    billed_lines = billed.select(_LINE).unique()
    fresh = owed.join(billed_lines, on=_LINE, how="anti", maintain_order="left")
    again = owed.join(billed_lines, on=_LINE, how="semi", maintain_order="left")
    amounts = round_sums(again.join(digits, on="account_id", validate="m:1"), _LINE)
    now = (
        again.with_columns(quantity=pl.col("quantity").sum().over(_LINE))
        .unique(_LINE, keep="first", maintain_order=True)
        .join(amounts, on=_LINE, validate="1:1", maintain_order="left")
    )
    held = billed.group_by(_LINE, maintain_order=True).agg(
        pl.col("section", "product_code", "billing_group", "country", "usage_month", "charge_key").first(),
        pl.col("unit", "list_unit_price").last(),
        pl.col("period_start", "period_end").last(),
        pl.col("amount", "quantity").sum(),
    )
    both = now.select(*_LINE, "amount", "quantity", "unit_price", "per").join(
        held.select(*_LINE, "amount", "quantity", "list_unit_price"), on=_LINE, how="full", coalesce=True,
        suffix="_billed",
    )  # fmt: skip
    both = both.with_columns(pl.col("amount", "amount_billed", "quantity", "quantity_billed").fill_null(0))
    moved = (pl.col("amount") != pl.col("amount_billed")) | (pl.col("quantity") != pl.col("quantity_billed"))
    hit = touched.select(_LINE).unique().with_columns(is_touched=pl.lit(value=True))
    kept = both.join(hit, on=_LINE, how="left").filter(moved | pl.col("is_touched").fill_null(value=False))
    price = kept.select(*_LINE, _price=_single_price())
    # Both rounded, although exact sums are at hand: only the difference of what was printed squares with the documents.
    plus = now.with_columns(amount_num="amount", amount_den=pl.lit(1))
    minus = held.with_columns(
        charge_type=pl.lit("usage"),
        resource_kind=pl.lit("usage"),
        quantity=-pl.col("quantity"),
        amount_num=-pl.col("amount"),
        amount_den=pl.lit(1),
        **{name: pl.col("period_start") for name in ("cycle_start", "part_start", "priced_on", "discount_on")},
        **{name: pl.col("period_end") for name in ("cycle_end", "part_end")},
    )
    units = now.select(*_LINE, "price_model", "per", "unit").rename({"unit": "_unit"})
    minus = minus.join(units, on=_LINE, how="left").with_columns(unit=pl.coalesce("_unit", "unit"))
    rows = pl.concat([conform(plus, CHARGE), conform(minus, CHARGE)])
    rows = rows.join(price, on=_LINE, how="inner", maintain_order="left").with_columns(unit_price="_price")
    return pl.concat([fresh.select(list(CHARGE)), rows.select(list(CHARGE))])


def _single_price() -> pl.Expr:
    """The price of a unit, where the difference is so many units at it; none where prices differ inside."""
    same = pl.col("unit_price") == pl.col("list_unit_price")
    exact = pl.col("unit_price") * (pl.col("quantity") - pl.col("quantity_billed"))
    # Each of the two amounts was rounded: their difference may be a cent off price times units.
    off = (exact - (pl.col("amount") - pl.col("amount_billed")) * pl.col("per").cast(EXACT)).abs()
    return pl.when(same & (off <= pl.col("per").cast(EXACT) / 100)).then("unit_price").otherwise(pl.lit(None, EXACT))
