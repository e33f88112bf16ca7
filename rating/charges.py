"""Everything that is charged, as one kind of row, schemas.frames.CHARGE; which share a printed line is RULES 12."""

from collections.abc import Mapping
from datetime import date

import polars as pl

from schemas.catalog import Product
from schemas.frames import CHARGE, conform
from schemas.money import EXACT

_BY_DESTINATION = ["international_minutes", "premium_minutes"]


def _map(values: Mapping[str, str]) -> pl.Expr:
    return pl.col("product_code").replace_strict(values, default=None, return_dtype=pl.String)


def _line_key(*columns: str) -> pl.Expr:
    """Charges that agree in all of these are one line. Texts are quoted by their length, so none runs into the next."""
    parts = []
    for column in columns:
        text = pl.col(column).cast(pl.String).fill_null("")
        parts += [text.str.len_bytes().cast(pl.String), pl.lit(":"), text, pl.lit("|")]
    return pl.concat_str(parts)


def recurring_charges(parts: pl.DataFrame, products: dict[str, Product]) -> pl.DataFrame:
    """Parts still to be charged to charges.

    parts: rating.owed.difference with billing_group, location_id, is_first, tax_date.
    A part that is the whole cycle, charged for the first time, is a recurring charge in its product's section;
    any other is a proration, in `prorated_charges` (RULES 5, 7).
    """
    whole = (pl.col("part_start") == pl.col("cycle_start")) & (pl.col("part_end") == pl.col("cycle_end"))
    recurring = whole & pl.col("is_first") & (pl.col("quantity") > 0)
    part_days = (pl.col("part_end") - pl.col("part_start")).dt.total_days()
    cycle_days = (pl.col("cycle_end") - pl.col("cycle_start")).dt.total_days()
    sections = {code: product.section for code, product in products.items()}
    by_location = [code for code, product in products.items() if product.by_location]
    charges = parts.with_columns(
        location_id=pl.when(pl.col("product_code").is_in(by_location)).then("location_id"),
        charge_type=pl.when(recurring).then(pl.lit("recurring")).otherwise(pl.lit("proration")),
        section=pl.when(recurring).then(_map(sections)).otherwise(pl.lit("prorated_charges")),
        resource_kind=pl.col("feed").str.strip_suffix("s"),
        charge_key=pl.concat_str(["account_id", "feed", "resource_id", "product_code", "cycle_start"], separator="|"),
        per=pl.lit(1),
        part_days=part_days,
        cycle_days=cycle_days,
        amount_num=(pl.col("quantity") * pl.col("unit_price") * part_days).cast(EXACT),
        amount_den=cycle_days,
        _sign=pl.col("quantity") > 0,
    )
    return conform(
        charges.with_columns(
            line_key=_line_key(
                "charge_type", "section", "product_code", "billing_group", "unit_price", "part_start", "part_end",
                "cycle_days", "location_id", "tax_date", "jurisdiction", "tax_class", "telecom_percent", "interstate",
                "_sign",
            )
        ),
        CHARGE,
    )  # fmt: skip


def one_time_charges(rows: pl.DataFrame, products: dict[str, Product]) -> pl.DataFrame:
    """Feed `charges` to charges, a line each; a credit counts against the account whatever its sign in the file.

    rows: the feed's columns, `already` (what issued documents hold of the charge, signed; 0 for a new one) and
    tax_date. A charge that was changed after it was billed brings the difference alone (RULES 7).
    """
    is_credit = pl.col("kind") == "credit"
    value = pl.coalesce("amount", pl.col("unit_price") * pl.col("quantity").fill_null(1)).cast(EXACT)
    signed = pl.when(is_credit).then(-value.abs()).otherwise(value)
    sections = {code: product.section for code, product in products.items()}
    return conform(
        rows.with_columns(
            charge_type=pl.when(is_credit).then(pl.lit("credit")).otherwise(pl.lit("one_time")),
            section=pl.when(is_credit).then(pl.lit("adjustments")).otherwise(_map(sections)),
            resource_kind=pl.lit("charge"),
            resource_id="charge_id",
            charge_key=pl.concat_str(["account_id", pl.lit("charges"), "charge_id"], separator="|"),
            quantity=pl.col("quantity").fill_null(1).cast(EXACT),
            unit_price=pl.when(pl.col("already") == 0).then(
                pl.when(is_credit).then(-pl.col("unit_price").abs()).otherwise("unit_price")
            ),
            per=pl.lit(1),
            amount_num=(signed - pl.col("already")).cast(EXACT),
            amount_den=pl.lit(1),
            cycle_start="charge_date",
            cycle_end=pl.col("charge_date").dt.offset_by("1d"),
            part_start="charge_date",
            part_end=pl.col("charge_date").dt.offset_by("1d"),
        ).with_columns(line_key=_line_key("charge_type", "charge_key")),
        CHARGE,
    )


