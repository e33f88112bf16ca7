"""Is this machine and this home in order? Each check says what was found and what to do; none changes anything."""

import ctypes
import hashlib
import importlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import duckdb

import templates
from flows.books.publish import read
from flows.catalog.load import load_all
from flows.catalog.quarters import DAYS_AHEAD, countries_of, quarters_ahead
from flows.home import audit
from flows.home.settings import Home, Settings, load_settings
from flows.home.stand import faults as stand_faults
from flows.home.stand import must_exist
from flows.home.store import Store
from flows.post.smtp import Mailer, Unreachable
from schemas.errors import TollbookError

_ROOM_MB = 1024
_ENGINES = ("duckdb", "polars", "prefect", "fastapi", "weasyprint")


@dataclass(frozen=True)
class Check:
    """One thing looked at: ok, warn (works, but see to it) or fail (billing would not)."""

    name: str
    state: Literal["ok", "warn", "fail"]
    detail: str
    remedy: str = ""

    def line(self) -> str:
        """For the terminal."""
        do = f" -> {self.remedy}" if self.remedy and self.state != "ok" else ""
        return f"{self.state:5} {self.name}: {self.detail}{do}"


@dataclass(frozen=True)
class Health:
    """Every check, in the order they were made."""

    checks: list[Check]

    @property
    def incomplete(self) -> bool:
        return any(check.state == "fail" for check in self.checks)

    def as_json(self) -> list[dict[str, Any]]:
        return [asdict(check) for check in self.checks]

    def lines(self) -> list[str]:
        return [check.line() for check in self.checks]


def doctor(home: Home, *, try_smtp: bool = False, today: date | None = None) -> Health:
    """Every check of the machine, then of the home. The mail server is called only when asked for. `today`: from where
    to look ahead; None: not at all."""
    return Health(_checks(home, try_smtp=try_smtp, today=today))


def _checks(home: Home, *, try_smtp: bool, today: date | None) -> list[Check]:
    checks = [check() for check in (_python, _packages, _prefect, _printing, _subsetting, _fonts, _zones)]
    checks.append(_room(home))
    try:
        settings = load_settings(home)
    except TollbookError as error:
        return [*checks, Check("settings", "fail", str(error), "mend tollbook.toml")]
    checks.append(Check("settings", "ok", f"{len(settings.sellers)} sellers"))
    checks.append(_catalogue(home, settings))
    if today is not None:
        checks += _quarters(home, settings, today)
    checks += _books(home, settings)
    checks.append(_snapshot(home))
    if settings.smtp is not None:
        checks.append(_server(settings) if try_smtp else Check("mail server", "ok", "configured, not called"))
    else:
        checks.append(Check("mail server", "ok", "none: mails are written as .eml files"))
    return checks


def _python() -> Check:
    running = ".".join(str(part) for part in sys.version_info[:3])
    good = (3, 11) <= sys.version_info[:2] < (3, 14)
    return Check("python", "ok" if good else "fail", running, "use Python 3.11 to 3.13")


def _packages() -> Check:
    return Check("packages", "ok", ", ".join(f"{name} {version(name)}" for name in _ENGINES))


def _prefect() -> Check:
    """prefect and fastapi are known to part ways; whether the server can be built shows it."""
    return _works(
        "prefect",
        lambda: importlib.import_module("prefect.server.api.server"),
        "`make setup` installs the locked versions",
    )


def _printing() -> Check:
    return _works(
        "pango", lambda: importlib.import_module("weasyprint"), "install Debian's libpango-1.0-0, libpangoft2-1.0-0"
    )


def _works(name: str, attempt: Callable[[], object], remedy: str) -> Check:
    try:
        attempt()
    except Exception as error:  # noqa: BLE001 whatever a foreign package raises is the finding
        return Check(name, "fail", f"{type(error).__name__}: {error}".splitlines()[0], remedy)
    return Check(name, "ok", "loads")


def _subsetting() -> Check:
    try:
        ctypes.CDLL("libharfbuzz-subset.so.0")
    except OSError:
        detail = "not found: PDFs are made several times slower"
        return Check("harfbuzz-subset", "warn", detail, "install Debian's libharfbuzz-subset0")
    return Check("harfbuzz-subset", "ok", "loads")


def _fonts() -> Check:
    fonts = sorted((Path(templates.__file__).parent / "fonts").glob("*.ttf"))
    state: Literal["ok", "fail"] = "ok" if fonts else "fail"
    return Check("fonts", state, ", ".join(font.stem for font in fonts) or "none", "install Tollbook again")


def _zones() -> Check:
    try:
        ZoneInfo("America/New_York"), ZoneInfo("Australia/Sydney")
    except ZoneInfoNotFoundError as error:
        return Check("time zones", "fail", str(error), "`make setup` installs tzdata")
    return Check("time zones", "ok", f"tzdata {version('tzdata')}")


