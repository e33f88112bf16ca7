"""Is this machine and this home in order? Each check says what was found and what to do; none changes anything."""

import ctypes
import importlib
import os
import sys
from collections.abc import Callable, Iterator
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import duckdb

import templates
from flows.ask.doctor_books import books, rights
from flows.ask.health import Check, Health
from flows.catalog.load import load_all
from flows.catalog.quarters import DAYS_AHEAD, countries_of, quarters_ahead
from flows.home.room import free_mb, needed_mb
from flows.home.settings import Home, Settings, load_settings
from flows.home.shipped_values import left_as_shipped, told
from flows.home.store import Store
from flows.post.smtp import Mailer, Unreachable
from schemas.counts import count_of
from schemas.errors import TollbookError

_ROOM_MB = 1024
_ENGINES = ("duckdb", "polars", "prefect", "fastapi", "weasyprint")


def doctor(
    home: Home,
    *,
    try_smtp: bool = False,
    deep: bool = False,
    today: date | None = None,
    clock: date | None = None,
) -> Health:
    """Every check of the machine, then of the home. The mail server is called only when asked for. `deep`: each block
    of the database, each kept content. `today`: from where to look ahead; None: not at all. `clock`: this machine's."""
    return Health(_checks(home, try_smtp=try_smtp, deep=deep, today=today, clock=clock))


def _checks(home: Home, *, try_smtp: bool, deep: bool, today: date | None, clock: date | None) -> list[Check]:
    checks = [check() for check in (_python, _packages, _prefect, _printing, _subsetting, _fonts, _zones)]
    checks.append(_room(home))
    try:
        settings = load_settings(home)
    except TollbookError as error:
        return [*checks, Check("settings", "fail", str(error), "mend tollbook.toml")]
    checks.append(Check("settings", "ok", count_of(len(settings.sellers), "seller")))
    checks += _examples(settings)
    checks.append(_catalogue(home, settings))
    if today is not None:
        checks += _quarters(home, settings, today)
    checks += books(home, settings, deep=deep, clock=clock)
    checks.append(rights(home))
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
    """prefect parts ways with newer fastapi and sqlalchemy: whether its server can be built, and its scheduler, which
    needs sqlalchemy below 2.1, shows it."""

    def attempt() -> None:
        importlib.import_module("prefect.server.api.server")
        importlib.import_module("prefect.server.services.scheduler")
        if tuple(int(part) for part in version("sqlalchemy").split(".")[:2]) >= (2, 1):
            raise RuntimeError(f"sqlalchemy {version('sqlalchemy')}: the scheduler of this prefect ends with it")

    return _works("prefect", attempt, "`make setup` installs the locked versions")


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
    free, needed = free_mb(home), max(needed_mb(home), _ROOM_MB)
    state: Literal["ok", "warn"] = "ok" if free >= needed else "warn"
    return Check("disk", state, f"{free:,} MB free", f"keep {needed:,} MB free: a full disk stops a run")


def _examples(settings: Settings) -> Iterator[Check]:
    """Whether sellers still have the bank, address or tax number of a template."""
    for text in told(left_as_shipped(settings)):
        detail, _, remedy = text.partition(". Under ")
        yield Check("sellers", "warn", detail, f"under {remedy}")


def _catalogue(home: Home, settings: Settings) -> Check:
    try:
        tables = load_all(home, settings)
    except TollbookError as error:
        return Check("catalogue", "fail", str(error), "mend the file named")
    catalog, decks = tables.catalog, tables.decks
    counts = ((len(catalog.products), "product"), (len(catalog.plans), "plan"), (len(decks), "deck"))
    return Check("catalogue", "ok", ", ".join(count_of(number, thing) for number, thing in counts))


def _quarters(home: Home, settings: Settings, today: date) -> Iterator[Check]:
    """Quarters of a tax that have no value and begin soon."""
    try:
        countries = countries_of(settings, None)
        if home.database.exists():
            with Store(home, settings.run.memory_limit_mb, whatever_is_left=True) as store:
                countries = countries_of(settings, store)
    except (TollbookError, duckdb.Error):
        return  # another check says what is wrong with them
    missing = [text.rpartition(": tollbook ") for text in quarters_ahead(home, countries, today)]
    for detail, _, act in missing:
        yield Check("tax rates", "warn", detail, f"`tollbook {act}`")
    if not missing:
        yield Check("tax rates", "ok", f"every quarter is known for the next {DAYS_AHEAD} days")


def _server(settings: Settings) -> Check:
    assert settings.smtp is not None
    try:
        with Mailer(settings.smtp) as mailer:
            mailer.connect()
    except Unreachable as error:
        return Check("mail server", "fail", str(error), "check [smtp] in tollbook.toml, the network, the certificate")
    return Check("mail server", "ok", f"{settings.smtp.host} answers ({settings.smtp.security})")
