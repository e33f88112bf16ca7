"""What `doctor` looks at in a home: books, journal, documents, kept contents, snapshot. Nothing is changed here."""

import hashlib
import os
from collections.abc import Iterator
from datetime import date, timedelta

import duckdb

from flows.ask.health import Check
from flows.books import laws
from flows.books.kept_files import issued_files, needed_contents, read_every_block, sha256_of
from flows.books.last_snapshot import changed_months
from flows.books.ledger import DEEP_LAWS
from flows.books.publish import is_owed, read
from flows.home import audit
from flows.home.objects import kept
from flows.home.settings import Home, Settings
from flows.home.stand import faults, must_exist
from flows.home.store import Store
from schemas.counts import count_of
from schemas.errors import TollbookError


def books(home: Home, settings: Settings, *, deep: bool, clock: date | None) -> Iterator[Check]:
    """The working database and all that must agree with it. deep: each block of it, each content. clock: this
    machine's day."""
    if not home.database.exists():
        try:
            must_exist(home)
        except TollbookError as error:
            yield Check("database", "fail", str(error))
        else:
            yield Check("database", "ok", "none yet: the first `tollbook ingest` makes it")
        return
    try:
        with Store(home, settings.run.memory_limit_mb, whatever_is_left=True) as store:
            yield _database(store, deep=deep)
            told = faults(store)
            yield Check(
                "journal", "fail" if told else "ok", "; ".join(told) or "the books know all that left the house"
            )
            broken = audit.verify(store)
            yield Check(
                "audit log", "fail" if broken else "ok", "; ".join(broken[:3]) or "the chain holds",
                "compare with a back-up",
            )  # fmt: skip
            if clock is not None:
                yield _clock(store, clock)
            yield _documents(store)
            yield _contents(store, deep=deep)
            yield _erasures(store)
            yield _snapshot(store, deep=deep)
            if deep:
                yield _laws(store)
    except (TollbookError, duckdb.Error) as error:
        first = str(error).splitlines()[0]
        yield Check("database", "fail", first, "close the other program; if it is damaged, `tollbook restore FILE`")


def _database(store: Store, *, deep: bool) -> Check:
    """deep: every block is read, and so its checksum compared."""
    size = f"{store.home.database.stat().st_size // 2**20:,} MB"
    if not deep:
        return Check("database", "ok", f"opens, {size}")
    return Check("database", "ok", f"opens, {size}, every block of {count_of(read_every_block(store), 'table')} read")


def _clock(store: Store, today: date) -> Check:
    """A clock that is behind gives wrong days to invoices and mails."""
    last = store.rows("select max(happened_at)::date from audit_log")[0][0]
    if last is None or today >= last - timedelta(days=1):
        return Check("clock", "ok", today.isoformat())
    return Check("clock", "warn", f"{today}, and the last act was on {last}", "set this machine's clock")


def _documents(store: Store) -> Check:
    """Every issued document, PDF and usage file is byte for byte what was issued."""
    changed = [
        f"{number}: stored document"
        for number, text, sha256 in store.rows(
            "select invoice_number, document_json, document_sha256 from issued_documents"
        )
        if hashlib.sha256(text.encode()).hexdigest() != sha256
    ]
    files = issued_files(store)
    changed += [file for file, sha256 in files if sha256_of(store.home.root / file) != sha256]
    unprinted = store.rows(
        "select count(*) from issued_documents "
        "where invoice_number not in (select invoice_number from rendered_documents)"
    )[0][0]
    if changed:
        detail = f"{len(changed)} missing or changed, first {changed[0]}"
        remedy = "`tollbook doctor --mend` puts back what the store still holds; the rest from a back-up"
        return Check("issued documents", "fail", detail, remedy)
    if unprinted:
        return Check(
            "issued documents", "warn", f"{unprinted} without a PDF", "`tollbook approve MONTH` renders what is missing"
        )
    return Check("issued documents", "ok", f"{count_of(len(files), 'file')} as issued")


