"""What kind of usage a record is: its category, destination and jurisdiction (issue: class before price).

The destination of a call is read from the numbering plan by longest prefix; nothing here looks at a price.
"""

import polars as pl

from rating.match import PrefixTable, longest_prefix
from rating.outcomes import settle

_E164 = r"^\+[1-9][0-9]{6,14}$"
_SMS_COUNTRIES = ["US", "CA", "PR"]


def classify(usage: pl.DataFrame, numbering_plan: PrefixTable, domestic: pl.DataFrame) -> pl.DataFrame:
    """Adds category, country (of the far end), number_class and jurisdiction; settles numbers that are none.

    numbering_plan rows: prefix, country, region, number_class. domestic: plan, country, is_domestic.
    """
    inbound = pl.col("direction") == "inbound"
    far = pl.when(inbound).then("from_number").otherwise("to_number")
    near = pl.when(inbound).then("to_number").otherwise("from_number")
    usage = usage.with_columns(
        _far=pl.when(far.str.contains(_E164)).then(far), _near=pl.when(near.str.contains(_E164)).then(near)
    )
    far_end, near_end = (_place(usage, number, numbering_plan) for number in ("_far", "_near"))
    usage = usage.with_columns(
        country=far_end["country"],
        number_class=far_end["number_class"],
        _far_region=far_end["region"],
        _near_region=near_end["region"],
        _near_country=near_end["country"],
    )
    usage = usage.join(domestic, on=["plan", "country"], how="left", validate="m:1", maintain_order="left")
    internal = pl.col("direction") == "internal"
    sms = pl.col("kind") == "sms"
    category = (
        pl.when(sms)
        .then(pl.lit("sms"))
        .when(internal)
        .then(pl.lit("internal"))
        .when(inbound & (pl.col("number_type") == "toll_free"))
        .then(pl.lit("toll_free"))
        .when(inbound)
        .then(pl.lit("inbound"))
        .when(pl.col("is_domestic").fill_null(False))
        .then(pl.lit("domestic"))
        .otherwise(pl.lit("international"))
    )
    usage = usage.with_columns(category=category, jurisdiction=_jurisdiction(internal))
    dialled = pl.col("category").is_in(["domestic", "international"])
    usage = settle(usage, "suspended", "bad_number", (dialled | sms) & pl.col("_far").is_null())
    usage = settle(usage, "suspended", "no_rate", dialled & _nowhere(), pl.lit("unknown country code"))
    usage = settle(usage, "suspended", "sms_not_offered", sms & ~pl.col("country").is_in(_SMS_COUNTRIES))
    return usage.drop("_far", "_near", "_far_region", "_near_region", "_near_country", "is_domestic")


def _place(usage: pl.DataFrame, number: str, numbering_plan: PrefixTable) -> pl.DataFrame:
    asked = usage.select(number=number, day=pl.col("local_date"))
    return longest_prefix(numbering_plan, asked).select("country", "region", "number_class")


def _nowhere() -> pl.Expr:
    """A number of no country and no class has a prefix that nobody has; satellites and +800 are of no country alone."""
    return pl.col("country").is_null() & pl.col("number_class").is_null()


def _jurisdiction(internal: pl.Expr) -> pl.Expr:
    """Interstate needs both ends' states; a record without one is unknown, never guessed."""
    regions = pl.col("_far_region").is_not_null() & pl.col("_near_region").is_not_null()
    abroad = pl.col("country") != pl.coalesce("_near_country", "account_country")
    return (
        pl.when(internal)
        .then(pl.lit("unknown"))
        .when(abroad.fill_null(pl.col("country").is_null() & ~_nowhere()))
        .then(pl.lit("international"))
        .when(regions & (pl.col("_far_region") == pl.col("_near_region")))
        .then(pl.lit("intrastate"))
        .when(regions)
        .then(pl.lit("interstate"))
        .otherwise(pl.lit("unknown"))
    )
