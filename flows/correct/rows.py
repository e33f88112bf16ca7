"""Rows of a correction in the working database: documents taken back, adjustments, the usage that stands elsewhere."""

import polars as pl

from flows.books.run import Run
from flows.books.standing import StandingDocument
from flows.correct.prepared import Prepared
from flows.home.store import Store
from flows.month.draft_rows import document_rows, line_rows, tax_rows
from flows.month.usage.rows import append_settled
from flows.month.usage.stored import RatedWriter, forget_rated
from invoicing.adjustments import Adjustment

_SIGNED = {
    "charges": ("quantity", "amount_num"),
    "invoice_lines": ("quantity", "list_amount", "discount_amount", "amount", "line_count"),
    "invoice_taxes": ("gross_base", "base_amount", "exempt_amount", "amount", "line_count"),
    "line_discounts": ("amount",),
    "line_usage": ("units", "amount_num", "amount"),
}
"""Rows behind a document, and what of them turns its sign when it is taken back."""


def write_reversals(store: Store, run_id: str, reversals: list[tuple[StandingDocument, str]]) -> None:
    """Copies the rows behind documents with the other sign. reversals: a document, and the draft that takes it back."""
    names = ["run_id", "draft_id", "new_draft_id"]
    drafts = [(original.run_id, original.draft_id, draft_id) for original, draft_id in reversals]
    store.con.register("_back", pl.DataFrame(drafts, schema=dict.fromkeys(names, pl.String), orient="row").to_arrow())
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


def write_adjustments(store: Store, run_id: str, adjustments: list[Adjustment]) -> None:
    """Puts adjustments in the place of the documents that they add up: the rows of this run's reversals and new
    documents become rows of the adjustments, as far as something is left of them.

    Charges count without a line too: one resource may have taken another's place on a line that says the same.
    """
    documents = [adjustment.document for adjustment in adjustments]
    drafts = [
        (draft_id, adjustment.document.draft_id, line, new_line)
        for adjustment in adjustments
        for (draft_id, line), new_line in adjustment.places.items()
    ]
    names = {"draft_id": pl.String, "new_draft_id": pl.String, "line_no": pl.Int64, "new_line_no": pl.Int64}
    store.con.register("_places", pl.DataFrame(drafts, schema=names, orient="row").to_arrow())
    added_up = "run_id = $1 and draft_id in (select draft_id from _places)"
    try:
        for table, needs_line in (("charges", False), ("line_discounts", True), ("line_usage", True)):
            signed = [name for name in _SIGNED[table] if name in store.columns(table)]
            left = " or ".join(f"sum({name}) <> 0" for name in signed)
            # A record has another number where its file was taken out in between: one of the two is as good.
            one = ["usage_no"] if table == "line_usage" else []
            added = [f"sum({name}) as {name}" for name in signed] + [f"max({name}) as {name}" for name in one]
            others = ", ".join(["draft_id", "line_no", *signed, *one])
            store.con.execute(
                f"create or replace temp table _summed as select t.* exclude ({others}), "
                f"p.new_draft_id as draft_id, p.new_line_no as line_no, {', '.join(added)} "
                f"from {table} t join _places p on p.draft_id = t.draft_id and p.line_no = t.line_no "
                f"where t.run_id = $1 and (p.new_line_no is not null or not $2) group by all having {left}",
                [run_id, needs_line],
            )
            store.con.execute(f"delete from {table} where {added_up}", [run_id])
            store.con.execute(f"insert into {table} by name select * from _summed")
        for table in ("invoice_lines", "invoice_taxes", "documents"):
            store.con.execute(f"delete from {table} where {added_up}", [run_id])
    finally:
        store.con.unregister("_places")
        store.con.execute("drop table if exists temp._summed")
    store.append("documents", document_rows(documents))
    store.append("invoice_lines", line_rows(documents, store.columns("invoice_lines")))
    store.append("invoice_taxes", tax_rows(documents, store.columns("invoice_taxes")))


def write_outcomes(store: Store, run: Run, prepared: Prepared, adjustments: dict[str, Adjustment]) -> None:
    """Rated usage of the new documents, and records that were billed and are no longer rated, of corrected accounts.

    Usage that another document of the account bills stays there; what an adjustment does not move, with the document
    that it adds to.
    """
    forget_rated(store, "run_id = $run", {"run": run.run_id})
    for table in ("suspended_usage", "excluded_usage"):
        store.con.execute(f"delete from {table} where run_id = $1", [run.run_id])
    drafted = {account: document.draft_id for account, document in prepared.replacements.items()}
    drafted |= {account: adjustment.document.draft_id for account, adjustment in adjustments.items()}
    drafts = pl.DataFrame(
        list(drafted.items()), schema={"account_id": pl.String, "new_draft_id": pl.String}, orient="row"
    )
    taken_back = [
        document.invoice_number
        for account, standing in prepared.standing.items()
        if account not in adjustments
        for document in standing
    ]
    moved = "select usage_id from line_usage where run_id = $run"
    elsewhere = f"""
        select u.usage_id from rated_usage u
        join standing_documents d on d.run_id = u.run_id and d.account_id = u.account_id
        where list_contains($corrected, u.account_id) and not list_contains($taken_back, d.invoice_number)
            and not (list_contains($adjusted, u.account_id) and u.usage_id in ({moved}))"""
    store.con.register("_drafts", drafts.to_arrow())
    try:
        for path in sorted((run.work / "usage").glob("*.parquet")):
            mine = store.sql(
                f"select u.*, d.new_draft_id as draft_id "
                f"from read_parquet($path) u join _drafts d using (account_id) where u.usage_id not in ({elsewhere})",
                {
                    "path": str(path), "taken_back": taken_back, "corrected": list(prepared.standing),
                    "adjusted": list(adjustments), "run": run.run_id,
                },
            )  # fmt: skip
            RatedWriter(store, run).write([mine] if mine.height else [])
    finally:
        store.con.unregister("_drafts")
    corrected = list(prepared.standing)
    for path in sorted((run.work / "settled").glob("*.parquet")):
        records = pl.read_parquet(path).filter(pl.col("billed_to").is_in(corrected))
        append_settled(store, records)
