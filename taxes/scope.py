"""Which tax reaches which line, on which date, and on what part of it (RULES 20, 21)."""

import polars as pl

from schemas.frames import either, parked_as
from schemas.money import EXACT
from taxes.tables import TaxTables

_WHOLE = pl.lit(100, dtype=EXACT)
_NOTHING = pl.lit(0, dtype=EXACT)

GROUP = [
    "jurisdiction", "tax_class", "section", "country", "tax_date", "period_start", "period_end", "reverses",
    "telecom_percent", "interstate",
]  # fmt: skip
"""Lines that agree in all of these are in the same bases on the same dates, or in none: what was charged on them is
told apart by group, so that a line in two pieces is taxed as it was in one."""


def with_groups(lines: pl.DataFrame) -> pl.DataFrame:
    """Lines with `group`, the number of their GROUP on the document."""
    groups = (
        lines.select("draft_id", *GROUP)
        .unique()
        .sort("draft_id", *GROUP)
        .with_columns(group=pl.int_range(pl.len(), dtype=pl.Int64).over("draft_id"))
    )
    return lines.join(groups, on=["draft_id", *GROUP], nulls_equal=True, validate="m:1")


def in_scope(lines: pl.DataFrame, documents: pl.DataFrame, tables: TaxTables) -> pl.DataFrame:
    """One row per line and table that reaches it, with the table's facts and the two factors of its taxable part.

    Adds position (of the table), tax_code, row_jurisdiction, by_certificate, by_vat_id, is_reversal, issued_on,
    check_day, own_date (what the table's date basis says of the line itself), `telecom` and `interstate_share` in
    percent; `tax_date` is no longer null. interstate_share is null where it is not known (`share_unknown` says why).
    Lines without a taxable part are still there. is_taxed: the line's kind has one, also where its amount is zero;
    what another tax charged on a line that is not taxed here does not count here either.
    """
    reached = (
        lines.join(_reach(lines, tables), on=_REACH, nulls_equal=True)
        .join(_facts(tables), on="position", validate="m:1")
        .join(documents.select("draft_id", "invoice_date", "tax_point", "currency"), on="draft_id", validate="m:1")
        .with_columns(is_reversal=pl.col("tax_date").is_not_null(), issued_on="tax_date")
        .with_columns(
            # A reversal is judged as of the date it inherits: what was taxed then is returned with its tax.
            check_day=pl.coalesce("tax_date", "invoice_date"),
            own_date=_date_on_basis(),
        )
        .with_columns(tax_date=pl.coalesce("tax_date", "own_date"))
    )
    is_full, by_method = pl.col("share") == "full", pl.col("share").is_in(["interstate", "intrastate"])
    method = pl.col("interstate")
    shared = reached.join(
        _safe_harbours(reached, tables), on=["position", "tax_date"], how="left", validate="m:1"
    ).with_columns(
        telecom=pl.when(is_full).then(_WHOLE).otherwise("telecom_percent"),
        interstate_share=pl.when(~by_method | (method == "all"))
        .then(_WHOLE)
        .when(method == "none")
        .then(_NOTHING)
        .when(method == "measured")
        .then("measured_share")
        .when(method == "safe_harbour")
        .then("safe_harbour"),
        # What says nothing of a row is not told of it: a full base has no interstate method.
        interstate=pl.when(by_method).then("interstate"),
    )
    # What is not interstate is intrastate: one figure says both, so that together they are the whole line.
    rest = pl.when(pl.col("share") == "intrastate").then(_WHOLE - pl.col("interstate_share"))
    shared = shared.with_columns(interstate_share=rest.otherwise("interstate_share"))
    return shared.with_columns(is_taxed=_has_share())


def taxable_parts(scoped: pl.DataFrame) -> pl.DataFrame:
    """The rows of `in_scope` that add something to a base, or count as a line."""
    counts = pl.col("per_line") & (pl.col("line_count").fill_null(0) != 0)
    return scoped.filter(counts | (~pl.col("per_line") & (pl.col("amount") != 0) & _has_share()))


def _has_share() -> pl.Expr:
    return (pl.col("telecom") != 0) & (pl.col("interstate_share").is_null() | (pl.col("interstate_share") != 0))


