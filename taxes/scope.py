"""Which tax reaches which line, on which date, and on what part of it (RULES 20, 21)."""

import polars as pl

from schemas.money import EXACT
from taxes.tables import TaxTables

_WHOLE = pl.lit(100, dtype=EXACT)
_NOTHING = pl.lit(0, dtype=EXACT)


def in_scope(lines: pl.DataFrame, documents: pl.DataFrame, tables: TaxTables) -> pl.DataFrame:
    """One row per line and table that reaches it, with the table's facts and the two factors of its taxable part.

    Adds position (of the table), tax_code, row_jurisdiction, by_certificate, by_vat_id, check_day, `telecom` and
    `interstate_share` in percent; `tax_date` is no longer null. Lines without a taxable part are left out;
    interstate_share is null where it is not known (`share_unknown` says why).
    """
    reached = (
        lines.join(_reach(lines, tables), on=["jurisdiction", "tax_class"])
        .join(_facts(tables), on="position", validate="m:1")
        .join(documents.select("draft_id", "invoice_date", "tax_point"), on="draft_id", validate="m:1")
        .with_columns(
            # A reversal is judged as of the date it inherits: what was taxed then is returned with its tax.
            check_day=pl.coalesce("tax_date", "invoice_date"),
            tax_date=pl.coalesce("tax_date", _date_on_basis()),
        )
    )
    is_full = pl.col("share") == "full"
    return (
        reached.join(_safe_harbours(reached, tables), on=["position", "tax_date"], how="left", validate="m:1")
        .with_columns(
            telecom=pl.when(is_full).then(_WHOLE).otherwise("telecom_percent"),
            interstate_share=pl.when(is_full | (pl.col("interstate") == "all"))
            .then(_WHOLE)
            .when(pl.col("interstate") == "none")
            .then(_NOTHING)
            .when(pl.col("interstate") == "safe_harbour")
            .then("safe_harbour"),
        )
        .filter((pl.col("amount") != 0) & (pl.col("telecom") != 0))
        .filter(pl.col("interstate_share").is_null() | (pl.col("interstate_share") != 0))
    )


def share_unknown(scoped: pl.DataFrame) -> pl.DataFrame:
    """draft_id and reason for every line whose interstate share is not known."""
    measured = pl.format(
        "{} on a measured interstate share is not computed by this version (product {})", "tax_code", "product_code"
    )
    no_share = pl.format("{} has no safe-harbour share on {} (table {})", "tax_code", "tax_date", "table")
    return (
        scoped.filter(pl.col("interstate_share").is_null())
        .select("draft_id", reason=pl.when(pl.col("interstate") == "safe_harbour").then(no_share).otherwise(measured))
        .unique()
    )


def uncovered(lines: pl.DataFrame, tables: TaxTables) -> pl.DataFrame:
    """draft_id and reason for every jurisdiction that no table knows: silence is not a zero rate."""
    places = lines.select("jurisdiction").unique().to_series()
    reasons = [(place, reason) for place in places if (reason := tables.uncovered(place)) is not None]
    unknown = pl.DataFrame(reasons, schema={"jurisdiction": pl.String, "reason": pl.String}, orient="row")
    return lines.join(unknown, on="jurisdiction").select("draft_id", "reason").unique()


def _reach(lines: pl.DataFrame, tables: TaxTables) -> pl.DataFrame:
    """(jurisdiction, tax_class) of lines -> the tables that reach them, and the jurisdiction each prints."""
    found = [
        (place, tax_class, position, printed)
        for place, tax_class in lines.select("jurisdiction", "tax_class").unique().iter_rows()
        for position, table in enumerate(tables.tables)
        if (printed := table.row_jurisdiction(place)) is not None and table.covers(tax_class)
    ]
    columns = {"jurisdiction": pl.String, "tax_class": pl.String, "position": pl.Int64, "row_jurisdiction": pl.String}
    return pl.DataFrame(found, schema=columns, orient="row")


def _facts(tables: TaxTables) -> pl.DataFrame:
    """What the joins need to know of each table."""
    return pl.DataFrame(
        {
            "position": range(len(tables.tables)),
            "tax_code": [t.code for t in tables.tables],
            "table": [t.file for t in tables.tables],
            "share": [t.base.share for t in tables.tables],
            "date_basis": [t.date_basis for t in tables.tables],
            "by_certificate": ["certificate" in t.exempt_by for t in tables.tables],
            "by_vat_id": ["vat_id_check" in t.exempt_by for t in tables.tables],
        },
        schema={
            "position": pl.Int64,
            "tax_code": pl.String,
            "table": pl.String,
            "share": pl.String,
            "date_basis": pl.String,
            "by_certificate": pl.Boolean,
            "by_vat_id": pl.Boolean,
        },
    )


def _date_on_basis() -> pl.Expr:
    basis = pl.col("date_basis")
    last_day = pl.col("period_end").dt.offset_by("-1d")
    return (
        pl.when(basis == "invoice_date")
        .then("invoice_date")
        .when(basis == "tax_point")
        .then("tax_point")
        .when(basis == "period_start")
        .then("period_start")
        .when(basis == "period_end")
        .then(last_day)
    )


def _safe_harbours(reached: pl.DataFrame, tables: TaxTables) -> pl.DataFrame:
    """(position, tax_date) -> safe_harbour, percent."""
    dated = reached.filter(pl.col("share") == "interstate").select("position", "tax_date").unique()
    found = [(position, day, tables.tables[position].safe_harbour_percent(day)) for position, day in dated.iter_rows()]
    columns = pl.Schema({"position": pl.Int64(), "tax_date": pl.Date(), "safe_harbour": EXACT})
    return pl.DataFrame(found, schema=columns, orient="row")
