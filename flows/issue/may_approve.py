"""May this person approve these drafts, and are they still what the manifest says? Nothing here writes.

An approval is bound to the hash of the run's manifest: inputs, tables, settings, program and every draft. What has
moved since voids it, and is named (RULES 24).
"""

import hashlib
import json
from typing import Any

from flows.books.books import Books
from flows.books.context import Request
from flows.books.outdated import issued_sha256
from flows.books.runs import Inputs, billing_settings, inputs_of
from flows.home.objects import kept
from flows.home.settings import Home, Settings
from flows.home.store import Store
from schemas.counts import count_of
from schemas.errors import Refused


def may_approve(books: Books, runs: list[str], manifest: str | None = None) -> None:
    """Raises Refused when the approver had a hand in the drafts, or something they rest on has moved.

    `manifest`: the hash, or its beginning, of the manifest that the approver has looked at.
    """
    store, request, settings = books.store, books.request, books.settings
    _another_person(store, request, settings, runs)
    again = f"Run `tollbook run {request.invoice_month}` again and approve what it drafts."
    inputs = inputs_of(books)
    for run_id in runs:
        bound = store.rows("select manifest_sha256 from runs where run_id = $1", [run_id])[0][0]
        if bound is None:
            raise Refused(f"run {run_id} has no manifest: it was stopped before its report. {again}")
        if manifest is not None and not bound.startswith(manifest.lower()):
            raise Refused(f"run {run_id} is bound to manifest {bound}, not to {manifest}: look at the review again.")
        moved = _moved(store, request.home, settings, inputs, run_id) + _changed_drafts(store, run_id, bound)
        if moved:
            raise Refused(f"what the drafts were made from has changed since: {'; '.join(moved)}. {again}")


def _another_person(store: Store, request: Request, settings: Settings, runs: list[str]) -> None:
    """Who opened or drafted a run prepared it; spelling a name in capitals makes no other person."""
    if settings.billing.approver_may_be_runner:
        return
    prepared = store.rows(
        "select distinct by_name from run_events where list_contains($1, run_id) and state in ('open', 'drafted')",
        [runs],
    )
    if request.by.strip().casefold() in {name.strip().casefold() for (name,) in prepared}:
        raise Refused(
            f"{request.by} ran this month and may not approve it. Another person approves (--by NAME), "
            "or [billing] approver_may_be_runner = true."
        )


def _moved(store: Store, home: Home, settings: Settings, now: Inputs, run_id: str) -> list[str]:
    """What differs between the run's inputs and today's, a phrase each."""
    drafted, issued = store.rows("select inputs_sha256, issued_sha256 from runs where run_id = $1", [run_id])[0]
    moved = []
    if issued != issued_sha256(store, without_run=run_id):
        moved.append("other documents were issued, and a draft is what they left owing")
    if drafted == now.sha256:
        return moved
    then = _kept(home, drafted)
    if then is None:
        return [*moved, "files taken in, catalogue, taxes or settings"]
    moved += _feeds(then["feeds"], now.feeds) + _tables(then["tables"], now.tables)
    if then["settings_sha256"] != now.settings_sha256:
        before = _kept(home, then["settings_sha256"])
        keys = _differing(before, billing_settings(settings)) if before is not None else []
        moved.append("tollbook.toml" + (f": {', '.join(keys[:5])}" if keys else ""))
    if then.get("held", []) != list(now.held):
        moved.append("the accounts set aside by hand")
    if then["program"] != now.as_json()["program"]:
        moved.append(f"the program, from version {then['program']} to {now.as_json()['program']}")
    return moved


def _kept(home: Home, digest: str) -> Any:
    """JSON from the store, if it is there and is what its hash says."""
    try:
        content = kept(home, digest).read_bytes()
    except OSError:
        return None
    return json.loads(content) if hashlib.sha256(content).hexdigest() == digest else None


def _feeds(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    moved = []
    for name in sorted({*then, *now}):
        if then.get(name) != now.get(name):
            more = now.get(name, {}).get("records", 0) - then.get(name, {}).get("records", 0)
            records = count_of(abs(more), "record")
            change = f"{records} {'more' if more > 0 else 'fewer'}" if more else "other records"
            moved.append(f"feed {name} has {change}")
    return moved


def _tables(then: dict[str, str], now: dict[str, str]) -> list[str]:
    changed = [name for name in sorted({*then, *now}) if then.get(name) != now.get(name)]
    words = {True: "is new", False: "changed"}
    return [f"{name} is gone" if name not in now else f"{name} {words[name not in then]}" for name in changed]


def _differing(then: Any, now: Any, path: str = "") -> list[str]:
    """Dotted keys whose values differ."""
    if isinstance(then, dict) and isinstance(now, dict):
        keys = []
        for key in sorted({*then, *now}):
            keys += _differing(then.get(key), now.get(key), f"{path}.{key}".lstrip("."))
        return keys
    return [path] if then != now else []


def _changed_drafts(store: Store, run_id: str, manifest_sha256: str) -> list[str]:
    """Drafts that are not, or no longer, the ones the manifest lists."""
    manifest = _kept(store.home, manifest_sha256)
    if manifest is None:
        return [f"the manifest {manifest_sha256[:12]} is missing or damaged in store/"]
    listed = {
        document["number"]: document["sha256"] for document in manifest["documents"] if not document["issue_date"]
    }
    drafts = store.rows(
        "select draft_id, account_id, sha256(document_json), exists (select 1 from issued_documents i "
        "where i.run_id = d.run_id and i.draft_id = d.draft_id) from documents d where run_id = $1 order by account_id",
        [run_id],
    )
    changed = [account for draft, account, digest, issued in drafts if not issued and listed.get(draft) != digest]
    return [f"the draft of account {account}" for account in changed[:5]]
