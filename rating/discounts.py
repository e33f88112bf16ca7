"""Which discounts reach which charge (RULES 10); what they take off its printed line is in rating/net_lines.py.

A discount is a property of the printed line. Charges, and with them the difference between what is owed and what was
issued (RULES 7), stay at list prices; so a discount that comes or goes never bills a month anew. In force is what is
valid on `discount_on`: the first billed day of the charge's cycle, the day of a one-time charge, the first of a usage
month. A proration therefore carries the discount of the period it belongs to, and gives back what was paid.
"""

from datetime import date

import polars as pl

from schemas.product import Product


def in_order(discounts: pl.DataFrame) -> pl.DataFrame:
    """Feed `discounts` with `discount_key` (one version of one discount), `rank` and `until`, the first day after it.

    It ends with its own last day or where its next version begins (RULES 18). Rank is the order of RULES 10: percents
    on an item, percents on the account, then fixed amounts in the same way.
    """
    is_fixed, is_whole = pl.col("amount").is_not_null(), pl.col("applies_to") == "account"
    return discounts.sort("discount_id", "valid_from").with_columns(
        discount_key=pl.concat_str(["discount_id", pl.col("valid_from").cast(pl.String)], separator="@"),
        rank=is_fixed.cast(pl.Int64) * 2 + is_whole.cast(pl.Int64),
        until=pl.min_horizontal(
            pl.col("valid_to").dt.offset_by("1d"), pl.col("valid_from").shift(-1).over("discount_id")
        ).fill_null(date.max),
    )


def used_up(discounts: pl.DataFrame, given: pl.DataFrame) -> list[str]:
    """Keys of fixed amounts that have nothing left: given on as many documents as months they are valid in.

    Recurring charges are billed a month ahead and usage a month behind, so a discount meets one document more than it
    has months. discounts: `in_order`; given: discount_key, documents (how many issued ones it was given on).
    """
    first, last = pl.col("valid_from"), pl.col("until").dt.offset_by("-1d")
    months = (last.dt.year() - first.dt.year()) * 12 + last.dt.month() - first.dt.month() + 1
    return (
        discounts.filter(pl.col("amount").is_not_null(), pl.col("until") < date.max)
        .join(given, on="discount_key", validate="1:1")
        .filter(pl.col("documents") >= months)
        .sort("discount_key")["discount_key"]
        .to_list()
    )


def with_discounts(charges: pl.DataFrame, discounts: pl.DataFrame, products: dict[str, Product]) -> pl.DataFrame:
    """Fills `discounts` of CHARGE rows with the keys of those that reach them, and cuts lines so that all of a line's
    charges have the same ones.

    discounts: `in_order`. Credits of feed `charges` are amounts of their own and have no discount. A proration belongs
    to its product's section as well as to the one it is printed in.
    """
    rows = charges.with_row_index("_row").with_columns(_own_section=_section_of(products))
    offers = discounts.select(
        "account_id", "applies_to", "target", "discount_key", "rank", "discount_id", "valid_from", "until"
    )
    reached = (
        rows.filter(pl.col("charge_type") != "credit")
        .join(offers, on="account_id")
        .filter(_hit(), pl.col("valid_from") <= pl.col("discount_on"), pl.col("discount_on") < pl.col("until"))
        .sort("_row", "rank", "discount_id")
        .group_by("_row", maintain_order=True)
        .agg(_keys="discount_key")
    )
    rows = rows.join(reached, on="_row", how="left", validate="1:1", maintain_order="left")
    # Usage lines are cut already by all that a discount may aim at, and their records know them by this key.
    cuts = pl.col("_keys").is_not_null() & (pl.col("charge_type") != "usage")
    own_key = pl.concat_str(["line_key", pl.lit("discounts:"), pl.col("_keys").list.join("|")])
    return rows.with_columns(discounts="_keys", line_key=pl.when(cuts).then(own_key).otherwise("line_key")).select(
        charges.columns
    )


def with_percents(parts: pl.DataFrame, discounts: pl.DataFrame, products: dict[str, Product]) -> pl.DataFrame:
    """Parts of recurring charges (rating.owed) with `percents`: those that reach each of them, null where none does."""
    keys = ["account_id", "feed", "resource_id", "product_code", "cycle_start", "cycle_end"]
    rows = parts.select(*keys, "part_start").group_by(keys).agg(discount_on=pl.col("part_start").min())
    section = _section_of(products)
    rows = rows.with_columns(section=section, _own_section=section, resource_kind=pl.col("feed").str.strip_suffix("s"))
    reached = (
        rows.join(discounts.filter(pl.col("percent").is_not_null()), on="account_id")
        .filter(_hit(), pl.col("valid_from") <= pl.col("discount_on"), pl.col("discount_on") < pl.col("until"))
        .group_by(keys)
        .agg(percents="percent")
    )
    return parts.join(reached, on=keys, how="left", validate="m:1", maintain_order="left")


def _section_of(products: dict[str, Product]) -> pl.Expr:
    sections = {code: product.section for code, product in products.items()}
    return pl.col("product_code").replace_strict(sections, default=None, return_dtype=pl.String)


def _hit() -> pl.Expr:
    """Whether a discount (applies_to, target) is meant for a charge."""
    target, applies_to = pl.col("target"), pl.col("applies_to")
    of_subscription = (target == pl.col("resource_id")) & (pl.col("resource_kind") == "subscription")
    return (
        (applies_to == "account")
        | ((applies_to == "product_code") & (target == pl.col("product_code")))
        | ((applies_to == "section") & ((target == pl.col("section")) | (target == pl.col("_own_section"))))
        | ((applies_to == "subscription_id") & of_subscription)
    )
