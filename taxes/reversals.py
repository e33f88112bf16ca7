"""What reverses an issued line is taxed as that line was: its tax date, rate and exemption (RULES 20)."""

import polars as pl

_ROW = ["account_id", "issued_on", "tax_code", "row_jurisdiction"]


def as_issued(parts: pl.DataFrame, issued: pl.DataFrame) -> pl.DataFrame:
    """Parts of lines with what the reversed document's own rows say; `issued` is taxes.frames.ISSUED.

    Adds rate_issued, certificate_issued, reverse_issued and is_held (all from the document); tax_date becomes that of
    the document's row. A tax that the document did not charge is not given back: such parts are left out. Reversals
    of documents nobody remembers keep the date they inherit, and the tables say the rest.
    """
    issued_days = issued.select("account_id", "issued_on").unique().with_columns(document_known=pl.lit(value=True))
    parts = parts.with_row_index("_part").join(issued_days, on=["account_id", "issued_on"], how="left", validate="m:1")
    rows = issued.filter(pl.col("tax_code").is_not_null()).select(
        "account_id",
        "issued_on",
        "tax_code",
        "invoice_number",
        row_jurisdiction="jurisdiction",
        row_date="tax_date",
        rate_issued="rate",
        certificate_issued="certificate_number",
        reverse_issued="reverse_charge",
    )
    other_document = (pl.col("invoice_number") != pl.col("reverses")).fill_null(False)
    held = (
        parts.filter("is_reversal")
        .select("_part", *_ROW, "own_date", "reverses")
        .join(rows, on=_ROW)
        # A document holds rows of older dates where it reverses something itself: its own are the latest.
        .sort(
            "_part",
            other_document,
            pl.col("row_date") != pl.col("own_date"),
            pl.col("row_date"),
            descending=[False, False, False, True],
        )
        .unique("_part", keep="first", maintain_order=True)
        .select("_part", "row_date", "rate_issued", "certificate_issued", "reverse_issued", is_held=pl.lit(value=True))
    )
    parts = parts.join(held, on="_part", how="left", validate="1:1").with_columns(
        pl.col("is_held").fill_null(False), tax_date=pl.coalesce("row_date", "tax_date")
    )
    uncharged = pl.col("document_known").fill_null(False) & pl.col("is_reversal") & ~pl.col("is_held")
    return parts.filter(~uncharged).drop("_part", "document_known", "row_date")
