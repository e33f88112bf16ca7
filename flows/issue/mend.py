"""`tollbook doctor --mend`: puts back what lies elsewhere in the home too, each by its hash; makes nothing up."""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import duckdb

from flows.books.kept_files import issued_files, needed_contents, sha256_of
from flows.books.publish import is_owed, publish, read
from flows.home import audit
from flows.home.journal import FILE, Journal
from flows.home.objects import keep, kept
from flows.home.stand import begin, lost_if_unknown, unknown_elsewhere
from flows.home.stand import read as read_journal
from flows.home.store import Store, write_atomic
from flows.issue.usage_csv import usage_csv
from schemas.document import Document
from schemas.errors import Refused


def mend(store: Store, by: str, now: datetime) -> list[str]:
    """Says what was put back, a sentence each. store: opened with whatever_is_left.

    Raises Refused where the books are not known to be the newest: mended, they would pass for it.
    """
    done = [
        *_journal(store),
        *_contents(store),
        *_files(store),
    ]
    if done:
        audit.record(store, "mend", "home", by, now, None, "; ".join(done))
    if done or is_owed(store) or not _opens(store.home.published):
        publish(store)
        done.append("published/tollbook.duckdb made anew")
    return done


def _journal(store: Store) -> Iterator[str]:
    """Begun anew from the books where it is gone or not as it was written; what can still be read of it is kept in
    mind: no number of it is given again."""
    path = store.home.journal
    if _is_whole(store):
        return
    if unknown := unknown_elsewhere(store):
        raise Refused(
            f"tollbook.duckdb is not known to be the newest: it does not know {max(unknown)}. Nothing was mended; "
            "`tollbook restore FILE`."
        )
    aside = ""
    if path.exists():
        lost_if_unknown(store, Journal(path).legible())
        former = next(new for n in range(1, 10_000) if not (new := path.with_name(f"{FILE}.damaged-{n}")).exists())
        path.rename(former)
        aside = f"; what was there lies in {former.name}"
    begin(store, Journal(path))
    yield f"{FILE} written anew from the books{aside}"


def _is_whole(store: Store) -> bool:
    path = store.home.journal
    try:
        for _ in Journal(path).read() if path.exists() else ():
            pass
        read_journal(store)
    except Refused:
        return False
    return True


def _contents(store: Store) -> Iterator[str]:
    home = store.home
    files = {sha256: file for file, sha256 in issued_files(store)}
    texts = dict(store.rows("select document_sha256, document_json from issued_documents"))
    sources = dict(store.rows("select sha256, source_file from source_files where state = 'loaded'"))
    for sha256 in needed_contents(store):
        if sha256_of(kept(home, sha256)) == sha256:
            continue
        content = (
            texts[sha256].encode()
            if sha256 in texts
            else _content(home.root, files.get(sha256) or sources.get(sha256), sha256)
        )
        if content is not None:
            kept(home, sha256).unlink(missing_ok=True)
            keep(home, content)
            yield f"store/objects/{sha256[:2]}/{sha256} put back"


def _content(root: Path, file: str | None, sha256: str) -> bytes | None:
    path = root / file if file else None
    return path.read_bytes() if path and sha256_of(path) == sha256 else None


def _files(store: Store) -> Iterator[str]:
    home = store.home
    documents = dict(
        store.rows(
            "select usage_csv_file, document_json from rendered_documents join issued_documents using (invoice_number) "
            "where usage_csv_file is not null"
        )
    )
    for file, sha256 in issued_files(store):
        if sha256_of(home.root / file) == sha256:
            continue
        content = None
        if sha256_of(kept(home, sha256)) == sha256:
            content = kept(home, sha256).read_bytes()
        elif file in documents:
            content = usage_csv(store, Document.model_validate_json(documents[file]))
        if content is not None and write_checked(home.root / file, content, sha256):
            yield f"{file} put back"


def write_checked(path: Path, content: bytes, sha256: str) -> bool:
    """Writes a file if it is what was issued; whether it is."""
    if hashlib.sha256(content).hexdigest() != sha256:
        return False
    write_atomic(path, content)
    return True


def _opens(path: Path) -> bool:
    if not path.exists():
        return True
    try:
        with read(path) as con:
            con.execute("select count(*) from invoices")
    except duckdb.Error:
        return False
    return True
