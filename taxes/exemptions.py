"""Who does not pay: certificates, and the reverse charge for businesses with a checked VAT id (RULES 20 to 22)."""

import polars as pl
from stdnum.eu import vat

from taxes.frames import ID_CHECK

REVERSE_CHARGE_NOTE = {
    "en": "Reverse charge: the recipient accounts for the VAT (Article 196, Directive 2006/112/EC).",
    "fr": "Autoliquidation : la TVA est due par le preneur (article 196, directive 2006/112/CE).",
    "de": "Steuerschuldnerschaft des Leistungsempfängers (Artikel 196, Richtlinie 2006/112/EG).",
}
"""Wording demanded by Article 226(11a) of Directive 2006/112/EC; in German that of section 14a(5) UStG."""

EXPIRED_NOTE = {
    "en": "Your exemption certificate {number} ended on {day}.",
    "fr": "Votre certificat d'exemption {number} a pris fin le {day}.",
    "de": "Ihre Freistellungsbescheinigung {number} endete am {day}.",
}

SST_REASONS = {
    "A": "federal government",
    "B": "state or local government",
    "C": "tribal government",
    "D": "foreign diplomat",
    "E": "charitable organization",
    "F": "religious organization",
    "G": "resale",
    "H": "agricultural production",
    "I": "industrial production or manufacturing",
    "J": "direct pay permit",
    "K": "direct mail",
    "L": "other",
    "M": "educational organization",
}
"""Reason for exemption by its letter on the Streamlined Sales Tax certificate, form F0003."""

_PREFIX = {"GR": "EL"}
"""Member states whose VAT ids begin with other letters than their country code."""


def reason_text(reason: str | None) -> str | None:
    """A certificate's reason in words: `G` is 'resale (SST reason G)'; anything but a letter of the form is itself."""
    words = SST_REASONS.get((reason or "").strip().upper())
    return reason if words is None else f"{words} (SST reason {(reason or '').strip().upper()})"


def with_exemptions(parts: pl.DataFrame, certificates: pl.DataFrame, id_checks: pl.DataFrame) -> pl.DataFrame:
    """Adds who does not pay to parts of one tax, jurisdiction and tax date each.

    `parts` has part (its number), account_id, tax_code, row_jurisdiction, tax_date, check_day, by_certificate and
    by_vat_id (what the table accepts), customer_type, tax_id, seller_vat_countries; is_held, certificate_issued and
    reverse_issued of what reverses an issued line, which is exempt if that was.
    Adds certificate_number (null: none), exempt_reason, reverse_charge, tax_id_check, expired_number, expired_on, and
    id_doubt (why a VAT id that was given did not exempt; null where it did, or would not matter).
    A reverse charge needs no certificate. Residential customers have no reverse charge, whatever id they gave.
    """
    parts = parts.join(_certified(parts, certificates), on="part", how="left", validate="1:1")
    parts = parts.join(_expired(parts, certificates), on="part", how="left", validate="1:1")
    parts = _with_id(parts, id_checks)
    held = pl.col("is_held")
    # What reverses an issued line is exempt as that was, whatever has been filed since.
    parts = parts.with_columns(
        certificate_number=pl.when(held).then("certificate_issued").otherwise("certificate_number"),
        reverse_charge=pl.when(held).then(pl.col("reverse_issued").fill_null(False)).otherwise("reverse_charge"),
        id_doubt=pl.when(~held).then("id_doubt"),
    )
    # One reason per row: where the reverse charge holds, the certificate's number would say another.
    certified = ~pl.col("reverse_charge") & pl.col("certificate_number").is_not_null()
    return parts.with_columns(
        certificate_number=pl.when(certified).then("certificate_number"),
        exempt_reason=pl.when(certified).then("exempt_reason"),
        tax_id_check=pl.when("reverse_charge").then("tax_id_check"),
        expired_number=pl.when(~certified & ~pl.col("reverse_charge") & ~held).then("expired_number"),
    )


def names_row(tax_code: str, jurisdiction: str) -> pl.Expr:
    """Whether a certificate (tax_code_named, jurisdiction_named) reaches the row in these columns.

    One that names both exempts only that tax in that jurisdiction. A region includes its local layers.
    """
    place, named = pl.col(jurisdiction), pl.col("jurisdiction_named")
    is_region = named.str.contains("-", literal=True)
    inside = (place == named) | (is_region & place.str.starts_with(pl.concat_str([named, pl.lit("-")])))
    return (
        (pl.col("tax_code_named").is_null() | (pl.col("tax_code_named") == pl.col(tax_code)))
        & (named.is_null() | inside)
        & (pl.col("tax_code_named").is_not_null() | named.is_not_null())
    )


