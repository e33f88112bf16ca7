"""With the eyes of an earlier run (RULES 19): the files, tables and settings that it knew, as the store keeps them."""

import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from flows.books.books import Books
from flows.books.context import Known, Request
from flows.books.erased import erased_accounts
from flows.books.runs import read_feeds
from flows.home.objects import kept
from flows.home.store import Store
from schemas.errors import Refused, WrongUsage
from schemas.feeds import FEEDS


@contextmanager
def known_at(books: Books, run_id: str | None) -> Iterator[Request]:
    """The request as it would have been answered when `run_id` ran; unchanged without one.

    Raises WrongUsage for an unknown run, and Refused when what it knew is not there any more: a file rolled back since,
    an object missing from the store.
    """
    request = books.request
    if run_id is None:
        yield request
        return
    before, inputs = _knowledge(books.store, run_id)
    _same_files(books.store, run_id, before, inputs["feeds"])
    with tempfile.TemporaryDirectory(prefix="tollbook-known-") as folder:
        for name, digest in inputs["tables"].items():
            # Shipped tables of that day stand before today's by their names, as an operator's own would.
            place = Path(folder) / ("catalog" if name.startswith("taxes/") else "") / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(_object(request, digest))
        (Path(folder) / "catalog" / "rates").mkdir(parents=True, exist_ok=True)
        (Path(folder) / "settings.json").write_bytes(_object(request, inputs["settings_sha256"]))
        yield replace(request, known=Known(run_id, before, folder))


def _knowledge(store: Store, run_id: str) -> tuple[int, dict[str, Any]]:
    rows = store.rows(
        "select k.before_file, r.inputs_sha256 from runs r join run_knowledge k using (run_id) where run_id = $1",
        [run_id],
    )
    if not rows:
        raise WrongUsage(f"--as-known-at: unknown run {run_id!r}; the view bill_runs has them")
    before, digest = rows[0]
    inputs: dict[str, Any] = json.loads(_content(kept(store.home, digest), digest))
    return before, inputs


def _same_files(store: Store, run_id: str, before: int, then: dict[str, Any]) -> None:
    now = read_feeds(store, before)
    if erased_accounts(store):
        # Erased records are still there, but nobody can say any more what stood in them: they are only counted.
        then, now = ({name: _counted(name, holding) for name, holding in feeds.items()} for feeds in (then, now))
    moved = [name for name in sorted({*then, *now}) if then.get(name) != now.get(name)]
    if moved:
        raise Refused(
            f"what run {run_id} knew of feed {', '.join(moved)} is not there any more: a file was rolled back since. "
            "Take it in again, or correct with today's data."
        )


def _counted(name: str, holding: dict[str, Any]) -> dict[str, Any]:
    return {"records": holding["records"]} if FEEDS[name].is_usage else holding


def _object(request: Request, digest: str) -> bytes:
    return _content(kept(request.home, digest), digest)


def _content(path: Path, digest: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError:
        raise Refused(f"store/ holds no object {digest[:12]}: what that run knew cannot be told any more.") from None
    if hashlib.sha256(content).hexdigest() != digest:
        raise Refused(f"store/ object {digest[:12]} is damaged: what that run knew cannot be told any more.")
    return content
