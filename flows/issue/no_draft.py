"""Why there is nothing to approve, as a sentence that helps: what is issued, by whom and when, and what comes next."""

from flows.books.runs import drafted_runs, last_state
from flows.home.store import Store
from schemas.counts import count_of

_ISSUED = """
    select issued_by, strftime(issued_at at time zone 'UTC', '%Y-%m-%d'), count(*)
    from issued_documents where invoice_month = $1 and $2 in (run_id, '')
        and $3 in (seller_id, '') group by all order by min(issued_at), 1"""

_UNSENT = """
    select count(*) from issued_documents where invoice_month = $1 and invoice_number not in (
        select invoice_number from mail_states where invoice_number is not null group by invoice_number
        having bool_and(state in ('accepted', 'written', 'replaced')))"""

_STATES = {
    "open": "was cut off before it drafted anything",
    "superseded": "gave way to a later run",
    "void": "is void: what its drafts were made of has changed",
}


def no_draft(store: Store, month: str, run_id: str | None, kind: str | None, seller: str | None) -> str:
    """The sentence for a month, or for one run, kind of runs or seller of it, that has no draft waiting."""
    what = (f"run {run_id}" if run_id else month) + (f" of seller {seller}" if seller else "")
    issued = _issued(store, month, run_id, seller)
    waiting = [
        row
        for row in drafted_runs(store, month)
        if run_id not in (None, row[0]) or kind not in (None, row[1]) or seller is not None
    ]
    said = f"{what} is issued: {issued}." if issued and kind is None else f"{what} has no draft to approve."
    if kind is not None:
        said = f"{what} has no draft of kind {kind} to approve." + (f" Issued of {month}: {issued}." if issued else "")
    elif not issued and run_id and (state := last_state(store, run_id)) in _STATES:
        said = f"{what} {_STATES[state]}."
    if waiting:
        runs = ", ".join(f"{kind_of} run {name}" for name, kind_of, _ in waiting)
        return f"{said} Other drafts of {month} wait: {runs}."
    if not issued:
        return f"{said} Run `tollbook run {month}` first."
    (unsent,) = store.rows(_UNSENT, [month])[0]
    mails = f" Not sent yet: {unsent}; `tollbook send {month}`." if unsent else ""
    return f"{said} No draft waits; to change what is issued: `tollbook correct {month} --reason TEXT`.{mails}"


def _issued(store: Store, month: str, run_id: str | None, seller: str | None) -> str:
    """28 documents by ben on 2026-06-02, 1 document by ida on 2026-06-04."""
    return ", ".join(
        f"{count_of(count, 'document')} by {by} on {day}"
        for by, day, count in store.rows(_ISSUED, [month, run_id or "", seller or ""])
    )
