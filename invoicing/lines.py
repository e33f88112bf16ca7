"""Charges to printed lines: grouped by line_key, rounded once, numbered in the order they are printed (RULES 12)."""

from datetime import date
from typing import Any

import polars as pl

from schemas.dated import in_force, in_language
from schemas.errors import TollbookError
from schemas.money import EXACT, round_sums
from schemas.product import SECTIONS, Product

LINE: dict[str, Any] = {
    "draft_id": pl.String,
    "account_id": pl.String,
    "line_no": pl.Int64,
    "line_key": pl.String,
    "section": pl.String,
    "charge_type": pl.String,
    "product_code": pl.String,
    "charge_key": pl.String,
    "resource_kind": pl.String,
    "resource_id": pl.String,
    "description": pl.String,
    "billing_group": pl.String,
    "country": pl.String,
    "quantity": EXACT,
    "unit": pl.String,
    "list_unit_price": EXACT,
    "unit_price": EXACT,
    "per": pl.Int64,
    "fraction": pl.String,
    "list_amount": EXACT,
    "discount_amount": EXACT,
    "discount_text": pl.String,
    "bounded_by": pl.String,
    "price_model": pl.String,
    "amount": EXACT,
    "period_start": pl.Date,
    "period_end": pl.Date,
    "tax_date": pl.Date,
    "tax_class": pl.String,
    "telecom_percent": EXACT,
    "interstate": pl.String,
    "jurisdiction": pl.String,
    "access_lines": EXACT,
    "line_count": EXACT,
    "measured_share": EXACT,
    "reverses": pl.String,
}
"""A printed line. Periods are half-open; `amount` is rounded to the currency's minor unit.

`to_lines` leaves it as the list amount, without discount, minimum and maximum: rating.discounts takes them off.
"""


_INHERITED = ("jurisdiction", "tax_class", "telecom_percent", "interstate", "access_lines")
"""What a line that reverses an issued one takes from it (RULES 20)."""


def to_lines(
    charges: pl.DataFrame, accounts: pl.DataFrame, locations: pl.DataFrame, products: dict[str, Product]
) -> pl.DataFrame:
    """LINE rows from CHARGE rows. accounts: account_id, draft_id, locale, minor_digits, jurisdiction.

    locations: location_id, jurisdiction. A line's jurisdiction is the billing address's, unless its product says
    by_location and its resource has one (RULES 21).
    """
    keys = ["account_id", "line_key"]
    inherited = {name: f"inherited_{name}" for name in _INHERITED}
    charges = charges.rename(inherited).join(accounts, on="account_id", how="left", validate="m:1")
    homeless = charges.filter(pl.col("draft_id").is_null())["account_id"].unique().to_list()
    if homeless:
        raise TollbookError(f"charges of {homeless[:3]} have no document to stand on: the run stops")
    amounts = round_sums(charges, keys)
    lines = _attributes(charges, keys).join(amounts, on=keys, validate="1:1")
    lines = _described(_tax_facts(lines, locations, products), products)
    order = {section: position for position, section in enumerate(SECTIONS)}
    lines = lines.with_columns(
        list_unit_price="unit_price",
        list_amount="amount",
        discount_text=pl.lit(None, pl.String),
        bounded_by=pl.lit(None, pl.String),
        discount_amount=pl.lit(0).cast(EXACT),
        _section=pl.col("section").replace_strict(order, return_dtype=pl.Int64),
    ).sort(
        "account_id",
        "_section",
        pl.col("billing_group").fill_null(""),
        "product_code",
        "period_start",
        "country",
        "line_key",
    )
    return lines.with_columns(line_no=pl.int_range(1, pl.len() + 1).over("account_id")).select(
        pl.col(name).cast(dtype) for name, dtype in LINE.items()
    )