def _contents(store: Store, *, deep: bool) -> Check:
    """What store/ keeps under hashes is there; deep: and is what its name says."""
    needed = needed_contents(store)
    missing = [sha256 for sha256 in needed if not kept(store.home, sha256).exists()]
    wrong = []
    if deep:
        there = sorted((store.home.store / "objects").glob("??/*"))
        wrong = [path.name for path in there if not path.name.startswith(".") and sha256_of(path) != path.name]
    if not missing and not wrong:
        looked = ", each read" if deep else ""
        return Check("kept contents", "ok", f"{len(needed)} in store/objects{looked}")
    first = (missing or wrong)[0]
    detail = f"{len(missing)} missing, {len(wrong)} changed, first store/objects/{first[:2]}/{first}"
    remedy = "`tollbook doctor --mend` puts back what lies elsewhere too; the rest from a back-up"
    return Check("kept contents", "fail", detail, remedy)


def _erasures(store: Store) -> Check:
    """Whether erased call detail is gone: no erasure was cut short, no file came back."""
    name = "erased call detail"
    left = store.rows("select account_id, until_month from erased where not is_complete order by all limit 1")
    if left:
        account, until = left[0]
        return Check(
            name,
            "warn",
            f"of {account} not finished",
            f"`tollbook erase {account} --until {until} --reason TEXT` again",
        )
    files = store.rows("select distinct file from erased_files where what in ('usage_csv', 'mail', 'source_copy')")
    back = sorted(file for (file,) in files if (store.home.root / file).exists())
    if back:
        return Check(
            name, "warn", f"{count_of(len(back), 'file')} there again, first {back[0]}", "delete them, or erase again"
        )
    accounts = store.rows("select count(distinct account_id) from erased")[0][0]
    return Check(name, "ok", f"of {count_of(accounts, 'account')}" if accounts else "none")


def rights(home: Home) -> Check:
    """Whether this user may read and write what is there, and nobody else may read it."""
    inside = [path for path in home.root.rglob("*") if "inbox" not in path.relative_to(home.root).parts[:1]]
    closed = [path for path in inside if not path.is_symlink() and not os.access(path, os.R_OK | os.W_OK)]
    if closed:
        first = home.relative(closed[0])
        return Check(
            "rights", "fail", f"{count_of(len(closed), 'file')} not this user's to write, first {first}", "chown, chmod"
        )
    private = (home.database, home.published, home.journal, home.store, home.root / "out")
    open_to_all = [path for path in private if path.exists() and path.stat().st_mode & 0o007]
    if open_to_all:
        return Check("rights", "warn", f"everybody may read {home.relative(open_to_all[0])}", "chmod o-rwx")
    return Check("rights", "ok", "yours alone")


def _laws(store: Store) -> Check:
    """Laws that runs and approvals keep of their own month, asked of the whole history."""
    broken = [f"{law}: {len(rows)} times not" for law, query in DEEP_LAWS.items() if (rows := store.rows(query))]
    if broken:
        return Check("laws", "fail", "; ".join(broken), "restore a back-up, and report it")
    return Check("laws", "ok", f"{count_of(len(DEEP_LAWS), 'law')} kept by all that was ever loaded and issued")


def _snapshot(store: Store, *, deep: bool) -> Check:
    """deep: every month of it is what it was made as, and keeps every law."""
    path = store.home.published
    remedy = "`tollbook publish --whole` makes it anew"
    if not path.exists():
        if audit.published_head(store) is None:
            return Check("snapshot", "ok", "none yet: the first run publishes it")
        return Check("snapshot", "fail", "published/tollbook.duckdb is gone", "`tollbook publish` makes it anew")
    try:
        with read(path) as con:
            (documents,) = con.execute("select count(*) from invoices").fetchone() or (0,)
            if deep and (wrong := [*changed_months(con), *laws.broken(con)]):
                return Check("snapshot", "fail", f"not what it was made as: {', '.join(wrong[:3])}", remedy)
    except duckdb.Error as error:
        return Check("snapshot", "fail", str(error).splitlines()[0], remedy)
    if is_owed(store):
        return Check("snapshot", "warn", "older than the books", "`tollbook publish` makes it anew")
    return Check("snapshot", "ok", f"opens, {count_of(documents, 'document')}" + (", each month read" if deep else ""))