def share_unknown(parts: pl.DataFrame) -> pl.DataFrame:
    """WRONG, for every line whose interstate share is not known."""
    measured = pl.format(
        "{} goes by the account's own calls, and there are none to measure (product {})", "tax_code", "product_code"
    )
    no_share = pl.format("{} has no safe-harbour share on {} (table {})", "tax_code", "tax_date", "table")
    return (
        parts.filter(pl.col("interstate_share").is_null())
        .select(
            "draft_id",
            **either(
                (pl.col("interstate") == "safe_harbour").fill_null(value=False),
                parked_as("no_tax_share", no_share), parked_as("no_calls_to_measure", measured),
            ),
        )
        .unique()
    )  # fmt: skip


def uncovered_places(lines: pl.DataFrame, tables: TaxTables) -> pl.DataFrame:
    """WRONG, for every jurisdiction that no table knows: silence is not a zero rate."""
    places = lines.select("jurisdiction").unique().to_series()
    faults = [(place, fault) for place in places if (fault := tables.uncovered(place)) is not None]
    unknown = pl.DataFrame(faults, schema={"jurisdiction": pl.String, "fault": pl.String}, orient="row")
    untaxable = lines.join(unknown, on="jurisdiction")
    return untaxable.select("draft_id", **parked_as("no_tax_table", pl.col("fault"))).unique()


def foreign_amounts(parts: pl.DataFrame) -> pl.DataFrame:
    """WRONG, where an amount per line is in another currency than the document: nothing is converted."""
    return (
        parts.filter(pl.col("per_line") & (pl.col("table_currency") != pl.col("currency")))
        .select(
            "draft_id",
            **parked_as("tax_currency", pl.format(
                "{} of {} is in {}, the document in {} (table {})",
                "tax_code", "row_jurisdiction", "table_currency", "currency", "table",
            )),
        )
        .unique()
    )  # fmt: skip


_REACH = ["jurisdiction", "tax_class", "section", "country"]


def _reach(lines: pl.DataFrame, tables: TaxTables) -> pl.DataFrame:
    """What tables go by -> the tables that reach such lines, and the jurisdiction each prints."""
    # Thousands of lines share a handful of such facts: the tables are asked once for each.
    reaches = [
        (place, tax_class, section, far_end, position, printed)
        for place, tax_class, section, far_end in lines.select(_REACH).unique().iter_rows()
        for position, table in enumerate(tables.tables)
        if (printed := table.row_jurisdiction(place)) is not None and table.covers(tax_class, section, far_end)
    ]
    columns = {**dict.fromkeys(_REACH, pl.String), "position": pl.Int64, "row_jurisdiction": pl.String}
    return pl.DataFrame(reaches, schema=columns, orient="row")


def _facts(tables: TaxTables) -> pl.DataFrame:
    """What the joins need to know of each table."""
    rows = [
        (position, t.code, t.file, t.base.share, t.date_basis, "certificate" in t.exempt_by,
         "vat_id_check" in t.exempt_by, t.unit == "amount_per_line", t.currency)
        for position, t in enumerate(tables.tables)
    ]  # fmt: skip
    return pl.DataFrame(
        rows,
        schema={
            "position": pl.Int64,
            "tax_code": pl.String,
            "table": pl.String,
            "share": pl.String,
            "date_basis": pl.String,
            "by_certificate": pl.Boolean,
            "by_vat_id": pl.Boolean,
            "per_line": pl.Boolean,
            "table_currency": pl.String,
        },
        orient="row",
    )


def _date_on_basis() -> pl.Expr:
    """The date the table goes by, with the date inherited from a reversed document in place of this document's."""
    basis = pl.col("date_basis")
    last_day = pl.col("period_end").dt.offset_by("-1d")
    return (
        pl.when(basis == "invoice_date")
        .then(pl.coalesce("tax_date", "invoice_date"))
        .when(basis == "tax_point")
        .then(pl.coalesce("tax_date", "tax_point"))
        .when(basis == "period_start")
        .then("period_start")
        .when(basis == "period_end")
        .then(last_day)
    )


def _safe_harbours(reached: pl.DataFrame, tables: TaxTables) -> pl.DataFrame:
    """(position, tax_date) -> safe_harbour, percent."""
    dated = reached.filter(pl.col("share").is_in(["interstate", "intrastate"])).select("position", "tax_date").unique()
    shares = [(position, day, tables.tables[position].safe_harbour_percent(day)) for position, day in dated.iter_rows()]
    columns = pl.Schema({"position": pl.Int64(), "tax_date": pl.Date(), "safe_harbour": EXACT})
    return pl.DataFrame(shares, schema=columns, orient="row")