def _room(home: Home) -> Check:
    if not home.root.is_dir():
        return Check(
            "home", "fail", f"{home.root} is no folder", "name one with --home, or make one with `tollbook init`"
        )
    if not os.access(home.root, os.W_OK):
        return Check("home", "fail", f"{home.root} is not writable", "give yourself write access")
    free = shutil.disk_usage(home.root).free // 2**20
    state: Literal["ok", "warn"] = "ok" if free >= _ROOM_MB else "warn"
    return Check("disk", state, f"{free:,} MB free", f"keep {_ROOM_MB} MB free: a full disk stops a run")


def _catalogue(home: Home, settings: Settings) -> Check:
    try:
        tables = load_all(home, settings)
    except TollbookError as error:
        return Check("catalogue", "fail", str(error), "mend the file named")
    contents = f"{len(tables.catalog.products)} products, {len(tables.catalog.plans)} plans, {len(tables.decks)} decks"
    return Check("catalogue", "ok", contents)


def _quarters(home: Home, settings: Settings, today: date) -> Iterator[Check]:
    """Quarters of a tax that have no value and begin soon."""
    try:
        countries = countries_of(settings, None)
        if home.database.exists():
            with Store(home, settings.run.memory_limit_mb, whatever_is_left=True) as store:
                countries = countries_of(settings, store)
    except (TollbookError, duckdb.Error):
        return  # another check says what is wrong with them
    missing = [told.rpartition(": tollbook ") for told in quarters_ahead(home, countries, today)]
    for detail, _, act in missing:
        yield Check("tax rates", "warn", detail, f"`tollbook {act}`")
    if not missing:
        yield Check("tax rates", "ok", f"every quarter is known for the next {DAYS_AHEAD} days")


def _books(home: Home, settings: Settings) -> Iterator[Check]:
    """The working database, the chain of the audit log, the PDFs of what is issued."""
    if not home.database.exists():
        try:
            must_exist(home)
        except TollbookError as error:
            yield Check("database", "fail", str(error))
            return
        yield Check("database", "ok", "none yet: the first `tollbook ingest` makes it")
        return
    try:
        with Store(home, settings.run.memory_limit_mb, whatever_is_left=True) as store:
            size = home.database.stat().st_size // 2**20
            yield Check("database", "ok", f"opens, {size:,} MB")
            told = stand_faults(store)
            yield Check(
                "journal", "fail" if told else "ok", "; ".join(told) or "the books know all that left the house"
            )
            faults = audit.verify(store)
            yield Check(
                "audit log",
                "fail" if faults else "ok",
                "; ".join(faults[:3]) or "the chain holds",
                "compare with a back-up",
            )
            yield _documents(store)
            yield _erasures(store)
    except (TollbookError, duckdb.Error) as error:
        yield Check("database", "fail", str(error), "close the other program; if it is damaged, restore a back-up")


def _documents(store: Store) -> Check:
    """Every issued document and PDF is byte for byte what was issued."""
    changed = [
        f"{number}: stored document"
        for number, text, sha256 in store.rows(
            "select invoice_number, document_json, document_sha256 from issued_documents"
        )
        if hashlib.sha256(text.encode()).hexdigest() != sha256
    ]
    files = store.rows("select pdf_file, pdf_sha256 from rendered_documents order by pdf_file")
    changed += [file for file, sha256 in files if not _is_intact(store.home.root / file, sha256)]
    unprinted = store.rows(
        "select count(*) from issued_documents "
        "where invoice_number not in (select invoice_number from rendered_documents)"
    )[0][0]
    if changed:
        detail = f"{len(changed)} missing or changed, first {changed[0]}"
        return Check("issued documents", "fail", detail, "restore them from a back-up; never make them anew")
    if unprinted:
        return Check(
            "issued documents", "warn", f"{unprinted} without a PDF", "`tollbook approve MONTH` renders what is missing"
        )
    return Check("issued documents", "ok", f"{len(files)} PDFs are as issued")


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
        return Check(name, "warn", f"{len(back)} files are there again, first {back[0]}", "delete them, or erase again")
    accounts = store.rows("select count(distinct account_id) from erased")[0][0]
    return Check(name, "ok", f"of {accounts} accounts" if accounts else "none")


def _is_intact(path: Path, sha256: str) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    except OSError:
        return False


def _snapshot(home: Home) -> Check:
    if not home.published.exists():
        return Check("snapshot", "ok", "none yet: the first run publishes it")
    try:
        with read(home.published) as con:
            (documents,) = con.execute("select count(*) from invoices").fetchone() or (0,)
    except duckdb.Error as error:
        return Check("snapshot", "fail", str(error).splitlines()[0], "`tollbook publish` makes it anew")
    return Check("snapshot", "ok", f"opens, {documents} documents")


def _server(settings: Settings) -> Check:
    assert settings.smtp is not None
    try:
        with Mailer(settings.smtp) as mailer:
            mailer.connect()
    except Unreachable as error:
        return Check("mail server", "fail", str(error), "check [smtp] in tollbook.toml, the network, the certificate")
    return Check("mail server", "ok", f"{settings.smtp.host} answers ({settings.smtp.security})")