def usage_components(rated: pl.DataFrame, products: dict[str, Product]) -> pl.DataFrame:
    """Rated records to what each puts on which line: included units, charged units, connect fee.

    Columns: usage_id, account_id, component, product_code, section, billing_group, country, usage_month, units,
    unit, price, per, rate_id, allowance_id, amount_num, amount_den, line_key. A free record has none.
    """
    zero = pl.lit(0).cast(EXACT)
    price = pl.col("price")
    kinds = [
        ("included", "included_product", pl.col("included_units") > 0, "included_units", zero, "allowance_id"),
        ("charged", "charged_product", pl.col("charged_units") > 0, "charged_units", price, None),
        ("connect_fee", "charged_product", pl.col("fee_charged") > 0, None, pl.col("fee_charged"), None),
    ]
    frames = [
        rated.filter(applies, pl.col(product).is_not_null()).select(
            "usage_id", "account_id", "usage_month", "billing_group", "country", "unit", "rate_id",
            component=pl.lit(component),
            product_code=pl.col(product),
            units=pl.col(units) if units else pl.lit(1, pl.Int64),
            price=unit_price.cast(EXACT),
            per=pl.col("per") if units else pl.lit(1, pl.Int64),
            allowance_id=pl.col(allowance) if allowance else pl.lit(None, pl.String),
        )
        for component, product, applies, units, unit_price, allowance in kinds
    ]  # fmt: skip
    sections = {code: product.section for code, product in products.items()}
    return (
        pl.concat(frames)
        .with_columns(
            section=_map(sections), amount_num=(pl.col("price") * pl.col("units")).cast(EXACT), amount_den="per"
        )
        .with_columns(country=pl.when(pl.col("section").is_in(_BY_DESTINATION)).then("country"))
        .with_columns(line_key=_line_key("section", "product_code", "billing_group", "usage_month", "country"))
    )


def usage_charges(components: pl.DataFrame, month_bounds: dict[str, tuple[date, date]]) -> pl.DataFrame:
    """Components summed per printed line and denominator. month_bounds: usage month -> [first day, first after)."""
    starts = {month: bounds[0] for month, bounds in month_bounds.items()}
    ends = {month: bounds[1] for month, bounds in month_bounds.items()}
    lines = ["account_id", "line_key"]
    metered = pl.col("component") != "connect_fee"
    same_price = (pl.col("price").n_unique() == 1) & (pl.col("per").n_unique() == 1)
    facts = components.group_by(*lines).agg(
        pl.col("section", "product_code", "billing_group", "country", "usage_month").first(),
        unit=pl.col("unit").first(),
        quantity=pl.col("units").filter(metered).sum().cast(EXACT),
        unit_price=pl.when(same_price).then(pl.col("price").first()),
        per=pl.when(same_price).then(pl.col("per").first()),
    )
    sums = components.group_by(*lines, "amount_den").agg(pl.col("amount_num").sum())
    # The quantity stands on one of a line's rows only, so that summing them does not count it twice.
    first = pl.int_range(pl.len()).over(*lines) == 0
    charges = (
        sums.sort(*lines, "amount_den")
        .join(facts, on=lines)
        .with_columns(quantity=pl.when(first).then("quantity").otherwise(pl.lit(0).cast(EXACT)))
    )
    start = pl.col("usage_month").replace_strict(starts, return_dtype=pl.Date)
    end = pl.col("usage_month").replace_strict(ends, return_dtype=pl.Date)
    return conform(
        charges.with_columns(
            charge_type=pl.lit("usage"),
            charge_key=pl.concat_str(
                ["account_id", pl.lit("usage"), pl.col("country").fill_null("-"), "product_code", "usage_month"],
                separator="|",
            ),
            resource_kind=pl.lit("usage"),
            cycle_start=start,
            cycle_end=end,
            part_start=start,
            part_end=end,
        ),
        CHARGE,
    )
