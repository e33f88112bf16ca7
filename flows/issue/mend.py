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
from flows.home.stand import WAYS, begin, cut_off, lack, lose, must_know
from flows.home.stand import read as read_journal
from flows.home.store import Store
from flows.home.told import Told, told_elsewhere, told_legibly
from flows.home.whole_files import write_atomic
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
    """Begun anew from the books where it is gone, cut off or not as it was written; what can still be read of it is
    kept in mind: no number of it is given again."""
    told = _of_whole(store)
    if told is not None:
        must_know(store, told)
        return
    path = store.home.journal
    elsewhere, legible = told_elsewhere(store.home), told_legibly(Journal(path))
    if unknown := lack(store, elsewhere).numbers:
        raise Refused(
            f"tollbook.duckdb is not known to be the newest: it does not know {max(unknown)}, and {FILE} is gone or "
            f"damaged. {WAYS}"
        )
    must_know(store, elsewhere)
    must_know(store, Told(legible.head))
    lose(store, lack(store, Told(numbers=legible.numbers)).numbers)
    former = Journal(path).set_aside()
    begin(store, Journal(path))
    yield f"{FILE} written anew from the books" + (f"; what was there lies in {former.name}" if former else "")


def _of_whole(store: Store) -> Told | None:
    """What the journal tells; None where it is gone, cut off or not as it was written."""
    try:
        return None if cut_off(store) else read_journal(store)[1]
    except Refused:
        return None


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
