"""Who does not pay: certificates, and the reverse charge for businesses with a checked VAT id (RULES 20 to 22)."""

import polars as pl

REVERSE_CHARGE_NOTE = {
    "en": "Reverse charge: the recipient accounts for the VAT (Article 196, Directive 2006/112/EC).",
    "fr": "Autoliquidation : la TVA est due par le preneur (article 196, directive 2006/112/CE).",
    "de": "Steuerschuldnerschaft des Leistungsempfängers (Artikel 196, Richtlinie 2006/112/EG).",
}
"""Wording demanded by Article 226(11a) of Directive 2006/112/EC; in German that of section 14a(5) UStG."""


def with_exemptions(parts: pl.DataFrame, certificates: pl.DataFrame, id_checks: pl.DataFrame) -> pl.DataFrame:
    """Adds `certificate_number` (null: none) and `reverse_charge` to parts of one tax, jurisdiction and tax date each.

    `parts` has part (its number), account_id, tax_code, row_jurisdiction, tax_date, check_day, by_certificate and
    by_vat_id (what the table accepts), customer_type, tax_id, seller_vat_countries.
    A reverse charge needs no certificate. Residential customers have no reverse charge, whatever id they gave.
    """
    parts = parts.join(_certified(parts, certificates), on="part", how="left", validate="1:1")
    parts = parts.join(_id_confirmed(parts, id_checks), on="part", how="left", validate="1:1")
    is_reverse = (
        pl.col("by_vat_id")
        & (pl.col("last_check") == "valid").fill_null(False)
        & ~pl.col("row_jurisdiction").str.head(2).is_in(pl.col("seller_vat_countries"))
        & (pl.col("customer_type") != "residential").fill_null(True)
    )
    return parts.with_columns(reverse_charge=is_reverse).with_columns(
        certificate_number=pl.when("reverse_charge").then(None).otherwise("certificate_number")
    )


def _certified(parts: pl.DataFrame, certificates: pl.DataFrame) -> pl.DataFrame:
    """part -> number of a certificate that names its tax or its jurisdiction and is valid on its tax date.

    A certificate that names both exempts only that tax in that jurisdiction. Of several the first number is taken,
    so that the order of the input does not show.
    """
    names_it = (
        (pl.col("tax_code_named").is_null() | (pl.col("tax_code_named") == pl.col("tax_code")))
        & (pl.col("jurisdiction_named").is_null() | (pl.col("jurisdiction_named") == pl.col("row_jurisdiction")))
        & (pl.col("tax_code_named").is_not_null() | pl.col("jurisdiction_named").is_not_null())
    )
    is_valid = (pl.col("valid_from") <= pl.col("tax_date")) & (
        pl.col("valid_to").is_null() | (pl.col("tax_date") <= pl.col("valid_to"))
    )
    named = certificates.rename({"tax_code": "tax_code_named", "jurisdiction": "jurisdiction_named"})
    return (
        parts.filter("by_certificate")
        .select("part", "account_id", "tax_code", "row_jurisdiction", "tax_date")
        .join(named, on="account_id")
        .filter(names_it & is_valid)
        .group_by("part")
        .agg(pl.col("certificate_number").min())
    )


def _id_confirmed(parts: pl.DataFrame, id_checks: pl.DataFrame) -> pl.DataFrame:
    """part -> `last_check`: result of the latest check of the customer's very id on or before `check_day` (UTC days).

    Two results at one instant: the id counts as invalid.
    """
    bare = pl.col("tax_id").str.replace_all(r"[^0-9A-Za-z]", "").str.to_uppercase()
    checks = id_checks.select(
        "account_id", bare.alias("bare_id"), "result", "checked_at", pl.col("checked_at").dt.date().alias("checked_on")
    )
    return (
        parts.filter("by_vat_id")
        .select("part", "account_id", "check_day", bare.alias("bare_id"))
        .join(checks, on=["account_id", "bare_id"])
        .filter(pl.col("checked_on") <= pl.col("check_day"))
        .sort("checked_at", pl.col("result") == "invalid")
        .group_by("part", maintain_order=True)
        .agg(pl.col("result").last().alias("last_check"))
    )
