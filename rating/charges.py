"""Everything that is charged, as one kind of row, schemas.frames.CHARGE; which share a printed line is RULES 12."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from schemas.frames import CHARGE, conform
from schemas.money import EXACT
from schemas.product import Product

_BY_DESTINATION = ["international_minutes", "premium_minutes"]


def _map(values: Mapping[str, str]) -> pl.Expr:
    return pl.col("product_code").replace_strict(values, default=None, return_dtype=pl.String)


TAXED_AS = (
    "tax_date", "jurisdiction", "tax_class", "telecom_percent", "interstate", "access_lines", "measured_share",
    "reverses",
)  # fmt: skip
"""How a charge that gives back was taxed when it was issued, and on which document; null of what is added."""


def _line_key(*columns: str) -> pl.Expr:
    """Charges that agree in all of these are one line. Texts are quoted by their length, so none runs into the next."""
    words = []
    for column in columns:
        text = pl.col(column).cast(pl.String).fill_null("")
        words += [text.str.len_bytes().cast(pl.String), pl.lit(":"), text, pl.lit("|")]
    return pl.concat_str(words)


def recurring_charges(parts: pl.DataFrame, products: dict[str, Product]) -> pl.DataFrame:
    """Parts still to be charged to charges.

    parts: rating.owed.difference with billing_group, location_id, is_first, tax_date, price_model, priced_on,
    discount_on. A part that is the whole cycle, charged for the first time, is a recurring charge in its product's
    section; any other is a proration, in `prorated_charges` (RULES 5, 7).
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
    plain = _line_key(
        "charge_type", "section", "product_code", "billing_group", "unit_price", "part_start", "part_end",
        "cycle_days", "location_id", "tax_date", "jurisdiction", "tax_class", "telecom_percent", "interstate", "_sign",
        "access_lines", "measured_share", "reverses",
    )  # fmt: skip
    # A change between two states of one resource is one line: what the new one costs more than the old one.
    by_state = _line_key(
        "charge_type", "section", "charge_key", "part_start", "part_end", "cycle_days", "billing_group", "location_id"
    )
    is_plain = pl.col("priced_units").is_null()
    keyed = charges.with_columns(line_key=pl.when(is_plain).then(plain).otherwise(by_state))
    gives_back = pl.col("amount_num").sum().over("account_id", "line_key") < 0
    # A change of state is taxed as what was issued only when it gives money back (RULES 20), else as of today.
    as_issued = {
        name: pl.when(is_plain)
        .then(name)
        .otherwise(pl.when(gives_back).then(pl.col(name).drop_nulls().last().over("account_id", "line_key")))
        for name in TAXED_AS
    }
    return conform(keyed.with_columns(**as_issued), CHARGE)


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
            discount_on="charge_date",
            reverses=pl.when(pl.col("tax_date").is_not_null()).then("invoice_number"),
        ).with_columns(line_key=_line_key("charge_type", "charge_key")),
        CHARGE,
    )


def usage_components(rated: pl.DataFrame, products: dict[str, Product]) -> pl.DataFrame:
    """Rated records to what each puts on which line; a record's components add up to its amount.

    Columns: usage_no, usage_id, account_id, component (included, charged, minimum, connect_fee, rounding, cap),
    product_code, section, billing_group, country, usage_month, units, unit, price, per, rate_id, allowance_id,
    amount_num, amount_den, line_key. A free record has none.
    """
    sections = {code: product.section for code, product in products.items()}
    return (
        pl.concat([_plain_components(rated), _drawn_components(rated), _other_components(rated)])
        .with_columns(section=_map(sections))
        .with_columns(country=pl.when(pl.col("section").is_in(_BY_DESTINATION)).then("country"))
        .with_columns(line_key=usage_line_key())
    )


def usage_line_key() -> pl.Expr:
    """Which usage shares a printed line (RULES 12)."""
    return _line_key("section", "product_code", "billing_group", "usage_month", "country")


_OF_RECORD = ("usage_no", "usage_id", "account_id", "usage_month", "billing_group", "country", "unit", "rate_id")


