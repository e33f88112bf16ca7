"""What issued documents charged, by their own rows: what gives a line back goes by them, not by the tables (RULES 20).

A table may have been edited, renamed or deleted since, or never have been ours: another engine may have answered. So
every row of a document that is given back stands in for a table, with its rate, its lines and its words.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

import polars as pl

from schemas.document import Document, Tax
from schemas.money import EXACT
from taxes.charged import ChargedTable, content, exemption, shares_of
from taxes.left import Left

_LINES: dict[str, Any] = {
    "reverses": pl.String,
    "of_line": pl.Int64,
    "of_product": pl.String,
    "of_place": pl.String,
    "of_class": pl.String,
    "of_start": pl.Date,
    "of_end": pl.Date,
    "is_own": pl.Boolean,
}
"""Lines of the documents; is_own: it gives nothing back itself."""

_CHARGES: dict[str, Any] = {
    "reverses": pl.String,
    "of_line": pl.Int64,
    "position": pl.Int64,
    "tax_code": pl.String,
    "row_jurisdiction": pl.String,
    "row_date": pl.Date,
    "telecom": EXACT,
    "interstate": pl.String,
    "interstate_share": EXACT,
    "rate_issued": EXACT,
    "certificate_issued": pl.String,
    "reverse_issued": pl.Boolean,
    "per_line": pl.Boolean,
}
"""Which row was on which line, and on what part of it; shares in percent."""


@dataclass(frozen=True)
class Memory:
    """Documents that lines of a run give back, as far as their rows say which lines they are on.

    standing: those that stand for them (they themselves, what is in their place, what adds to that); None: they do.
    returning: documents that stand and have given back of these. roots: taxes.left.Left.
    """

    documents: tuple[Document, ...] = field(default=())
    standing: tuple[Document, ...] | None = None
    returning: tuple[Document, ...] = ()
    roots: Mapping[str, str] = field(default_factory=dict)

    def left(self) -> Left:
        """What is left of what they charged, before this run; a new one each time, as a run takes from it."""
        charging = self.documents if self.standing is None else self.standing
        return Left.of(charging, self.returning, self.roots)

    @cached_property
    def _known(self) -> tuple[Document, ...]:
        return tuple(document for document in self.documents if all(tax.parts for tax in document.taxes))

    @cached_property
    def tables(self) -> tuple[ChargedTable, ...]:
        """The documents' rows as tables; rows that say the same are one, so that they stay one row when given back."""
        return self._read.tables

    def rows_to_reverse(self, lines: pl.DataFrame) -> pl.DataFrame:
        """One row per line and row that was on what it gives back, with the columns of `scope.in_scope` that taxing
        needs. `tax_date` is the row's. Lines whose like nobody remembers are not in it (`remembers`)."""
        alike = (
            self._alike(lines)
            .join(self._read.charges, on=["reverses", "of_line"])
            # A document holds rows of older dates where it gives something back itself: its own are the latest.
            .filter(pl.col("row_date") == pl.col("row_date").max().over(*_LINE, "tax_code", "row_jurisdiction"))
            .sort("of_line")
            # A line may be like several under one row: the row is given back on it once all the same.
            .unique([*_LINE, "position"], keep="first", maintain_order=True)
        )
        held = alike.drop("reverses", "of_line")
        return lines.drop("interstate", "tax_date").join(held, on=_LINE).with_columns(
            check_day="row_date",
            tax_date="row_date",
            is_held=pl.lit(value=True),
            by_certificate=pl.lit(value=False),
            by_vat_id=pl.lit(value=False),
            # Whether the row was on what others charged on this line: the row's own lines say it.
            is_taxed=pl.lit(value=True),
        )  # fmt: skip

    def by_rows(self, scoped: pl.DataFrame) -> pl.DataFrame:
        """Those of `scoped` (reversals.as_issued) whose row a document has, with `position` among `tables`: a credit
        for what is no product of the document goes by the tables as to which taxes reach it, and is then one row with
        what else gives back the same row."""
        row = ["reverses", "tax_code", "row_jurisdiction", "tax_date", "rate_issued"]
        exempt = ["certificate_issued", "reverse_issued"]
        known = self._read.charges.rename({"row_date": "tax_date"}).select(*row, *exempt, _position="position")
        known = known.unique([*row, *exempt], keep="first", maintain_order=True)
        held = scoped.filter("is_held").join(known, on=[*row, *exempt], nulls_equal=True, validate="m:1")
        return held.with_columns(
            position="_position", by_certificate=pl.lit(value=False), by_vat_id=pl.lit(value=False)
        )

    def remembers(self, lines: pl.DataFrame) -> pl.DataFrame:
        """draft_id, line_no of those of `lines` (LINES with reverses) that give back a line known here."""
        return self._alike(lines).select(_LINE).unique()

    def _alike(self, lines: pl.DataFrame) -> pl.DataFrame:
        """draft_id, line_no, reverses, of_line: the lines of the reversed document that each is most like.

        They are of the same product and class, and of its place and time if there are such. A credit for what is no
        product of the document gives no line back: its own product and the tables say what it bears.
        """
        place = pl.col("jurisdiction") == pl.col("of_place")
        overlap = (pl.col("period_start") < pl.col("of_end")) & (pl.col("of_start") < pl.col("period_end"))
        # Any original line is more alike than one that gives something back itself: three steps are above all others.
        unlike = pl.when(place & overlap).then(0).when(place).then(1).otherwise(2)
        unlike = unlike + pl.when("is_own").then(0).otherwise(3)
        return (
            lines.filter(pl.col("tax_date").is_not_null())
            .select(*_LINE, "reverses", "product_code", "jurisdiction", "tax_class", "period_start", "period_end")
            .join(self._read.lines, on="reverses")
            .filter(pl.col("product_code") == pl.col("of_product"), pl.col("tax_class") == pl.col("of_class"))
            .with_columns(_unlike=unlike)
            .filter(pl.col("_unlike") == pl.col("_unlike").min().over(_LINE))
            .select(*_LINE, "reverses", "of_line")
        )

    @cached_property
    def _read(self) -> "_Read":
        """Lines of one document that are alike and were taxed alike are one: many lines, few kinds."""
        tables: dict[tuple[Any, ...], ChargedTable] = {}
        positions: dict[tuple[Any, ...], int] = {}
        lines: dict[tuple[Any, ...], int] = {}
        charges: list[tuple[Any, ...]] = []
        for document in self._known:
            on_line: dict[int, list[tuple[Any, ...]]] = {}
            for tax in document.taxes:
                key = content(tax)
                table = tables.setdefault(key, ChargedTable(tax))
                position = positions.setdefault(key, len(positions))
                row = (position, tax.tax_code, tax.jurisdiction, tax.tax_date)
                for number, share in _on_lines(tax).items():
                    on_line.setdefault(number, []).append((*row, *share, table.rate, *exemption(tax)))
            for line in document.lines:
                own = on_line.get(line.line_no, [])
                facts = (
                    line.product_code, line.jurisdiction, line.tax_class, line.period_start, line.period_end,
                    line.tax_date is None,
                )  # fmt: skip
                # The first line of a kind answers for all of them: a credit for any would be taxed alike.
                kind = (document.invoice_number, *facts, *own)
                if kind not in lines:
                    lines[kind] = line.line_no
                    charges += [(document.invoice_number, line.line_no, *charge) for charge in own]
        kinds = [(number, of_line, *facts[:6]) for (number, *facts), of_line in lines.items()]
        return _Read(
            tuple(tables.values()),
            pl.DataFrame(kinds, schema=_LINES, orient="row"),
            pl.DataFrame(charges, schema=_CHARGES, orient="row"),
        )


@dataclass(frozen=True)
class _Read:
    """The rows as tables; frame _LINES, one row per kind of line; frame _CHARGES, the rows on each kind."""

    tables: tuple[ChargedTable, ...]
    lines: pl.DataFrame
    charges: pl.DataFrame


_LINE = ["draft_id", "line_no"]


def _on_lines(tax: Tax) -> dict[int, tuple[Decimal, str | None, Decimal]]:
    """Line number -> its taxable share; nothing of a line that is in the base by another tax or fee alone."""
    shares = {number: shares_of(part) for part in tax.parts if part.of is None for number in part.lines}
    for part in tax.parts:
        for number in part.lines if part.of is not None else ():
            shares.setdefault(number, (Decimal(0), None, Decimal(100)))
    return shares
