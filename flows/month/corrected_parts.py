"""What a corrected document charges month by month: what it did, and what today's data changes about it (RULES 19).

Later documents may have billed a part of the change already, for a run bills every difference it finds (RULES 7). So
of a month's own difference only as much is corrected as all documents together still lack.
"""

from dataclasses import dataclass
from typing import Any

import polars as pl

from flows.books.run import Run
from flows.books.standing import standing_of
from flows.home.store import Store
from rating.owed import KEY, STATE, difference, overlap

_PART = [*KEY, *STATE, "part_start", "part_end", "quantity"]


@dataclass(frozen=True)
class CorrectedParts:
    """parts: what the document in their place charges. before: parts of documents before it, with how they were taxed.
    known: those, and the parts of the documents it takes the place of."""

    parts: pl.DataFrame
    before: pl.DataFrame
    known: pl.DataFrame


def replaced_by(store: Store, run: Run) -> list[str] | None:
    """Numbers of the documents that a correction takes the place of; None for any other run."""
    if run.kind != "correction":
        return None
    return [one.invoice_number for one in standing_of(store, run.request.invoice_month, run.request.accounts)]


def last_issued(store: Store) -> pl.DataFrame:
    """account_id, last: the latest invoice month of which an account holds a document."""
    return store.sql("select account_id, max(invoice_month) as last from issued_documents group by account_id")


def corrected_parts(
    owed: list[pl.DataFrame], issued: pl.DataFrame, replaced: list[str], month: str, last_months: pl.DataFrame
) -> CorrectedParts:
    """owed: parts priced as of the month's invoice, then those as of the last issued one, for accounts with later ones.

    issued: parts of issued documents with invoice_number and invoice_month, null for what an earlier system billed.
    """
    mine = pl.col("invoice_number").is_in(replaced).fill_null(value=False)
    is_before = (pl.col("invoice_month") <= month).fill_null(value=True)
    replaced_parts, before = issued.filter(mine), issued.filter(~mine, is_before)
    own = difference(owed[0], pl.concat([before, replaced_parts]))
    later = last_months.filter(pl.col("last") > month)
    changed = own.join(later, on="account_id", how="anti")
    if len(owed) > 1:
        lacking = difference(pl.concat(owed[1:], how="diagonal"), issued)
        common = overlap(own.join(later, on="account_id", how="semi"), lacking)
        changed = pl.concat([changed, common.select(own.columns)])
    parts = difference(pl.concat([replaced_parts.select(_PART), changed.select(_PART)]), _nothing(issued.schema))
    return CorrectedParts(parts, before, pl.concat([before, replaced_parts]))


def _nothing(schema: Any) -> pl.DataFrame:
    return pl.DataFrame(schema={name: schema[name] for name in _PART})