def _named(parts: pl.DataFrame, certificates: pl.DataFrame) -> pl.DataFrame:
    """Parts with each certificate that names their tax or jurisdiction, whatever its dates."""
    named = certificates.rename({"tax_code": "tax_code_named", "jurisdiction": "jurisdiction_named"})
    return (
        parts.filter("by_certificate")
        .select("part", "account_id", "tax_code", "row_jurisdiction", "tax_date")
        .join(named, on="account_id")
        .filter(names_row("tax_code", "row_jurisdiction").fill_null(False))
    )


def _certified(parts: pl.DataFrame, certificates: pl.DataFrame) -> pl.DataFrame:
    """part -> certificate_number, exempt_reason of a certificate that is valid on its tax date.

    Of several the first number is taken, so that the order of the input does not show.
    """
    is_valid = (pl.col("valid_from") <= pl.col("tax_date")) & (
        pl.col("valid_to").is_null() | (pl.col("tax_date") <= pl.col("valid_to"))
    )
    return (
        _named(parts, certificates)
        .filter(is_valid)
        .sort("part", "certificate_number", "reason")
        .group_by("part", maintain_order=True)
        .agg(pl.col("certificate_number").first(), exempt_reason=pl.col("reason").first())
    )


def _expired(parts: pl.DataFrame, certificates: pl.DataFrame) -> pl.DataFrame:
    """part -> expired_number, expired_on: the last certificate that would have exempted it and has ended."""
    return (
        _named(parts, certificates)
        .filter(pl.col("valid_to") < pl.col("tax_date"))
        .sort("part", "valid_to", "certificate_number")
        .group_by("part", maintain_order=True)
        .agg(expired_number=pl.col("certificate_number").last(), expired_on=pl.col("valid_to").last())
    )


def _with_id(parts: pl.DataFrame, id_checks: pl.DataFrame) -> pl.DataFrame:
    """Adds reverse_charge, tax_id_check and id_doubt."""
    # People write ids with dots, blanks and dashes; a check holds for the letters and digits.
    bare = pl.col("tax_id").str.replace_all(r"[^0-9A-Za-z]", "").str.to_uppercase()
    parts = parts.with_columns(bare_id=bare, country=pl.col("row_jurisdiction").str.head(2))
    parts = parts.join(_last_checks(parts, id_checks, bare), on="part", how="left", validate="1:1")
    ids = parts["bare_id"].drop_nulls().unique()
    well_formed = pl.DataFrame(
        {"bare_id": ids, "well_formed": [bool(vat.is_valid(bare_id)) for bare_id in ids]},
        schema={"bare_id": pl.String, "well_formed": pl.Boolean},
    )
    parts = parts.join(well_formed, on="bare_id", how="left", validate="m:1")
    # Where the seller is established it owes the VAT itself, whoever buys.
    abroad = ~pl.col("country").is_in(pl.col("seller_vat_countries"))
    business = (pl.col("customer_type") != "residential").fill_null(True)
    asked = pl.col("by_vat_id") & pl.col("bare_id").is_not_null() & abroad & business
    prefix = pl.col("country").replace(_PREFIX)
    doubt = (
        pl.when(~pl.col("well_formed"))
        .then(pl.lit("its check digits are wrong"))
        .when(~pl.col("bare_id").str.starts_with(prefix))
        .then(pl.format("it is not an id of {}", "country"))
        .when(pl.col("last_check").is_null())
        .then(pl.lit("feed tax_id_checks holds no check of it up to that day"))
        .when(pl.col("last_check") == "invalid")
        .then(pl.lit("its last check found it invalid"))
        .when(pl.col("name_matched").fill_null(True).not_())
        .then(pl.lit("the register has it under another name"))
    )
    return parts.with_columns(reverse_charge=asked & doubt.is_null(), id_doubt=pl.when(asked).then(doubt)).drop(
        "country"
    )


def _last_checks(parts: pl.DataFrame, id_checks: pl.DataFrame, bare: pl.Expr) -> pl.DataFrame:
    """part -> result and record of the latest check of the very id on or before `check_day` (UTC days).

    Two results at one instant: the id counts as invalid.
    """
    at = pl.col("checked_at").dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    record = pl.struct("tax_id", at.alias("checked_at"), "result", "reference").cast(ID_CHECK)
    checks = id_checks.select(
        "account_id", bare.alias("bare_id"), "result", "checked_at", "name_matched", tax_id_check=record,
        checked_on=pl.col("checked_at").dt.date(),
    )  # fmt: skip
    return (
        parts.filter("by_vat_id")
        .select("part", "account_id", "check_day", "bare_id")
        .join(checks, on=["account_id", "bare_id"])
        .filter(pl.col("checked_on") <= pl.col("check_day"))
        .sort("checked_at", pl.col("result") == "invalid")
        .group_by("part", maintain_order=True)
        .agg(
            last_check=pl.col("result").last(),
            name_matched=pl.col("name_matched").last(),
            tax_id_check=pl.col("tax_id_check").last(),
        )
    )