def _plain_components(rated: pl.DataFrame) -> pl.DataFrame:
    """Included units of records with one allowance; charged units, minimum and fee of those with a plain rate."""
    zero = pl.lit(0).cast(EXACT)
    price, plain = pl.col("price"), pl.col("is_plain")
    rated = rated.with_columns(raised=pl.when(plain).then(pl.min_horizontal("charged_units", "minimum_units")))
    rated = rated.with_columns(own=pl.col("charged_units") - pl.col("raised"), one=pl.lit(1, pl.Int64))
    once = (pl.col("included_units") > 0) & pl.col("draws").is_null()
    kinds = [
        ("included", "included_product", once, "included_units", zero, "allowance_id"),
        ("charged", "charged_product", pl.col("own") > 0, "own", price, None),
        ("minimum", "charged_product", pl.col("raised") > 0, "raised", price, None),
        ("connect_fee", "charged_product", plain & (pl.col("fee_charged") > 0), "one", pl.col("fee_charged"), None),
    ]
    frames = [
        rated.filter(applies, pl.col(product).is_not_null()).select(
            *_OF_RECORD,
            component=pl.lit(component),
            product_code=pl.col(product),
            units=pl.col(units),
            price=unit_price.cast(EXACT),
            per=pl.lit(1, pl.Int64) if component == "connect_fee" else pl.col("per").fill_null(1),
            allowance_id=pl.col(allowance) if allowance else pl.lit(None, pl.String),
        )
        for component, product, applies, units, unit_price, allowance in kinds
    ]
    return pl.concat(frames).with_columns(amount_num=(pl.col("price") * pl.col("units")).cast(EXACT), amount_den="per")


def _drawn_components(rated: pl.DataFrame) -> pl.DataFrame:
    """Included units of records that could draw on several allowances: a component for each that they drew on."""
    zero = pl.lit(0).cast(EXACT)
    drawn = rated.filter(pl.col("draws").is_not_null(), pl.col("included_product").is_not_null())
    return drawn.with_columns(pl.col("per").fill_null(1)).explode("draws").select(
        *_OF_RECORD, component=pl.lit("included"), product_code="included_product",
        units=pl.col("draws").struct.field("units"), price=zero, per="per",
        allowance_id=pl.col("draws").struct.field("allowance_id"), amount_num=zero, amount_den="per",
    )  # fmt: skip


def _other_components(rated: pl.DataFrame) -> pl.DataFrame:
    """The parts that rating.call_price found for records whose rate is more than one price."""
    records = rated.filter(pl.col("parts").is_not_null(), pl.col("charged_product").is_not_null())
    return (
        records.select(*_OF_RECORD, "parts", product_code="charged_product")
        .explode("parts")
        .select(
            *_OF_RECORD,
            pl.col("parts").struct.field("component"),
            "product_code",
            *(pl.col("parts").struct.field(name) for name in ("units", "price", "per")),
            pl.lit(None, pl.String).alias("allowance_id"),
            *(pl.col("parts").struct.field(name) for name in ("amount_num", "amount_den")),
        )
    )


SUMS: dict[str, Any] = {
    **dict.fromkeys(
        ("account_id", "line_key", "section", "product_code", "billing_group", "country", "usage_month", "unit"),
        pl.String,
    ),
    "price": EXACT,
    "per": pl.Int64,
    "amount_den": pl.Int64,
    "is_metered": pl.Boolean,  # whether the units are an amount of usage
    "units": pl.Int64,
    "amount_num": EXACT,
}
"""Components added up as far as their line, price and denominator agree."""


def sum_components(components: pl.DataFrame) -> pl.DataFrame:
    """`usage_components` to SUMS. The sums of pieces, put together and summed again, are those of the whole."""
    is_metered = pl.col("component").is_in(["included", "charged", "minimum"])
    return merge_sums(components.with_columns(is_metered=is_metered))


def merge_sums(sums: pl.DataFrame) -> pl.DataFrame:
    """The SUMS of several pieces as those of the whole."""
    added = ("units", "amount_num")
    merged = sums.group_by(name for name in SUMS if name not in added).agg(pl.col(added).sum())
    return merged.select(pl.col(name).cast(dtype) for name, dtype in SUMS.items())


def usage_charges(sums: pl.DataFrame, month_bounds: dict[str, tuple[date, date]]) -> pl.DataFrame:
    """Usage per printed line and denominator. sums: SUMS. month_bounds: usage month -> [first day, first after)."""
    starts = {month: bounds[0] for month, bounds in month_bounds.items()}
    ends = {month: bounds[1] for month, bounds in month_bounds.items()}
    lines = ["account_id", "line_key"]
    same_price = (pl.col("price").n_unique() == 1) & (pl.col("per").n_unique() == 1)
    facts = sums.group_by(*lines).agg(
        pl.col("section", "product_code", "billing_group", "country", "usage_month").first(),
        unit=pl.col("unit").min(),
        quantity=pl.col("units").filter(pl.col("is_metered")).sum().cast(EXACT),
        unit_price=pl.when(same_price).then(pl.col("price").first()),
        per=pl.when(same_price).then(pl.col("per").first()),
    )
    by_denominator = sums.group_by(*lines, "amount_den").agg(pl.col("amount_num").sum())
    # The quantity stands on one of a line's rows only, so that summing them does not count it twice.
    first = pl.int_range(pl.len()).over(*lines) == 0
    charges = (
        by_denominator.sort(*lines, "amount_den")
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
            priced_on=start,
            discount_on=start,
        ),
        CHARGE,
    )
