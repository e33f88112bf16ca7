"""How a correction is shown: a reversal and a new document, or one document of what differs (correction_style)."""

from collections.abc import Iterable
from datetime import date

import polars as pl

from flows.books.run import Run
from flows.books.standing import StandingDocument, corrected_of
from flows.correct.note import Note, printed
from flows.correct.prepared import Prepared
from flows.home.settings import load_settings
from flows.home.store import Store
from invoicing.adjustments import Adjustment, adjustment
from schemas.document import Document


def draft_adjustments(
    store: Store, run: Run, prepared: Prepared, reversals: dict[str, list[Document]], day: date, note: Note
) -> dict[str, Adjustment]:
    """The adjustments of accounts whose seller asks for them, by account; their drafts end on A and the
    number of the correction.

    An adjustment adds to what stands. So a document is replaced nevertheless where another name or address has to be
    on it, and where it bills records that are no longer the account's: nobody else is billed for them while it stands.
    """
    sellers = (run.settings if run.request.known is None else load_settings(run.request.home)).sellers
    differing = [difference.account_id for difference in prepared.differences if not difference.details]
    asking = {
        account: standing
        for account in differing
        if sellers[(standing := prepared.standing[account])[0].document.seller.seller_id].correction_style
        == "adjustment"
    }
    given_up = _given_up(store, run, [document for standing in asking.values() for document in standing])
    adjustments = {}
    for account, standing in asking.items():
        if account not in given_up:
            original = corrected_of(standing)
            now, draft_id = prepared.replacements.get(account), f"{original.draft_id}-A{prepared.number}"
            words = printed(note, original.document)
            adjustments[account] = adjustment(original.document, now, reversals[account], draft_id, day, words)
    return adjustments


def _given_up(store: Store, run: Run, standing: Iterable[StandingDocument]) -> set[str]:
    """Accounts whose documents bill records that are still there and not theirs any more."""
    billed = pl.DataFrame(
        [(document.run_id, document.account_id) for document in standing],
        schema={"run_id": pl.String, "account_id": pl.String},
        orient="row",
    )
    if billed.is_empty():
        return set()
    files = [str(path) for path in sorted((run.work / "usage").glob("*.parquet"))]
    rated = "select account_id, usage_id from read_parquet($files)" if files else "select null, null where false"
    store.con.register("_billed", billed.unique().to_arrow())
    try:
        rows = store.rows(
            f"""
            select account_id from (
                select account_id, usage_id from rated_usage join _billed using (run_id, account_id)
                where usage_id in (select usage_id from feed_calls union all select usage_id from feed_messages)
                except {rated}) group by account_id""",
            {"files": files} if files else None,
        )
    finally:
        store.con.unregister("_billed")
    return {account for (account,) in rows}
