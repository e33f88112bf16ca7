"""Books that go on without what is missing: `--accept-loss REASON` (RULES 30, 31)."""

from datetime import datetime

from flows.home import audit
from flows.home.journal import FILE, Journal, Line
from flows.home.stand import begin, cut_off, head_line, lack, last_entry, lose, mark, read
from flows.home.store import Store
from flows.home.told import Told, told_anyhow
from schemas.errors import Refused, WrongUsage


def accept_loss(store: Store, reason: str, by: str, now: datetime, beside: Told | None = None) -> str:
    """Goes on without what is missing: its numbers are never given again, its mails are unknown. Recorded in the audit
    log and in the journal. Returns what was missing, empty where nothing was. Raises WrongUsage without a reason.

    store: opened with whatever_is_left. beside: what is told in another place than this home. A journal that is gone or
    not as it was written is begun anew.
    """
    if not reason.strip():
        raise WrongUsage("--accept-loss: found nothing; expected why the books that are missing are gone for good")
    try:
        cut_off(store)  # raises for what is damaged before the mark, too
        journal, told = read(store)
        is_whole = journal.path.exists()
    except Refused:
        journal, told, is_whole = Journal(store.home.journal), told_anyhow(store.home), False
    known = set(told.numbers), set(told.mails)
    if beside is not None:
        told = Told(
            told.head or beside.head, beside.numbers | told.numbers, beside.mails | told.mails, unsure=told.unsure
        )
    lacking = lack(store, told)
    if not lacking and (is_whole or not store.rows("select 1 from journal_mark")):
        return ""
    said = lacking.sentence(last_entry(store)[0]) if lacking else f"{FILE} was gone, or not as it was written"
    with store.transaction():
        lose(store, lacking.numbers)
        _unknown(store, lacking.mails, by, now)
        audit.record(store, "accept loss", "books", by, now, reason, said)
    audit.keep_head(store)
    if is_whole:
        lines: list[Line] = [
            {"kind": "numbers", "seller_id": seller, "documents": [[number, sha256]]}
            for number, (seller, sha256) in sorted(lacking.numbers.items())
            if number not in known[0]
        ]
        lines += [
            {"kind": "mail", "key": key, "number": number}
            for key, number in sorted(lacking.mails.items())
            if key not in known[1]
        ]
        journal.append([*lines, {"kind": "loss", "reason": reason, "by": by}, head_line(store)])
        mark(store, journal)
    else:
        journal.set_aside()
        begin(store, journal)
    return f"accepted: {said}"


def _unknown(store: Store, mails: dict[str, str | None], by: str, now: datetime) -> None:
    """A mail of a document that the books have may have arrived; of other documents nothing can be sent. One without a
    document confirmed a cancellation, and is not sent in any month."""
    months = dict(
        store.rows(
            "select invoice_number, invoice_month from issued_documents where invoice_number in (select unnest($1))",
            [list(mails.values())],
        )
    )
    names = ["message_id", "invoice_number", "invoice_month", "recipient", "state", "detail", "by_name", "happened_at"]
    detail = "it went out in the time that these books do not know"
    rows = [
        (key, number, months[number], "", "unknown", detail, by, now)
        for key, number in sorted(mails.items())
        if number in months
    ]
    confirmed = [key for key, number in sorted(mails.items()) if number is None]
    rows += [(key, None, "", "", "unknown", detail, by, now) for key in confirmed]
    store.append_rows("confirmations", ["message_id"], [(key,) for key in confirmed])
    store.append_rows("delivery_events", names, rows)
