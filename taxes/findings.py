"""What was billed as it must be and yet needs somebody's eye; and exemptions that arrived after issue (RULES 22)."""

import polars as pl

from schemas.frames import FINDINGS, noticed_as
from taxes.exemptions import names_row


def findings(parts: pl.DataFrame, taxes: pl.DataFrame) -> pl.DataFrame:
    """FINDINGS of parts (as `with_exemptions` returns them) that led to a printed row: certificates that have ended,
    VAT ids that did not exempt."""
    printed = taxes.select("draft_id", "tax_code", "tax_date", row_jurisdiction="jurisdiction").unique()
    parts = parts.join(printed, on=["draft_id", "tax_code", "tax_date", "row_jurisdiction"], how="semi")
    expired = parts.filter(pl.col("expired_number").is_not_null()).select(
        "account_id",
        **noticed_as("certificate_expired", pl.format(
            "certificate {} for {} of {} ended on {}: charged as of {}; ask the customer for a new one",
            "expired_number", "tax_code", "row_jurisdiction", "expired_on", "tax_date",
        )),
    )  # fmt: skip
    doubt = pl.format(
        "tax id {} does not exempt from {} of {}: {}", "tax_id", "tax_code", "row_jurisdiction", "id_doubt"
    )
    doubted = parts.filter(pl.col("id_doubt").is_not_null()).select(
        "account_id", **noticed_as("tax_id_not_accepted", doubt)
    )
    return pl.concat([expired, doubted]).unique().sort("account_id", "kind", "detail").cast(FINDINGS)


def late_certificates(certificates: pl.DataFrame, issued: pl.DataFrame) -> pl.DataFrame:
    """FINDINGS: proposals for corrections, one per issued document and certificate that would have exempted its rows.

    certificates: CERTIFICATES with received_on; issued: ISSUED rows that no correction has replaced, with exempt_by
    certificate (`by_certificate`) and currency. Nothing is credited by itself. Rows below zero gave tax back: they
    charged nothing that a certificate could have spared.
    """
    named = certificates.rename({"tax_code": "tax_code_named", "jurisdiction": "jurisdiction_named"})
    in_force = (pl.col("valid_from") <= pl.col("tax_date")) & (
        pl.col("valid_to").is_null() | (pl.col("tax_date") <= pl.col("valid_to"))
    )
    charged = issued.filter(pl.col("by_certificate") & (pl.col("amount") > 0) & (pl.col("exempt_amount") == 0))
    keys = ["account_id", "invoice_number", "issued_on", "currency", "certificate_number"]
    return (
        charged.drop("certificate_number")
        .join(named, on="account_id")
        .filter(names_row("tax_code", "jurisdiction").fill_null(False) & in_force)
        .unique(["invoice_number", "certificate_number", "tax_no"])
        .group_by(keys)
        .agg(
            pl.col("amount").sum(),
            codes=pl.col("tax_code").unique().sort().str.join(", "),
            received_on=pl.col("received_on").max(),
        )
        .sort(keys)
        .select(
            "account_id",
            **noticed_as("certificate_after_issue", pl.format(
                "certificate {}{} exempts {} on {} of {}, where {} {} was charged: a correction may be due, "
                "nothing is credited by itself",
                "certificate_number",
                pl.when(pl.col("received_on").is_null())
                .then(pl.lit(""))
                .otherwise(pl.format(", received {},", pl.col("received_on").cast(pl.String).fill_null(""))),
                "codes", "invoice_number", "issued_on", pl.col("amount").cast(pl.Decimal(38, 2)), "currency",
            )),
        )
        .cast(FINDINGS)
    )  # fmt: skip
