"""Lines of documents -> their tax and fee rows. `apply` is the order of operations.

A row is one tax, jurisdiction, rate and tax date on a document, rounded once (RULES 20). Everything up to the rows is
done on frames; only the rows themselves, a handful per document, are computed one by one (taxes/rows.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from taxes.charging import Charging, levels
from taxes.exemptions import with_exemptions
from taxes.findings import findings
from taxes.frames import CERTIFICATES, DOCUMENTS, ID_CHECKS, ISSUED, LINE_FACTS, LINES, PARKED, TAXES
from taxes.left import Left
from taxes.memory import Memory
from taxes.reversals import as_issued
from taxes.rows import CHARGED, Computed, compute_rows, tax_on
from taxes.scope import foreign_amounts, in_scope, share_unknown, taxable_parts, uncovered_places, with_groups
from taxes.tables import TAX_CODES, TaxTables

__all__ = ["TaxResult", "apply", "tax_on"]


@dataclass(frozen=True)
class TaxResult:
    """`taxes`: frame TAXES, sorted by draft_id and tax_no. `parked`: frame PARKED, one row per document left out.
    `findings`: frame FINDINGS, what was billed and should be looked at."""

    taxes: pl.DataFrame
    parked: pl.DataFrame
    findings: pl.DataFrame


def apply(
    lines: pl.DataFrame,
    documents: pl.DataFrame,
    tables: TaxTables,
    certificates: pl.DataFrame,
    id_checks: pl.DataFrame,
    issued: pl.DataFrame | None = None,
    memory: Memory | None = None,
) -> TaxResult:
    """Every tax and recovery fee of every document (RULES 20 to 23).

    Frames have the columns of `taxes.frames` (others are ignored). gross_base is the sum of the lines in scope, and of
    the taxes and fees that belong to the base; taxable_percent their telecom share times interstate share (of mixed
    lines the effective one, to 12 digits); base_amount the taxable part less what is exempt. Rows whose taxable part
    or rate is zero are not printed.

    What gives back a line of a document in `memory` is taxed by that document's rows, whatever the tables say today.
    `issued` are the tax rows of documents that do not say which lines they are on: what reverses them keeps their
    dates, rates and exemptions, and the tables say the rest.

    tax_no counts recovery fees first, so that they stand with the charges whose cost they recover and apart from the
    taxes of governments; within a kind the order of TAX_CODES, then jurisdiction, date, rate.
    A document with anything that cannot be taxed is parked with every reason, and has no rows.
    """
    lines, documents = _framed(lines, {**LINES, **LINE_FACTS, "reverses": pl.String}), _framed(documents, DOCUMENTS)
    certificates = _framed(certificates, {**CERTIFICATES, "reason": pl.String})
    id_checks = _framed(id_checks, {**ID_CHECKS, "name_matched": pl.Boolean})
    issued_rows = _framed(pl.DataFrame(schema=ISSUED) if issued is None else issued, ISSUED)

    account = documents.select("draft_id", "account_id")
    lines = with_groups(lines).join(account, on="draft_id", validate="m:1")
    memory = memory or Memory()
    # What gives back a remembered line goes by that document's rows alone: the tables never see it.
    back = lines.join(memory.remembers(lines), on=["draft_id", "line_no"], how="semi")
    lines = lines.join(back, on=["draft_id", "line_no"], how="anti")
    scoped = as_issued(in_scope(lines, documents, tables), issued_rows)
    own = taxable_parts(scoped)
    left, by_rows = memory.left(), memory.by_rows(scoped)
    back = pl.concat([memory.rows_to_reverse(back), by_rows], how="diagonal")
    scoped = scoped.join(by_rows, on=["draft_id", "line_no", "tax_code", "row_jurisdiction"], how="anti")
    given_back = _charged(back, documents, memory.tables, certificates, id_checks, left)
    by_tables = _charged(scoped, documents, tables.tables, certificates, id_checks, left)
    parked = _parked(
        [uncovered_places(lines, tables), share_unknown(own), foreign_amounts(own), by_tables.unknown], documents
    )
    taxes = pl.concat([by_tables.taxes, given_back.taxes])
    # With one line untaxed a document would be wrong as a whole, and not look it.
    taxes = number_taxes(taxes.join(parked, on="draft_id", how="anti"))
    return TaxResult(taxes, parked, findings(by_tables.parts, taxes))


@dataclass(frozen=True)
class _Charged:
    """taxes: TAXES without tax_no; unknown: WRONG, rates that are not known; parts: what was exempt, and why not."""

    taxes: pl.DataFrame
    unknown: pl.DataFrame
    parts: pl.DataFrame


def _charged(
    scoped: pl.DataFrame,
    documents: pl.DataFrame,
    tables: Sequence[Charging],
    certificates: pl.DataFrame,
    id_checks: pl.DataFrame,
    left: Left,
) -> _Charged:
    """The rows of lines in scope, level by level: taxes on what others charge come after those."""
    own = taxable_parts(scoped)
    computed: list[Computed] = []
    exempted: list[pl.DataFrame] = []
    charged = pl.DataFrame(schema=CHARGED)
    # Without any table one empty level still gives the frames their columns.
    for level in levels(tables) or ((),):
        of_level = pl.col("position").is_in(list(level))
        on_charges = _on_charges(scoped.filter(of_level & pl.col("is_taxed")), charged, tables)
        parts = pl.concat([own.filter(of_level), on_charges], how="diagonal")
        parts = with_exemptions(_parts(parts, documents), certificates, id_checks)
        computed.append(compute_rows(_rows(parts, documents), tables, left))
        exempted.append(parts)
        charged = pl.concat([charged, computed[-1].charged])
    taxes, unknown = pl.concat([level.taxes for level in computed]), pl.concat([level.unknown for level in computed])
    return _Charged(taxes, unknown, pl.concat(exempted))


def _framed(frame: pl.DataFrame, columns: Mapping[str, Any]) -> pl.DataFrame:
    """Exactly these columns; absent ones are null, as not every caller knows of every fact."""
    absent = [pl.lit(None).alias(name) for name in columns if name not in frame.columns]
    return frame.with_columns(absent).select(list(columns)).cast(pl.Schema(columns))


_PART = ["draft_id", "position", "tax_code", "row_jurisdiction", "tax_date"]
"""A table, its jurisdiction and a tax date on a document. One date has one rate."""

_JUDGED = ["check_day", "by_certificate", "by_vat_id", "is_held", "rate_issued", "certificate_issued", "reverse_issued"]
"""What exemption depends on, beside the customer."""

_SHARES = ["of", "telecom", "interstate", "interstate_share"]
"""What the taxable part depends on."""


def _on_charges(scoped: pl.DataFrame, charged: pl.DataFrame, tables: Sequence[Charging]) -> pl.DataFrame:
    """Tax on tax: what the named taxes and fees charged on the groups that a table taxes, as parts of its base."""
    on = [(position, code) for position, table in enumerate(tables) for code in table.also_on]
    named = pl.DataFrame(on, schema={"position": pl.Int64, "of": pl.String}, orient="row")
    facts = [*_PART, "group", *_JUDGED, "account_id", "per_line", "reverses"]
    keys = ["draft_id", "position", "group"]
    on_lines = scoped.group_by(keys).agg(on_lines=pl.col("line_no").unique().sort())
    return (
        scoped.select(facts)
        # Any line will do: those of one group are alike in everything that is asked here.
        .unique(keys, keep="any")
        .join(on_lines, on=keys, validate="1:1")
        .join(named, on="position")
        .join(charged, on=["draft_id", "group", "of"])
        .with_columns(
            telecom=pl.lit(100),
            interstate_share=pl.lit(100),
            line_count=pl.lit(0),
            line_no=pl.lit(None, pl.Int64),
        )
        .cast({name: scoped.schema[name] for name in ("amount", "telecom", "interstate_share", "line_count")})
    )


def _parts(scoped: pl.DataFrame, documents: pl.DataFrame) -> pl.DataFrame:
    """Lines in scope summed up to what exemption and taxable part depend on: many lines, few parts."""
    customer = documents.select("draft_id", "customer_type", "tax_id", "seller_vat_countries")
    of = {} if "of" in scoped.columns else {"of": pl.lit(None, pl.String)}
    return (
        scoped.with_columns(**of)
        .group_by(*_PART, "account_id", "per_line", "group", *_JUDGED, *_SHARES, "reverses")
        .agg(
            pl.col("amount", "line_count").sum(),
            lines=pl.col("line_no").drop_nulls().sort(),
            on_lines=pl.col("on_lines").list.explode().drop_nulls().unique().sort(),
        )
        # What another tax charged has no line of its own: it stands on the lines that this tax was charged on.
        .with_columns(lines=pl.when(pl.col("of").is_null()).then("lines").otherwise("on_lines"))
        .with_row_index("part")
        .join(customer, on="draft_id", validate="m:1")
    )


def _rows(parts: pl.DataFrame, documents: pl.DataFrame) -> pl.DataFrame:
    """One row per row to be printed, its parts as lists."""
    listed = ["group", "of", "amount", "telecom", "interstate", "interstate_share", "line_count", "lines", "reverses"]
    exempt = ["certificate_number", "reverse_charge"]
    return (
        parts.filter(pl.col("interstate_share").is_not_null())
        .sort("group", "of", "telecom", "interstate", "interstate_share", nulls_last=False)
        .group_by(*_PART, "rate_issued", *exempt, maintain_order=True)
        .agg(
            *listed,
            pl.col("exempt_reason", "tax_id_check", "expired_number", "expired_on").first(),
        )
        .join(documents.select("draft_id", "minor_digits", "locale"), on="draft_id", validate="m:1")
    )


def number_taxes(taxes: pl.DataFrame) -> pl.DataFrame:
    """TAXES in the order in which a document prints them, with tax_no."""
    is_tax = pl.col("kind") == "tax"
    in_order = pl.col("tax_code").cast(pl.Enum(TAX_CODES))
    keys = ["jurisdiction", "tax_date", "rate_percent", "rate_amount", "certificate_number", "table"]
    return (
        taxes.sort("draft_id", is_tax, in_order, *keys)
        .with_columns(tax_no=pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("draft_id"))
        .select(list(TAXES))
    )


def _parked(wrong: list[pl.DataFrame], documents: pl.DataFrame) -> pl.DataFrame:
    return (
        pl.concat(wrong)
        .unique()
        .group_by("draft_id")
        .agg(pl.col("code").sort_by("detail", "code").first(), pl.col("detail").sort().str.join("; "))
        .join(documents.select("draft_id", "account_id"), on="draft_id", validate="1:1")
        .select(list(PARKED))
        .sort("draft_id")
    )
