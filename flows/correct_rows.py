"""Rows of a correction in the working database: documents taken back, and the usage that stands elsewhere now."""

from typing import TYPE_CHECKING

import polars as pl

from flows.context import Run
from flows.standing import STANDING, Standing
from flows.store import Store

if TYPE_CHECKING:
    from flows.correct_draft import Prepared

_SIGNED = {
    "charges": ("quantity", "amount_num"),
    "invoice_lines": ("quantity", "list_amount", "discount_amount", "amount", "line_count"),
    "invoice_taxes": ("gross_base", "base_amount", "exempt_amount", "amount", "line_count"),
    "line_discounts": ("amount",),
    "line_usage": ("units", "amount_num", "amount"),
}
"""Rows behind a document, and what of them turns its sign when it is taken back."""


def write_reversals(store: Store, run_id: str, reversals: list[tuple[Standing, str]]) -> None:
    """Copies the rows behind documents with the other sign. reversals: a document, and the draft that takes it back."""
    names = ["run_id", "draft_id", "new_draft_id"]
    mine = [(one.run_id, one.draft_id, draft_id) for one, draft_id in reversals]
    store.con.register("_back", pl.DataFrame(mine, schema=dict.fromkeys(names, pl.String), orient="row").to_arrow())
    try:
        for table, signed in _SIGNED.items():
            have = store.columns(table)
            turned = ", ".join(f"-{name} as {name}" for name in signed if name in have)
            store.con.execute(
                f"insert into {table} by name select t.* replace ($1 as run_id, b.new_draft_id as draft_id, {turned}) "
                f"from {table} t join _back b on b.run_id = t.run_id and b.draft_id = t.draft_id",
                [run_id],
            )
    finally:
        store.con.unregister("_back")


def write_outcomes(store: Store, run: Run, found: "Prepared") -> None:
    """Rated usage of the documents in their place, and what was billed and is rated no more, for who is corrected.

    Usage that another document of the account bills stays there.
    """
    for table in ("rated_usage", "suspended_usage", "excluded_usage"):
        store.con.execute(f"delete from {table} where run_id = $1", [run.run_id])
    drafts = pl.DataFrame(
        [(account, document.draft_id) for account, document in found.replacements.items()],
        schema={"account_id": pl.String, "new_draft_id": pl.String}, orient="row",
    )  # fmt: skip
    taken_back = [one.invoice_number for those in found.standing.values() for one in those]
    elsewhere = f"""
        select u.usage_id from rated_usage u join ({STANDING}) d on d.run_id = u.run_id and d.account_id = u.account_id
        where list_contains($corrected, u.account_id) and not list_contains($taken_back, d.invoice_number)"""
    store.con.register("_drafts", drafts.to_arrow())
    try:
        for path in sorted((run.work / "usage").glob("*.parquet")):
            store.con.execute(
                f"insert into rated_usage by name select u.* replace (d.new_draft_id as draft_id) "
                f"from read_parquet($path) u join _drafts d using (account_id) where u.usage_id not in ({elsewhere})",
                {"path": str(path), "taken_back": taken_back, "corrected": list(found.standing)},
            )
    finally:
        store.con.unregister("_drafts")
    corrected = list(found.standing)
    for path in sorted((run.work / "settled").glob("*.parquet")):
        records = pl.read_parquet(path).filter(pl.col("billed_to").is_in(corrected))
        for table, kind in (("suspended_usage", "suspended"), ("excluded_usage", "excluded")):
            store.append(table, records.filter(pl.col("outcome") == kind).select(store.columns(table)))