def _attributes(charges: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """What a line's charges have in common; where they differ, nothing or their sum."""
    one_key = pl.col("charge_key").n_unique() == 1
    one_resource = pl.col("resource_id").n_unique() == 1
    partial = pl.col("part_days") < pl.col("cycle_days")
    recurs = pl.col("charge_type").is_in(["recurring", "proration"])
    shared = pl.concat_str(
        [pl.col("account_id").first(), pl.col("resource_kind").first(), pl.lit("*"), pl.col("product_code").first(),
         pl.col("cycle_start").first()], separator="|",
    )  # fmt: skip
    return charges.group_by(keys).agg(
        pl.col(
            "draft_id", "locale", "jurisdiction", "section", "charge_type", "product_code", "resource_kind",
            "billing_group", "country", "unit", "per", "location_id", "tax_date", "cycle_start", "price_model",
            "measured_share", *(f"inherited_{name}" for name in _INHERITED),
        ).first(),
        reverses=pl.when(pl.col("tax_date").first().is_not_null()).then(pl.col("reverses").max()),
        units_in_service=(
            pl.col("quantity") * pl.col("priced_units").fill_null(1) * pl.when(recurs).then(_firsts()).otherwise(0)
        ).cast(EXACT).sum(),
        # A state's price is that of all its units together; a price for one of them is not in it.
        unit_price=pl.when(pl.col("priced_units").first().is_null()).then(pl.col("unit_price").first()),
        charge_key=pl.when(one_key).then(pl.col("charge_key").first()).otherwise(shared),
        resource_id=pl.when(one_resource).then(pl.col("resource_id").first()),
        own_description=pl.col("description").first(),
        quantity=(pl.col("quantity") * pl.col("priced_units").fill_null(1)).cast(EXACT).sum(),
        fraction=pl.when(partial.first()).then(
            pl.concat_str([pl.col("part_days").first(), pl.col("cycle_days").first()], separator="/")
        ),
        period_start=pl.col("part_start").min(),
        period_end=pl.col("part_end").max(),
    )  # fmt: skip


def _firsts() -> pl.Expr:
    """How many firsts of a month lie in the billed days: a cycle of 30 days may have two, or none."""
    end, start = (pl.col(day).dt.offset_by("-1d") for day in ("part_end", "part_start"))
    return (end.dt.year().cast(pl.Int64) - start.dt.year()) * 12 + end.dt.month() - start.dt.month()


def _tax_facts(lines: pl.DataFrame, locations: pl.DataFrame, products: dict[str, Product]) -> pl.DataFrame:
    """Tax facts of what is reversed, else those in force on the first day of the cycle (RULES 20, 21)."""
    rows = [
        (code, day, *_facts(products[code], day))
        for code, day in lines.select("product_code", "cycle_start").unique().iter_rows()
    ]
    facts = pl.DataFrame(
        rows,
        schema={
            "product_code": pl.String,
            "cycle_start": pl.Date,
            "tax_class": pl.String,
            "telecom_percent": EXACT,
            "interstate": pl.String,
            "access_lines": EXACT,
        },
        orient="row",
    )
    by_location = [code for code, product in products.items() if product.by_location]
    served = locations.select("location_id", served_in="jurisdiction")
    lines = lines.join(facts, on=["product_code", "cycle_start"], how="left", validate="m:1")
    return (
        lines.join(served, on="location_id", how="left", validate="m:1")
        .with_columns(
            jurisdiction=pl.when(pl.col("inherited_jurisdiction").is_not_null())
            .then("inherited_jurisdiction")
            .when(pl.col("product_code").is_in(by_location) & pl.col("served_in").is_not_null())
            .then("served_in")
            .otherwise("jurisdiction"),
            tax_class=pl.coalesce("inherited_tax_class", "tax_class"),
            telecom_percent=pl.coalesce("inherited_telecom_percent", "telecom_percent"),
            interstate=pl.coalesce("inherited_interstate", "interstate"),
            access_lines=pl.coalesce("inherited_access_lines", "access_lines"),
        )
        .with_columns(line_count=(pl.col("units_in_service") * pl.col("access_lines")).cast(EXACT))
    )


def _facts(product: Product, day: date) -> tuple[Any, ...]:
    return (
        in_force(product.tax_class, day),
        in_force(product.telecom_percent, day),
        in_force(product.interstate, day),
        in_force(product.access_lines, day) or 0,
    )


def _described(lines: pl.DataFrame, products: dict[str, Product]) -> pl.DataFrame:
    """Texts in the document's language: the charge's own, else the product's name; and the unit."""
    asked = lines.select("product_code", "locale").unique()
    texts = pl.DataFrame(
        [
            (code, locale, in_language(products[code].name, locale), in_language(products[code].unit, locale))
            for code, locale in asked.iter_rows()
        ],
        schema={"product_code": pl.String, "locale": pl.String, "name": pl.String, "product_unit": pl.String},
        orient="row",
    )
    return lines.join(texts, on=["product_code", "locale"], validate="m:1").with_columns(
        description=pl.coalesce("own_description", "name"),
        unit=pl.coalesce("unit", "product_unit"),
    )
