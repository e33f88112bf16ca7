"""The audit log: who did what, when and why; append-only, every entry bound to the one before by its hash.

A changed, inserted or removed entry breaks the chain from there on. That its last entries were cut off shows against
store/audit.head, which every publication leaves beside the database.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from flows.home.settings import Home
from flows.home.store import Store
from flows.home.whole_files import write_atomic

_FIELDS = "seq, act, subject, by_name, reason, detail, happened_at"


@dataclass(frozen=True)
class Entry:
    """An act to be recorded: what was done to what, why, and what came of it."""

    act: str
    subject: str
    reason: str | None = None
    detail: str | None = None


def record(
    store: Store, act: str, subject: str, by: str, now: datetime, reason: str | None = None, detail: str | None = None
) -> None:
    """Appends one act. `now` carries a zone. Inside a transaction it stands or falls with what it records."""
    record_all(store, [Entry(act, subject, reason, detail)], by, now)


def record_all(store: Store, entries: Sequence[Entry], by: str, now: datetime) -> None:
    """Appends acts in their order, each bound to the one before; as `record`."""
    last = store.rows("select seq, sha256 from audit_log order by seq desc limit 1")
    seq, previous = last[0] if last else (0, "")
    rows = []
    for it in entries:
        entry = (seq + 1, it.act, it.subject, by, it.reason, it.detail, now)
        rows.append((*entry, previous, _sha256(previous, *entry)))
        seq, previous = seq + 1, rows[-1][-1]
    store.append_rows("audit_log", [*_FIELDS.split(", "), "previous_sha256", "sha256"], rows)


def verify(store: Store) -> list[str]:
    """What is wrong with the chain, a sentence per fault; empty when every entry is as it was written."""
    faults = []
    expected, before = 1, ""
    for *entry, previous, sha256 in store.rows(
        f"select {_FIELDS}, previous_sha256, sha256 from audit_log order by seq"
    ):
        seq = entry[0]
        if seq != expected:
            faults.append(f"audit entry {expected}: found {seq}; an entry was removed or added")
        elif previous != before:
            faults.append(f"audit entry {seq}: does not follow the entry before it")
        if sha256 != _sha256(previous, *entry):
            faults.append(f"audit entry {seq}: its content is not what was written")
        expected, before = seq + 1, sha256
    return faults + _cut_off(store)


def keep_head(store: Store) -> None:
    """Notes the last entry beside the database."""
    last = store.rows("select seq, sha256 from audit_log order by seq desc limit 1")
    if last and head_beside(store.home) != last[0]:
        write_atomic(_head_file(store.home), json.dumps(dict(zip(("seq", "sha256"), last[0], strict=True))).encode())


def forget_head(store: Store) -> None:
    """Of a home whose books are begun again."""
    _head_file(store.home).unlink(missing_ok=True)


def published_head(store: Store) -> tuple[int, str] | None:
    """The last entry when the snapshot was published last, as noted beside the database."""
    return head_beside(store.home)


def head_beside(home: Home) -> tuple[int, str] | None:
    """As published_head, of a home whose books are gone."""
    try:
        noted = json.loads(_head_file(home).read_text(encoding="utf-8"))
        return noted["seq"], noted["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _head_file(home: Home) -> Path:
    return home.store / "audit.head"


def _cut_off(store: Store) -> list[str]:
    """Entries that were there when the snapshot was published last, and are not now."""
    head = published_head(store)
    if head is None or store.rows("select 1 from audit_log where seq = $1 and sha256 = $2", list(head)):
        return []
    return [f"audit entry {head[0]}: it was the last when the snapshot was published, and is gone or another one now"]


def _sha256(
    previous: str,
    seq: int,
    act: str,
    subject: str,
    by: str,
    reason: str | None,
    detail: str | None,
    happened_at: datetime,
) -> str:
    when = happened_at.astimezone(UTC).isoformat(timespec="microseconds")
    fields = [previous, seq, act, subject, by, reason, detail, when]
    return hashlib.sha256(json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()
